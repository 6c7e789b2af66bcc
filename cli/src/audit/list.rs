//! `iamctl audit list`.

use api::audit::{AuditOutcome, AuditView, ListAudit};
use clap::Args;
use domain::{CallRef, Timestamp};

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{AUDIT_OUTCOMES, moment, word};

/// List audit entries, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl audit list --limit 20
  iamctl audit log --action account.suspend --from 2022-05-01 -o csv")]
pub struct List {
    /// Only those of this operator
    #[arg(long, value_name = "ID")]
    operator: Option<String>,
    /// Only this operation, e.g. account.suspend
    #[arg(long, value_name = "OPERATION")]
    action: Option<String>,
    /// Only what was done to this
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// Only what was done in this call
    #[arg(long)]
    call: Option<CallRef>,
    /// Only what ended so
    #[arg(long, value_parser = word::<AuditOutcome>(AUDIT_OUTCOMES))]
    outcome: Option<AuditOutcome>,
    /// Only from this time or day on
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,
    /// Only before this time or day
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for List {
    type Row = AuditView;

    async fn run(self, session: &Session) -> Result<Answer<AuditView>, Failure> {
        let op = ListAudit {
            operator: self.operator,
            action: self.action,
            subject: self.subject,
            call: self.call,
            outcome: self.outcome,
            from: self.from,
            to: self.to,
            ..ListAudit::default()
        };
        session.list(op, &self.list)
    }
}
