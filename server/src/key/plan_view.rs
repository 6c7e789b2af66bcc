//! A rotation as the office sees it.

use api::rotation::{PlanView, SettingView, StepView, WorkProgress};
use domain::{KeyGeneration, KeyState, LONGEST_TOKEN, PlanRef, PlanState, RotationBasis, RotationPlan, RotationStep, Timestamp};

use super::ledger::{counted, ledger};
use super::take_over::generations;
use crate::app::App;
use crate::failure::Failure;
use crate::store::{PlanRow, Read, WorkRow};

/// The plan with its steps.
pub(super) async fn whole(app: &App, read: &mut Read, id: PlanRef, now: Timestamp) -> Result<PlanView, Failure> {
    let row = read.plan(id).await?.ok_or_else(|| Failure::not_found("rotation", id))?;
    let plan = row.plan()?;
    let generations = generations(&read.keys(Some(plan.purpose), None).await?)?;
    let steps = plan.steps(now).map(|step| StepView {
        step: step.step,
        at: step.at,
        until: step.until,
        state: step.state,
        settings: settings(app, &plan, step.step),
    });
    let view = PlanView { steps: steps.to_vec(), ..short(&row, &generations, now)? };
    // Of a rotation that is over it is told as long as its keys sign: after an emergency, who has them by now.
    let signs = generations.iter().any(|one| one.plan == Some(plan.id) && one.state == KeyState::Active);
    if plan.is_over() && !signs {
        return Ok(view);
    }
    let ledger = ledger(read, plan.purpose, &view.kids, now).await?;
    Ok(PlanView { readiness: Some(counted(&ledger)), ledger, ..view })
}

/// The plan as it stands in a list.
pub(super) fn short(row: &PlanRow, generations: &[KeyGeneration], now: Timestamp) -> Result<PlanView, Failure> {
    let plan = row.plan()?;
    let [_, _, activate, ..] = plan.steps(now);
    let kids = |which: &dyn Fn(&KeyGeneration) -> bool| {
        generations.iter().filter(|one| which(one)).map(|one| one.kid.clone()).collect::<Vec<_>>()
    };
    let replaced = kids(&|one| one.drained_by == Some(plan.id));
    let to_be_replaced = |one: &KeyGeneration| {
        let slot = one.purpose == plan.purpose && one.name == plan.name && plan.algorithms.contains(&one.algorithm);
        slot && one.state == KeyState::Active
    };
    Ok(PlanView {
        plan: plan.id,
        purpose: plan.purpose,
        kids: kids(&|one| one.plan == Some(plan.id)),
        replaces: if plan.activated_at.is_some() || plan.is_over() { replaced } else { kids(&to_be_replaced) },
        state: plan.state,
        held_for: plan.hold,
        created_at: plan.created_at,
        lapses_at: (plan.state == PlanState::Planned).then(|| plan.lapses_at()),
        activate_at: activate.at,
        finished_at: plan.finished_at,
        emergency: plan.emergency,
        work: progress(&row.work),
        steps: Vec::new(),
        readiness: None,
        ledger: Vec::new(),
        name: plan.name,
        algorithms: plan.algorithms,
        created_by: plan.created_by,
        overridden: plan.overridden,
    })
}

pub(super) fn progress(work: &WorkRow) -> Option<WorkProgress> {
    let count = |number: Option<i64>| u64::try_from(number.unwrap_or(0)).unwrap_or(0);
    let what = work.work_what.clone()?;
    Some(WorkProgress { what, done: count(work.work_done), total: count(work.work_total) })
}

fn settings(app: &App, plan: &RotationPlan, step: RotationStep) -> Vec<SettingView> {
    let basis = RotationBasis { jwks_max_age: app.settings.jwks_max_age, longest_token: LONGEST_TOKEN };
    let settings = plan.settings(step, &basis).into_iter();
    settings.map(|setting| SettingView { name: setting.name.to_owned(), seconds: setting.value.as_secs() }).collect()
}
