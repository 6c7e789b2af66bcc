use api::Page;
use api::job::{JobView, ListJobs};

use crate::app::{App, Caller};
use crate::failure::Failure;

/// Jobs, newest first.
pub async fn list(app: &App, _: &Caller, op: ListJobs) -> Result<Page<JobView>, Failure> {
    let limit = op.page.limit();
    let after = op.page.after.as_deref().map(str::parse).transpose();
    let after = after.map_err(|_| Failure::invalid_field("page.after", "after", "it is not the id of a job"))?;
    let rows = app.store.read().await?.jobs(op.state, after, limit).await?;
    let items = rows.into_iter().map(|row| row.view().map(|view| app.held_up.told(view))).collect::<Result<Vec<_>, _>>()?;
    let next = crate::page::next(&items, limit, |view| view.job.to_string());
    Ok(Page { items, next })
}
