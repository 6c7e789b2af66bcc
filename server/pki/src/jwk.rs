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
            return Err(PkiError::unfit("the key", format!("its kind does not sign {algorithm:?}")));
        }
        let kid = numbers.thumbprint();
        Ok(Self { numbers, usage: Some("sig".into()), alg: Some(format!("{algorithm:?}")), kid: Some(kid) })
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
