//! Keys of the platform, generation by generation.

use domain::{
    ActivateAt, Attribution, KeyAlgorithm, KeyPurpose, KeyState, Kid, PlanRef, RelyingPartyId, RevocationReason, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rotation::{Readiness, WorkProgress};
use crate::{Effect, Operation, Page, Role, Severity, page::PageRequest};

const READERS: &[Role] = &[Role::KeyOfficer, Role::Administrator, Role::RpOfficer, Role::Auditor];

/// List the keys of the platform.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListKeys {
    /// Only this purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<KeyPurpose>,
    /// Only this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<KeyState>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListKeys {
    const NAME: &'static str = "key.list";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<KeyView>;
}

/// One generation of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyView {
    /// Key id; for signing keys the RFC 7638 thumbprint.
    pub kid: Kid,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Which line of generations within the purpose, e.g. `operators`; the generations of a CA are named `operators-1` and so on.
    pub name: String,
    /// Algorithm.
    pub algorithm: KeyAlgorithm,
    /// State.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it becomes, or became, the active one.
    pub activate_at: Option<Timestamp>,
    /// When it leaves, or left, use.
    pub retire_at: Option<Timestamp>,
    /// Last moment of its certificate, for keys that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// The key pair in the PKCS#11 token (CKA_ID, hex), for keys whose private half lies there; the others lie wrapped in the
    /// database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_object: Option<String>,
    /// Why it was revoked, when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revoked>,
    /// The rotation that it is part of: the one that replaces it, or else the one that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanRef>,
    /// How far the work is that this rotation needs, while there is some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<WorkProgress>,
}

/// A revocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revoked {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// Show one key generation.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowKey {
    /// Which.
    pub kid: Kid,
}

impl Operation for ShowKey {
    const NAME: &'static str = "key.show";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = KeyDetail;
}

/// A key generation with its public part and what comes next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyDetail {
    /// The generation.
    #[serde(flatten)]
    pub key: KeyView,
    /// Public JWK, for token-signing keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwk: Option<serde_json::Value>,
    /// Certificate, PEM, for keys that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Whether `/oauth2/jwks` shows it now.
    pub in_jwks: bool,
    /// The next step in words, with its date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What stops without it, in words; empty when it has left use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<String>,
    /// The systems of relying parties that are known to hold it in their copy of the key set, for token-signing keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_to: Vec<KnownTo>,
}

/// A system of a relying party that holds a key of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownTo {
    /// Whose.
    pub rp: RelyingPartyId,
    /// Which client of the party; none where the party as a whole is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// How it is known.
    pub how: Attribution,
    /// Since when: of its newest copy.
    pub at: Timestamp,
}

/// Publish the next key and let it take over from the active one: a rotation that is planned and run in one breath.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// Which purpose; `token-signing`.
    pub purpose: KeyPurpose,
    /// Which line of that purpose, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only this algorithm; every algorithm of the line when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<KeyAlgorithm>,
    /// When the new one takes over.
    #[serde(default)]
    pub activate: ActivateAt,
    /// Why it is to take over although relying parties are not ready.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
}

impl RotateKey {
    /// Every algorithm of the purpose, after the publish interval.
    #[must_use]
    pub const fn of(purpose: KeyPurpose) -> Self {
        Self { purpose, name: None, algorithm: None, activate: ActivateAt::AfterPublish, override_reason: None }
    }
}

impl Operation for RotateKey {
    const NAME: &'static str = "key.rotate";
    const ROLES: &'static [Role] = &[Role::KeyOfficer];
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = Vec<RotatedKey>;

    fn subject(&self) -> String {
        self.purpose.to_string()
    }
}

/// A key that a rotation has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RotatedKey {
    /// The new generation, with the plan that made it.
    #[serde(flatten)]
    pub key: KeyView,
    /// The generation that it has replaced already; one that is still to be replaced is active until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Kid>,
    /// In an emergency every generation that is revoked by it: the one that was replaced, and those before it that still drained.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<Kid>,
    /// How many relying parties know it. Those that do not, and count, fail until they fetch the key set, once it has taken over.
    pub readiness: Readiness,
    /// What relying parties are told, where the key before it was revoked in the same step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notices: Option<Notices>,
}

/// What relying parties are told of a key that is trusted no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notices {
    /// Parties to which a notice is on its way.
    pub on_their_way: u64,
    /// Parties that no notice reaches, for they have no channel for notices: somebody has to call their contacts.
    pub without_a_way: Vec<RelyingPartyId>,
}

/// Stop trusting a key at once. An active one is replaced in the same step, so that the platform never stands without.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// Which.
    pub kid: Kid,
    /// Why.
    pub reason: RevocationReason,
}

impl Operation for RevokeKey {
    const NAME: &'static str = "key.revoke";
    const ROLES: &'static [Role] = &[Role::KeyOfficer];
    const EFFECT: Effect = Effect::Write(Severity::Severe);
    type Reply = KeyRevocation;

    fn subject(&self) -> String {
        self.kid.to_string()
    }
}

/// What a revocation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyRevocation {
    /// The revoked generation.
    #[serde(flatten)]
    pub key: KeyView,
    /// The generation that took over, when the revoked one was active.
    pub replaced_by: Option<Kid>,
    /// How many relying parties know that one. Those that do not, and count, fail until they fetch the key set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Readiness>,
    /// What relying parties are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notices: Option<Notices>,
}
