//! `iamctl stats freeze`.

use api::stats::{FreezeMonth, FrozenMonth, ListFrozen};
use clap::Args;
use domain::{Day, Month};

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::day;

/// Close a month: what is known of it is published, and later records never move it; without a month, list those that are
#[derive(Debug, Args)]
#[command(after_help = "The digest is over every cell of the month and stands in a signed note and in
the audit log. Asked again, the reply is what was frozen.

Examples:
  iamctl stats freeze 2022-05 --yes
  iamctl stats freeze 2022-05 --known-at 2022-06-10
  iamctl stats freeze")]
pub struct Freeze {
    /// The month; it must have ended
    #[arg(value_name = "MONTH")]
    month: Option<Month>,
    /// As recorded up to the end of this day; the last final one when absent. A day is final an hour after it ended
    #[arg(long, value_name = "DATE", value_parser = day, requires = "month")]
    known_at: Option<Day>,
}

impl Verb for Freeze {
    type Row = FrozenMonth;

    async fn run(self, session: &Session) -> Result<Answer<FrozenMonth>, Failure> {
        let Some(month) = self.month else { return Ok(Answer::list(session.call(&ListFrozen {}).await?)) };
        let question = format!("Freeze {month}: its published figures can never be changed, only restated?");
        session.confirm::<FreezeMonth>(&question, &month.to_string()).await?;
        let frozen = session.call(&FreezeMonth { month, known_at: self.known_at }).await?;
        let already = frozen.already;
        let answer = Answer::one(frozen);
        Ok(if already { answer.tell(format!("{month} was frozen before; nothing was changed")) } else { answer })
    }
}
