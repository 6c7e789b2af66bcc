//! `iamctl stats usage`.

use api::stats::{UsageBy, UsageReport, UsageRow, View};
use clap::Args;
use domain::{Day, Month};

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{USAGE_BY, VIEWS, day, word};

/// Completed uses, broken down
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl stats usage --by sector --from 2022-01 --to 2022-05
  iamctl stats usage --by month -o csv --bom > usage.csv")]
pub struct Usage {
    /// What the figures are divided by
    #[arg(long, value_parser = word::<UsageBy>(USAGE_BY))]
    by: UsageBy,
    /// First month; that of the launch when absent
    #[arg(long, value_name = "MONTH")]
    from: Option<Month>,
    /// Last month; that of --known-at when absent
    #[arg(long, value_name = "MONTH")]
    to: Option<Month>,
    /// As recorded up to the end of this day; the last one counted when absent. A day is final an hour after it ended
    #[arg(long, value_name = "TIME", value_parser = day)]
    known_at: Option<Day>,
    /// For whose eyes; an auditor's own when absent, the public's for anybody else
    #[arg(long, value_parser = word::<View>(VIEWS))]
    view: Option<View>,
}

impl Verb for Usage {
    type Row = UsageRow;

    async fn run(self, session: &Session) -> Result<Answer<UsageRow>, Failure> {
        let op = UsageReport { by: self.by, from: self.from, to: self.to, known_at: self.known_at, view: self.view };
        Ok(Answer::list(session.call(&op).await?))
    }
}
