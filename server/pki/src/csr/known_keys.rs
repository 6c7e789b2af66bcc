//! Keys whose private halves are printed in a standard. Whoever certifies one certifies everybody.

/// SHA-256 over the SubjectPublicKeyInfo of the test keys of RFC 9500: testECCP256, testECCP384, testRSA2048.
const PUBLISHED: [&str; 3] = [
    "b2b04340cfaee616ec9c2c62d261b208e54bb197498df52e8cadede23ac0ba5e",
    "c4c10105a0be0ed4dd3354428dc38a9bfee64da141ce16e75c94eda272f9dd3a",
    "8fb6bad671cfe698393c453357da61b56d757ab8c0f3fb9c87f2849e63131878",
];

/// Whether a key of this digest stands in a standard.
pub(super) fn is_published(digest: &[u8; 32]) -> bool {
    PUBLISHED.contains(&crate::text::hex(digest).as_str())
}
