//! Something public out of a file: a request, certificates, a key set. Whoever names the wrong file may have named their private
//! key: what is read is wiped, is looked at here, and nothing but what it should be is ever sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use domain::distinct::{self, TWICE};
use domain::too_many_keys;
use pki::csr::LARGEST_CSR;
use pki::held::{HeldFault, LARGEST_HELD, is_private_key, read_held};
use pki::party_key::LARGEST_KEY_SET;
use pki::{Certificate, CsrRequest};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use zeroize::Zeroizing;

use super::unreadable;
use crate::failure::{Failure, NOTHING_SENT};

/// A key set is read up to here, to be told what is wrong with it: ten thousand keys of the largest kind.
pub const LARGEST_TOLD: usize = 16 * 1024 * 1024;

const KEEP_IT: &str = "give what is public, and keep the key to yourself: nothing of it was sent";

/// A file that was read, or standard input.
pub struct Opened {
    /// As it is called in messages.
    pub name: String,
    /// Its bytes, at most as many as were wanted; wiped in the end.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Whether there are more.
    pub more: bool,
}

impl Opened {
    /// Reads into one buffer that is large enough from the start, so that no copy of a private key is left behind by growing.
    ///
    /// # Errors
    /// When it cannot be read, or is a folder.
    pub fn read(path: &Path, limit: usize) -> Result<Self, Failure> {
        let stdin = path.as_os_str() == "-";
        let name = if stdin { "standard input".to_owned() } else { path.display().to_string() };
        let cannot = |error: io::Error| unreadable(&name, &error.to_string());
        let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 64));
        let most = limit as u64 + 1;
        if stdin {
            io::stdin().lock().take(most).read_to_end(&mut bytes).map_err(cannot)?;
        } else if path.is_dir() {
            return Err(unreadable(&name, "it is a folder").hint("name the file in it"));
        } else {
            File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(cannot)?;
        }
        let more = bytes.len() > limit;
        bytes.truncate(limit);
        Ok(Self { name, bytes, more })
    }
}

/// A signing request, held to every rule that the server holds it to.
///
/// # Errors
/// By the rule's own code (`csr.…`).
pub fn request(path: &Path) -> Result<CsrRequest, Failure> {
    let file = Opened::read(path, LARGEST_CSR)?;
    if is_private_key(&file.bytes) {
        return Err(
            refused("csr.not-a-csr", format!("{} holds a private key, not a certificate request", file.name)).hint(KEEP_IT)
        );
    }
    if file.more {
        return Err(refused("csr.too-large", format!("{} is larger than {} KiB", file.name, LARGEST_CSR / 1024)));
    }
    CsrRequest::parse(&file.bytes).map_err(|refusal| {
        let failure = refused(refusal.code, format!("{}: {}", file.name, refusal.message));
        match refusal.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// Every certificate of a file, in its order.
///
/// # Errors
/// `cert.unreadable`.
pub fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let file = Opened::read(path, LARGEST_HELD)?;
    if file.more {
        return Err(refused("cert.unreadable", format!("{} is larger than {} KiB", file.name, LARGEST_HELD / 1024)));
    }
    read_held(&file.bytes).map_err(|fault| match fault {
        HeldFault::PrivateKey => {
            refused("cert.unreadable", format!("{} holds a private key: give the certificate alone", file.name)).hint(KEEP_IT)
        }
        HeldFault::Unreadable(error) => refused("cert.unreadable", format!("{}: {error}", file.name)),
    })
}

fn refused(code: &str, message: String) -> Failure {
    Failure::usage(code, message).changed(NOTHING_SENT)
}

/// A key set whose keys are counted without being kept: sixteen mebibytes of them are many times that as values.
#[derive(Deserialize)]
struct Counted {
    keys: Vec<IgnoredAny>,
}

/// A key set's JSON. A set that is too large is told apart: it has too many keys, or is large without them.
///
/// # Errors
/// Code and message.
pub fn key_set(name: &str, bytes: &[u8]) -> Result<Value, (&'static str, String)> {
    // What the parser says could repeat a private key: only the place is told.
    let place = |error: serde_json::Error| {
        let what = if error.is_data() { format!("in {name} {TWICE}") } else { format!("{name} is no JSON") };
        ("credential.jwks", format!("{what}: line {}, column {}", error.line(), error.column()))
    };
    if bytes.len() <= LARGEST_KEY_SET {
        return distinct::read(bytes).map_err(place);
    }
    let too_large = || ("credential.too-large", format!("{name} is larger than {} KiB", LARGEST_KEY_SET / 1024));
    match serde_json::from_slice::<Counted>(bytes) {
        Ok(counted) if counted.keys.len() > domain::credential::MOST_KEYS => {
            let finding = too_many_keys("", counted.keys.len(), "a key set");
            Err((finding.code, format!("{name}: {}", finding.message)))
        }
        _ => Err(too_large()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_does_not_hide_behind_a_second_list() {
        let text = br#"{"keys":[{"kty":"oct","k":"SECRET"}],"keys":[]}"#;
        let (code, message) = key_set("keys.json", text).unwrap_err();
        assert_eq!(code, "credential.jwks");
        assert!(message.starts_with("in keys.json a name stands twice in an object: line 1, column 4"), "{message}");
    }
    use pki::{KeyKind, PrivateKey, make_csr};

    fn file(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("brought");
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    #[test]
    fn of_a_request_nothing_but_the_request_is_taken() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let csr = make_csr(&key, "x").unwrap();
        let (_folder, path) = file(format!("SECRETSECRET\n{csr}").as_bytes());
        let read = request(&path).unwrap();
        assert_eq!(read.public_key(), &key.public().unwrap());
        assert!(!read.der().windows(6).any(|window| window == b"SECRET"));
        let (_folder, der) = file(read.der());
        assert_eq!(request(&der).unwrap().der(), read.der());
        for (bytes, code) in [
            (key.pkey().private_key_to_pem_pkcs8().unwrap(), "csr.not-a-csr"),
            (key.pkey().private_key_to_pkcs8().unwrap(), "csr.not-a-csr"),
            (format!("{csr}-----BEGIN EC PRIVATE KEY-----\n").into_bytes(), "csr.not-a-csr"),
            (csr.repeat(2).into_bytes(), "csr.encoding"),
            (vec![b'x'; 300_000], "csr.too-large"),
            (b"SECRETSECRET".to_vec(), "csr.not-a-csr"),
            (Vec::new(), "csr.not-a-csr"),
        ] {
            let (_folder, path) = file(&bytes);
            let failure = request(&path).unwrap_err();
            assert_eq!((failure.exit, failure.code.as_str()), (api::Exit::Usage, code));
            assert_eq!(failure.changed.as_deref(), Some(NOTHING_SENT));
            assert!(!format!("{failure:?}").contains("SECRET"));
        }
    }

    #[test]
    fn a_private_key_is_no_certificate_and_a_folder_no_file() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        for bytes in [key.pkey().private_key_to_pem_pkcs8().unwrap(), b"SECRETSECRET".to_vec(), vec![b'x'; 300_000]] {
            let (_folder, path) = file(&bytes);
            let failure = certificates(&path).unwrap_err();
            assert_eq!((failure.exit, failure.code.as_str()), (api::Exit::Usage, "cert.unreadable"));
        }
        let folder = tempfile::tempdir().unwrap();
        for failure in [request(folder.path()).unwrap_err(), certificates(folder.path()).unwrap_err()] {
            assert_eq!(failure.code, "file.unreadable");
            assert!(failure.message.ends_with("it is a folder"));
        }
    }

    #[test]
    fn a_large_key_set_is_told_what_is_wrong_with_it() {
        let keys = |count: usize| format!("{{\"keys\":[{}{{}}]}}", "{\"kty\":\"EC\",\"x\":\"0123456789\"},".repeat(count - 1));
        let code = |text: &str| key_set("it", text.as_bytes()).unwrap_err();
        assert_eq!(
            code(&keys(10_000)),
            ("credential.too-many-keys", "it: there are 10000 keys, a key set has at most 20".to_owned())
        );
        assert_eq!(code(&format!("{{\"keys\":[],\"note\":\"{}\"}}", "x".repeat(300_000))).0, "credential.too-large");
        assert_eq!(code(&"[".repeat(300_000)).0, "credential.too-large");
        assert_eq!(code("{\"SECRET"), ("credential.jwks", "it is no JSON: line 1, column 8".to_owned()));
        assert!(key_set("it", b"{\"keys\":[]}").is_ok());
    }
}
