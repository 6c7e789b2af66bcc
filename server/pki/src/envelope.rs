//! The file form of a private key that its owner keeps: PEM, PKCS#8, mode 0600 by whoever writes it. An operator's is not encrypted;
//! the root's may be, under a passphrase.

use openssl::pkey::PKey;
use zeroize::Zeroizing;

use crate::error::{Doing, PkiError};
use crate::generate::PrivateKey;

/// One `PRIVATE KEY` block.
pub fn private_key_to_pem(key: &PrivateKey) -> Result<Zeroizing<String>, PkiError> {
    let pem = Zeroizing::new(key.pkey().private_key_to_pem_pkcs8().doing("write the private key")?);
    // Pushed into a buffer that is large enough from the start, so that no copy is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(pem.len()));
    pem.iter().for_each(|byte| text.push(char::from(*byte)));
    Ok(text)
}

/// Reads one `PRIVATE KEY` block. Errors for anything else, and for an encrypted key, without repeating the text.
pub fn private_key_from_pem(pem: &[u8]) -> Result<PrivateKey, PkiError> {
    const WHAT: &str = "the private key file";
    let text = std::str::from_utf8(pem).map_err(|_| PkiError::malformed(WHAT, "it is not text"))?;
    let mut labels = text.lines().filter_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    match (labels.next(), labels.next()) {
        (Some("PRIVATE KEY"), None) => {}
        (Some("ENCRYPTED PRIVATE KEY"), None) => {
            return Err(PkiError::unfit(WHAT, "it is encrypted; give an unencrypted PKCS#8 key"));
        }
        (Some("EC PRIVATE KEY" | "RSA PRIVATE KEY"), None) => {
            return Err(PkiError::unfit(WHAT, "it is not PKCS#8; convert it with 'openssl pkcs8 -topk8 -nocrypt'"));
        }
        (Some(_), None) => return Err(PkiError::malformed(WHAT, "its PEM block is not a PRIVATE KEY")),
        (None, _) => return Err(PkiError::malformed(WHAT, "it holds no PEM block")),
        (Some(_), Some(_)) => return Err(PkiError::malformed(WHAT, "it holds more than one PEM block")),
    }
    let der = PKey::private_key_from_pem(pem).doing("read the private key")?;
    PrivateKey::from_pkey(der)
}

/// Whether a key file asks for a passphrase: one `ENCRYPTED PRIVATE KEY` block (RFC 5958 section 3).
#[must_use]
pub fn is_encrypted(pem: &[u8]) -> bool {
    std::str::from_utf8(pem).is_ok_and(|text| text.lines().any(|line| line.trim() == "-----BEGIN ENCRYPTED PRIVATE KEY-----"))
}

/// Reads one `ENCRYPTED PRIVATE KEY` block. Errors for anything else, and for a passphrase that does not open it.
pub fn private_key_from_encrypted_pem(pem: &[u8], passphrase: &[u8]) -> Result<PrivateKey, PkiError> {
    const WHAT: &str = "the private key file";
    if !is_encrypted(pem) {
        return Err(PkiError::malformed(WHAT, "it holds no encrypted PKCS#8 key"));
    }
    let opened = PKey::private_key_from_pem_passphrase(pem, passphrase);
    PrivateKey::from_pkey(opened.map_err(|_| PkiError::unfit(WHAT, "the passphrase does not open it"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::KeyKind;

    #[test]
    fn an_operators_key_is_written_and_read() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let pem = private_key_to_pem(&key).unwrap();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n") && pem.ends_with("-----END PRIVATE KEY-----\n"));
        assert_eq!(private_key_from_pem(pem.as_bytes()).unwrap().public().unwrap(), key.public().unwrap());
        let dos = pem.replace('\n', "\r\n");
        assert_eq!(private_key_from_pem(dos.as_bytes()).unwrap().public().unwrap(), key.public().unwrap());
    }

    #[test]
    fn an_encrypted_key_opens_with_its_passphrase_and_no_other() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let cipher = openssl::symm::Cipher::aes_256_cbc();
        let pem = key.pkey().private_key_to_pem_pkcs8_passphrase(cipher, b"long enough to keep").unwrap();
        assert!(is_encrypted(&pem) && !is_encrypted(private_key_to_pem(&key).unwrap().as_bytes()) && !is_encrypted(b"\xff"));
        let opened = private_key_from_encrypted_pem(&pem, b"long enough to keep").unwrap();
        assert_eq!(opened.public().unwrap(), key.public().unwrap());
        let fault = private_key_from_encrypted_pem(&pem, b"something else").unwrap_err().to_string();
        assert_eq!(fault, "the private key file cannot be used: the passphrase does not open it");
        assert!(private_key_from_encrypted_pem(private_key_to_pem(&key).unwrap().as_bytes(), b"").is_err());
    }

    #[test]
    fn anything_else_is_refused_with_its_name_and_without_its_text() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let pem = private_key_to_pem(&key).unwrap();
        let encrypted =
            key.pkey().private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), b"passphrase").unwrap();
        let sec1 = key.pkey().ec_key().unwrap().private_key_to_pem().unwrap();
        let public = key.pkey().public_key_to_pem().unwrap();
        for (text, why) in [
            (&b""[..], "it holds no PEM block"),
            (b"hello", "it holds no PEM block"),
            (b"\xff\xfe", "it is not text"),
            (&encrypted, "it is encrypted; give an unencrypted PKCS#8 key"),
            (&sec1, "it is not PKCS#8; convert it with 'openssl pkcs8 -topk8 -nocrypt'"),
            (&public, "its PEM block is not a PRIVATE KEY"),
            (&[pem.as_bytes(), pem.as_bytes()].concat(), "it holds more than one PEM block"),
        ] {
            let fault = private_key_from_pem(text).unwrap_err().to_string();
            assert!(fault.ends_with(why), "{fault}");
        }
        let broken = pem.replace("MIG", "MIX");
        assert_eq!(private_key_from_pem(broken.as_bytes()).unwrap_err().to_string(), "cannot read the private key");
    }
}
