//! A job that waits for its surroundings, a full disk for one. It cannot be said in the job's own row: that may be what cannot
//! be written.

use std::sync::{Mutex, PoisonError};

use api::job::JobView;
use domain::JobId;

/// What this node's job waits for, while it waits.
#[derive(Debug, Default)]
pub struct HeldUp(Mutex<Option<(JobId, String)>>);

impl HeldUp {
    /// The job waits for this, until it goes on or ends.
    pub(crate) fn by(&self, job: JobId, cause: &str) {
        let cause = domain::visible(cause).into_owned();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((job, cause));
    }

    /// It goes on.
    pub(crate) fn no_longer(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The job with what it waits for behind what it is at.
    pub(crate) fn told(&self, view: JobView) -> JobView {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((job, cause)) if *job == view.job && !view.state.is_over() => {
                JobView { message: format!("{}; waits: {cause}", view.message), ..view }
            }
            _ => view,
        }
    }
}
