//! Registrations as the office sees them, and the stations where people register. No personal data: whose a registration is, the
//! account says.

use domain::{
    AccountId, Channel, LocationId, RegistrationEnd, RegistrationId, RegistrationKind, RegistrationState, StationId, Tier,
    Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::certificate::CertificateView;
use crate::{Effect, Operation, Page, Role, Severity, page::PageRequest};

const READERS: &[Role] = &[Role::RegistrationOfficer, Role::Administrator, Role::Auditor];
const OFFICERS: &[Role] = &[Role::RegistrationOfficer, Role::Administrator];

/// List registrations, the newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRegistrations {
    /// Only this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RegistrationState>,
    /// Only this channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Only this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationId>,
    /// Only this station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<StationId>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListRegistrations {
    const NAME: &'static str = "registration.list";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<RegistrationView>;
}

/// A registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistrationView {
    /// Its id.
    pub registration: RegistrationId,
    /// Where it stands.
    pub state: RegistrationState,
    /// What it came to be.
    pub kind: Option<RegistrationKind>,
    /// Why it ended without an account.
    pub reason: Option<RegistrationEnd>,
    /// How the person came.
    pub channel: Channel,
    /// Where; none for `remote`.
    pub location: Option<LocationId>,
    /// By which station.
    pub station: Option<StationId>,
    /// What the account was to be able to do.
    pub tier: Tier,
    /// When evidence was taken.
    pub begun_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Show one registration, with what became of its photos.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowRegistration {
    /// Which.
    pub registration: RegistrationId,
}

impl Operation for ShowRegistration {
    const NAME: &'static str = "registration.show";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = RegistrationDetail;

    fn subject(&self) -> String {
        self.registration.to_string()
    }
}

/// A registration with its account and its photos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistrationDetail {
    /// The registration.
    #[serde(flatten)]
    pub registration: RegistrationView,
    /// The account that came of it.
    pub account: Option<AccountId>,
    /// The photos that were taken for its checks.
    pub photos: Vec<PhotoDeletion>,
}

/// That a photo was taken, and that it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhotoDeletion {
    /// `card` or `selfie`.
    pub photo: String,
    /// Keyed digest of it, lower-case hex.
    pub digest: String,
    /// When it came.
    pub taken_at: Timestamp,
    /// When it was deleted; none while the checks are under way.
    pub deleted_at: Option<Timestamp>,
    /// `checked`, `not-checked`, or `interrupted`: the process that had it in its memory went down.
    pub why: Option<String>,
}

/// Count registrations by channel, place and state.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountRegistrations {}

impl Operation for CountRegistrations {
    const NAME: &'static str = "registration.count";
    const ROLES: &'static [Role] = &[Role::RegistrationOfficer, Role::Administrator, Role::Auditor, Role::Statistician];
    const EFFECT: Effect = Effect::Read;
    type Reply = Vec<RegistrationCount>;
}

/// How many registrations of a channel and place have come to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistrationCount {
    /// The channel.
    pub channel: Channel,
    /// The place; none for `remote`.
    pub location: Option<LocationId>,
    /// On their way.
    pub open: u64,
    /// Completed.
    pub completed: u64,
    /// Refused by the checks.
    pub refused: u64,
    /// Without a device in time.
    pub expired: u64,
    /// Not brought to an end.
    pub abandoned: u64,
}

/// Put a station into service, or give one that is in service another certificate.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddStation {
    /// Its id.
    pub station: StationId,
    /// The channel it registers through; not `remote`.
    pub channel: Channel,
    /// Where it stands.
    pub location: LocationId,
    /// The certificate signing request of the station's own key: one PEM block, or the base64 of its DER.
    pub csr: String,
    /// A shorter life than the profile's, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<u64>,
}

impl Operation for AddStation {
    const NAME: &'static str = "registration.station.add";
    const ROLES: &'static [Role] = OFFICERS;
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = AddedStation;

    fn subject(&self) -> String {
        self.station.to_string()
    }
}

/// A station with the certificate that it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddedStation {
    /// The station.
    #[serde(flatten)]
    pub station: StationView,
    /// Its certificate.
    pub certificate: CertificateView,
    /// PEM; none in a dry run, which signs nothing.
    pub pem: Option<String>,
    /// Its issuers up to the root, PEM.
    pub chain: Vec<String>,
    /// What the request asked for and did not get.
    pub ignored: Vec<String>,
}

/// A station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StationView {
    /// Its id.
    pub id: StationId,
    /// The channel it registers through.
    pub channel: Channel,
    /// Where it stands.
    pub location: LocationId,
    /// `active` or `retired`.
    pub state: String,
    /// Since when it is in service.
    pub added_at: Timestamp,
    /// Until when it was.
    pub retired_at: Option<Timestamp>,
}

/// List stations by id.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListStations {
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListStations {
    const NAME: &'static str = "registration.station.list";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<StationView>;
}

/// Take a station out of service for good: its certificates are revoked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetireStation {
    /// Which.
    pub station: StationId,
}

impl Operation for RetireStation {
    const NAME: &'static str = "registration.station.retire";
    const ROLES: &'static [Role] = OFFICERS;
    const EFFECT: Effect = Effect::Write(Severity::Severe);
    type Reply = StationView;

    fn subject(&self) -> String {
        self.station.to_string()
    }
}
