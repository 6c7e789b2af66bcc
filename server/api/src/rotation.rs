//! Rotations of keys as plans: written down, run, paused, called off.

use domain::{
    ActivateAt, CredentialId, HoldCause, KeyAlgorithm, KeyPurpose, Kid, OperatorId, Override, PlanRef, PlanState, RelyingPartyId,
    RevocationReason, RotationStep, Sighting, StepState, Timestamp, Verdict,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::key::RotatedKey;
use crate::{Effect, Operation, Page, Role, Severity, page::PageRequest};

const READERS: &[Role] = &[Role::KeyOfficer, Role::Administrator, Role::RpOfficer, Role::Auditor];
const OFFICERS: &[Role] = &[Role::KeyOfficer];

/// A rotation plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanView {
    /// Its reference.
    pub plan: PlanRef,
    /// What the keys are for.
    pub purpose: KeyPurpose,
    /// Which line of that purpose.
    pub name: String,
    /// The algorithms that are rotated together.
    pub algorithms: Vec<KeyAlgorithm>,
    /// Its state.
    pub state: PlanState,
    /// What it waits for, while it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_for: Option<HoldCause>,
    /// When it was written down.
    pub created_at: Timestamp,
    /// By whom; absent where the platform did it by itself, on schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<OperatorId>,
    /// Until when it can be run, while it is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapses_at: Option<Timestamp>,
    /// When the new key takes over, or took over; of a plan that was not run, when it would if it were run now.
    pub activate_at: Timestamp,
    /// When the plan ended, one way or another.
    pub finished_at: Option<Timestamp>,
    /// Why a key was withdrawn at the same moment, when one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<RevocationReason>,
    /// Who let it go on although parties were not ready, and why.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override>,
    /// The keys that it made.
    pub kids: Vec<Kid>,
    /// The keys that they replace, or have replaced.
    pub replaces: Vec<Kid>,
    /// How far the work is that the rotation needs; absent where it needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<WorkProgress>,
    /// The steps with their dates; in a list left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepView>,
    /// How many relying parties are ready for the new key; in a list left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Readiness>,
    /// The readiness ledger: every relying party that is not retired; in a list left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledger: Vec<PartyReadiness>,
}

/// How many relying parties are ready for a new key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Readiness {
    /// They know it.
    pub ready: u64,
    /// A system of theirs has last seen a key set without it.
    pub not_ready: u64,
    /// Nothing is known of them; they count as not ready.
    pub unknown: u64,
    /// They log nobody in and do not count.
    pub not_counted: u64,
    /// Whether they hold a copy of what is replaced is not recorded: nothing waits for them, and nothing says that they are ready.
    #[serde(default)]
    pub not_tracked: u64,
}

impl Readiness {
    /// Parties that the new key waits for.
    #[must_use]
    pub const fn awaited(&self) -> u64 {
        self.not_ready + self.unknown
    }
}

/// One relying party in the readiness ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartyReadiness {
    /// Which.
    pub rp: RelyingPartyId,
    /// Whether it is ready, and whether it counts.
    pub verdict: Verdict,
    /// The newest key set that it is known to have seen, and how that is known.
    pub seen: Option<Sighting>,
    /// The credential that it used last; where none was used yet, the newest one in use.
    pub credential: Option<CredentialSeen>,
    /// What would break were the new key to take over now.
    pub breaks: String,
}

/// A credential of a relying party, as far as the ledger needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialSeen {
    /// Which.
    pub credential: CredentialId,
    /// `jwks` or `certificate`.
    pub kind: String,
    /// When it was last used. None: never yet.
    pub last_used_at: Option<Timestamp>,
}

/// How far a piece of work is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkProgress {
    /// What is worked at.
    pub what: String,
    /// Units done.
    pub done: u64,
    /// Units in all.
    pub total: u64,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    /// Which.
    pub step: RotationStep,
    /// When it begins, or is taken.
    pub at: Timestamp,
    /// When it ends, for one that lasts.
    pub until: Option<Timestamp>,
    /// How it stands.
    pub state: StepState,
    /// What its length rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<SettingView>,
}

impl PlanView {
    /// Whether its new keys sign already: who does not have them refuses what they sign.
    #[must_use]
    pub fn has_taken_over(&self) -> bool {
        self.steps.iter().any(|step| step.step == RotationStep::Activate && step.state == StepState::Done)
    }
}

/// A setting behind a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingView {
    /// Its name in `iamd.yaml`; in words, what is no setting.
    pub name: String,
    /// Its value, seconds.
    pub seconds: u64,
}

/// Write down a rotation: its steps with dates. Nothing happens until it is run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRotation {
    /// Which purpose.
    pub purpose: KeyPurpose,
    /// Which line of that purpose, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only this algorithm; every algorithm of the line when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<KeyAlgorithm>,
    /// When the new key is to take over.
    #[serde(default)]
    pub activate: ActivateAt,
}

impl Operation for PlanRotation {
    const NAME: &'static str = "key.plan";
    const ROLES: &'static [Role] = OFFICERS;
    const EFFECT: Effect = Effect::Write(Severity::Mild);
    type Reply = PlanView;

    fn subject(&self) -> String {
        self.purpose.to_string()
    }
}

/// List the rotations, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListPlans {
    /// Only this purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<KeyPurpose>,
    /// Only this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<PlanState>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListPlans {
    const NAME: &'static str = "key.plans";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<PlanView>;
}

/// Show a rotation: its steps, and how each stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowPlan {
    /// Which.
    pub plan: PlanRef,
}

impl Operation for ShowPlan {
    const NAME: &'static str = "key.steps";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = PlanView;
}

/// Run a rotation that was planned: publish the new key now and let it take over on its date.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunPlan {
    /// Which.
    pub plan: PlanRef,
    /// Why it is to go on although relying parties are not ready.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
}

impl Operation for RunPlan {
    const NAME: &'static str = "key.run";
    const ROLES: &'static [Role] = OFFICERS;
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = Vec<RotatedKey>;

    fn subject(&self) -> String {
        self.plan.to_string()
    }
}

/// Stop a rotation until it is resumed. Before the new key has taken over it stays published and does not sign; afterwards the old one goes on
/// being accepted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PausePlan {
    /// Which.
    pub plan: PlanRef,
}

impl Operation for PausePlan {
    const NAME: &'static str = "key.pause";
    const ROLES: &'static [Role] = OFFICERS;
    const EFFECT: Effect = Effect::Write(Severity::Mild);
    type Reply = PlanView;

    fn subject(&self) -> String {
        self.plan.to_string()
    }
}

/// Let a rotation go on that is paused, or held for relying parties that are not ready. What fell due meanwhile is due at once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumePlan {
    /// Which.
    pub plan: PlanRef,
    /// Why it is to go on although relying parties are not ready.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
}

impl Operation for ResumePlan {
    const NAME: &'static str = "key.resume";
    const ROLES: &'static [Role] = OFFICERS;
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = PlanView;

    fn subject(&self) -> String {
        self.plan.to_string()
    }
}

/// Call a rotation off before the new key signs: what it has published is retired.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AbortPlan {
    /// Which.
    pub plan: PlanRef,
}

impl Operation for AbortPlan {
    const NAME: &'static str = "key.abort";
    const ROLES: &'static [Role] = OFFICERS;
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = PlanView;

    fn subject(&self) -> String {
        self.plan.to_string()
    }
}

/// Replace a key that somebody else has, or may have: a new one signs at once, the old one is revoked in the same step, and a
/// notice is queued for every relying party with a credential; the reply names those that no notice reaches.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmergencyRotation {
    /// Which purpose.
    pub purpose: KeyPurpose,
    /// Which line of that purpose, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only this algorithm; every algorithm of the line when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<KeyAlgorithm>,
    /// Why the old one is revoked.
    pub reason: RevocationReason,
}

impl Operation for EmergencyRotation {
    const NAME: &'static str = "key.emergency";
    const ROLES: &'static [Role] = OFFICERS;
    const EFFECT: Effect = Effect::Write(Severity::Severe);
    type Reply = Vec<RotatedKey>;

    fn subject(&self) -> String {
        self.purpose.to_string()
    }
}

/// Note that a relying party has said it has the new key: for one whose fetches cannot be told from others'.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeKeys {
    /// Which party.
    pub rp: RelyingPartyId,
    /// The keys that it says it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kids: Vec<Kid>,
    /// The rotation whose new keys it says it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanRef>,
}

impl Operation for AcknowledgeKeys {
    const NAME: &'static str = "rp.credential.ack";
    const ROLES: &'static [Role] = &[Role::RpOfficer, Role::KeyOfficer];
    const EFFECT: Effect = Effect::Write(Severity::Mild);
    type Reply = PartyReadiness;

    fn subject(&self) -> String {
        self.rp.to_string()
    }
}
