//! `iamctl stats restate`.

use api::Exit;
use api::stats::{RestateMonth, Restatement, View};
use clap::Args;
use domain::{Day, Month};

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{VIEWS, day, word};

/// What differs between a month as it was frozen and as it is known now, and why; nothing is overwritten
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl stats restate 2022-05
  iamctl stats restate 2022-05 --exit-code -o json")]
pub struct Restate {
    /// The month; it must be frozen
    #[arg(value_name = "MONTH")]
    month: Month,
    /// As recorded up to the end of this day; the last one counted when absent
    #[arg(long, value_name = "DATE", value_parser = day)]
    known_at: Option<Day>,
    /// For whose eyes; an auditor's own when absent, the public's for anybody else
    #[arg(long, value_parser = word::<View>(VIEWS))]
    view: Option<View>,
    /// Exit with 7 when anything differs
    #[arg(long)]
    exit_code: bool,
}

impl Verb for Restate {
    type Row = Restatement;

    async fn run(self, session: &Session) -> Result<Answer<Restatement>, Failure> {
        let told = session.call(&RestateMonth { month: self.month, known_at: self.known_at, view: self.view }).await?;
        let exit = if self.exit_code && told.differs { Exit::Differs } else { Exit::Done };
        Ok(Answer::one(told).exit(exit))
    }
}
