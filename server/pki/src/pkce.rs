//! Proof key for code exchange (RFC 7636), by S256 alone.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openssl::sha::sha256;
use subtle::ConstantTimeEq;

/// Characters of a verifier (RFC 7636 section 4.1).
const VERIFIER: std::ops::RangeInclusive<usize> = 43..=128;
/// Bytes of a SHA-256.
const DIGEST: usize = 32;

/// Whether this is a verifier: 43 to 128 letters, digits and `-`, `.`, `_`, `~`.
#[must_use]
pub fn is_verifier(text: &str) -> bool {
    VERIFIER.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

/// Whether this can be a challenge by S256: base64url without padding of 32 bytes.
#[must_use]
pub fn is_challenge(text: &str) -> bool {
    BASE64_URL_SAFE_NO_PAD.decode(text).is_ok_and(|digest| digest.len() == DIGEST)
}

/// The challenge of a verifier.
#[must_use]
pub fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()))
}

/// Whether the challenge was made of this verifier, in a time that does not tell where they differ.
#[must_use]
pub fn answers(verifier: &str, asked: &str) -> bool {
    is_verifier(verifier) && bool::from(challenge(verifier).as_bytes().ct_eq(asked.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_published_verifier_answers_its_challenge() {
        assert_eq!(challenge(VERIFIER), CHALLENGE);
        assert!(is_verifier(VERIFIER) && is_challenge(CHALLENGE));
        assert!(answers(VERIFIER, CHALLENGE));
    }

    #[test]
    fn nothing_else_does() {
        let other = "aBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(!answers(other, CHALLENGE));
        assert!(!answers(VERIFIER, VERIFIER), "plain");
        assert!(!answers(CHALLENGE, CHALLENGE), "plain");
        assert!(!answers(VERIFIER, ""));
        assert!(!answers("", CHALLENGE));
        assert!(!answers(VERIFIER, &format!("{CHALLENGE}=")));
    }

    #[test]
    fn a_verifier_has_its_length_and_its_letters() {
        for (text, good) in [
            ("a".repeat(42), false),
            ("a".repeat(43), true),
            ("-._~".repeat(32), true),
            ("a".repeat(129), false),
            ("a".repeat(42) + "+", false),
            ("a".repeat(42) + " ", false),
            ("a".repeat(41) + "é", false),
        ] {
            assert_eq!(is_verifier(&text), good, "{text}");
            assert_eq!(answers(&text, &challenge(&text)), good, "{text}");
        }
        for (text, good) in [
            (CHALLENGE.to_owned(), true),
            (CHALLENGE[..42].to_owned(), false),
            (format!("{CHALLENGE}="), false),
            (format!("{CHALLENGE}A"), false),
            ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM".to_owned(), false),
            // The spare bits of the last sign are set.
            ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_challenge(&text), good, "{text}");
        }
    }
}
