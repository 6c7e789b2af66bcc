use api::Page;
use api::registration::{ListStations, StationView};

use super::view;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Stations by id.
pub async fn list(app: &App, _: &Caller, op: ListStations) -> Result<Page<StationView>, Failure> {
    let limit = op.page.limit();
    let rows = app.store.read().await?.stations(op.page.after.as_deref().unwrap_or_default(), limit).await?;
    let items = rows.iter().map(view).collect::<Result<Vec<_>, _>>()?;
    let next = crate::page::next(&items, limit, |station| station.id.to_string());
    Ok(Page { items, next })
}
