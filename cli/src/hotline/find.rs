//! `iamctl hotline find`.

use api::hotline::{FindCaller, FoundAccount, Identifier};
use clap::{ArgGroup, Args};
use domain::{AccountId, CallRef, Hkic, Phone};

use crate::failure::{Failure, NOTHING_SENT};
use crate::output::Answer;
use crate::prompt;
use crate::session::Session;
use crate::verb::Verb;

/// Find the caller's account; shows masked data only
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("by").required(true), override_usage = "iamctl hotline find [OPTIONS] --call CALL
       (--hkic - | --phone - | --account ID)",
          after_help = "Card and phone numbers are never arguments: '-' reads standard input, or asks
without echo.

Examples:
  iamctl hotline find --call HC3NQK8N1 --hkic -
  iamctl hotline find --call HC3NQK8N1 --phone - -o json < number.txt")]
pub struct Find {
    /// The call it belongs to
    #[arg(long)]
    call: CallRef,
    /// By card number, from standard input
    #[arg(long, group = "by", value_name = "-", allow_hyphen_values = true)]
    hkic: Option<String>,
    /// By phone number, from standard input
    #[arg(long, group = "by", value_name = "-", allow_hyphen_values = true)]
    phone: Option<String>,
    /// By account reference
    #[arg(long, group = "by", value_name = "ID")]
    account: Option<AccountId>,
}

impl Verb for Find {
    type Row = FoundAccount;

    async fn run(self, session: &Session) -> Result<Answer<FoundAccount>, Failure> {
        let by = if let Some(account) = self.account {
            Identifier::Account(account)
        } else if let Some(given) = self.hkic {
            only_dash(&given, "--hkic")?;
            let text = prompt::secret(session.terminal.input, "HKIC number").await?;
            let hkic: Hkic = text.parse().map_err(|error: domain::HkicError| wrong(error.code(), &error.to_string()))?;
            Identifier::Hkic(hkic)
        } else {
            only_dash(self.phone.as_deref().unwrap_or_default(), "--phone")?;
            let text = prompt::secret(session.terminal.input, "Phone number").await?;
            let phone = Phone::as_dialled(&text).map_err(|error| wrong(error.code(), &error.to_string()))?;
            Identifier::Phone(phone)
        };
        let found = session.call(&FindCaller { call: self.call, by }).await?;
        Ok(Answer::list(found))
    }
}

/// The number itself stays unsaid: it would be in the history of the shell already, and in the error as well.
fn only_dash(given: &str, flag: &str) -> Result<(), Failure> {
    if given == "-" {
        return Ok(());
    }
    Err(Failure::usage("usage.personal-argument", format!("{flag} takes only '-': personal numbers are not given as arguments"))
        .changed(NOTHING_SENT)
        .hint(format!(
            "write {flag} - and give the number on standard input, or type it when asked; clear the shell's history of this line"
        )))
}

fn wrong(code: &str, message: &str) -> Failure {
    Failure::usage(code, message).changed(NOTHING_SENT).hint("ask the caller to read it again")
}
