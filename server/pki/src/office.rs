//! For tests: an instance with its authorities, and the real `openssl` program to ask about what they publish.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use domain::{Environment, RevocationReason, Timestamp};

use crate::authority::{Authority, AuthorityName, AuthorityPurpose};
use crate::certificate::Certificate;
use crate::crl::{RevocationList, Revoked};
use crate::generate::{KeyKind, PrivateKey};
use crate::instance::Instance;

/// 2022-05-31 15:59:59.5 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_654_012_799_500_000);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn key() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

pub(crate) struct Office {
    pub(crate) root: Authority,
    pub(crate) operators: Authority,
    pub(crate) citizens: Authority,
}

impl Office {
    pub(crate) fn new() -> Self {
        Self::with_issuing_keys(KeyKind::P256)
    }

    pub(crate) fn with_issuing_keys(kind: KeyKind) -> Self {
        let instance = Instance::new("demo", Environment::Sandbox, "http://127.0.0.1:8080/").unwrap();
        let root = Authority::new_root(&instance, 1, key(), NOW).unwrap();
        let issuing = |purpose| {
            let key = PrivateKey::generate(kind).unwrap();
            root.new_issuing(AuthorityName::new(purpose, 1), key, NOW).unwrap()
        };
        let (operators, citizens) = (issuing(AuthorityPurpose::Operators), issuing(AuthorityPurpose::Citizens));
        Self { root, operators, citizens }
    }

    /// The signing certificate of a citizen.
    pub(crate) fn citizen(&self, account: &str) -> Certificate {
        let planned = self.citizens.plan_citizen(account, &key().public().unwrap(), None, NOW).unwrap();
        self.citizens.sign(&planned).unwrap()
    }
}

/// An entry of a list.
pub(crate) fn revoked(certificate: &Certificate, at: Timestamp, reason: RevocationReason) -> Revoked {
    Revoked { serial: certificate.view().serial.clone(), at, reason }
}

/// The list of an authority as it is at [`NOW`], good for a day.
pub(crate) fn list(issuer: &Authority, number: u64, revoked: impl IntoIterator<Item = Revoked>) -> RevocationList {
    RevocationList::issue(issuer, number, NOW, NOW.plus(DAY), revoked).unwrap()
}

/// A folder with files for the `openssl` program, removed with it.
pub(crate) struct Desk(tempfile::TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn put_certificates(&self, name: &str, certificates: &[&Certificate]) {
        let pem: Vec<String> = certificates.iter().map(|certificate| certificate.pem().unwrap()).collect();
        self.put(name, pem.concat());
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// When a file was written, by the clock of the machine, which is that of the `openssl` program too.
    pub(crate) fn modified(&self, name: &str) -> Timestamp {
        let written = std::fs::metadata(self.path(name)).unwrap().modified().unwrap();
        let micros = written.duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
        Timestamp::from_micros(i64::try_from(micros).unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `openssl` in the folder. Whether it was content, and all it said.
    pub(crate) fn openssl(&self, arguments: &str) -> (bool, String) {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(self.0.path());
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
}

/// Seconds since 1970, for `-attime`.
pub(crate) fn attime(moment: Timestamp) -> i64 {
    moment.micros().div_euclid(1_000_000)
}

/// Damaged copies of `good`: every beginning of it, and every byte with a bit flipped, with 0xff and with zero in its place.
pub(crate) fn damaged(good: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cut = (0..good.len()).map(|length| good[..length].to_vec());
    let spoilt = (0..good.len()).flat_map(move |at| {
        let with = move |byte: u8| {
            let mut bytes = good.to_vec();
            bytes[at] = byte;
            bytes
        };
        (0..8).map(move |bit| with(good[at] ^ (1 << bit))).chain([0x00, 0x7f, 0x80, 0x84, 0xff].map(with))
    });
    cut.chain(spoilt).filter(move |bytes| bytes != good)
}
