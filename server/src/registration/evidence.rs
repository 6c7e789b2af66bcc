//! What a person brings, held to the rules before anybody is asked; and the checks themselves.

use std::time::Duration;

use api::Field;
use api::app::registration::{LONGEST_DEVICE_NAME, Photo, Register};
use api::immigration::RecordVerdict;
use domain::{
    Arrival, Channel, LocationId, Profile, Refusal, RegistrationEnd, RegistrationId, RegistrationRules, Tier, Timestamp,
};
use openssl::sha::sha256;

use super::Station;
use crate::app::App;
use crate::face_matcher::Faces;
use crate::failure::Failure;
use crate::keys::Keys;
use crate::places;

/// How long the checks may take, less than what ends a registration from outside.
const PATIENCE: Duration = Duration::from_secs(6);

/// What was brought, of a form that can be checked.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) profile: Profile,
    pub(super) card: api::app::registration::Card,
    pub(super) tier: Tier,
    pub(super) channel: Channel,
    pub(super) location: Option<LocationId>,
    pub(super) photos: Photos,
}

/// The photos; wiped when they are dropped.
#[derive(Debug)]
pub(super) struct Photos {
    card: Option<Photo>,
    selfie: Option<Photo>,
}

impl Photos {
    /// Each by its name, with a keyed digest that says later which photo it was and lets nobody guess at it.
    pub(super) fn digests(&self, keys: &Keys, id: RegistrationId) -> anyhow::Result<Vec<(&'static str, [u8; 32])>> {
        let photos = [("card", &self.card), ("selfie", &self.selfie)];
        let taken = photos.into_iter().filter_map(|(name, photo)| Some((name, photo.as_ref()?)));
        taken
            .map(|(name, photo)| {
                let said = [b"registration.photo ", &id.as_bytes()[..], name.as_bytes(), &sha256(photo.expose())].concat();
                Ok((name, keys.body_mac(&said)?))
            })
            .collect()
    }
}

impl Evidence {
    /// Holds what was brought to the rules.
    ///
    /// # Errors
    /// `registration.channel`, `registration.photos`, `registration.no-records`, `registration.no-face-matcher`, and [`Failure::Invalid`]
    /// `registration.details` with every field that breaks a rule. No message holds personal data.
    pub(super) fn of(app: &App, station: Option<&Station>, op: Register, now: Timestamp) -> Result<Self, Failure> {
        let Register { channel, tier, card, phone, card_photo, selfie, device_name: _ } = op;
        let photos = Photos { card: card_photo, selfie };
        let own = station.map_or(Channel::Remote, |station| station.channel);
        if channel != own {
            let refusal = match station {
                Some(_) => Refusal::new("registration.channel", format!("this station registers through the channel {own}")),
                None => Refusal::new("registration.channel", "without a station's certificate the channel is remote")
                    .hint("a station connects with its client certificate"),
            };
            return Err(Failure::Denied(refusal));
        }
        let wanted = match channel {
            Channel::Remote => (true, true),
            Channel::Kiosk => (false, true),
            Channel::Counter | Channel::MobileTeam => (false, false),
        };
        if (photos.card.is_some(), photos.selfie.is_some()) != wanted {
            let message = format!(
                "the channel {channel} takes {}",
                match wanted {
                    (true, _) => "a photo of the card and a selfie",
                    (_, true) => "a selfie, and no photo of the card",
                    _ => "no photo",
                }
            );
            return Err(Failure::invalid("registration.photos", message));
        }
        if !app.population_register.is_configured() {
            let refusal = Refusal::new("registration.no-records", "this platform knows no records of the Immigration Department");
            return Err(refusal.hint("ask whoever runs it: 'immigrationDepartment' in iamd.yaml names them").into());
        }
        if photos.selfie.is_some() && app.face_matcher.is_none() {
            let refusal = Refusal::new("registration.no-face-matcher", "this platform has nothing to compare faces with");
            return Err(refusal.hint("register at a counter or with a mobile team").into());
        }
        let location = station.map(|station| station.location.clone());
        let api::app::registration::Card { hkic, name, sex, birth_date, card_issued } = card.clone();
        let profile = Profile { hkic, name, sex, birth_date, card_issued, phone };
        let rules = RegistrationRules { now, environment: app.environment, places: places::known()? };
        let arrival = Arrival { profile: &profile, tier, channel, location: location.as_ref(), registered_at: now };
        let faults: Vec<Field> = rules.faults(arrival).into_iter().map(|(field, refusal)| fault(field, refusal)).collect();
        if !faults.is_empty() {
            let message = "what was brought cannot be registered; nothing was".to_owned();
            return Err(Failure::Invalid { code: "registration.details", message, fields: faults });
        }
        Ok(Self { profile, card, tier, channel, location, photos })
    }

    /// Asks the records, and compares the faces meanwhile, whatever the records say: who registers cannot tell by the time which of
    /// them said no. The photos are gone when this is over, whatever came of it and however it ended. None when everything is as it
    /// should be.
    pub(super) async fn check(app: &App, card: &api::app::registration::Card, photos: Photos) -> Option<RegistrationEnd> {
        let checks = async {
            let faces = async {
                match (&photos.selfie, &app.face_matcher) {
                    (Some(selfie), Some(matcher)) => matcher.compare(Faces { selfie, card: photos.card.as_ref() }).await,
                    _ => Ok(true),
                }
            };
            let (records, faces) = tokio::join!(app.population_register.check(card), faces);
            match records {
                Ok(RecordVerdict::Valid) => {}
                Ok(RecordVerdict::NotOnRecord) => return Some(RegistrationEnd::NotOnRecord),
                Ok(RecordVerdict::DetailsDiffer) => return Some(RegistrationEnd::DetailsDiffer),
                Ok(RecordVerdict::CardNotValid) => return Some(RegistrationEnd::CardNotValid),
                Err(fault) => {
                    tracing::warn!(error = fault.message, "the records of the Immigration Department gave no answer");
                    return Some(RegistrationEnd::RecordsAway);
                }
            }
            match faces {
                Ok(true) => None,
                Ok(false) => Some(RegistrationEnd::FaceDiffers),
                Err(error) => {
                    tracing::warn!(error, "the faces could not be compared");
                    Some(RegistrationEnd::MatcherAway)
                }
            }
        };
        tokio::time::timeout(PATIENCE, checks).await.unwrap_or(Some(RegistrationEnd::RecordsAway))
    }
}

fn fault(field: &'static str, refusal: Refusal) -> Field {
    let path = match field {
        "tier" | "location" | "registered_at" => field.to_owned(),
        of_the_card => format!("card.{of_the_card}"),
    };
    Field { path, file: None, line: None, column: None, code: Some(refusal.code.to_owned()), message: refusal.message }
}

/// How a phone may call itself.
///
/// # Errors
/// `registration.device-name`.
pub(super) fn device_name(name: &str) -> Result<&str, Failure> {
    let name = name.trim();
    let good = (1..=LONGEST_DEVICE_NAME).contains(&name.chars().count()) && domain::visible(name) == name;
    if good {
        return Ok(name);
    }
    let message = format!("a device has a name of 1 to {LONGEST_DEVICE_NAME} visible characters");
    Err(Failure::invalid_field("registration.device-name", "device_name", message))
}
