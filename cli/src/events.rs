//! `iamctl events`.

use api::event::ChangeEvent;
use clap::Args;
use client::events::Feed;
use futures_util::{StreamExt, future::ready};

use crate::failure::Failure;
use crate::flags::Format;
use crate::output::{Answer, Body, aside};
use crate::session::Session;
use crate::verb::{Ends, Verb};

/// Follow what is done, as it is sealed into the audit log; JSON lines when piped
#[derive(Debug, Args)]
#[command(after_help = "Goes on by itself after a lost connection. Ctrl-C ends it.

Examples:
  iamctl events
  iamctl events --after 0 | jq .action")]
pub struct Events {
    /// Begin after this leaf of the audit log; from now on when absent
    #[arg(long, value_name = "LEAF")]
    after: Option<u64>,
    /// End after so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Verb for Events {
    type Row = ChangeEvent;
    const UNWATCHED: Format = Format::Jsonl;
    const ENDS: Ends = Ends::WhenInterrupted;

    async fn run(self, session: &Session) -> Result<Answer<ChangeEvent>, Failure> {
        let mut connected = false;
        let feed = session.connection()?.events(self.after).filter_map(move |told| {
            ready(match told {
                Ok(Feed::Change(change)) => Some(Ok(change)),
                Ok(Feed::Live) => {
                    connected = true;
                    None
                }
                // A server that was never there is told at once, and the next step with it.
                Ok(Feed::Lost { cause, .. }) if !connected => Some(Err(Failure::from(cause))),
                Ok(Feed::Lost { cause, pause }) => {
                    aside(&format!("{cause}; trying again in {} s", pause.as_secs()));
                    None
                }
                Err(error) => Some(Err(Failure::from(error))),
            })
        });
        Ok(Answer::of(Body::Live(Box::pin(feed.take(self.limit.unwrap_or(usize::MAX))))))
    }
}
