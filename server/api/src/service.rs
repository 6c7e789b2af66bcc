//! Services: what citizens use, each run by one relying party.

use domain::{
    Bilingual, Category, Ciba, ClientAuthentication, ClientId, ClientProfile, Day, Function, RelyingPartyId, Sector,
    SenderConstraint, ServiceState,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Effect, Operation, Page, Role, page::PageRequest};

const READERS: &[Role] =
    &[Role::RpOfficer, Role::Administrator, Role::KeyOfficer, Role::HotlineSupervisor, Role::Statistician, Role::Auditor];

/// List the services.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListServices {
    /// Only this party's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rp: Option<RelyingPartyId>,
    /// Only this category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Only this sector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<Sector>,
    /// Only those that may use this function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<Function>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListServices {
    const NAME: &'static str = "service.list";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<ServiceView>;
}

/// Show one service.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowService {
    /// Which, as `RP.SERVICE`.
    pub service: ClientId,
}

impl Operation for ShowService {
    const NAME: &'static str = "service.show";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = ServiceView;
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceView {
    /// `RP.SERVICE`, which is also its `client_id`.
    pub service: ClientId,
    /// Name.
    pub name: Bilingual,
    /// The organisation that runs it.
    pub organisation: Bilingual,
    /// Sector.
    pub sector: Sector,
    /// Category; optional for private parties.
    pub category: Option<Category>,
    /// What it may use.
    pub functions: Vec<Function>,
    /// Where a citizen may be sent back to.
    pub redirect_uris: Vec<String>,
    /// The rules its client follows; this and what follows as its manifest says it, or as it holds where that says nothing.
    pub client_profile: ClientProfile,
    /// How its client proves who it is.
    pub client_authentication: ClientAuthentication,
    /// What binds its tokens.
    pub sender_constraint: SenderConstraint,
    /// The scopes that it may ask for.
    pub scopes: Vec<String>,
    /// How it learns of decisions made on the phone, where it may ask for them by itself.
    pub ciba: Option<Ciba>,
    /// Where its server is told of them.
    pub ciba_notification_uri: Option<String>,
    /// Whether it may have refresh tokens.
    pub offline_access: bool,
    /// Where a citizen may be sent back to after a logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where its server is told of a logout.
    pub backchannel_logout_uri: Option<String>,
    /// Personal data it may ask for, with consent.
    pub form_fields: Vec<String>,
    /// State; suspended with its party.
    pub state: ServiceState,
    /// Its first day.
    pub since: Option<Day>,
    /// Whether it is made up for a sandbox.
    pub synthetic: bool,
}
