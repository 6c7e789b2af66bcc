//! `iamctl rp credential leaked`.

use std::path::{Path, PathBuf};

use api::credential::{LeakReport, ReportLeak};
use clap::{ArgGroup, Args};
use domain::{CredentialId, Timestamp};
use pki::PublicKey;
use pki::party_key::public_halves;

use super::revoke::nobody_left;
use crate::failure::{Failure, NOTHING_SENT};
use crate::files::apart;
use crate::files::public::Opened;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::moment;

/// The largest file of evidence.
const LARGEST: usize = 256 * 1024;

/// Take in a leaked private key: revoke and block it at once, list what it touched
#[derive(Debug, Args)]
#[command(after_help = "Name the credential, or bring what shows the key: a public key, a certificate, a
request, a JWK or key set, or the private key itself as it was found (PEM or
DER, not encrypted). The public half is taken out here; a private key is never
sent, and is wiped from memory. '-' reads standard input.

Every credential with the key is revoked, and the key is refused everywhere from
now on: in manifests, key sets, certificate requests and enrolments. The reply
lists whose it is, what else shares it, uses and audit entries since then.

The key of an operator or a citizen takes a key officer ('iamctl cert revoke'),
and a key of the platform itself is replaced ('iamctl key rotate', with
--emergency). Of a certificate with its chain, the first is meant.

Examples:
  iamctl rp credential leaked CR0000000012 --note 'found on a code forge'
  iamctl rp credential leaked --key found.pem --since 2026-11-01 --yes")]
#[command(override_usage = "iamctl rp credential leaked [OPTIONS] (<CREDENTIAL> | --key <FILE>)")]
#[command(group = ArgGroup::new("evidence").required(true).args(["credential", "key"]))]
pub struct Leaked {
    /// The credential's id
    credential: Option<CredentialId>,
    /// The evidence
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    key: Option<PathBuf>,
    /// Where it was found; no personal data
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// From when on it may be in other hands; since it came by default
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
}

impl Verb for Leaked {
    type Row = LeakReport;

    async fn run(self, session: &Session) -> Result<Answer<LeakReport>, Failure> {
        let keys = match self.key {
            Some(file) => apart(move || evidence(&file)).await?,
            None => Vec::new(),
        };
        let (what, name) = match (&self.credential, keys.as_slice()) {
            (Some(credential), _) => (format!("the key of credential {credential}"), credential.to_string()),
            (None, [key]) => {
                let thumbprint = thumbprint(key)?;
                // A thumbprint has 43 characters; the first eight tell it apart well enough to be typed.
                (format!("key {thumbprint}"), thumbprint.chars().take(8).collect())
            }
            (None, many) => (format!("{} keys", many.len()), many.len().to_string()),
        };
        session.confirm::<ReportLeak>(&format!("Revoke and block {what} everywhere, for good?"), &name).await?;
        let public_keys = keys.iter().map(pem).collect::<Result<Vec<_>, _>>()?;
        let op = ReportLeak { credential: self.credential, public_keys, note: self.note, since: self.since };
        let report = session.call(&op).await?;
        let told: Vec<String> =
            report.parties.iter().filter(|party| party.left == 0).map(|party| nobody_left(party.rp.as_str())).collect();
        Ok(told.into_iter().fold(Answer::one(report), Answer::tell))
    }
}

fn evidence(file: &Path) -> Result<Vec<PublicKey>, Failure> {
    let read = Opened::read(file, LARGEST)?;
    if read.more {
        return Err(Failure::usage("file.too-large", "the evidence is larger than 256 KiB").changed(NOTHING_SENT));
    }
    public_halves(&read.bytes).map_err(|error| {
        Failure::usage("credential.key", error.to_string())
            .hint("bring a public key, a certificate, a request, a JWK or key set, or the private key as it was found")
            .changed(NOTHING_SENT)
    })
}

fn thumbprint(key: &PublicKey) -> Result<String, Failure> {
    key.thumbprint().map_err(|error| Failure::usage("credential.key", error.to_string()).changed(NOTHING_SENT))
}

fn pem(key: &PublicKey) -> Result<String, Failure> {
    key.pem().map_err(|error| Failure::usage("credential.key", error.to_string()).changed(NOTHING_SENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::{KeyKind, PrivateKey};

    #[test]
    fn of_a_private_key_nothing_but_its_public_half_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let file = folder.path().join("found.pem");
        std::fs::write(&file, key.pkey().private_key_to_pem_pkcs8().unwrap()).unwrap();
        let found = evidence(&file).unwrap();
        assert_eq!(found, [key.public().unwrap()]);
        assert!(pem(&found[0]).unwrap().starts_with("-----BEGIN PUBLIC KEY-----\n"));
        std::fs::write(&file, "SECRETSECRET").unwrap();
        let failure = evidence(&file).unwrap_err();
        assert_eq!((failure.exit, failure.code.as_str()), (api::Exit::Usage, "credential.key"));
        assert!(!format!("{failure:?}").contains("SECRETSECRET"));
        assert!(failure.hint.as_deref().unwrap().starts_with("bring a public key"));
        std::fs::write(&file, vec![b'x'; LARGEST + 1]).unwrap();
        assert_eq!(evidence(&file).unwrap_err().code, "file.too-large");
        assert_eq!(evidence(&folder.path().join("none")).unwrap_err().exit, api::Exit::Usage);
    }
}
