//! `iamctl stats export`.

use api::stats::{ExportEvents, RawEvent, RawOf};
use clap::Args;
use domain::{Day, Month};
use futures_util::stream;

use crate::failure::Failure;
use crate::flags::Format;
use crate::output::{Answer, Body};
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{RAW_OF, day, word};

/// Raw events, one row each, for a recount with any tool: no account, no pseudonym, no time of day
#[derive(Debug, Args)]
#[command(after_help = "For auditors: raw events show small numbers that published reports suppress.
The column 'count' is -1 for an event that takes an earlier one off: sum it.

Examples:
  iamctl stats export --raw --from 2022-05 --to 2022-05 > may.csv
  iamctl stats export --raw --of accounts -o jsonl")]
pub struct Export {
    /// Raw events; there is nothing else to export
    #[arg(long, required = true)]
    raw: bool,
    /// Which events
    #[arg(long, default_value = "uses", value_parser = word::<RawOf>(RAW_OF))]
    of: RawOf,
    /// First month of events; all when absent
    #[arg(long, value_name = "MONTH")]
    from: Option<Month>,
    /// Last month of events; all when absent
    #[arg(long, value_name = "MONTH")]
    to: Option<Month>,
    /// As recorded up to the end of this day; the last one counted when absent
    #[arg(long, value_name = "DATE", value_parser = day)]
    known_at: Option<Day>,
}

impl Verb for Export {
    type Row = RawEvent;

    const UNWATCHED: Format = Format::Csv;

    async fn run(self, session: &Session) -> Result<Answer<RawEvent>, Failure> {
        let first = ExportEvents { of: self.of, from: self.from, to: self.to, known_at: self.known_at, after: None };
        // The first page is asked for at once, so that a refusal comes before any output.
        let page = session.call(&first).await?;
        let known_at = page.known_at;
        let (connection, options) = (session.connection()?.clone(), session.options());
        let pages = stream::try_unfold(Some(page), move |page| {
            let (connection, options, first) = (connection.clone(), options.clone(), first.clone());
            async move {
                let Some(page) = page else { return Ok(None) };
                let next = match page.next {
                    Some(after) => {
                        let op = ExportEvents { known_at: Some(known_at), after: Some(after), ..first };
                        Some(connection.call(&op, &options).await?.reply)
                    }
                    None => None,
                };
                Ok::<_, Failure>(Some((page.events, next)))
            }
        });
        Ok(Answer::of(Body::Pages(Box::pin(pages))))
    }
}
