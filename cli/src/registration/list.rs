//! `iamctl registration list`.

use api::registration::{ListRegistrations, RegistrationView};
use clap::Args;
use domain::{Channel, LocationId, RegistrationState, StationId};

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// List registrations, the newest first; no personal data
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl registration list --limit 20
  iamctl registration list --state refused --channel kiosk -o csv")]
pub struct List {
    /// Only this state
    #[arg(long, value_parser = word::<RegistrationState>(RegistrationState::WORDS))]
    state: Option<RegistrationState>,
    /// Only this channel
    #[arg(long, value_parser = word::<Channel>(Channel::WORDS))]
    channel: Option<Channel>,
    /// Only this place
    #[arg(long, value_name = "PLACE")]
    location: Option<LocationId>,
    /// Only this station
    #[arg(long)]
    station: Option<StationId>,
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for List {
    type Row = RegistrationView;

    async fn run(self, session: &Session) -> Result<Answer<RegistrationView>, Failure> {
        let Self { state, channel, location, station, list } = self;
        session.list(ListRegistrations { state, channel, location, station, ..ListRegistrations::default() }, &list)
    }
}
