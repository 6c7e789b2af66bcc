use api::Page;
use api::rotation::{ListPlans, PlanView, ShowPlan};

use super::plan_view::{short, whole};
use super::take_over::generations;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Every rotation, newest first. A few a month: one page holds years of them.
pub async fn plans(app: &App, _: &Caller, op: ListPlans) -> Result<Page<PlanView>, Failure> {
    let now = app.clock.now();
    let mut read = app.store.read().await?;
    let generations = generations(&read.keys(op.purpose, None).await?)?;
    let mut rows = read.plans().await?;
    rows.retain(|row| op.purpose.is_none_or(|purpose| row.purpose == purpose.as_str()));
    rows.retain(|row| op.state.is_none_or(|state| row.state == state.as_str()));
    let after = op.page.after.as_deref();
    let begin = after.map_or(0, |after| rows.iter().position(|row| row.id == after).map_or(0, |at| at + 1));
    let limit = usize::try_from(op.page.limit()).unwrap_or(usize::MAX);
    let page = rows.iter().skip(begin).take(limit);
    let items = page.map(|row| short(row, &generations, now)).collect::<Result<Vec<_>, _>>()?;
    let next = crate::page::next(&items, op.page.limit(), |view| view.plan.to_string());
    Ok(Page { items, next })
}

/// One rotation with its steps.
pub async fn show(app: &App, _: &Caller, op: ShowPlan) -> Result<PlanView, Failure> {
    let mut read = app.store.read().await?;
    whole(app, &mut read, op.plan, app.clock.now()).await
}
