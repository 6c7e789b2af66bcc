//! Public JSON Web Keys (RFC 7517) as `/oauth2/jwks` shows them. A `kid` is the RFC 7638 thumbprint.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey};
use openssl::rsa::Rsa;
use serde::{Deserialize, Serialize};

use crate::error::{Doing, PkiError};
use crate::generate::PublicKey;

/// What a key signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JwsAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// RSASSA-PSS with SHA-256.
    PS256,
}

impl JwsAlgorithm {
    /// As `alg` has it (RFC 7518 section 3.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::PS256 => "PS256",
        }
    }
}

/// A public JSON Web Key with exactly the members that this platform publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    /// The key's numbers.
    #[serde(flatten)]
    pub numbers: KeyNumbers,
    /// Always `sig` in what we publish.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none", default)]
    pub usage: Option<String>,
    /// The only algorithm the key is used with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alg: Option<String>,
    /// The RFC 7638 thumbprint in what we publish.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kid: Option<String>,
}

/// The members that make up a public key, base64url without padding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum KeyNumbers {
    /// An elliptic-curve key.
    #[serde(rename = "EC")]
    Ec {
        /// `P-256` or `P-384`.
        crv: String,
        /// The point's first coordinate, padded to the field's size.
        x: String,
        /// The point's second coordinate, padded to the field's size.
        y: String,
    },
    /// An RSA key.
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus, without leading zeros.
        n: String,
        /// The exponent, without leading zeros.
        e: String,
    },
    /// An Edwards-curve key (RFC 8037).
    #[serde(rename = "OKP")]
    Okp {
        /// `Ed25519`.
        crv: String,
        /// The public bytes.
        x: String,
    },
}

/// A JWK set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The keys, in the order they are to be shown.
    pub keys: Vec<PublicJwk>,
}

impl PublicJwk {
    /// The published form of a signing key: `use` is `sig`, `kid` its thumbprint.
    pub fn signing(key: &PublicKey, algorithm: JwsAlgorithm) -> Result<Self, PkiError> {
        let numbers = KeyNumbers::of(key)?;
        let fits = match (&numbers, algorithm) {
            (KeyNumbers::Ec { crv, .. }, JwsAlgorithm::ES256) => crv == "P-256",
            (KeyNumbers::Rsa { .. }, JwsAlgorithm::PS256) => true,
            _ => false,
        };
        if !fits {
            return Err(PkiError::unfit("the key", format!("its kind does not sign {}", algorithm.name())));
        }
        let kid = numbers.thumbprint();
        Ok(Self { numbers, usage: Some("sig".into()), alg: Some(algorithm.name().into()), kid: Some(kid) })
    }

    /// The only algorithm that signatures by this key are taken by; None when it is there for something else.
    #[must_use]
    pub fn algorithm(&self) -> Option<JwsAlgorithm> {
        let algorithm = match &self.numbers {
            KeyNumbers::Ec { crv, .. } if crv == "P-256" => JwsAlgorithm::ES256,
            KeyNumbers::Rsa { .. } => JwsAlgorithm::PS256,
            KeyNumbers::Ec { .. } | KeyNumbers::Okp { .. } => return None,
        };
        let said = |member: &Option<String>, ours: &str| member.as_deref().is_none_or(|theirs| theirs == ours);
        (said(&self.usage, "sig") && said(&self.alg, algorithm.name())).then_some(algorithm)
    }

    /// The key itself. Errors when the numbers are not a key, e.g. a point off its curve.
    pub fn to_public_key(&self) -> Result<PublicKey, PkiError> {
        self.numbers.to_public_key()
    }
}

impl KeyNumbers {
    /// The numbers of a key.
    pub fn of(key: &PublicKey) -> Result<Self, PkiError> {
        const DOING: &str = "read the public key";
        let pkey = key.pkey();
        match pkey.id() {
            Id::RSA => {
                let rsa = pkey.rsa().doing(DOING)?;
                Ok(Self::Rsa { n: encode(&rsa.n().to_vec()), e: encode(&rsa.e().to_vec()) })
            }
            Id::EC => {
                let key = pkey.ec_key().doing(DOING)?;
                let (crv, size) = match key.group().curve_name() {
                    Some(Nid::X9_62_PRIME256V1) => ("P-256", 32),
                    Some(Nid::SECP384R1) => ("P-384", 48),
                    _ => return Err(PkiError::unfit("the key", "its curve is neither P-256 nor P-384")),
                };
                let mut context = BigNumContext::new().doing(DOING)?;
                let (mut x, mut y) = (BigNum::new().doing(DOING)?, BigNum::new().doing(DOING)?);
                key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).doing(DOING)?;
                Ok(Self::Ec {
                    crv: crv.into(),
                    x: encode(&x.to_vec_padded(size).doing(DOING)?),
                    y: encode(&y.to_vec_padded(size).doing(DOING)?),
                })
            }
            Id::ED25519 => Ok(Self::Okp { crv: "Ed25519".into(), x: encode(&pkey.raw_public_key().doing(DOING)?) }),
            _ => Err(PkiError::unfit("the key", "it is neither RSA, P-256, P-384 nor Ed25519")),
        }
    }

    /// RFC 7638: SHA-256 over the required members in lexical order, base64url.
    pub fn thumbprint(&self) -> String {
        // The values are base64url and curve names: nothing in them needs escaping.
        let canonical = match self {
            Self::Ec { crv, x, y } => format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
        };
        encode(&openssl::sha::sha256(canonical.as_bytes()))
    }

    fn to_public_key(&self) -> Result<PublicKey, PkiError> {
        const DOING: &str = "read the JSON Web Key";
        let pkey = match self {
            Self::Ec { crv, x, y } => {
                let (curve, size) = match crv.as_str() {
                    "P-256" => (Nid::X9_62_PRIME256V1, 32),
                    "P-384" => (Nid::SECP384R1, 48),
                    _ => return Err(PkiError::unfit("the JSON Web Key", "its crv is neither P-256 nor P-384")),
                };
                let group = EcGroup::from_curve_name(curve).doing(DOING)?;
                let (x, y) = (sized(x, "x", size)?, sized(y, "y", size)?);
                let key = EcKey::from_public_key_affine_coordinates(&group, &*number(&x)?, &*number(&y)?);
                PKey::from_ec_key(key.map_err(|_| PkiError::malformed("the JSON Web Key", "its point is not on the curve"))?)
                    .doing(DOING)?
            }
            Self::Rsa { n, e } => {
                let (n, e) = (minimal(n, "n")?, minimal(e, "e")?);
                let key = Rsa::from_public_components(number(&n)?, number(&e)?).doing(DOING)?;
                PKey::from_rsa(key).doing(DOING)?
            }
            Self::Okp { crv, x } => {
                if crv != "Ed25519" {
                    return Err(PkiError::unfit("the JSON Web Key", "its crv is not Ed25519"));
                }
                PKey::public_key_from_raw_bytes(&sized(x, "x", 32)?, Id::ED25519).doing(DOING)?
            }
        };
        PublicKey::from_pkey(pkey)
    }
}

/// The RFC 7638 thumbprint of a key.
pub(crate) fn thumbprint(key: &PublicKey) -> Result<String, PkiError> {
    Ok(KeyNumbers::of(key)?.thumbprint())
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str, member: &str) -> Result<Vec<u8>, PkiError> {
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| PkiError::malformed("the JSON Web Key", format!("its {member} is not base64url without padding")))
}

fn sized(text: &str, member: &str, size: usize) -> Result<Vec<u8>, PkiError> {
    let bytes = decode(text, member)?;
    if bytes.len() == size {
        return Ok(bytes);
    }
    Err(PkiError::malformed("the JSON Web Key", format!("its {member} has {} bytes instead of {size}", bytes.len())))
}

fn minimal(text: &str, member: &str) -> Result<Vec<u8>, PkiError> {
    let bytes = decode(text, member)?;
    if bytes.first().is_some_and(|first| *first != 0) {
        return Ok(bytes);
    }
    Err(PkiError::malformed("the JSON Web Key", format!("its {member} is empty or starts with a zero byte")))
}

fn number(bytes: &[u8]) -> Result<BigNum, PkiError> {
    BigNum::from_slice(bytes).doing("read the JSON Web Key")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{KeyKind, PrivateKey};

    /// RFC 7638 section 3.1.
    #[test]
    fn the_published_rsa_thumbprint_comes_out() {
        let jwk: PublicJwk = serde_json::from_str(concat!(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"#,
            r#"tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbIS"#,
            r#"D08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","#,
            r#""e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#
        ))
        .unwrap();
        assert_eq!(jwk.numbers.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(jwk.to_public_key().unwrap().thumbprint().unwrap(), jwk.numbers.thumbprint());
    }

    /// RFC 8037 appendix A.3.
    #[test]
    fn the_published_edwards_thumbprint_comes_out() {
        let jwk: PublicJwk =
            serde_json::from_str(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#).unwrap();
        assert_eq!(jwk.numbers.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(KeyNumbers::of(&jwk.to_public_key().unwrap()).unwrap(), jwk.numbers);
    }

    #[test]
    fn what_is_published_is_read_and_verified_by_another_library() {
        for (kind, algorithm) in [(KeyKind::P256, JwsAlgorithm::ES256), (KeyKind::Rsa3072, JwsAlgorithm::PS256)] {
            let key = PrivateKey::generate(kind).unwrap();
            let jwk = PublicJwk::signing(&key.public().unwrap(), algorithm).unwrap();
            let json = serde_json::to_string(&Jwks { keys: vec![jwk.clone()] }).unwrap();
            let set = josekit::jwk::JwkSet::from_bytes(json.as_bytes()).unwrap();
            let theirs = set.keys()[0];
            assert_eq!((theirs.key_use(), theirs.key_id()), (Some("sig"), jwk.kid.as_deref()));
            assert_eq!(theirs.algorithm(), jwk.alg.as_deref());
            let mut header = josekit::jws::JwsHeader::new();
            header.set_key_id(jwk.kid.as_deref().unwrap());
            let pkcs8 = key.to_pkcs8_der().unwrap();
            let payload = match algorithm {
                JwsAlgorithm::ES256 => {
                    let signer = josekit::jws::ES256.signer_from_der(&*pkcs8).unwrap();
                    let token = josekit::jws::serialize_compact(b"token", &header, &signer).unwrap();
                    josekit::jws::deserialize_compact(&token, &josekit::jws::ES256.verifier_from_jwk(theirs).unwrap())
                }
                JwsAlgorithm::PS256 => {
                    let signer = josekit::jws::PS256.signer_from_der(&*pkcs8).unwrap();
                    let token = josekit::jws::serialize_compact(b"token", &header, &signer).unwrap();
                    josekit::jws::deserialize_compact(&token, &josekit::jws::PS256.verifier_from_jwk(theirs).unwrap())
                }
            };
            assert_eq!(payload.unwrap().0, b"token");
        }
    }

    fn names(jwk: &serde_json::Value) -> std::collections::BTreeSet<&str> {
        jwk.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn exactly_the_public_members_are_published() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap().public().unwrap();
        let jwk = serde_json::to_value(PublicJwk::signing(&key, JwsAlgorithm::ES256).unwrap()).unwrap();
        let members = names(&jwk);
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"].into());
        assert_eq!(jwk["x"].as_str().unwrap().len(), 43);
        let rsa = PrivateKey::generate(KeyKind::Rsa3072).unwrap().public().unwrap();
        let jwk = serde_json::to_value(PublicJwk::signing(&rsa, JwsAlgorithm::PS256).unwrap()).unwrap();
        let members = names(&jwk);
        assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"].into());
        assert_eq!((&jwk["e"], &jwk["alg"]), (&"AQAB".into(), &"PS256".into()));
    }

    #[test]
    fn a_coordinate_keeps_its_leading_zeros() {
        // One key in 128 has a coordinate that starts with a zero byte.
        let short = |key: &PublicKey| match KeyNumbers::of(key).unwrap() {
            KeyNumbers::Ec { x, y, .. } => {
                x.starts_with("AA") || x.starts_with("AB") || y.starts_with("AA") || y.starts_with("AB")
            }
            _ => false,
        };
        let key = std::iter::repeat_with(|| PrivateKey::generate(KeyKind::P256).unwrap().public().unwrap()).find(short).unwrap();
        let KeyNumbers::Ec { x, y, .. } = KeyNumbers::of(&key).unwrap() else { panic!("an EC key") };
        assert_eq!((x.len(), y.len()), (43, 43));
        assert_eq!(KeyNumbers::of(&key).unwrap().to_public_key().unwrap(), key);
    }

    #[test]
    fn a_key_of_another_kind_does_not_sign_so() {
        let key = |kind| PrivateKey::generate(kind).unwrap().public().unwrap();
        for (kind, algorithm) in
            [(KeyKind::Ed25519, JwsAlgorithm::ES256), (KeyKind::P384, JwsAlgorithm::ES256), (KeyKind::P256, JwsAlgorithm::PS256)]
        {
            assert!(matches!(PublicJwk::signing(&key(kind), algorithm), Err(PkiError::Unfit { .. })));
        }
    }

    #[test]
    fn broken_keys_are_refused() {
        let read =
            |json: &str| serde_json::from_str::<PublicJwk>(json).map_err(drop).and_then(|jwk| jwk.to_public_key().map_err(drop));
        let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(read(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{zeros}","y":"{zeros}"}}"#)).is_err(), "off the curve");
        assert!(read(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{zeros}A","y":"{zeros}"}}"#)).is_err(), "too long");
        assert!(read(&format!(r#"{{"kty":"EC","crv":"secp256k1","x":"{zeros}","y":"{zeros}"}}"#)).is_err(), "another curve");
        assert!(read(r#"{"kty":"EC","crv":"P-256","x":"+/==","y":""}"#).is_err(), "not base64url");
        assert!(read(r#"{"kty":"RSA","n":"","e":"AQAB"}"#).is_err(), "no modulus");
        assert!(read(r#"{"kty":"RSA","n":"AP__","e":"AQAB"}"#).is_err(), "a leading zero");
        assert!(read(r#"{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#).is_err());
        assert!(read(r#"{"kty":"oct","k":"c2VjcmV0"}"#).is_err(), "a shared secret");
    }
}
