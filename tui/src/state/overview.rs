//! The overview: one look at everything.

use api::Operation;
use api::job::{CancelJob, JobView};

use super::popup::{Confirm, Popup};
use super::{State, View};
use crate::call::{Read, Write};
use crate::command::{Command, Whether, not};

pub(crate) const COMMANDS: &[Command] = &[Command {
    keys: &["x"],
    name: "cancel job",
    what: "Stop the job that is under way; what it has committed stays",
    cli: "job cancel JOB",
    enabled: cancellable,
    run: |state| {
        if let Some(job) = running(state) {
            let question = format!("Stop the job {}? What it has committed stays.", job.kind);
            state.popup = Some(Popup::Confirm(Confirm::of(Write::CancelJob(job.job), question)));
        }
    },
}];

/// What this view asks for.
pub(crate) fn reads(state: &State) -> Vec<Read> {
    // A day is a column at most; a wider terminal asks again.
    vec![Read::Overview(u32::from(state.size.0).clamp(80, 400)), Read::Checks]
}

/// The job under way, the newest first.
pub(crate) fn running(state: &State) -> Option<&JobView> {
    state.overview.value.as_ref()?.jobs.iter().find(|job| !job.state.is_over())
}

fn cancellable(state: &State) -> Whether {
    state.may(CancelJob::ROLES)?;
    if state.view == View::Overview && running(state).is_some() { Ok(()) } else { not("no job is under way") }
}
