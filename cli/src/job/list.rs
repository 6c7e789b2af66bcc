//! `iamctl job list`.

use api::job::{JobState, JobView, ListJobs};
use clap::Args;

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{JOB_STATES, word};

/// List the jobs, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl job list --state running")]
pub struct List {
    /// Only this state
    #[arg(long, value_parser = word::<JobState>(JOB_STATES))]
    state: Option<JobState>,
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for List {
    type Row = JobView;

    async fn run(self, session: &Session) -> Result<Answer<JobView>, Failure> {
        session.list(ListJobs { state: self.state, ..ListJobs::default() }, &self.list)
    }
}
