//! `iamctl stats top`.

use api::stats::{TopRow, TopServices, View};
use clap::Args;
use domain::Day;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{VIEWS, day, word};

/// The frequently used services, in order
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl stats top --limit 10
  iamctl stats top --as-at 2022-05-31 -o md")]
pub struct Top {
    /// Events up to the end of this day; that of --known-at when absent
    #[arg(long, value_name = "DATE", value_parser = day)]
    as_at: Option<Day>,
    /// As recorded up to the end of this day; the last one counted when absent. A day is final an hour after it ended
    #[arg(long, value_name = "DATE", value_parser = day)]
    known_at: Option<Day>,
    /// At most so many, and those level with the last
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// For whose eyes; an auditor's own when absent, the public's for anybody else
    #[arg(long, value_parser = word::<View>(VIEWS))]
    view: Option<View>,
}

impl Verb for Top {
    type Row = TopRow;

    async fn run(self, session: &Session) -> Result<Answer<TopRow>, Failure> {
        let op = TopServices { as_at: self.as_at, known_at: self.known_at, limit: self.limit, view: self.view };
        Ok(Answer::list(session.call(&op).await?))
    }
}
