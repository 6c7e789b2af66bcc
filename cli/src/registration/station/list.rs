//! `iamctl registration station list`.

use api::registration::{ListStations, StationView};
use clap::Args;

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// List the stations
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl registration station list")]
pub struct List {
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for List {
    type Row = StationView;

    async fn run(self, session: &Session) -> Result<Answer<StationView>, Failure> {
        session.list(ListStations::default(), &self.list)
    }
}
