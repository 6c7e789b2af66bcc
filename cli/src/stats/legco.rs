//! `iamctl stats legco`.

use api::stats::{LegcoReply, LegcoReport};
use clap::Args;
use client::surroundings;
use domain::{Day, figures};

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::day;

/// The reply to the Legislative Council: figures as at a day, in house style, in both languages
#[derive(Debug, Args)]
#[command(after_help = "Days end at midnight Hong Kong time.

Examples:
  iamctl stats legco --as-at 2022-05-31
  iamctl stats legco --as-at 2022-05-31 -o md > reply.md")]
pub struct Legco {
    /// Events up to the end of this day
    #[arg(long, value_name = "DATE", value_parser = day)]
    as_at: Day,
    /// As recorded up to the end of this day; the last one counted when absent. A day is final an hour after it ended
    #[arg(long, value_name = "TIME", value_parser = day)]
    known_at: Option<Day>,
}

impl Verb for Legco {
    type Row = LegcoReply;

    async fn run(self, session: &Session) -> Result<Answer<LegcoReply>, Failure> {
        let reply = session.call(&LegcoReport { known_at: self.known_at, ..LegcoReport::as_at(self.as_at) }).await?;
        // Not in the reply: the same question to the same database has the same bytes, whatever the time is.
        let known_at = reply.known_at;
        let provisional = !figures::is_final(known_at, surroundings::now());
        let answer = Answer::one(reply);
        Ok(if provisional {
            answer.tell(format!(
                "provisional: more may yet be recorded under {known_at}; it is final an hour after that day has ended in Hong Kong"
            ))
        } else {
            answer
        })
    }
}
