//! The audit log: read by the server's word, or exported and verified without it.

use std::fmt;
use std::str::FromStr;

use domain::{AuditId, CallRef, IdError, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Effect, Operation, Page, Role, page::PageRequest};

/// List audit entries, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAudit {
    /// Only this operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Only this operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Only what was done to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Only from this call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallRef>,
    /// Only `done` or only `refused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<AuditOutcome>,
    /// Only from this moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Only before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListAudit {
    const NAME: &'static str = "audit.list";
    const ROLES: &'static [Role] = &[Role::Auditor, Role::Administrator];
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<AuditView>;
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuditOutcome {
    /// Done.
    Done,
    /// Refused; nothing was changed.
    Refused,
}

/// An audit entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditView {
    /// 0-based leaf of the tree; null until sealed.
    pub index: Option<u64>,
    /// Id.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who: an operator's id, or `system`.
    pub operator: String,
    /// The operation.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// In which call.
    pub call: Option<CallRef>,
    /// The request's id.
    pub request_id: Option<String>,
}

/// Show one audit entry as it was sealed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowAudit {
    /// Which: its id, or the number of its leaf.
    pub id: EntryName,
}

/// What an audit entry is called: `01890a5d-ac96-774b-bcce-b302099a8057`, or once it is sealed `42`, its leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "the id of an audit entry (a UUID) or the number of its leaf")]
pub enum EntryName {
    /// By its id.
    Id(AuditId),
    /// By its 0-based leaf.
    Leaf(u64),
}

impl FromStr for EntryName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self::Leaf).or_else(|_| text.parse().map(Self::Id))
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Leaf(leaf) => leaf.fmt(f),
        }
    }
}

impl From<AuditId> for EntryName {
    fn from(id: AuditId) -> Self {
        Self::Id(id)
    }
}

impl Operation for ShowAudit {
    const NAME: &'static str = "audit.show";
    const ROLES: &'static [Role] = &[Role::Auditor, Role::Administrator];
    const EFFECT: Effect = Effect::Read;
    type Reply = AuditDetail;
}

/// An audit entry with its bytes and the proof that the tree holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditDetail {
    /// The entry.
    #[serde(flatten)]
    pub entry: AuditView,
    /// The leaf, parsed.
    pub leaf: serde_json::Value,
    /// RFC 9162 leaf hash, lower-case hex.
    pub leaf_hash: String,
    /// Size of the tree of the first checkpoint that holds it; null until sealed.
    pub tree_size: Option<u64>,
}

/// Sealed entries in tree order, each as the exact bytes of its leaf.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportAudit {
    /// First leaf, 0-based.
    pub from: u64,
    /// At most this many, 1 to 5 000.
    pub limit: u32,
}

impl Operation for ExportAudit {
    const NAME: &'static str = "audit.export";
    const ROLES: &'static [Role] = &[Role::Auditor];
    const EFFECT: Effect = Effect::Read;
    type Reply = AuditLeaves;
}

/// Leaves, each one JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditLeaves {
    /// The leaves; the exact bytes that were hashed.
    pub leaves: Vec<String>,
    /// Behind the last of them, where to go on; null when there was none. What follows the last checkpoint is given too:
    /// whether it may be there is for the verifier to say.
    pub next: Option<u64>,
}

/// Why an entry has no place in the tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unplaced {
    /// It waits to be sealed.
    #[default]
    Waiting,
    /// No node of the instance has written it: it was put into the database past them, is set aside and never sealed.
    Quarantined,
}

/// Entries that have no place in the tree, in order of their ids.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnsealedAudit {
    /// Which of them.
    #[serde(default)]
    pub which: Unplaced,
    /// Go on behind this entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<AuditId>,
}

impl Operation for UnsealedAudit {
    const NAME: &'static str = "audit.unsealed";
    const ROLES: &'static [Role] = &[Role::Auditor];
    const EFFECT: Effect = Effect::Read;
    type Reply = UnsealedLeaves;
}

/// Leaves without a place in the tree, each one JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnsealedLeaves {
    /// The leaves.
    pub leaves: Vec<String>,
    /// Where to go on; null at the end.
    pub next: Option<AuditId>,
}

/// The signed checkpoints, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListCheckpoints {
    /// Only trees larger than this.
    pub after: u64,
    /// At most this many, 1 to 5 000.
    pub limit: u32,
}

impl Operation for ListCheckpoints {
    const NAME: &'static str = "audit.checkpoints";
    const ROLES: &'static [Role] = &[Role::Auditor];
    const EFFECT: Effect = Effect::Read;
    type Reply = Checkpoints;
}

/// Checkpoints and the key that signed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checkpoints {
    /// C2SP verifier key: the log's first one, or the first after one that was revoked before it announced another.
    pub vkey: String,
    /// How one verifier key followed another, every one of them, oldest first: signed notes.
    #[serde(default)]
    pub announcements: Vec<String>,
    /// What time stamps are verified with: the certificate of the instance's root, PEM.
    #[serde(default)]
    pub root: String,
    /// Oldest first.
    pub checkpoints: Vec<CheckpointView>,
    /// Where to go on; null at the end.
    pub next: Option<u64>,
    /// What keeps the server from sealing any further entry; absent while nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amiss: Option<String>,
    /// Entries that no node of the instance has written, and that are set aside.
    #[serde(default)]
    pub quarantined: u64,
}

/// One checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckpointView {
    /// Leaves it covers.
    pub tree_size: u64,
    /// The C2SP signed note.
    pub note: String,
    /// A time stamp over the note, RFC 3161 token in DER, base64; about one a minute has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_stamp: Option<String>,
}
