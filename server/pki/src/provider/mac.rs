//! HMAC-SHA256 with kept states: the two padded blocks are hashed once, each message clones them.

use openssl::hash::{Hasher, MessageDigest};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::{Doing, PkiError};

const BLOCK: usize = 64;

/// Bytes of a blind index as stored.
pub const BLIND_INDEX_LENGTH: usize = 16;

/// An HMAC-SHA256 key (RFC 2104) of any length.
#[derive(Clone)]
pub struct MacKey {
    inner: Hasher,
    outer: Hasher,
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey(…)")
    }
}

impl MacKey {
    /// Prepares both states of a key.
    pub fn new(key: &[u8]) -> Result<Self, PkiError> {
        let mut block = Zeroizing::new([0; BLOCK]);
        if key.len() > BLOCK {
            block[..32].copy_from_slice(&Zeroizing::new(openssl::sha::sha256(key))[..]);
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        Ok(Self { inner: padded(&block, 0x36)?, outer: padded(&block, 0x5c)? })
    }

    /// The MAC of one message.
    pub fn mac(&self, message: &[u8]) -> Result<[u8; 32], PkiError> {
        self.mac_parts(&[message])
    }

    /// The MAC of the parts set end to end. The caller makes their borders unambiguous.
    pub fn mac_parts(&self, parts: &[&[u8]]) -> Result<[u8; 32], PkiError> {
        let mut inner = self.inner.clone();
        for part in parts {
            inner.update(part).doing("compute a MAC")?;
        }
        let digest = inner.finish().doing("compute a MAC")?;
        let mut outer = self.outer.clone();
        outer.update(&digest).doing("compute a MAC")?;
        let digest = outer.finish().doing("compute a MAC")?;
        let mut mac = [0; 32];
        mac.copy_from_slice(&digest);
        Ok(mac)
    }

    /// The first `N` bytes of the MAC, at most 32: a pseudonym, a short index.
    pub fn truncated<const N: usize>(&self, message: &[u8]) -> Result<[u8; N], PkiError> {
        const { assert!(N <= 32, "a MAC has 32 bytes") }
        let mac = self.mac(message)?;
        let mut short = [0; N];
        short.copy_from_slice(&mac[..N]);
        Ok(short)
    }

    /// Whether `mac` is the message's, compared in constant time.
    pub fn verifies(&self, message: &[u8], mac: &[u8]) -> Result<bool, PkiError> {
        self.verifies_parts(&[message], mac)
    }

    /// Whether `mac` is that of the parts set end to end, compared in constant time.
    pub fn verifies_parts(&self, parts: &[&[u8]], mac: &[u8]) -> Result<bool, PkiError> {
        Ok(self.mac_parts(parts)?.ct_eq(mac).into())
    }
}

fn padded(block: &[u8; BLOCK], pad: u8) -> Result<Hasher, PkiError> {
    let mut padded = Zeroizing::new(*block);
    padded.iter_mut().for_each(|byte| *byte ^= pad);
    let mut hasher = Hasher::new(MessageDigest::sha256()).doing("prepare a MAC key")?;
    hasher.update(&padded[..]).doing("prepare a MAC key")?;
    Ok(hasher)
}

/// The keyed lookup column over an identifier: equal identifiers give equal values, and without the key a value says
/// nothing, although the identifiers could all be enumerated.
#[derive(Clone, Debug)]
pub struct BlindIndex(MacKey);

impl BlindIndex {
    /// One key per column: an HKIC index and a phone index never share theirs.
    pub fn new(key: &[u8; 32]) -> Result<Self, PkiError> {
        Ok(Self(MacKey::new(key)?))
    }

    /// The stored value of an identifier in canonical form.
    pub fn of(&self, canonical: &str) -> Result<[u8; BLIND_INDEX_LENGTH], PkiError> {
        self.0.truncated(canonical.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 4231, test cases 1 to 4, 6 and 7; case 5 is the truncated one.
    #[test]
    fn the_published_vectors_come_out() {
        let cases: [(Vec<u8>, &[u8], &str); 6] = [
            (vec![0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (vec![0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            ((1..=25).collect(), &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                vec![0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, message, expected) in cases {
            assert_eq!(hex(&MacKey::new(&key).unwrap().mac(message).unwrap()), expected);
        }
        let truncated = MacKey::new(&[0x0c; 20]).unwrap().truncated::<16>(b"Test With Truncation").unwrap();
        assert_eq!(hex(&truncated), "a3b6167473100ee06e0c796c2955552b");
    }

    #[test]
    fn an_index_finds_its_own_and_no_other() {
        let index = BlindIndex::new(&[3; 32]).unwrap();
        let stored = index.of("G123456(A)").unwrap();
        assert_eq!(stored, index.of("G123456(A)").unwrap());
        assert_ne!(stored, index.of("L555555(0)").unwrap());
        assert_ne!(stored, BlindIndex::new(&[4; 32]).unwrap().of("G123456(A)").unwrap());
    }

    proptest! {
        #[test]
        fn kept_states_agree_with_openssl(key in proptest::collection::vec(any::<u8>(), 1..150), message: Vec<u8>) {
            let pkey = openssl::pkey::PKey::hmac(&key).unwrap();
            let expected = openssl::sign::Signer::new(MessageDigest::sha256(), &pkey).unwrap()
                .sign_oneshot_to_vec(&message).unwrap();
            let ours = MacKey::new(&key).unwrap();
            prop_assert_eq!(&ours.mac(&message).unwrap()[..], &expected[..]);
            prop_assert!(ours.verifies(&message, &expected).unwrap());
            prop_assert!(!ours.verifies(&message, &expected[..31]).unwrap());
            let (head, tail) = message.split_at(message.len() / 2);
            prop_assert_eq!(&ours.mac_parts(&[head, tail]).unwrap()[..], &expected[..]);
        }
    }
}
