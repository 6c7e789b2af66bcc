//! The change feed: sealed audit entries as they come, over server-sent events at `GET /admin/v1/events`.

use domain::{AuditId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One change. The SSE `id` is `index`; `Last-Event-ID` or `?after=` goes on behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeEvent {
    /// 0-based leaf of the audit tree.
    pub index: u64,
    /// The audit entry.
    pub id: AuditId,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it: an operator's id, or `system`.
    pub operator: String,
    /// The operation, e.g. `account.suspend`.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// `done` or `refused`.
    pub outcome: String,
}
