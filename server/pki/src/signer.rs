//! Keys that sign, wherever they lie: in this process's memory, or in a token that never hands them out.

use std::sync::Arc;

use openssl::hash::MessageDigest;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer as Signing, Verifier as Verifying};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::error::{Doing, PkiError};
use crate::generate::{KeyKind, PrivateKey, PublicKey};

/// How a message is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureScheme {
    /// ECDSA on P-256 with SHA-256; the signature is the DER of RFC 3279 section 2.2.3.
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384, the same form.
    EcdsaP384Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-256: certificates of RSA authorities.
    RsaPkcs1Sha256,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes: PS256 tokens (RFC 7518 section 3.5).
    RsaPssSha256,
    /// Ed25519, 64 raw bytes (RFC 8032).
    Ed25519,
}

impl SignatureScheme {
    /// The one that a key signs certificates, revocation lists, OCSP answers and time stamps with.
    pub fn of_certificates(key: &PublicKey) -> Result<Self, PkiError> {
        Ok(match key.kind()? {
            KeyKind::P256 => Self::EcdsaP256Sha256,
            KeyKind::P384 => Self::EcdsaP384Sha384,
            KeyKind::Rsa3072 => Self::RsaPkcs1Sha256,
            KeyKind::Ed25519 => Self::Ed25519,
        })
    }

    /// The AlgorithmIdentifier, DER, that certificates, revocation lists and OCSP answers carry: without parameters for ECDSA (RFC
    /// 5758 section 3.2) and Ed25519 (RFC 8410 section 3), with NULL for RSA (RFC 4055 section 5). Errors for the scheme of
    /// tokens, which none of them is signed by.
    pub(crate) fn algorithm_der(self) -> Result<Vec<u8>, PkiError> {
        let (oid, parameters) = match self {
            Self::EcdsaP256Sha256 => ("1.2.840.10045.4.3.2", None),
            Self::EcdsaP384Sha384 => ("1.2.840.10045.4.3.3", None),
            Self::RsaPkcs1Sha256 => ("1.2.840.113549.1.1.11", Some(der::Any::null())),
            Self::Ed25519 => ("1.3.101.112", None),
            Self::RsaPssSha256 => return Err(PkiError::unfit("the signature scheme", "it is one of tokens")),
        };
        let build = || der::Encode::to_der(&AlgorithmIdentifierOwned { oid: oid.parse()?, parameters });
        build().map_err(|fault: der::Error| PkiError::malformed("the algorithm", fault.to_string()))
    }

    /// Errors when keys of this kind do not sign so.
    pub(crate) fn require_kind(self, kind: KeyKind) -> Result<(), PkiError> {
        let fits = matches!(
            (kind, self),
            (KeyKind::P256, Self::EcdsaP256Sha256)
                | (KeyKind::P384, Self::EcdsaP384Sha384)
                | (KeyKind::Rsa3072, Self::RsaPkcs1Sha256 | Self::RsaPssSha256)
                | (KeyKind::Ed25519, Self::Ed25519)
        );
        if fits { Ok(()) } else { Err(PkiError::unfit("the key", format!("its kind does not sign by {self:?}"))) }
    }
}

impl PublicKey {
    /// Whether `signature` is one of this key's over `message`, made by `scheme`. A malformed signature is simply false.
    pub fn verifies_with(&self, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> Result<bool, PkiError> {
        const DOING: &str = "verify a signature";
        scheme.require_kind(self.kind()?)?;
        if scheme != SignatureScheme::RsaPssSha256 {
            return self.verifies(message, signature);
        }
        let mut verifying = Verifying::new(MessageDigest::sha256(), self.pkey()).doing(DOING)?;
        verifying.set_rsa_padding(Padding::PKCS1_PSS).doing(DOING)?;
        verifying.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).doing(DOING)?;
        Ok(verifying.verify_oneshot(signature, message).unwrap_or(false))
    }
}

/// A key that signs. It never hands its private half out.
pub trait Signer: Send + Sync + std::fmt::Debug {
    /// The public half.
    fn public_key(&self) -> Result<PublicKey, PkiError>;

    /// Signs `message`. Errors when the key is of another kind than the scheme, or the token that holds it does not answer.
    fn sign_with(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, PkiError>;
}

impl From<PrivateKey> for Arc<dyn Signer> {
    fn from(key: PrivateKey) -> Self {
        // Through a sized one: `Self` is not.
        let sized: Arc<PrivateKey> = Arc::new(key);
        sized
    }
}

impl Signer for PrivateKey {
    fn public_key(&self) -> Result<PublicKey, PkiError> {
        self.public()
    }

    fn sign_with(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, PkiError> {
        const DOING: &str = "sign";
        scheme.require_kind(self.kind())?;
        if scheme != SignatureScheme::RsaPssSha256 {
            return self.sign(message);
        }
        let mut signing = Signing::new(MessageDigest::sha256(), self.pkey()).doing(DOING)?;
        signing.set_rsa_padding(Padding::PKCS1_PSS).doing(DOING)?;
        signing.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).doing(DOING)?;
        signing.sign_oneshot_to_vec(message).doing(DOING)
    }
}

/// Signs `tbs` by the scheme of certificates. `public` is the key's public half. A token may answer with anything: a signature
/// that does not verify is an error.
pub(crate) fn sign_checked(key: &dyn Signer, public: &PublicKey, tbs: &[u8]) -> Result<Vec<u8>, PkiError> {
    let signature = key.sign_with(SignatureScheme::of_certificates(public)?, tbs)?;
    if public.verifies(tbs, &signature)? {
        return Ok(signature);
    }
    Err(PkiError::unfit("the signature", "it does not verify under the key that made it"))
}

/// Puts a signature behind what it signs: `SEQUENCE { tbs, algorithm, BIT STRING }`, as certificates, revocation lists and
/// OCSP answers are built. `tbs` and `algorithm` are DER with their headers.
pub(crate) fn signed(tbs: &[u8], algorithm: &[u8], signature: &[u8]) -> Result<Vec<u8>, PkiError> {
    let build = || {
        let mut body = tbs.to_vec();
        body.extend_from_slice(algorithm);
        der::Encode::encode_to_vec(&der::asn1::BitStringRef::from_bytes(signature)?, &mut body)?;
        let header = der::Header::new(der::Tag::Sequence, body.len())?;
        let mut whole = der::Encode::to_der(&header)?;
        whole.extend_from_slice(&body);
        Ok(whole)
    };
    build().map_err(|fault: der::Error| PkiError::malformed("what was signed", fault.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_signs_by_its_own_schemes_only() {
        let all = [
            SignatureScheme::EcdsaP256Sha256,
            SignatureScheme::EcdsaP384Sha384,
            SignatureScheme::RsaPkcs1Sha256,
            SignatureScheme::RsaPssSha256,
            SignatureScheme::Ed25519,
        ];
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072, KeyKind::Ed25519] {
            let key = PrivateKey::generate(kind).unwrap();
            let public = key.public_key().unwrap();
            let own = SignatureScheme::of_certificates(&public).unwrap();
            assert!(public.verifies(b"message", &key.sign_with(own, b"message").unwrap()).unwrap());
            let good: Vec<_> = all.iter().filter(|scheme| key.sign_with(**scheme, b"message").is_ok()).collect();
            assert_eq!(good.len(), if kind == KeyKind::Rsa3072 { 2 } else { 1 }, "{kind:?} signs by {good:?}");
        }
    }

    #[test]
    fn a_scheme_is_named_as_openssl_names_it() {
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072, KeyKind::Ed25519] {
            let key = PrivateKey::generate(kind).unwrap();
            let instance = crate::Instance::new("demo", domain::Environment::Sandbox, "http://127.0.0.1:8080").unwrap();
            let now = domain::Timestamp::from_micros(1_653_955_200_000_000);
            let root = crate::Authority::new_root(&instance, 1, key.clone(), now).unwrap();
            let theirs = crate::tlv::RawCertificate::read(root.certificate().der()).unwrap().outer_algorithm;
            let scheme = SignatureScheme::of_certificates(&key.public_key().unwrap()).unwrap();
            assert_eq!(scheme.algorithm_der().unwrap(), theirs, "{kind:?}");
        }
        assert!(SignatureScheme::RsaPssSha256.algorithm_der().is_err());
    }

    /// A token that is out of its mind.
    #[derive(Debug)]
    struct Confused(PrivateKey);

    impl Signer for Confused {
        fn public_key(&self) -> Result<PublicKey, PkiError> {
            self.0.public()
        }

        fn sign_with(&self, scheme: SignatureScheme, _message: &[u8]) -> Result<Vec<u8>, PkiError> {
            self.0.sign_with(scheme, b"something else")
        }
    }

    #[test]
    fn a_signature_that_does_not_verify_never_leaves() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let public = key.public().unwrap();
        assert!(public.verifies(b"tbs", &sign_checked(&key, &public, b"tbs").unwrap()).unwrap());
        let fault = sign_checked(&Confused(key), &public, b"tbs").unwrap_err().to_string();
        assert_eq!(fault, "the signature cannot be used: it does not verify under the key that made it");
    }

    #[test]
    fn ps256_is_verified_with_its_own_padding() {
        let key = PrivateKey::generate(KeyKind::Rsa3072).unwrap();
        let signature = key.sign_with(SignatureScheme::RsaPssSha256, b"message").unwrap();
        let public = key.public_key().unwrap();
        assert!(public.verifies_with(SignatureScheme::RsaPssSha256, b"message", &signature).unwrap());
        assert!(!public.verifies_with(SignatureScheme::RsaPssSha256, b"massage", &signature).unwrap());
        assert!(!public.verifies_with(SignatureScheme::RsaPssSha256, b"message", b"").unwrap());
        assert!(public.verifies_with(SignatureScheme::Ed25519, b"message", &signature).is_err());
        assert!(!public.verifies(b"message", &signature).unwrap(), "it is not a PKCS#1 v1.5 signature");
    }
}
