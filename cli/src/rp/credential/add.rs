//! `iamctl rp credential add`.

use std::path::PathBuf;

use api::Field;
use api::credential::{AddCredential, CredentialAdded};
use clap::{ArgGroup, Args, ValueEnum};
use domain::{Finding, RelyingPartyId, ServiceSlug, Timestamp};
use pki::party_key::{Given, LARGEST_CERTIFICATE, read_certificate_file, read_key_set};
use serde_json::Value;

use crate::failure::{Failure, Mistake, NOTHING_SENT};
use crate::files::apart;
use crate::files::public::{self, LARGEST_TOLD, Opened};
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::last_moment;

/// Let a relying party be known by another key, certificate, address or secret
#[derive(Debug, Args)]
#[command(after_help = "It stands beside the credentials that the manifest lists: 'rp apply' rules over
what its manifest lists or listed, and leaves alone what was added here. To hand
an added credential over to the manifest, list it there.

A key set at an address is read at once and then again and again, as its
Cache-Control says, between five minutes and a day; a bad copy leaves the one
before it in use. A file is checked before anything is sent; private keys are
never sent. A shared secret is made here and printed once; it is one service's,
whose manifest says 'clientProfile: oidc'.

Examples:
  iamctl rp credential add sandbox-bank --jwks next.jwks.json --label 'HSM 2'
  iamctl rp credential add sandbox-bank \\
    --jwks-url https://bank.example/jwks.json
  iamctl rp credential add sandbox-bank --certificate client.pem \\
    --not-after 2027-01-01
  iamctl rp credential add sandbox-bank --kind client-secret --service portal")]
#[command(override_usage = "iamctl rp credential add [OPTIONS] \\
           (--jwks <FILE> | --jwks-url <URL> | --certificate <FILE> |
            --kind client-secret --service <ID>) <RP>")]
#[command(group = ArgGroup::new("content").required(true).args(["jwks", "jwks_url", "certificate", "kind"]))]
pub struct Add {
    /// The relying party's id
    rp: RelyingPartyId,
    /// A key set, public keys only; '-' for standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    jwks: Option<PathBuf>,
    /// The address of a key set, https
    #[arg(long, value_name = "URL", value_hint = clap::ValueHint::Url)]
    jwks_url: Option<String>,
    /// A certificate, PEM or DER; its issuers may follow it in the file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    certificate: Option<PathBuf>,
    /// What is made here: a shared secret
    #[arg(long, value_name = "KIND", requires = "service")]
    kind: Option<Made>,
    /// The service that the secret is of
    #[arg(long, value_name = "ID", requires = "kind")]
    service: Option<ServiceSlug>,
    /// What it is called among people
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Its last moment, or last day, where that is earlier than its own
    #[arg(long, value_name = "TIME", value_parser = last_moment)]
    not_after: Option<Timestamp>,
}

/// What the server makes itself.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Made {
    /// A secret that the client shares with this platform
    ClientSecret,
}

impl Verb for Add {
    type Row = CredentialAdded;

    async fn run(self, session: &Session) -> Result<Answer<CredentialAdded>, Failure> {
        let (jwks, certificate) = (self.jwks, self.certificate);
        let (jwks, certificate) = apart(move || Ok((jwks.map(key_set).transpose()?, certificate.map(pem).transpose()?))).await?;
        let rp = self.rp.clone();
        let op = AddCredential {
            rp: self.rp,
            jwks,
            jwks_url: self.jwks_url,
            certificate,
            secret_of: self.service,
            label: self.label,
            not_after: self.not_after,
        };
        session.confirm::<AddCredential>(&format!("Let {rp} be known by another credential?"), rp.as_str()).await?;
        let added = session.call(&op).await?;
        let faults: Vec<String> = added
            .iter()
            .filter_map(|it| it.credential.address.as_ref()?.fault.as_ref())
            .map(|fault| format!("no good key set was found there yet: {}", fault.message))
            .collect();
        let secret = added.iter().any(|it| it.secret.is_some());
        let answer = Answer::list(added);
        let answer = if secret { answer.tell("the secret is shown this once; keep it where the client finds it".to_owned()) } else { answer };
        Ok(faults.into_iter().fold(answer, Answer::tell))
    }
}

fn key_set(file: PathBuf) -> Result<Value, Failure> {
    let read = Opened::read(&file, LARGEST_TOLD)?;
    if read.more {
        let message = format!("{} is larger than {} MiB", read.name, LARGEST_TOLD / (1024 * 1024));
        return Err(Failure::usage("credential.too-large", message).changed(NOTHING_SENT));
    }
    let jwks =
        public::key_set(&read.name, &read.bytes).map_err(|(code, message)| Failure::usage(code, message).changed(NOTHING_SENT))?;
    match read_key_set("", &jwks, Given::ByHand).findings {
        findings if findings.is_empty() => Ok(jwks),
        findings => Err(wrong(&read.name, findings)),
    }
}

/// The party's own certificate, PEM: its issuers are looked at and not sent.
fn pem(file: PathBuf) -> Result<String, Failure> {
    let read = Opened::read(&file, LARGEST_CERTIFICATE)?;
    if read.more {
        let message = format!("{} is larger than {} KiB", read.name, LARGEST_CERTIFICATE / 1024);
        return Err(Failure::usage("credential.too-large", message).changed(NOTHING_SENT));
    }
    let certificate = read_certificate_file("", &read.bytes).map_err(|finding| wrong(&read.name, vec![finding]))?;
    Ok(certificate.pem)
}

fn wrong(file: &str, findings: Vec<Finding>) -> Failure {
    let code = findings.first().map_or("credential.jwks", |finding| finding.code);
    let mut failure = Failure::usage(code, format!("{file} cannot be added")).changed(NOTHING_SENT);
    failure.mistakes = findings
        .into_iter()
        .map(|finding| Mistake {
            field: Field {
                path: finding.path.trim_start_matches('.').to_owned(),
                file: Some(file.to_owned()),
                line: None,
                column: None,
                code: Some(finding.code.to_owned()),
                message: finding.message,
            },
            hint: finding.hint,
            snippet: None,
        })
        .collect();
    failure
}
