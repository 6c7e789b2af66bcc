//! Certificates as somebody holds them in a file: one in DER, or PEM blocks one after the other.

use crate::certificate::Certificate;
use crate::error::PkiError;

/// A larger file is not looked at, bytes.
pub const LARGEST_HELD: usize = 64 * 1024;
/// A certificate and its issuers are fewer.
pub const MOST_HELD: usize = 20;

const WHAT: &str = "the file";
const SEQUENCE: u8 = 0x30;

/// Why a file of certificates is not taken. Nothing of the file is repeated.
#[derive(Debug, thiserror::Error)]
pub enum HeldFault {
    /// It holds a private key, in whatever form.
    #[error("there is a private key in it")]
    PrivateKey,
    /// It holds something else, or more than is read.
    #[error(transparent)]
    Unreadable(#[from] PkiError),
}

/// Reads every certificate of a file, in its order: DER, or PEM blocks (RFC 7468), which text may stand between.
///
/// # Errors
/// When there is a private key in it, a block of another kind, something that is no certificate, or more than is read.
pub fn read_held(bytes: &[u8]) -> Result<Vec<Certificate>, HeldFault> {
    if is_private_key(bytes) {
        return Err(HeldFault::PrivateKey);
    }
    if bytes.len() > LARGEST_HELD {
        return Err(PkiError::malformed(WHAT, "it is larger than 64 KiB").into());
    }
    if bytes.first() == Some(&SEQUENCE) {
        let certificate = Certificate::from_der(bytes)?;
        if certificate.der() != bytes {
            return Err(PkiError::malformed(WHAT, "something follows the certificate").into());
        }
        return Ok(vec![certificate]);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| PkiError::malformed(WHAT, "it is neither PEM nor DER"))?;
    let blocks: Vec<&str> = text.split("-----BEGIN ").skip(1).collect();
    match blocks.len() {
        0 => return Err(PkiError::malformed(WHAT, "it is neither PEM nor DER").into()),
        1..=MOST_HELD => {}
        many => return Err(PkiError::malformed(WHAT, format!("it holds {many} PEM blocks, at most {MOST_HELD} are read")).into()),
    }
    let mut certificates = Vec::with_capacity(blocks.len());
    for block in blocks {
        if !block.starts_with("CERTIFICATE-----") {
            return Err(PkiError::malformed(WHAT, "a PEM block in it is no certificate").into());
        }
        certificates.push(Certificate::from_pem(format!("-----BEGIN {block}").as_bytes())?);
    }
    Ok(certificates)
}

/// Whether each certificate is signed by the one after it: a certificate with its issuers, as they are handed out.
///
/// # Errors
/// When a key in it cannot be read.
pub fn is_chain(certificates: &[Certificate]) -> Result<bool, PkiError> {
    for pair in certificates.windows(2) {
        if !pair[0].is_signed_by(&pair[1])? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a file holds a private key: in PEM of any kind (PKCS#8, encrypted or not, of OpenSSL's older forms, OpenSSH, PGP, SSH2,
/// PuTTY) wherever it stands, as a JWK, in DER, or with its certificate in PKCS#12.
#[must_use]
pub fn is_private_key(bytes: &[u8]) -> bool {
    let holds = |words: &[u8]| bytes.windows(words.len()).any(|window| window == words);
    if holds(b"PRIVATE KEY") || holds(b"PuTTY-User-Key-File") {
        return true;
    }
    match bytes.trim_ascii_start().first() {
        Some(b'{') => holds(b"\"d\"") || holds(b"\"k\""),
        Some(&SEQUENCE) => is_private_der(bytes),
        _ => false,
    }
}

/// By the outer form alone (RFC 5208, RFC 5915, RFC 8017 appendix A.1.2, RFC 7292): an encrypted key is not opened, and a broken
/// one is still one.
fn is_private_der(der: &[u8]) -> bool {
    let Some((SEQUENCE, inside, _)) = element(der) else { return false };
    match element(inside) {
        // PrivateKeyInfo, RSAPrivateKey, ECPrivateKey and PFX begin with their version; a public RSA key with a long modulus.
        Some((0x02, version, rest)) => version.len() == 1 && !rest.is_empty(),
        // EncryptedPrivateKeyInfo: an algorithm and the octets; a certificate and a request have three parts, a public key bits.
        Some((SEQUENCE, _, rest)) => matches!(element(rest), Some((0x04, _, []))),
        _ => false,
    }
}

/// The first element of some DER: its tag, its content, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ ..0x80 => (usize::from(*short), rest),
        long => {
            let (bytes, rest) =
                rest.split_at_checked(usize::from(long & 0x7f)).filter(|(bytes, _)| (1..=4).contains(&bytes.len()))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use openssl::symm::Cipher;

    use super::*;
    use crate::generate::{KeyKind, PrivateKey};
    use crate::office::Office;

    #[test]
    fn a_private_key_is_known_in_every_form() {
        let ec = PrivateKey::generate(KeyKind::P256).unwrap();
        let rsa = PrivateKey::generate(KeyKind::Rsa3072).unwrap();
        let cipher = Cipher::aes_256_cbc();
        let mut private = vec![
            b"text above\n -----BEGIN OPENSSH PRIVATE KEY-----\n".to_vec(),
            b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n".to_vec(),
            b"PuTTY-User-Key-File-3: ssh-ed25519\n".to_vec(),
            br#" {"kty":"EC","crv":"P-256","x":"","y":"","d":"AA"}"#.to_vec(),
            ec.pkey().ec_key().unwrap().private_key_to_der().unwrap(),
            rsa.pkey().rsa().unwrap().private_key_to_der().unwrap(),
            rsa.pkey().rsa().unwrap().private_key_to_pem().unwrap(),
        ];
        for key in [&ec, &rsa] {
            private.push(key.pkey().private_key_to_pem_pkcs8().unwrap());
            private.push(key.pkey().private_key_to_pem_pkcs8_passphrase(cipher, b"passphrase").unwrap());
            private.push(key.pkey().private_key_to_pkcs8().unwrap());
            private.push(key.pkey().private_key_to_pkcs8_passphrase(cipher, b"passphrase").unwrap());
        }
        for bytes in &private {
            assert!(is_private_key(bytes), "{}", String::from_utf8_lossy(bytes));
            assert!(matches!(read_held(bytes), Err(HeldFault::PrivateKey)));
        }
        for key in [&ec, &rsa] {
            let request = crate::make_csr(key, "x").unwrap();
            let der = openssl::x509::X509Req::from_pem(request.as_bytes()).unwrap().to_der().unwrap();
            let public =
                [key.pkey().public_key_to_der().unwrap(), key.pkey().public_key_to_pem().unwrap(), request.into_bytes(), der];
            for bytes in public {
                assert!(!is_private_key(&bytes));
                assert!(matches!(read_held(&bytes), Err(HeldFault::Unreadable(_))));
            }
        }
        assert!(!is_private_key(&rsa.pkey().rsa().unwrap().public_key_to_der_pkcs1().unwrap()));
        assert!(!is_private_key(b"") && !is_private_key(b"0") && !is_private_key(b"0\x84\xff\xff\xff\xff"));
    }

    #[test]
    fn every_certificate_of_a_file_is_read_in_its_order() {
        let office = Office::new();
        let leaf = office.citizen("A0000000019");
        let all = [&leaf, office.citizens.certificate(), office.root.certificate()];
        let pem: String = all.iter().map(|certificate| format!("Subject: text\r\n{}", certificate.pem().unwrap())).collect();
        let serials = |read: &[Certificate]| read.iter().map(|certificate| certificate.view().serial.clone()).collect::<Vec<_>>();
        let read = read_held(pem.as_bytes()).unwrap();
        assert_eq!(serials(&read), all.map(|certificate| certificate.view().serial.clone()));
        assert!(is_chain(&read).unwrap());
        assert!(is_chain(&read[..1]).unwrap());
        assert!(!is_chain(&[read[0].clone(), read[2].clone()]).unwrap(), "one is left out");
        assert!(!is_chain(&[read[1].clone(), read[0].clone()]).unwrap());
        assert_eq!(serials(&read_held(leaf.der()).unwrap()), serials(&read[..1]));
        let why = |bytes: &[u8]| read_held(bytes).unwrap_err().to_string();
        assert!(why(b"").ends_with("it is neither PEM nor DER"));
        assert!(why(b"\xff\xfe").ends_with("it is neither PEM nor DER"));
        assert!(why(&[leaf.der(), b"x"].concat()).ends_with("something follows the certificate"));
        assert!(why(pem.repeat(7).as_bytes()).ends_with("it holds 21 PEM blocks, at most 20 are read"));
        assert!(why(&vec![b'x'; LARGEST_HELD + 1]).ends_with("larger than 64 KiB"));
        let cut = pem.split("-----END").next().unwrap();
        assert!(read_held(cut.as_bytes()).is_err());
        let both = pem + &crate::make_csr(&crate::office::key(), "x").unwrap();
        assert!(why(both.as_bytes()).ends_with("a PEM block in it is no certificate"));
    }
}
