//! Long work done by the server in the background.

use domain::{JobId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Effect, Operation, Page, Role, Severity, page::PageRequest};

const READERS: &[Role] = &[Role::Administrator, Role::RegistrationOfficer, Role::Statistician, Role::Auditor];

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// Waits for its turn.
    Queued,
    /// Under way.
    Running,
    /// Done.
    Done,
    /// Stopped by an error.
    Failed,
    /// Stopped by an operator.
    Cancelled,
}

impl JobState {
    /// Every state.
    pub const ALL: &'static [Self] = &[Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobView {
    /// Id.
    pub job: JobId,
    /// What it does, e.g. `sandbox.populate`.
    pub kind: String,
    /// How it stands.
    pub state: JobState,
    /// Who asked for it.
    pub operator: String,
    /// Units done.
    pub done: u64,
    /// Units in all; 0 while not known.
    pub total: u64,
    /// What it is at, in words; at the end what it did.
    pub message: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// List the jobs, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListJobs {
    /// Only this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListJobs {
    const NAME: &'static str = "job.list";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<JobView>;
}

/// Show one job.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowJob {
    /// Which.
    pub job: JobId,
}

impl Operation for ShowJob {
    const NAME: &'static str = "job.show";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = JobView;
}

/// Stop a job; what it has committed stays.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelJob {
    /// Which.
    pub job: JobId,
}

impl Operation for CancelJob {
    const NAME: &'static str = "job.cancel";
    const ROLES: &'static [Role] = &[Role::Administrator];
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = JobView;

    fn subject(&self) -> String {
        self.job.to_string()
    }
}
