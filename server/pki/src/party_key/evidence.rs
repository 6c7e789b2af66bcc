//! What somebody brings to show that a key has leaked: of whatever it is, the public halves.

use openssl::pkey::{HasPublic, PKey, PKeyRef};
use openssl::x509::{X509, X509Req, X509VerifyResult};
use serde_json::{Map, Value};

use super::{LARGEST_KEY_SET, MOST_KEYS, numbers};
use crate::error::{Doing, PkiError};
use crate::generate::PublicKey;

const WHAT: &str = "the evidence";
const DOING: &str = "read the key";

/// The public halves of the keys in a file: PEM blocks or DER of public keys, certificates, requests and private keys, a JWK or a
/// key set, with or without private members. Each once, at most 20, in at most 256 KiB. Issuers of a certificate that stand beside
/// it are not meant: nobody who brings a chain says that the authority's key is in other hands.
///
/// # Errors
/// When it holds no key, an encrypted one, or one of a type that is used nowhere here. Nothing of the file is repeated.
pub fn public_halves(bytes: &[u8]) -> Result<Vec<PublicKey>, PkiError> {
    if bytes.len() > LARGEST_KEY_SET {
        return Err(PkiError::malformed(WHAT, "it is larger than 256 KiB"));
    }
    let keys = match bytes.trim_ascii_start().first() {
        Some(b'{') => of_json(bytes)?,
        Some(0x30) => vec![of_der(bytes)?],
        _ => of_pem(bytes)?,
    };
    let mut each: Vec<PublicKey> = Vec::new();
    for key in keys {
        // One without a thumbprint is of a type that is used nowhere here: there is nothing to block.
        key.thumbprint()?;
        if !each.contains(&key) {
            each.push(key);
        }
    }
    match each.len() {
        0 => Err(PkiError::malformed(WHAT, "it holds no key: no PEM block, no DER and no JWK")),
        1..=MOST_KEYS => Ok(each),
        many => Err(PkiError::unfit(WHAT, format!("it holds {many} keys, at most {MOST_KEYS} are taken at a time"))),
    }
}

fn of_json(bytes: &[u8]) -> Result<Vec<PublicKey>, PkiError> {
    let unread = |error: serde_json::Error| {
        PkiError::malformed(WHAT, if error.is_data() { domain::distinct::TWICE } else { "it is neither a JWK nor a key set" })
    };
    // It begins as an object does.
    let read = domain::distinct::read(bytes).map_err(unread)?;
    let members = read.as_object().ok_or_else(|| PkiError::malformed(WHAT, "it is neither a JWK nor a key set"))?;
    let jwks: Vec<&Map<String, Value>> = match members.get("keys").and_then(Value::as_array) {
        Some(keys) if keys.len() > MOST_KEYS => {
            return Err(PkiError::unfit(WHAT, format!("it holds {} keys, at most {MOST_KEYS} are taken at a time", keys.len())));
        }
        Some(keys) => keys.iter().filter_map(Value::as_object).collect(),
        None => vec![members],
    };
    jwks.into_iter().map(|jwk| numbers(jwk).map_err(|_| PkiError::malformed(WHAT, "a JWK in it cannot be read"))).collect()
}

fn of_der(bytes: &[u8]) -> Result<PublicKey, PkiError> {
    if let Ok(certificate) = X509::from_der(bytes) {
        return PublicKey::from_pkey(certificate.public_key().doing(DOING)?);
    }
    if let Ok(request) = X509Req::from_der(bytes) {
        return PublicKey::from_pkey(request.public_key().doing(DOING)?);
    }
    if let Ok(key) = PublicKey::from_spki_der(bytes) {
        return Ok(key);
    }
    match PKey::private_key_from_der(bytes) {
        Ok(key) => public_half(&key),
        Err(_) => Err(PkiError::malformed(WHAT, "it is no key, certificate or request in DER; an encrypted key is not opened")),
    }
}

fn of_pem(bytes: &[u8]) -> Result<Vec<PublicKey>, PkiError> {
    const BEGIN: &str = "-----BEGIN ";
    let text = std::str::from_utf8(bytes).map_err(|_| PkiError::malformed(WHAT, "it is neither text nor DER"))?;
    let mut found: Vec<Found> = Vec::new();
    let starts: Vec<usize> = text.match_indices(BEGIN).map(|(start, _)| start).collect();
    for (place, start) in starts.iter().enumerate() {
        // A block ends before the next one begins: thousands of beginnings would else be followed to the end of the text each.
        let block = &text[*start..starts.get(place + 1).copied().unwrap_or(text.len())];
        let label = block[BEGIN.len()..].split("-----").next().unwrap_or_default();
        let last = format!("-----END {label}-----");
        let end = block.find(&last).ok_or_else(|| PkiError::malformed(WHAT, "a PEM block in it has no end"))?;
        found.extend(of_block(label, &block.as_bytes()[..end + last.len()])?);
    }
    let meant: Vec<bool> = found.iter().map(|one| !found.iter().any(|other| one.issued(other))).collect();
    Ok(found.into_iter().zip(meant).filter(|(_, meant)| *meant).map(|(one, _)| one.key).collect())
}

/// What a PEM block holds.
struct Found {
    key: PublicKey,
    /// The certificate, where it is one.
    certificate: Option<X509>,
}

impl Found {
    /// Whether this is an issuer's certificate and the other one was issued by it, going by the names that stand in both. A
    /// certificate that stands twice is no issuer of itself.
    fn issued(&self, other: &Self) -> bool {
        match (&self.certificate, &other.certificate) {
            (Some(issuer), Some(issued)) => self.key != other.key && issuer.issued(issued) == X509VerifyResult::OK,
            _ => false,
        }
    }
}

fn of_block(label: &str, pem: &[u8]) -> Result<Option<Found>, PkiError> {
    let key = match label {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
            let certificate = X509::from_pem(pem).doing(DOING)?;
            let key = PublicKey::from_pkey(certificate.public_key().doing(DOING)?)?;
            return Ok(Some(Found { key, certificate: Some(certificate) }));
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            PublicKey::from_pkey(X509Req::from_pem(pem).and_then(|it| it.public_key()).doing(DOING)?)?
        }
        "PUBLIC KEY" => PublicKey::from_pkey(PKey::public_key_from_pem(pem).doing(DOING)?)?,
        "RSA PUBLIC KEY" => {
            let rsa = openssl::rsa::Rsa::public_key_from_pem_pkcs1(pem).doing(DOING)?;
            PublicKey::from_pkey(PKey::from_rsa(rsa).doing(DOING)?)?
        }
        "PRIVATE KEY" | "EC PRIVATE KEY" | "RSA PRIVATE KEY" => {
            // A passphrase is never asked for: the callback gives none.
            let key = PKey::private_key_from_pem_callback(pem, |_| Ok(0)).map_err(|_| {
                PkiError::unfit(WHAT, "its private key is broken or encrypted; its certificate or public key will do as well")
            })?;
            public_half(&key)?
        }
        "ENCRYPTED PRIVATE KEY" | "OPENSSH PRIVATE KEY" => {
            return Err(PkiError::unfit(
                WHAT,
                "its private key is encrypted or in a form that is not read; its certificate or public key will do as well",
            ));
        }
        // Parameters of a curve stand before many a key.
        _ => return Ok(None),
    };
    Ok(Some(Found { key, certificate: None }))
}

fn public_half<T: HasPublic>(key: &PKeyRef<T>) -> Result<PublicKey, PkiError> {
    PublicKey::from_spki_der(&key.public_key_to_der().doing(DOING)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::generate::{KeyKind, PrivateKey};
    use crate::jwk::{Jwks, JwsAlgorithm, PublicJwk};

    #[test]
    fn of_whatever_is_brought_the_public_half_is_found() {
        for kind in [KeyKind::P256, KeyKind::Rsa3072] {
            let key = PrivateKey::generate(kind).unwrap();
            let (pkey, public) = (key.pkey(), key.public().unwrap());
            let algorithm = if kind == KeyKind::P256 { JwsAlgorithm::ES256 } else { JwsAlgorithm::PS256 };
            let jwk = serde_json::to_value(PublicJwk::signing(&public, algorithm).unwrap()).unwrap();
            let mut private_jwk = jwk.clone();
            private_jwk["d"] = json!("AQAB");
            let traditional = match kind {
                KeyKind::P256 => pkey.ec_key().unwrap().private_key_to_pem().unwrap(),
                _ => pkey.rsa().unwrap().private_key_to_pem().unwrap(),
            };
            let mut certificate = X509::builder().unwrap();
            certificate.set_pubkey(pkey).unwrap();
            certificate.set_not_before(&openssl::asn1::Asn1Time::from_unix(0).unwrap()).unwrap();
            certificate.set_not_after(&openssl::asn1::Asn1Time::from_unix(1).unwrap()).unwrap();
            certificate.sign(pkey, openssl::hash::MessageDigest::sha256()).unwrap();
            let certificate = certificate.build();
            let csr = crate::make_csr(&key, "x").unwrap();
            for evidence in [
                pkey.private_key_to_pem_pkcs8().unwrap(),
                pkey.private_key_to_pkcs8().unwrap(),
                pkey.private_key_to_der().unwrap(),
                traditional.clone(),
                pkey.public_key_to_pem().unwrap(),
                pkey.public_key_to_der().unwrap(),
                certificate.to_pem().unwrap(),
                certificate.to_der().unwrap(),
                csr.clone().into_bytes(),
                X509Req::from_pem(csr.as_bytes()).unwrap().to_der().unwrap(),
                jwk.to_string().into_bytes(),
                private_jwk.to_string().into_bytes(),
                format!("  {}", json!({ "keys": [jwk, private_jwk] })).into_bytes(),
                // Found in a file of somebody's, between other things.
                [b"[bank]\nkey = \"\"\"\n", traditional.as_slice(), b"\"\"\"\n", certificate.to_pem().unwrap().as_slice()]
                    .concat(),
            ] {
                assert_eq!(
                    public_halves(&evidence).unwrap(),
                    std::slice::from_ref(&public),
                    "{}",
                    String::from_utf8_lossy(&evidence)
                );
            }
        }
    }

    /// A certificate over a key, signed by the key of a name.
    fn certified(name: &str, key: &PrivateKey, issuer: (&str, &PrivateKey)) -> Vec<u8> {
        let named = |name: &str| {
            let mut builder = openssl::x509::X509Name::builder().unwrap();
            builder.append_entry_by_text("CN", name).unwrap();
            builder.build()
        };
        let mut certificate = X509::builder().unwrap();
        certificate.set_version(2).unwrap();
        certificate.set_subject_name(&named(name)).unwrap();
        certificate.set_issuer_name(&named(issuer.0)).unwrap();
        certificate.set_pubkey(key.pkey()).unwrap();
        certificate.set_not_before(&openssl::asn1::Asn1Time::from_unix(0).unwrap()).unwrap();
        certificate.set_not_after(&openssl::asn1::Asn1Time::from_unix(1).unwrap()).unwrap();
        certificate.sign(issuer.1.pkey(), openssl::hash::MessageDigest::sha256()).unwrap();
        certificate.build().to_pem().unwrap()
    }

    #[test]
    fn of_a_chain_the_one_that_was_issued_is_meant() {
        let [leaf, other, issuing, root] = [(); 4].map(|()| PrivateKey::generate(KeyKind::P256).unwrap());
        let ours = certified("leaf", &leaf, ("issuing", &issuing));
        let theirs = certified("other", &other, ("elsewhere", &root));
        let authority = certified("issuing", &issuing, ("root", &root));
        let top = certified("root", &root, ("root", &root));
        let found = |blocks: &[&[u8]]| public_halves(&blocks.concat()).unwrap();
        let leaf_alone = [leaf.public().unwrap()];
        assert_eq!(found(&[&ours, &authority, &top]), leaf_alone);
        assert_eq!(found(&[&top, &authority, &ours]), leaf_alone, "however they are sorted");
        assert_eq!(found(&[&ours, &ours]), leaf_alone);
        assert_eq!(found(&[&top, &top]), [root.public().unwrap()], "alone it is meant");
        assert_eq!(found(&[&ours, &theirs]), [leaf.public().unwrap(), other.public().unwrap()], "neither issued the other");
        let private = |key: &PrivateKey| key.pkey().private_key_to_pem_pkcs8().unwrap();
        assert_eq!(found(&[&ours, &authority, &private(&issuing)]), [leaf.public().unwrap(), issuing.public().unwrap()]);
    }

    #[test]
    fn a_block_ends_before_the_next_one_begins() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let pem = String::from_utf8(key.pkey().public_key_to_pem().unwrap()).unwrap();
        let within = format!("-----BEGIN X-----\n{pem}-----END X-----\n");
        for bad in [within, "-----BEGIN X-----\n".repeat(14_000) + "-----END X-----\n"] {
            assert_eq!(
                public_halves(bad.as_bytes()).unwrap_err().to_string(),
                "the evidence is malformed: a PEM block in it has no end"
            );
        }
        let beside = format!("-----BEGIN X-----\n-----END X-----\n{pem}");
        assert_eq!(public_halves(beside.as_bytes()).unwrap(), [key.public().unwrap()]);
        assert!(public_halves(pem.repeat(2_000).as_bytes()).unwrap_err().to_string().ends_with("it is larger than 256 KiB"));
    }

    #[test]
    fn every_key_of_a_file_is_found_once() {
        let keys: Vec<PrivateKey> = (0..21).map(|_| PrivateKey::generate(KeyKind::P256).unwrap()).collect();
        let pem = |keys: &[PrivateKey]| keys.iter().flat_map(|key| key.pkey().public_key_to_pem().unwrap()).collect::<Vec<u8>>();
        let all: Vec<PublicKey> = keys.iter().map(|key| key.public().unwrap()).collect();
        assert_eq!(public_halves(&pem(&keys[..20])).unwrap(), all[..20]);
        assert!(public_halves(&pem(&keys)).is_err());
        let set = Jwks { keys: all.iter().map(|key| PublicJwk::signing(key, JwsAlgorithm::ES256).unwrap()).collect() };
        assert!(public_halves(&serde_json::to_vec(&set).unwrap()).is_err());
    }

    #[test]
    fn what_is_no_key_or_cannot_be_opened_is_said_without_being_repeated() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let cipher = openssl::symm::Cipher::aes_256_cbc();
        let encrypted = key.pkey().private_key_to_pem_pkcs8_passphrase(cipher, b"passphrase").unwrap();
        let old = key.pkey().ec_key().unwrap().private_key_to_pem_passphrase(cipher, b"passphrase").unwrap();
        let x25519 = PKey::generate_x25519().unwrap().public_key_to_pem().unwrap();
        for (evidence, why) in [
            (&b""[..], "it holds no key"),
            (b"SECRETSECRET", "it holds no key"),
            (b"\xff\xfe", "neither text nor DER"),
            (b"{\"keys\": [], \"d\": \"SECRETSECRET\"}", "it holds no key"),
            (b"{SECRETSECRET", "neither a JWK nor a key set"),
            (b"{\"keys\": [], \"keys\": []}", "a name stands twice in an object"),
            (b"{\"kty\":\"oct\",\"k\":\"SECRETSECRET\"}", "a JWK in it cannot be read"),
            (b"0SECRETSECRET", "no key, certificate or request in DER"),
            (b"-----BEGIN PRIVATE KEY-----\nSECRETSECRET", "has no end"),
            (b"-----BEGIN PRIVATE KEY-----\nSECRETSECRET\n-----END PRIVATE KEY-----\n", "broken or encrypted"),
            (&encrypted, "encrypted"),
            (&old, "broken or encrypted"),
            (&x25519, "neither RSA, P-256, P-384 nor Ed25519"),
        ] {
            let error = public_halves(evidence).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("SECRET"), "{error}");
        }
    }
}
