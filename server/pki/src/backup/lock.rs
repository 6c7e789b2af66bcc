//! Locks: the file's key, once for each way in.

use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private};
use openssl::stack::Stack;
use openssl::symm::Cipher;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::error::{Doing, PkiError};
use crate::provider::{Aad, SealingKey, Secret};
use crate::text::hex;

use super::head::base64;

/// scrypt (RFC 7914): 32 MiB of memory, about a second.
const SCRYPT: Scrypt = Scrypt { n: 1 << 15, r: 8, p: 10 };
/// More memory than these parameters need is an attack on whoever opens the file.
const SCRYPT_MEMORY: u64 = 48 << 20;
const SALT: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Scrypt {
    n: u64,
    r: u64,
    p: u64,
}

/// The random key of one file.
#[derive(Clone)]
pub struct FileKey(pub(super) Secret);

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKey(…)")
    }
}

impl FileKey {
    /// A fresh one, out of OpenSSL's generator for private values.
    pub fn generate() -> Result<Self, PkiError> {
        let mut bytes = Secret::default();
        openssl::rand::rand_priv_bytes(bytes.as_mut()).doing("draw random bytes")?;
        Ok(Self(bytes))
    }

    fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Secret::default();
        (bytes.len() == key.len()).then(|| {
            key.copy_from_slice(bytes);
            Self(key)
        })
    }
}

/// One way in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Lock {
    /// Whoever has the private key of this certificate.
    Certificate {
        /// Its subject, as shown.
        subject: String,
        /// SHA-256 of its DER, lower-case hex.
        fingerprint: String,
        /// SHA-256 of its SubjectPublicKeyInfo, lower-case hex: by it a private key finds its lock.
        public_key: String,
        /// The file's key in CMS EnvelopedData (RFC 5652), DER.
        #[serde(with = "base64")]
        sealed: Vec<u8>,
    },
    /// Whoever knows the passphrase.
    Passphrase {
        /// scrypt's N.
        n: u64,
        /// scrypt's r.
        r: u64,
        /// scrypt's p.
        p: u64,
        /// scrypt's salt, 16 bytes.
        #[serde(with = "base64")]
        salt: Vec<u8>,
        /// The file's key under the derived one: nonce, ciphertext, tag.
        #[serde(with = "base64")]
        sealed: Vec<u8>,
    },
}

/// A certificate that a backup may be encrypted to.
#[derive(Clone, Debug)]
pub struct Certified(Certificate);

impl Certified {
    /// RSA from 2048 bits on, or EC on P-256, P-384 or P-521.
    pub fn new(certificate: Certificate) -> Result<Self, PkiError> {
        let key = certificate.x509()?.public_key().doing("read the certificate")?;
        fit(&key).map_err(|why| PkiError::unfit("the recipient's certificate", why))?;
        Ok(Self(certificate))
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.0
    }

    /// SHA-256 of the DER, lower-case hex.
    pub fn fingerprint(&self) -> String {
        hex(&self.0.fingerprint())
    }
}

fn fit<T: HasPublic>(key: &PKeyRef<T>) -> Result<(), String> {
    use openssl::nid::Nid;
    match key.id() {
        Id::RSA if key.bits() >= 2048 => Ok(()),
        Id::RSA => Err(format!("its RSA key has {} bits, and 2048 are the least", key.bits())),
        Id::EC => {
            let curve = key.ec_key().ok().and_then(|key| key.group().curve_name());
            let good = [Nid::X9_62_PRIME256V1, Nid::SECP384R1, Nid::SECP521R1];
            if curve.is_some_and(|curve| good.contains(&curve)) {
                Ok(())
            } else {
                Err("its key must be on P-256, P-384 or P-521".to_owned())
            }
        }
        _ => Err("its key must be RSA or EC: nothing can be encrypted to another one".to_owned()),
    }
}

/// A recipient's private key.
#[derive(Debug)]
pub struct RecipientKey(PKey<Private>);

impl RecipientKey {
    /// Reads PEM: PKCS#8, plain or encrypted, or OpenSSL's older forms. `passphrase` is asked when the key is encrypted, once, and
    /// may answer none. Errors never repeat the text.
    pub fn from_pem(pem: &[u8], passphrase: impl FnOnce() -> Option<Zeroizing<Vec<u8>>>) -> Result<Self, PkiError> {
        let mut asked = false;
        let mut given = false;
        let key = PKey::private_key_from_pem_callback(pem, |buffer| {
            asked = true;
            let Some(text) = passphrase().filter(|text| text.len() <= buffer.len()) else {
                return Err(openssl::error::ErrorStack::get());
            };
            given = true;
            buffer[..text.len()].copy_from_slice(&text);
            Ok(text.len())
        });
        const WHAT: &str = "the private key file";
        match key {
            Ok(key) => {
                fit(&key).map_err(|why| PkiError::unfit(WHAT, why))?;
                Ok(Self(key))
            }
            Err(_) if asked && given => Err(PkiError::unfit(WHAT, "it does not open with this passphrase")),
            Err(_) if asked => Err(PkiError::unfit(WHAT, "it is encrypted, and no passphrase was given")),
            Err(_) => Err(PkiError::malformed(WHAT, "it holds no private key in PEM")),
        }
    }

    fn public_key(&self) -> Result<String, PkiError> {
        Ok(hex(&openssl::sha::sha256(&self.0.public_key_to_der().doing("write the public key")?)))
    }
}

/// The shortest passphrase that is taken, characters: what is sealed under it may be tried at leisure.
pub const SHORTEST_PASSPHRASE: usize = 12;

impl Lock {
    /// For the owner of a certificate. RSA: key transport; EC: ephemeral-static ECDH.
    pub fn for_certificate(recipient: &Certified, key: &FileKey) -> Result<Self, PkiError> {
        const DOING: &str = "encrypt to the recipient's certificate";
        let x509 = recipient.0.x509()?;
        let mut to = Stack::new().doing(DOING)?;
        to.push(x509.clone()).doing(DOING)?;
        // Binary: the key is no text whose line ends could be mended.
        let sealed = CmsContentInfo::encrypt(&to, &key.0[..], Cipher::aes_256_cbc(), CMSOptions::BINARY).doing(DOING)?;
        let public = x509.public_key().and_then(|key| key.public_key_to_der()).doing(DOING)?;
        Ok(Self::Certificate {
            subject: recipient.0.view().subject.clone(),
            fingerprint: recipient.fingerprint(),
            public_key: hex(&openssl::sha::sha256(&public)),
            sealed: sealed.to_der().doing(DOING)?,
        })
    }

    /// For whoever knows the passphrase. Errors when it has fewer than [`SHORTEST_PASSPHRASE`] characters.
    pub fn for_passphrase(passphrase: &str, key: &FileKey) -> Result<Self, PkiError> {
        if passphrase.chars().count() < SHORTEST_PASSPHRASE {
            let why = format!("it must have at least {} characters", SHORTEST_PASSPHRASE);
            return Err(PkiError::unfit("the passphrase", why));
        }
        let mut salt = vec![0; SALT];
        openssl::rand::rand_bytes(&mut salt).doing("draw random bytes")?;
        let derived = derived(passphrase, &salt)?;
        let sealed = SealingKey::new(&derived)?.seal(&key.0[..], passphrase_aad())?;
        Ok(Self::Passphrase { n: SCRYPT.n, r: SCRYPT.r, p: SCRYPT.p, salt, sealed })
    }

    /// Opens with a private key; none when this lock is another's. Errors when it is this key's and does not open.
    pub fn open_with_key(&self, key: &RecipientKey) -> Result<Option<FileKey>, PkiError> {
        let Self::Certificate { public_key, sealed, .. } = self else { return Ok(None) };
        if *public_key != key.public_key()? {
            return Ok(None);
        }
        let damaged = || PkiError::malformed("the backup", "the lock of this key was altered");
        let cms = CmsContentInfo::from_der(sealed).map_err(|_| damaged())?;
        // One recipient in each: there is no other's part to be taken for ours.
        let opened = Zeroizing::new(cms.decrypt_without_cert_check(&key.0).map_err(|_| damaged())?);
        FileKey::from_slice(&opened).map(Some).ok_or_else(damaged)
    }

    /// Opens with a passphrase; none when it is not this one, or the lock takes none. Errors when its parameters are not those of
    /// this format: memory is not spent on a stranger's word.
    pub fn open_with_passphrase(&self, passphrase: &str) -> Result<Option<FileKey>, PkiError> {
        let Self::Passphrase { n, r, p, salt, sealed } = self else { return Ok(None) };
        if (Scrypt { n: *n, r: *r, p: *p }) != SCRYPT || salt.len() != SALT {
            return Err(PkiError::malformed("the backup", "the parameters of its passphrase are not those of this format"));
        }
        let opened = SealingKey::new(&*derived(passphrase, salt)?)?.open(sealed, passphrase_aad());
        Ok(opened.ok().and_then(|opened| FileKey::from_slice(&opened)))
    }
}

fn passphrase_aad() -> Aad {
    Aad::of("backup.passphrase")
}

fn derived(passphrase: &str, salt: &[u8]) -> Result<Secret, PkiError> {
    let mut key = Secret::default();
    let Scrypt { n, r, p } = SCRYPT;
    openssl::pkcs5::scrypt(passphrase.as_bytes(), salt, n, r, p, SCRYPT_MEMORY, key.as_mut())
        .doing("derive a key from the passphrase")?;
    Ok(key)
}
