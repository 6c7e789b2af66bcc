//! Private keys in what others can read.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::EcPoint;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::numbers;
use crate::csr::check_kind;
use crate::generate::PublicKey;

/// Larger numbers are no part of a key that is used anywhere: an RSA key of 16 384 bits.
const LONGEST_MEMBER: usize = 4_096;

/// The public half of a JWK whose private half stands in it, too. Only if that half is really the key's own: whoever wrote
/// somebody else's public numbers beside a secret of their own would otherwise have that key blocked.
pub(super) fn public_half(members: &Map<String, Value>) -> Option<PublicKey> {
    let private = ["d", "p", "q"].iter().any(|name| members.contains_key(*name));
    let key = if private { numbers(members).ok()? } else { return None };
    if key.pkey().id() == Id::RSA && check_kind(&key).is_err() {
        // Refused wherever it is brought; and with numbers of any length, to compute with them would take hours.
        return None;
    }
    let secret = |name: &str| {
        let text = members.get(name)?.as_str().filter(|text| text.len() <= LONGEST_MEMBER)?;
        BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok().map(Zeroizing::new)
    };
    let proven = match key.pkey().id() {
        Id::EC => secret("d").is_some_and(|d| is_factor_of_point(&key, &d).unwrap_or(false)),
        Id::RSA => {
            secret("d").is_some_and(|d| is_private_exponent(&key, &d).unwrap_or(false))
                || ["p", "q"].iter().filter_map(|name| secret(name)).any(|p| is_prime_factor(&key, &p).unwrap_or(false))
        }
        Id::ED25519 => secret("d").is_some_and(|d| {
            let private = PKey::private_key_from_raw_bytes(&d, Id::ED25519);
            private.is_ok_and(|private| private.public_eq(key.pkey()))
        }),
        _ => false,
    };
    proven.then_some(key)
}

/// Whether d times the generator is the key's point.
fn is_factor_of_point(key: &PublicKey, d: &[u8]) -> Result<bool, ErrorStack> {
    let key = key.pkey().ec_key()?;
    let (group, d) = (key.group(), BigNum::from_slice(d)?);
    let mut context = BigNumContext::new()?;
    let mut point = EcPoint::new(group)?;
    point.mul_generator2(group, &d, &mut context)?;
    point.eq(group, key.public_key(), &mut context)
}

/// Whether what the public exponent does to a number d undoes. Who finds such a d can factor the modulus.
fn is_private_exponent(key: &PublicKey, d: &[u8]) -> Result<bool, ErrorStack> {
    let key = key.pkey().rsa()?;
    let d = BigNum::from_slice(d)?;
    if d.num_bits() == 0 || d.num_bits() > key.n().num_bits() {
        return Ok(false);
    }
    let mut context = BigNumContext::new()?;
    let (message, mut hidden, mut back) = (BigNum::from_u32(2)?, BigNum::new()?, BigNum::new()?);
    hidden.mod_exp(&message, key.e(), key.n(), &mut context)?;
    back.mod_exp(&hidden, &d, key.n(), &mut context)?;
    Ok(back == message)
}

fn is_prime_factor(key: &PublicKey, p: &[u8]) -> Result<bool, ErrorStack> {
    let key = key.pkey().rsa()?;
    let p = BigNum::from_slice(p)?;
    if p.num_bits() < 2 || p.num_bits() >= key.n().num_bits() {
        return Ok(false);
    }
    let mut rest = BigNum::new()?;
    let mut context = BigNumContext::new()?;
    rest.checked_rem(key.n(), &p, &mut context)?;
    Ok(rest.num_bits() == 0)
}

#[cfg(test)]
mod tests {
    use openssl::ec::{EcGroup, EcKey};
    use openssl::nid::Nid;
    use openssl::rsa::Rsa;
    use serde_json::json;

    use super::*;
    use crate::jwk::KeyNumbers;

    fn encode(bytes: &[u8]) -> Value {
        Value::String(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    fn listed(pkey: &openssl::pkey::PKeyRef<openssl::pkey::Private>) -> Value {
        let public = PublicKey::from_spki_der(&pkey.public_key_to_der().unwrap()).unwrap();
        serde_json::to_value(KeyNumbers::of(&public).unwrap()).unwrap()
    }

    fn exposed(jwk: &Value) -> bool {
        public_half(jwk.as_object().unwrap()).is_some()
    }

    fn with(jwk: &Value, name: &str, value: Value) -> Value {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        jwk
    }

    #[test]
    fn a_private_half_is_known_by_what_it_does() {
        let ec = || EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
        let (one, other) = (ec(), ec());
        let jwk = listed(&PKey::from_ec_key(one.clone()).unwrap());
        assert!(!exposed(&jwk));
        assert!(exposed(&with(&jwk, "d", encode(&one.private_key().to_vec_padded(32).unwrap()))));
        assert!(!exposed(&with(&jwk, "d", encode(&other.private_key().to_vec_padded(32).unwrap()))), "somebody else's secret");

        let rsa = Rsa::generate(2048).unwrap();
        let jwk = listed(&PKey::from_rsa(rsa.clone()).unwrap());
        for (name, number) in [("d", rsa.d()), ("p", rsa.p().unwrap()), ("q", rsa.q().unwrap())] {
            assert!(exposed(&with(&jwk, name, encode(&number.to_vec()))), "{name}");
        }
        let stranger = Rsa::generate(2048).unwrap();
        for (name, number) in [("d", stranger.d()), ("p", stranger.p().unwrap())] {
            assert!(!exposed(&with(&jwk, name, encode(&number.to_vec()))), "{name}");
        }

        let edwards = PKey::generate_ed25519().unwrap();
        let jwk = listed(&edwards);
        assert!(exposed(&with(&jwk, "d", encode(&edwards.raw_private_key().unwrap()))));
        assert!(!exposed(&with(&jwk, "d", encode(&PKey::generate_ed25519().unwrap().raw_private_key().unwrap()))));
    }

    #[test]
    fn no_key_of_an_unheard_of_size_is_computed_with() {
        // Divisible by three: the second prime would be taken for proof.
        let mut modulus = vec![0; 64 * 1024];
        modulus[0] = 0xc0;
        modulus[64 * 1024 - 1] = 3;
        let long = encode(&vec![0xff; 64 * 1024]);
        let short = encode(&[1, 0, 1]);
        let three = encode(&[3]);
        let n = encode(&modulus);
        assert!(!exposed(&json!({ "kty": "RSA", "n": n, "e": short, "q": three })));
        assert!(!exposed(&json!({ "kty": "RSA", "n": n, "e": short, "d": encode(&[0x7f; 2_048]) })));
        assert!(!exposed(&json!({ "kty": "RSA", "n": n, "e": long, "d": encode(&[0x7f; 2_048]), "p": three })));
        let usual = encode(&Rsa::generate(2048).unwrap().n().to_vec());
        assert!(!exposed(&json!({ "kty": "RSA", "n": usual, "e": long, "d": encode(&[0x7f; 256]) })));
    }

    #[test]
    fn no_number_is_taken_for_a_private_half() {
        let ec = EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
        let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        for jwk in [listed(&PKey::from_ec_key(ec).unwrap()), listed(&rsa)] {
            for name in ["d", "p", "q"] {
                for value in [
                    json!(""),
                    json!("AA"),
                    json!("AQ"),
                    json!("AAE"),
                    json!("!"),
                    json!(7),
                    json!(null),
                    json!("A".repeat(100_000)),
                ] {
                    assert!(!exposed(&with(&jwk, name, value.clone())), "{name} {value}");
                }
            }
        }
        let modulus = encode(&rsa.rsa().unwrap().n().to_vec());
        for name in ["d", "p", "q"] {
            assert!(!exposed(&with(&listed(&rsa), name, modulus.clone())), "{name}: the modulus itself");
        }
        assert!(!exposed(&json!({ "kty": "oct", "k": "c2VjcmV0" })));
        assert!(!exposed(&json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AQ" })));
    }
}
