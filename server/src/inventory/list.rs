use std::time::Duration;

use api::Page;
use api::inventory::{InventoryItem, ListInventory};
use domain::Timestamp;

use super::{Item, gather};
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Everything in use, the one that ends first at the top. A few thousand things at the most: citizens' certificates are not in it.
pub async fn list(app: &App, _: &Caller, op: ListInventory) -> Result<Page<InventoryItem>, Failure> {
    let now = app.clock.now();
    let mut read = app.store.read().await?;
    let mut items = gather(app, &mut read, now).await?.items;
    let soon = op.ends_within_days.map(|days| now.plus(Duration::from_hours(24 * u64::from(days))));
    items.retain(|item| {
        op.kind.is_none_or(|kind| item.kind == kind)
            && op.direction.is_none_or(|direction| item.direction == direction)
            && op.holder.as_deref().is_none_or(|holder| item.holder == holder)
            && soon.is_none_or(|soon| item.ends_at.is_some_and(|end| end <= soon))
    });
    let after = op.page.after.as_deref();
    let begin = after.map_or(0, |after| items.iter().position(|item| place(item) == after).map_or(0, |at| at + 1));
    let limit = usize::try_from(op.page.limit()).unwrap_or(usize::MAX);
    let part: Vec<Item> = items.into_iter().skip(begin).take(limit).collect();
    let next = crate::page::next(&part, op.page.limit(), place);
    Ok(Page { items: part.into_iter().map(|item| view(item, now)).collect(), next })
}

/// Where the list goes on: ids are told apart within their kind.
fn place(item: &Item) -> String {
    format!("{}.{}", item.kind, item.id)
}

/// What the office sees of it.
pub(super) fn view(item: Item, now: Timestamp) -> InventoryItem {
    InventoryItem {
        days_left: item.days_left(now),
        id: item.id,
        kind: item.kind,
        direction: item.direction,
        what: item.what,
        holder: item.holder,
        state: item.state,
        ends_at: item.ends_at,
        renewed: item.renewed,
        depends: item.depends,
        next: item.next,
        how: item.how,
    }
}
