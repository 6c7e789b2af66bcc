//! Relying parties: organisations and their services, brought on board from files.

use domain::{
    Bilingual, Change, CredentialId, CredentialSource, CredentialState, CredentialType, Function, Industry, Manifest, PartyState,
    RelyingPartyId, Sector, ServiceSlug, ServiceState, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::account::Ended;
use crate::{Effect, Operation, Page, Role, Severity, page::PageRequest};

pub(crate) const READERS: &[Role] =
    &[Role::RpOfficer, Role::Administrator, Role::KeyOfficer, Role::HotlineSupervisor, Role::Statistician, Role::Auditor];

/// The most manifests one request carries.
pub const MAX_MANIFESTS: usize = 1_000;

/// Show what applying these manifests would change; changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanParties {
    /// The wanted state, one manifest a party.
    pub manifests: Vec<Manifest>,
}

impl Operation for PlanParties {
    const NAME: &'static str = "rp.plan";
    const ROLES: &'static [Role] = &[Role::RpOfficer, Role::Auditor];
    const EFFECT: Effect = Effect::Read;
    type Reply = Vec<PartyPlan>;
}

/// What an apply did, or would do, to one party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PartyChange {
    /// It is new.
    Created,
    /// Some field differs.
    Updated,
    /// Nothing differs.
    Unchanged,
}

/// What would change at one party, field by field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartyPlan {
    /// Which party.
    pub rp: RelyingPartyId,
    /// What would happen.
    pub change: PartyChange,
    /// Field by field.
    pub changes: Vec<Change>,
    /// What the manifest has no say in: credentials that come from elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Bring these parties to the state of their manifests: all of them or, if one is refused, none.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyParties {
    /// The wanted state, one manifest a party.
    pub manifests: Vec<Manifest>,
}

impl Operation for ApplyParties {
    const NAME: &'static str = "rp.apply";
    const ROLES: &'static [Role] = &[Role::RpOfficer];
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = Vec<PartyApplied>;

    fn subject(&self) -> String {
        match self.manifests.as_slice() {
            [one] => one.id.to_string(),
            many => format!("{} relying parties", many.len()),
        }
    }
}

/// What an apply did to one party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartyApplied {
    /// Which party.
    pub rp: RelyingPartyId,
    /// What happened.
    pub change: PartyChange,
    /// Its state now.
    pub state: PartyState,
    /// What ended with services that the manifest lists no longer; absent when it lists all that it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// List the relying parties.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListParties {
    /// Only this sector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<Sector>,
    /// Only this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<PartyState>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListParties {
    const NAME: &'static str = "rp.list";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<PartySummary>;
}

/// A party in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartySummary {
    /// Id.
    pub rp: RelyingPartyId,
    /// Name.
    pub organisation: Bilingual,
    /// Sector.
    pub sector: Sector,
    /// Industry, for private ones.
    pub industry: Option<Industry>,
    /// State.
    pub state: PartyState,
    /// Number of services that are not retired.
    pub services: u32,
    /// Whether it is made up for a sandbox.
    pub synthetic: bool,
    /// Counts up with each change.
    pub version: i64,
}

/// Show one relying party.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowParty {
    /// Which.
    pub rp: RelyingPartyId,
}

impl Operation for ShowParty {
    const NAME: &'static str = "rp.show";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = PartyView;
}

/// A relying party, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartyView {
    /// Id.
    pub rp: RelyingPartyId,
    /// Name.
    pub organisation: Bilingual,
    /// Sector.
    pub sector: Sector,
    /// Industry, for private ones.
    pub industry: Option<Industry>,
    /// State.
    pub state: PartyState,
    /// Why it is suspended, when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_reason: Option<String>,
    /// What was under way and has ended; only in the answer to a suspension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// Its services.
    pub services: Vec<PartyService>,
    /// Its credentials; with none the party cannot log anybody in.
    pub credentials: Vec<PartyCredential>,
    /// What stands in its way, in words; empty when nothing does.
    pub warnings: Vec<String>,
    /// Counts up with each change.
    pub version: i64,
    /// The manifest as it was last applied.
    pub manifest: Manifest,
    /// When it was first applied.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A service under its party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartyService {
    /// Id within the party.
    pub service: ServiceSlug,
    /// Name.
    pub name: Bilingual,
    /// Category; optional for private parties.
    pub category: Option<domain::Category>,
    /// What it may use.
    pub functions: Vec<Function>,
    /// State.
    pub state: ServiceState,
}

/// A credential of a party; 'rp credential list' shows all about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartyCredential {
    /// Id.
    pub id: CredentialId,
    /// What it is.
    pub kind: CredentialType,
    /// What became of it.
    pub state: CredentialState,
    /// Last moment, where it has one.
    pub not_after: Option<Timestamp>,
    /// Who names it: as long as they do, it is active.
    pub source: CredentialSource,
    /// The one service that it speaks for; absent where it speaks for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceSlug>,
    /// What it is called among people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Show how a party came to be what it is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyHistory {
    /// Which.
    pub rp: RelyingPartyId,
}

impl Operation for PartyHistory {
    const NAME: &'static str = "rp.history";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Vec<PartyVersion>;
}

/// One version of a party, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartyVersion {
    /// Version.
    pub version: i64,
    /// From when it held.
    pub valid_from: Timestamp,
    /// Until when; absent for the present one.
    pub valid_to: Option<Timestamp>,
    /// Who made it.
    pub operator: String,
    /// State in it.
    pub state: PartyState,
    /// Why, where a reason was asked for: suspending, resuming.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it changed, field by field.
    pub changes: Vec<Change>,
}

/// Stop a relying party: none of its services is accessible from this moment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendParty {
    /// Which.
    pub rp: RelyingPartyId,
    /// Why; kept in the history.
    pub reason: String,
}

impl Operation for SuspendParty {
    const NAME: &'static str = "rp.suspend";
    const ROLES: &'static [Role] = &[Role::RpOfficer];
    const EFFECT: Effect = Effect::Write(Severity::Severe);
    type Reply = PartyView;

    fn subject(&self) -> String {
        self.rp.to_string()
    }
}

/// Let a suspended relying party go on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeParty {
    /// Which.
    pub rp: RelyingPartyId,
    /// Why; kept in the history.
    pub reason: String,
}

impl Operation for ResumeParty {
    const NAME: &'static str = "rp.resume";
    const ROLES: &'static [Role] = &[Role::RpOfficer];
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = PartyView;

    fn subject(&self) -> String {
        self.rp.to_string()
    }
}
