//! `iamctl doctor`: from this machine's files to the server's own look at itself, each with the mend.

mod local;
mod remote;

use api::Exit;
use api::instance::Check;
use clap::Args;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Look over the context, its files, the way to the server, and the server itself
#[derive(Debug, Args)]
#[command(after_help = "Each line is one check, with the mend where one is needed. Works with the server
down. Exit 1 when something is not as it should be.

Examples:
  iamctl doctor
  iamctl doctor --context-file demo/first-operator/context.yaml -o json")]
pub struct Doctor {}

impl Verb for Doctor {
    type Row = Check;

    async fn run(self, session: &Session) -> Result<Answer<Check>, Failure> {
        let mut checks = Vec::new();
        if let Some(context) = local::look(session, &mut checks) {
            remote::look(session, &context, &mut checks).await;
        }
        let exit = if checks.iter().all(|check| check.ok) { Exit::Done } else { Exit::Failed };
        Ok(Answer::list(checks).exit(exit))
    }
}

fn good(id: &str, detail: impl Into<String>) -> Check {
    Check { id: id.to_owned(), ok: true, detail: detail.into(), mend: None }
}

fn bad(id: &str, detail: impl Into<String>, mend: impl Into<String>) -> Check {
    Check { id: id.to_owned(), ok: false, detail: detail.into(), mend: Some(mend.into()) }
}

fn bad_of(id: &str, failure: &Failure) -> Check {
    bad(id, failure.message.clone(), failure.hint.clone().unwrap_or_else(|| "see 'iamctl explain errors'".to_owned()))
}
