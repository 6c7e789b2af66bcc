use api::service::{ServiceView, ShowService};

use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// One service.
pub async fn show(app: &App, _: &Caller, op: ShowService) -> Result<ServiceView, Failure> {
    let mut read = app.store.read().await?;
    let row = read.service(&op.service).await?.ok_or_else(|| Failure::not_found("service", &op.service))?;
    Ok(view(&row)?)
}
