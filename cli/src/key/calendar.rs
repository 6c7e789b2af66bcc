//! `iamctl key calendar`.

use api::inventory::{CalendarEntry, ShowCalendar};
use clap::Args;
use domain::{CalendarKind, Day};

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{day, word};

/// Show day by day what ends, what is to be renewed, and the steps of rotations
#[derive(Debug, Args)]
#[command(after_help = "Days are Hong Kong's. Citizens' signing certificates are counted by the day on
which they end. What should have been done before today and is still open stands
first. '-o wide' has the command for each. '-o ics' is for the office calendar:
import it again and each entry takes its own place, wherever its day has moved.

Examples:
  iamctl key calendar
  iamctl key calendar --from 2022-06-01 --to 2022-12-31
  iamctl key calendar -o ics > keys.ics
  iamctl key calendar --kind rotate -o json")]
pub struct Calendar {
    /// The first day; today when absent
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Day>,
    /// The last day; a year after the first one when absent
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<Day>,
    /// Only this kind of entry
    #[arg(long, value_parser = word::<CalendarKind>(CalendarKind::WORDS))]
    kind: Option<CalendarKind>,
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for Calendar {
    type Row = CalendarEntry;

    async fn run(self, session: &Session) -> Result<Answer<CalendarEntry>, Failure> {
        let op = ShowCalendar { from: self.from, to: self.to, kind: self.kind, ..ShowCalendar::default() };
        session.list(op, &self.list)
    }
}
