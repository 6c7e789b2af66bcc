use api::job::{JobView, ShowJob};

use crate::app::{App, Caller};
use crate::failure::Failure;

/// One job.
pub async fn show(app: &App, _: &Caller, op: ShowJob) -> Result<JobView, Failure> {
    let row = app.store.read().await?.job(op.job).await?;
    Ok(app.held_up.told(row.ok_or_else(|| Failure::not_found("job", op.job))?.view()?))
}
