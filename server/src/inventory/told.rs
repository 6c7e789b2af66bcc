//! What the doctor says of things that run out.

use api::instance::Check;
use domain::{CalendarKind, HoldCause, ItemKind, NextStep, PlanState, RotationPlan, Timestamp};

use super::{Inventory, Item, gather};
use crate::app::App;
use crate::failure::Failure;

/// What ends sooner than this is not as it should be: whoever has to act has been told for a month.
const WITHIN_DAYS: i64 = 30;
/// Things that are named one by one.
const NAMED: usize = 5;

/// A line for each thing that has ended or ends soon and has none in its place, or one that says that there are none; one for each
/// rotation that is held, and one for those that are due.
///
/// # Errors
/// When the database cannot be reached.
pub async fn look(app: &App) -> Result<Vec<Check>, Failure> {
    let now = app.clock.now();
    let mut read = app.store.read().await?;
    let Inventory { items, plans, .. } = gather(app, &mut read, now).await?;
    let ending: Vec<&Item> =
        items.iter().filter(|item| item.counts && item.days_left(now).is_some_and(|left| left < WITHIN_DAYS)).collect();
    let mut checks: Vec<Check> = ending.iter().take(NAMED).map(|item| ends(item, now)).collect();
    if ending.len() > NAMED {
        let detail = format!("{} more things end within {WITHIN_DAYS} days", ending.len() - NAMED);
        checks.push(not_well(detail, format!("'iamctl key inventory --within {WITHIN_DAYS}' lists them")));
    }
    if ending.is_empty() {
        let next = items.iter().find(|item| item.counts && item.ends_at.is_some_and(|end| end >= now));
        let next = next.and_then(|item| Some(format!("; {} at {}", name(item), item.ends_at?.people()))).unwrap_or_default();
        let detail = format!("nothing ends within {WITHIN_DAYS} days{next}");
        checks.push(Check { id: "expiry".to_owned(), ok: true, detail, mend: None });
    }
    checks.extend(plans.iter().filter(|plan| plan.state == PlanState::Held).map(held));
    checks.extend(due(&items, now));
    Ok(checks)
}

fn not_well(detail: String, mend: String) -> Check {
    Check { id: "expiry".to_owned(), ok: false, detail, mend: Some(mend) }
}

fn name(item: &Item) -> String {
    format!("{} {} of {}", item.what, item.id, item.holder)
}

fn ends(item: &Item, now: Timestamp) -> Check {
    let when = match (item.ends_at, item.days_left(now)) {
        (Some(end), Some(left)) if left < 0 => format!("ended at {}", end.people()),
        (Some(end), Some(left)) => format!("ends in {left} days, at {}", end.people()),
        _ => String::new(),
    };
    let stops = item.depends.join("; ");
    let mend = item.how.clone().unwrap_or_else(|| format!("'iamctl key inventory --holder {}'", item.holder));
    not_well(format!("{} {when}; depends on it: {stops}", name(item)), mend)
}

/// A rotation that waits at its date for somebody.
fn held(plan: &RotationPlan) -> Check {
    let (id, purpose, line) = (plan.id, plan.purpose, &plan.name);
    let (waits, mend) = match plan.hold {
        Some(HoldCause::Work) => (
            "work that the new key needs is not finished",
            format!(
                "'iamctl key plan {id}' shows how far it is; what goes on in the background ends by itself, an authority waits for 'iamd ca issue'"
            ),
        ),
        Some(HoldCause::Parties) | None => (
            "relying parties are not ready for the new key",
            format!(
                "'iamctl key plan {id}' shows which: they fetch the key set, or give their word; 'iamctl key resume {id} --override --reason TEXT' goes on without them"
            ),
        ),
    };
    let detail = format!("rotation {id} of {purpose} {line} is held at its date: {waits}");
    Check { id: "rotation".to_owned(), ok: false, detail, mend: Some(mend) }
}

/// Rotations whose recommended date has passed: advice, for a key that is a little older still does its work.
fn due(items: &[Item], now: Timestamp) -> Option<Check> {
    let late = |item: &&Item| {
        item.next.is_some_and(|next| next.step == NextStep::Rotate && next.at <= now) && item.kind == ItemKind::Key
    };
    let late: Vec<&str> = items.iter().filter(late).map(|item| item.what.as_str()).collect();
    if late.is_empty() {
        return None;
    }
    let kind = CalendarKind::Rotate;
    let detail = format!("a rotation is due of: {}; 'iamctl key calendar --kind {kind}'", late.join(", "));
    Some(Check { id: "rotation".to_owned(), ok: true, detail, mend: None })
}
