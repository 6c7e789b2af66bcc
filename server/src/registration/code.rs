//! The one-time code between a station's screen and the citizen's phone.

use domain::{Entropy, RegistrationId};
use openssl::memcmp;
use pki::PkiError;

use crate::keys::Keys;

/// Crockford's base 32: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code, five random bits each.
const CHARACTERS: usize = 8;

/// A fresh code, as it is shown: `7KQ2-M9XA`.
pub(super) fn fresh(entropy: &dyn Entropy) -> String {
    let mut chance = [0; CHARACTERS];
    entropy.fill(&mut chance);
    let mut shown: String = chance.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
    shown.insert(CHARACTERS / 2, '-');
    shown
}

/// What is stored of a code.
pub(super) fn digest(keys: &Keys, registration: RegistrationId, code: &str) -> Result<[u8; 32], PkiError> {
    let mut said = b"registration.code ".to_vec();
    said.extend(registration.as_bytes());
    said.extend(canonical(code).bytes());
    keys.body_mac(&said)
}

/// Whether it is the code of which that is stored; compared in constant time.
pub(super) fn fits(keys: &Keys, registration: RegistrationId, code: &str, stored: Option<&[u8]>) -> Result<bool, PkiError> {
    let brought = digest(keys, registration, code)?;
    Ok(stored.is_some_and(|stored| stored.len() == brought.len() && memcmp::eq(stored, &brought)))
}

/// As people type it: in any case, with or without the hyphen, O and I for the digits they look like.
fn canonical(code: &str) -> String {
    let kept = code.chars().filter(|c| !c.is_whitespace() && *c != '-').take(4 * CHARACTERS);
    kept.map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (place, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::try_from(place * 37 % 256).unwrap();
            }
        }
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        assert_eq!(fresh(&Counting), "05AF-MSY3");
        for typed in ["05AF-MSY3", "o5af msy3", " 05AFMSY3 "] {
            assert_eq!(canonical(typed), "05AFMSY3", "{typed}");
        }
        assert_eq!(canonical("ilO0"), "1100");
    }
}
