//! `iamctl registration station retire`.

use api::registration::{RetireStation, StationView};
use clap::Args;
use domain::StationId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Take a station out of service for good; its certificates are revoked
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl registration station retire wan-chai-kiosk-1 --yes")]
pub struct Retire {
    /// The station's id
    station: StationId,
}

impl Verb for Retire {
    type Row = StationView;

    async fn run(self, session: &Session) -> Result<Answer<StationView>, Failure> {
        let what = format!("Take the station {} out of service for good?", self.station);
        session.confirm::<RetireStation>(&what, self.station.as_str()).await?;
        Ok(Answer::one(session.call(&RetireStation { station: self.station }).await?))
    }
}
