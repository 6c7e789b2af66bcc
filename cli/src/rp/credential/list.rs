//! `iamctl rp credential list`.

use api::credential::{CredentialView, ListCredentials};
use clap::Args;
use domain::{CredentialState, RelyingPartyId};

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// List credentials with their state, days left, last use and faults
#[derive(Debug, Args)]
#[command(after_help = "SOURCE says who names a credential: the manifest, an operator ('added'), the key
set at an address ('url'), or this platform ('issued'). When its source no
longer names it, it is 'superseded'; 'revoked' is for good.

Examples:
  iamctl rp credential list inland-revenue-department
  iamctl rp credential list --state expired -o wide")]
pub struct List {
    /// Only this relying party's
    rp: Option<RelyingPartyId>,
    /// Only this state
    #[arg(long, value_parser = word::<CredentialState>(CredentialState::WORDS))]
    state: Option<CredentialState>,
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for List {
    type Row = CredentialView;

    async fn run(self, session: &Session) -> Result<Answer<CredentialView>, Failure> {
        session.list(ListCredentials { rp: self.rp, state: self.state, ..ListCredentials::default() }, &self.list)
    }
}
