//! `iamctl key list`.

use api::key::{KeyView, ListKeys};
use clap::Args;
use domain::{KeyPurpose, KeyState};

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// List the keys of the platform
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl key list --purpose token-signing
  iamctl key list --state active -o json")]
pub struct List {
    /// Only this purpose
    #[arg(long, value_parser = word::<KeyPurpose>(KeyPurpose::WORDS))]
    purpose: Option<KeyPurpose>,
    /// Only this state
    #[arg(long, value_parser = word::<KeyState>(KeyState::WORDS))]
    state: Option<KeyState>,
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for List {
    type Row = KeyView;

    async fn run(self, session: &Session) -> Result<Answer<KeyView>, Failure> {
        session.list(ListKeys { purpose: self.purpose, state: self.state, ..ListKeys::default() }, &self.list)
    }
}
