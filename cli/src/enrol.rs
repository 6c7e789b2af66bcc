//! `iamctl enrol`.

use std::path::PathBuf;

use api::enrol::Enrol as EnrolRequest;
use clap::Args;
use client::contexts::{ContextParts, Replace};
use client::tls::Credential;
use client::{ClientError, ContextFile, Contexts};
use openssl::pkey::{PKey, Private};
use pki::{KeyKind, PrivateKey, make_csr};
use zeroize::Zeroizing;

use crate::context::ContextView;
use crate::failure::{Failure, NOTHING_SENT};
use crate::output::Answer;
use crate::prompt;
use crate::session::{OWN_FILES, Session};
use crate::verb::Verb;

/// Become an operator: turn a one-time code into a certificate and a context
#[derive(Debug, Args)]
#[command(after_help = "The key is made here and never leaves this machine. The code comes from
'iamctl operator add'; '-' reads standard input, or asks without echo.

Examples:
  iamctl enrol --server https://127.0.0.1:7443 --ca ca.crt --code -
  iamctl enrol --server https://admin.iam.example --ca ca.crt --code - \\
    --name production")]
pub struct Enrol {
    /// The admin listener
    #[arg(long, value_name = "URL")]
    server: String,
    /// The root certificate of the instance, PEM, from somebody you trust
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    ca: PathBuf,
    /// The one-time code, from standard input
    #[arg(long, value_name = "-")]
    code: String,
    /// The context's name; the environment's word when absent
    #[arg(long)]
    name: Option<String>,
    /// Put it in the place of a context of the same name
    #[arg(long)]
    replace: bool,
}

impl Verb for Enrol {
    type Row = ContextView;

    async fn run(self, session: &Session) -> Result<Answer<ContextView>, Failure> {
        session.no_dry_run("enrol", OWN_FILES)?;
        if self.code != "-" {
            return Err(Failure::usage("usage.personal-argument", "--code takes only '-': the code is not given as an argument")
                .changed(NOTHING_SENT)
                .hint("write --code - and give the code on standard input, or type it when asked"));
        }
        let ca = client::files::read(&self.ca, 256 * 1024)?;
        // Looked at before the code is used up: it is good once.
        let mut contexts = Contexts::open()?;
        client::Connection::without_certificate(&self.server, &ca)?;
        let replace = if self.replace { Replace::Yes } else { Replace::No };
        contexts.check_room(self.name.as_deref(), replace).map_err(|error| Failure::from(error).changed(NOTHING_SENT))?;
        let code = prompt::secret(session.terminal.input, "Enrolment code").await?;
        let key = PrivateKey::generate(KeyKind::P256).map_err(|error| own_fault(&error))?;
        let csr = make_csr(&key, "operator").map_err(|error| own_fault(&error))?;
        let request = EnrolRequest { code: code.to_string(), csr };
        let timeout = session.flags.timeout.unwrap_or(client::connection::TIMEOUT);
        let enrolled = client::enrol::enrol(&self.server, &ca, &request, timeout).await.map_err(Failure::of_enrolment)?;

        let name = match self.name {
            Some(name) => name,
            None if self.replace => enrolled.environment.to_string(),
            None => free_name(&contexts, enrolled.environment.as_str(), enrolled.operator.as_str()),
        };
        let file = ContextFile {
            name,
            server: self.server,
            instance: enrolled.instance,
            environment: enrolled.environment,
            operator: enrolled.operator,
            ca: PathBuf::new(),
            certificate: PathBuf::new(),
            key: PathBuf::new(),
        };
        let certificate = [enrolled.certificate]
            .into_iter()
            .chain(enrolled.chain)
            .map(|pem| pem.trim_end().to_owned() + "\n")
            .collect::<String>();
        let key = pem_of(key.pkey())?;
        let parts = ContextParts { file, ca: &ca, certificate: certificate.as_bytes(), key: &key };
        let context = contexts.add(&parts, replace).map_err(without_context)?;
        Credential::of(&context).map_err(without_context)?;
        let current = contexts.current() == Some(context.file.name.as_str());
        let mut answer = Answer::one(ContextView::of(&context, current));
        answer = answer.tell(format!("'iamctl --context {} whoami' shows what you may do", context.file.name));
        if !current {
            answer = answer.tell(format!("'iamctl context use {}' makes it the current one", context.file.name));
        }
        Ok(answer)
    }
}

/// The server made the certificate; what went wrong after that did not stay without effect.
fn without_context(error: ClientError) -> Failure {
    let mut failure = Failure::from(error)
        .changed("the code is used up and the certificate was made, but no context was written: the key is lost")
        .hint("mend it and ask for a new code ('iamctl operator add')");
    failure.exit = api::Exit::Failed;
    failure
}

/// `sandbox`, else `sandbox-duty-officer-3`, else with a number: a name must not fail a code that is used up.
fn free_name(contexts: &Contexts, environment: &str, operator: &str) -> String {
    let taken: Vec<String> = contexts.list().into_iter().map(|listed| listed.name).collect();
    let longer: String = format!("{environment}-{operator}").chars().take(60).collect();
    let numbered = (2..).map(|number| format!("{longer}-{number}"));
    [environment.to_owned(), longer.clone()].into_iter().chain(numbered).find(|name| !taken.contains(name)).unwrap_or(longer)
}

fn pem_of(key: &PKey<Private>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    key.private_key_to_pem_pkcs8().map(Zeroizing::new).map_err(|error| own_fault(&error))
}

fn own_fault(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(api::Exit::Failed, "internal", format!("a key could not be made: {error}")).changed(NOTHING_SENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_that_cannot_be_written_after_the_code_was_spent_is_no_wrong_usage() {
        let folder = tempfile::tempdir().unwrap();
        let fault = client::files::write_private(&folder.path().join("none/file"), b"").unwrap_err();
        let failure = without_context(fault.into());
        assert_eq!((failure.exit, failure.code.as_str()), (api::Exit::Failed, "file"));
        assert!(failure.changed.as_ref().unwrap().contains("used up"), "{failure:?}");
    }
}
