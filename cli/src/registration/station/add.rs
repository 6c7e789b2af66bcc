//! `iamctl registration station add`.

use std::path::PathBuf;

use api::registration::{AddStation, AddedStation};
use clap::Args;
use domain::{Channel, LocationId, StationId};

use crate::cert::{prepared, put_down, request, seconds};
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{STATION_CHANNELS, word};

/// Put a station into service, or give one another certificate
#[derive(Debug, Args)]
#[command(override_usage = "iamctl registration station add [OPTIONS] --channel CHANNEL
              --location PLACE --csr FILE STATION")]
#[command(after_help = "The station makes its key and a certificate signing request (PEM or DER); the
key never leaves it. The certificate binds it to its channel and its place.
The same station again gets another certificate; the one before stays good
until its own end.

Examples:
  iamctl registration station add wan-chai-kiosk-1 --channel kiosk \\
      --location harbour-road-sports-centre --csr kiosk.csr --out kiosk.crt")]
pub struct Add {
    /// The station's id
    station: StationId,
    /// How people register there
    #[arg(long, value_parser = word::<Channel>(STATION_CHANNELS))]
    channel: Channel,
    /// Where it stands: the id of a place in fixtures/locations.yaml
    #[arg(long, value_name = "PLACE")]
    location: LocationId,
    /// The request; '-' is standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    csr: PathBuf,
    /// A shorter life than the usual 365 days, never a longer: 90d, 36h, 45m
    #[arg(long, value_name = "LIFE", value_parser = seconds)]
    validity: Option<u64>,
    /// Write the certificate and its issuers to this file, PEM
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    out: Option<PathBuf>,
    /// Let '--out' take the place of a file that is there
    #[arg(long, requires = "out")]
    force: bool,
}

impl Verb for Add {
    type Row = AddedStation;

    async fn run(self, session: &Session) -> Result<Answer<AddedStation>, Failure> {
        let csr = request(self.csr).await?;
        let out = prepared(self.out, self.force).await?;
        let what = format!("Let people register at the {} {}, {}?", self.channel, self.station, self.location);
        session.confirm::<AddStation>(&what, self.station.as_str()).await?;
        let Self { station, channel, location, validity, .. } = self;
        let mut added = session.call(&AddStation { station, channel, location, csr, validity }).await?;
        let Some(out) = out else { return Ok(Answer::one(added)) };
        let told = put_down(session, &added.certificate.serial, (&mut added.pem, &mut added.chain), out)?;
        Ok(Answer::one(added).tell(told))
    }
}
