//! Key pairs: making, reading and writing them, and the bare signatures made with them.

use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private, Public};
use openssl::rsa::Rsa;
use openssl::sha::{sha256, sha384};
use zeroize::Zeroizing;

use crate::error::{Doing, PkiError, is_good};

/// The kinds of key pair this platform makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// NIST P-256: certificates by default, and ES256 tokens.
    P256,
    /// NIST P-384.
    P384,
    /// RSA with 3072 bits and exponent 65537: PS256 tokens.
    Rsa3072,
    /// Ed25519: audit checkpoints.
    Ed25519,
}

/// A private key. Its bytes leave only in a wiped buffer.
#[derive(Clone)]
pub struct PrivateKey {
    pkey: PKey<Private>,
    kind: KeyKind,
    /// The same key where it is one of a curve. Signing with it spares the lookups that OpenSSL 3 makes for each signature with
    /// the general form: a fifth of the time of an ES256 token.
    ec: Option<EcKey<Private>>,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

impl PrivateKey {
    /// A fresh key out of OpenSSL's private generator. RSA takes a good part of a second.
    pub fn generate(kind: KeyKind) -> Result<Self, PkiError> {
        const DOING: &str = "generate a key";
        let pkey = match kind {
            KeyKind::P256 => ec_key(Nid::X9_62_PRIME256V1)?,
            KeyKind::P384 => ec_key(Nid::SECP384R1)?,
            KeyKind::Rsa3072 => {
                let exponent = BigNum::from_u32(65_537).doing(DOING)?;
                PKey::from_rsa(Rsa::generate_with_e(3072, &exponent).doing(DOING)?).doing(DOING)?
            }
            KeyKind::Ed25519 => PKey::generate_ed25519().doing(DOING)?,
        };
        Self::from_pkey(pkey)
    }

    /// Reads PKCS#8 DER (unencrypted).
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, PkiError> {
        Self::from_pkey(PKey::private_key_from_pkcs8(der).doing("read the private key")?)
    }

    /// Takes a key of OpenSSL's. Errors for a kind that this platform does not use.
    pub fn from_pkey(pkey: PKey<Private>) -> Result<Self, PkiError> {
        let kind = kind_of(&pkey)?;
        let ec = match kind {
            KeyKind::P256 | KeyKind::P384 => Some(pkey.ec_key().doing("read the private key")?),
            KeyKind::Rsa3072 | KeyKind::Ed25519 => None,
        };
        Ok(Self { pkey, kind, ec })
    }

    /// PKCS#8 DER, unencrypted: to be wrapped at once.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, PkiError> {
        self.pkey.private_key_to_pkcs8().map(Zeroizing::new).doing("write the private key")
    }

    /// The public half.
    pub fn public(&self) -> Result<PublicKey, PkiError> {
        let spki = match &self.ec {
            Some(key) => key.public_key_to_der(),
            None => self.pkey.public_key_to_der(),
        };
        PublicKey::from_spki_der(&spki.doing("write the public key")?)
    }

    /// Which kind it is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// For TLS and certificate builders, which take OpenSSL's own type.
    pub fn pkey(&self) -> &PKey<Private> {
        &self.pkey
    }

    /// Signs `message`: Ed25519 64 raw bytes, ECDSA in DER with the hash of the curve's size, RSA PKCS#1 v1.5 with SHA-256.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PkiError> {
        const DOING: &str = "sign";
        if let Some(key) = &self.ec {
            let signature = match self.kind {
                KeyKind::P384 => EcdsaSig::sign(&sha384(message), key),
                _ => EcdsaSig::sign(&sha256(message), key),
            };
            return signature.and_then(|signature| signature.to_der()).doing(DOING);
        }
        let mut signer = match digest_for(&self.pkey) {
            Some(digest) => openssl::sign::Signer::new(digest, &self.pkey),
            None => openssl::sign::Signer::new_without_digest(&self.pkey),
        }
        .doing(DOING)?;
        signer.sign_oneshot_to_vec(message).doing(DOING)
    }
}

/// A public key, kept as its SubjectPublicKeyInfo.
#[derive(Clone)]
pub struct PublicKey {
    pkey: PKey<Public>,
    spki: Vec<u8>,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", crate::text::hex(&self.spki_digest()))
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl PublicKey {
    /// Reads SubjectPublicKeyInfo DER. Errors when OpenSSL cannot read it or a point is off its curve.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, PkiError> {
        // As a curve's key first: OpenSSL 3 goes through a list of all its decoders where it is not told what to expect, and then
        // of all its encoders, which takes ten times as long as a signature.
        let pkey = match EcKey::public_key_from_der(der) {
            Ok(key) => PKey::from_ec_key(key),
            Err(_) => PKey::public_key_from_der(der),
        };
        Self::from_pkey(pkey.doing("read the public key")?)
    }

    /// Takes a key of OpenSSL's.
    pub fn from_pkey(pkey: PKey<Public>) -> Result<Self, PkiError> {
        let spki = pkey.public_key_to_der().doing("write the public key")?;
        Ok(Self { pkey, spki })
    }

    /// SubjectPublicKeyInfo, DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// SubjectPublicKeyInfo, one PEM block.
    pub fn pem(&self) -> Result<String, PkiError> {
        let pem = self.pkey.public_key_to_pem().doing("write the public key")?;
        Ok(String::from_utf8_lossy(&pem).into_owned())
    }

    /// SHA-256 over the SubjectPublicKeyInfo: what block lists and pins hold.
    pub fn spki_digest(&self) -> [u8; 32] {
        sha256(&self.spki)
    }

    /// The RFC 7638 thumbprint, base64url: what a `kid` is here.
    pub fn thumbprint(&self) -> Result<String, PkiError> {
        crate::jwk::thumbprint(self)
    }

    /// Which kind it is; an RSA key of any size counts as [`KeyKind::Rsa3072`].
    pub fn kind(&self) -> Result<KeyKind, PkiError> {
        kind_of(&self.pkey)
    }

    /// For builders, which take OpenSSL's own type.
    pub fn pkey(&self) -> &PKey<Public> {
        &self.pkey
    }

    /// Whether `signature` is what [`PrivateKey::sign`] makes of `message`. A malformed signature is simply false.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> Result<bool, PkiError> {
        const DOING: &str = "verify a signature";
        if let Ok(key) = self.pkey.ec_key() {
            return Ok(match self.pkey.bits() {
                ..=256 => is_ecdsa(&key, &sha256(message), signature),
                _ => is_ecdsa(&key, &sha384(message), signature),
            });
        }
        let mut verifier = match digest_for(&self.pkey) {
            Some(digest) => openssl::sign::Verifier::new(digest, &self.pkey),
            None => openssl::sign::Verifier::new_without_digest(&self.pkey),
        }
        .doing(DOING)?;
        Ok(is_good(verifier.verify_oneshot(signature, message)))
    }
}

/// Whether `signature` is DER, and nothing else, of a signature over `digest`.
pub(crate) fn is_ecdsa(key: &EcKey<Public>, digest: &[u8], signature: &[u8]) -> bool {
    let read = EcdsaSig::from_der(signature);
    // OpenSSL reads other forms of the same numbers too, and what stands behind them.
    is_good(read.and_then(|read| Ok(read.to_der()? == signature && read.verify(digest, key)?)))
}

fn ec_key(curve: Nid) -> Result<PKey<Private>, PkiError> {
    const DOING: &str = "generate a key";
    let group = EcGroup::from_curve_name(curve).doing(DOING)?;
    PKey::from_ec_key(EcKey::generate(&group).doing(DOING)?).doing(DOING)
}

fn kind_of<T: HasPublic>(pkey: &PKeyRef<T>) -> Result<KeyKind, PkiError> {
    match pkey.id() {
        Id::ED25519 => Ok(KeyKind::Ed25519),
        Id::RSA => Ok(KeyKind::Rsa3072),
        Id::EC => match pkey.ec_key().doing("read the key")?.group().curve_name() {
            Some(Nid::X9_62_PRIME256V1) => Ok(KeyKind::P256),
            Some(Nid::SECP384R1) => Ok(KeyKind::P384),
            _ => Err(PkiError::unfit("the key", "its curve is neither P-256 nor P-384")),
        },
        _ => Err(PkiError::unfit("the key", "it is neither RSA, P-256, P-384 nor Ed25519")),
    }
}

/// The hash that goes with a key in certificates and in [`PrivateKey::sign`]; Ed25519 has its own inside.
pub(crate) fn digest_for<T: HasPublic>(pkey: &PKeyRef<T>) -> Option<MessageDigest> {
    match pkey.id() {
        Id::ED25519 => None,
        Id::EC if pkey.bits() > 256 => Some(MessageDigest::sha384()),
        _ => Some(MessageDigest::sha256()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [KeyKind; 4] = [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072, KeyKind::Ed25519];

    #[test]
    fn every_kind_is_made_written_read_and_signs() {
        for kind in KINDS {
            let key = PrivateKey::generate(kind).unwrap();
            assert_eq!(key.kind(), kind);
            let read = PrivateKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap();
            let public = PublicKey::from_spki_der(read.public().unwrap().spki_der()).unwrap();
            assert_eq!(public, key.public().unwrap());
            assert_eq!(public.kind().unwrap(), kind);
            let signature = read.sign(b"message").unwrap();
            assert!(public.verifies(b"message", &signature).unwrap());
            assert!(!public.verifies(b"massage", &signature).unwrap());
            assert!(!public.verifies(b"message", b"").unwrap());
            assert!(!public.verifies(b"message", &[0; 64]).unwrap());
            assert_eq!(public.thumbprint().unwrap().len(), 43);
        }
    }

    #[test]
    fn rsa_has_3072_bits_and_the_usual_exponent() {
        let key = PrivateKey::generate(KeyKind::Rsa3072).unwrap();
        let rsa = key.pkey().rsa().unwrap();
        assert_eq!((key.pkey().bits(), rsa.e().to_dec_str().unwrap().to_string().as_str()), (3072, "65537"));
    }

    #[test]
    fn other_kinds_are_refused() {
        let group = EcGroup::from_curve_name(Nid::SECP256K1).unwrap();
        let koblitz = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        assert!(PrivateKey::from_pkey(koblitz).is_err());
        assert!(PrivateKey::from_pkey(PKey::generate_x25519().unwrap()).is_err());
        assert!(PrivateKey::from_pkcs8_der(b"nothing").is_err());
        assert!(PublicKey::from_spki_der(b"nothing").is_err());
    }

    #[test]
    fn debug_tells_no_secret() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        assert_eq!(format!("{key:?}"), "PrivateKey(…)");
        let public = key.public().unwrap();
        assert_eq!(format!("{public:?}"), format!("PublicKey({})", crate::text::hex(&public.spki_digest())));
    }
}
