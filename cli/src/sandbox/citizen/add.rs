//! `iamctl sandbox citizen add`.

use api::registration::AddStation;
use api::sandbox::ListRequests;
use clap::Args;
use client::phone::{Drawer, Line, Station, StationKey, Wish, register};
use domain::{Channel, LOCATIONS_YAML, LocationId, Locations, Tier, synthetic};

use super::view::CitizenView;
use crate::failure::{Failure, NOTHING_SENT};
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// Register simulated citizens, each with a virtual phone
#[derive(Debug, Args)]
#[command(after_help = "It goes the way that people go: a station takes what the card says, the records
of the Immigration Department are asked, and the phone binds its key. The
station is played here too; it is put into service the first time, which takes
the role of a registration officer. The keys of the phones lie in a folder
beside the context's file. On sandbox instances only.

Examples:
  iamctl sandbox citizen add
  iamctl sandbox citizen add --tier iam-smart-plus --channel counter
  iamctl sandbox citizen add --channel remote --count 3 -o name")]
pub struct Add {
    /// What the account is to be able to do
    #[arg(long, value_parser = word::<Tier>(Tier::WORDS), default_value = "iam-smart")]
    tier: Tier,
    /// How they register
    #[arg(long, value_parser = word::<Channel>(Channel::WORDS), default_value = "kiosk")]
    channel: Channel,
    /// Where; the first place of the channel when absent
    #[arg(long, value_name = "LOCATION")]
    location: Option<LocationId>,
    /// How many
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    count: u32,
    /// Which synthetic person, by number; the next one when absent
    #[arg(long, value_name = "NUMBER", value_parser = person)]
    person: Option<u32>,
}

fn person(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| synthetic::person(*number).is_some());
    number.ok_or_else(|| "a number from 0 to 25 999 999 is wanted".to_owned())
}

impl Verb for Add {
    type Row = CitizenView;

    async fn run(self, session: &Session) -> Result<Answer<CitizenView>, Failure> {
        session.no_dry_run("sandbox citizen add", "is what citizens and a station do")?;
        session.no_idempotency_key("sandbox citizen add", "registers somebody each time")?;
        let Self { tier, channel, location, count, person } = self;
        let (context, _) = session.context()?;
        let drawer = Drawer::of(&context)?;
        let location = place(channel, tier, location)?;
        let ca = context.read_ca()?;
        let public_url = session.call(&ListRequests::default()).await?.public_url;
        let phones = Line::open(&public_url, &ca)?;
        let station = match &location {
            Some(location) => Some(station(session, &drawer, channel, location).await?.line(&public_url, &ca)?),
            None => None,
        };
        let first = person.map_or_else(|| drawer.next_person(), Ok)?;
        let mut added = Vec::new();
        for number in 0..count {
            let wish = Wish { person: first.saturating_add(number), channel, location: location.clone(), tier };
            let kept = register(&phones, station.as_ref(), wish).await?;
            // At once: whoever is registered has their phone, whatever becomes of the next.
            drawer.put(&kept)?;
            added.push(CitizenView::from(kept));
        }
        Ok(Answer::list(added))
    }
}

/// The place that is meant; none for `remote`.
fn place(channel: Channel, tier: Tier, location: Option<LocationId>) -> Result<Option<LocationId>, Failure> {
    let location = match location {
        None if channel.needs_location() => first_place(channel),
        given => given,
    };
    match channel.check(tier, location.as_ref()) {
        Ok(()) => Ok(location),
        Err(refusal) => {
            let mut failure = Failure::usage(refusal.code, refusal.message).changed(NOTHING_SENT);
            failure.hint = refusal.hint.or_else(|| failure.hint.take());
            Err(failure)
        }
    }
}

fn first_place(channel: Channel) -> Option<LocationId> {
    let known: Locations = client::yaml::from_slice(LOCATIONS_YAML.as_bytes()).ok()?;
    known.locations.into_iter().find(|place| place.channel == channel).map(|place| place.id)
}

/// The station of that channel and place: the one that was put into service from here before, else a new one.
async fn station(session: &Session, drawer: &Drawer, channel: Channel, location: &LocationId) -> Result<Station, Failure> {
    if let Some(station) = Station::kept(drawer, channel, location)? {
        return Ok(station);
    }
    let key = StationKey::new(channel, location)?;
    let op = AddStation {
        station: key.station.clone(),
        channel,
        location: location.clone(),
        csr: key.csr.clone(),
        validity: None,
    };
    session.verbose(|| format!("the station {} is put into service", op.station));
    let added = session.call(&op).await?;
    let station = key.certified(&added.pem.unwrap_or_default(), &added.chain)?;
    station.keep(drawer, channel, location)?;
    Ok(station)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_has_a_place_unless_it_needs_none() {
        for channel in Channel::ALL {
            let place = place(*channel, Tier::IamSmart, None).unwrap();
            assert_eq!(place.is_some(), channel.needs_location(), "{channel}");
        }
        let somewhere = "harbour-road-sports-centre".parse().ok();
        let refused = place(Channel::Remote, Tier::IamSmart, somewhere).unwrap_err();
        assert_eq!((refused.exit, refused.code.as_str()), (api::Exit::Usage, "account.location-unexpected"));
        let refused = place(Channel::Remote, Tier::IamSmartPlus, None).unwrap_err();
        assert_eq!((refused.exit, refused.code.as_str()), (api::Exit::Usage, "account.channel-tier"));
    }
}
