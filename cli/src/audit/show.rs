//! `iamctl audit show`.

use api::audit::{AuditDetail, EntryName, ShowAudit};
use clap::Args;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show one audit entry as it was sealed
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl audit show 42
  iamctl audit show 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct Show {
    /// The entry's leaf, as the list shows it, or its id
    id: EntryName,
}

impl Verb for Show {
    type Row = AuditDetail;

    async fn run(self, session: &Session) -> Result<Answer<AuditDetail>, Failure> {
        Ok(Answer::one(session.call(&ShowAudit { id: self.id }).await?))
    }
}
