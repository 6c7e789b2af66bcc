use std::sync::Arc;

use api::Operation;
use api::job::{JobState, JobView};
use api::sandbox::Populate;
use domain::population::{Plan, Scale};
use domain::{Environment, JobId, Refusal, spaced};
use serde_json::json;

use super::populating::accounts_made;
use super::space;
use super::surroundings::{invalid, surroundings};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{JobRow, Write};

/// Checks a population whole, and puts the job that loads it into the queue. It is loaded into an instance without accounts,
/// once; a load that was stopped goes on where it stopped when the same is asked for again.
pub async fn populate(app: &App, caller: &Caller, op: Populate) -> Result<JobView, Failure> {
    if app.environment == Environment::Production {
        let refusal = Refusal::new("population.production", "synthetic people exist on sandbox instances only");
        return Err(refusal.hint("make a sandbox instance: iamd init --environment sandbox").into());
    }
    let scale = Scale::new(op.scale).map_err(|refusal| Failure::invalid_field(refusal.code, "scale", refusal.message))?;
    let surroundings = surroundings(&mut app.store.read().await?).await?;
    let payload = serde_json::to_string(&op).map_err(anyhow::Error::from)?;
    let record = caller.record(&op);
    let (id, seed) = (op.population.id.clone(), op.seed);
    // Away from the tasks that answer others: a large description takes a while to be checked.
    let plan = tokio::task::spawn_blocking(move || Plan::new(&op.population, scale, op.seed, &surroundings));
    let plan = Arc::new(plan.await.map_err(anyhow::Error::from)?.map_err(invalid)?);
    space::check(app, &plan)?;

    let mut tx = app.store.write().await?;
    let before = before(&mut tx, &payload).await?;
    let now = app.clock.now();
    let total = plan.totals.made() + plan.events();
    let message = format!("{} accounts and {} uses are to be made", spaced(plan.totals.made()), spaced(plan.completed_uses()));
    let queued = JobRow::queued(JobId::new(now, app.entropy.as_ref()), Populate::NAME, &caller.operator, message, now);
    let row = JobRow {
        total: i64::try_from(total).map_err(anyhow::Error::from)?,
        progress: before.as_ref().map(|before| before.progress.clone()).unwrap_or_default(),
        done: before.as_ref().map_or(0, |before| before.done),
        ..queued
    };
    tx.insert_job(&row, &payload).await?;
    let facts = json!({
        "population": id, "scale": scale.to_string(), "seed": seed,
        "accounts": plan.totals.made(), "uses": plan.completed_uses(), "goes_on_from": row.done,
    });
    let subject = row.job()?;
    let view = tx.commit(record.subject(subject).facts(facts), row.view()?).await?;
    app.wake.jobs.notify_one();
    Ok(view)
}

/// The load of the same population that was stopped half-way, if there is one. Whatever else is in the instance refuses: the
/// figures of two populations, or of people who are there already, would be nobody's.
async fn before(tx: &mut Write, payload: &str) -> Result<Option<JobRow>, Failure> {
    // Held until the end: nobody registers, and no second load is queued, meanwhile.
    let registered = tx.begin_registering().await?;
    let fresh = "begin with a fresh sandbox: iamd init --environment sandbox";
    let registered = u64::try_from(registered).unwrap_or(0);
    // Ordinals are dense: whoever is there beyond what loads have made came in by another way.
    let strangers = |made: u64| {
        if registered <= made {
            return Ok(());
        }
        let message = format!("accounts that no population made are here already: {}", spaced(registered - made));
        Err(Failure::from(Refusal::new("population.accounts", message).hint(fresh)))
    };
    let Some(last) = tx.last_job(Populate::NAME).await? else { return strangers(0).map(|()| None) };
    let job = last.job()?;
    match last.state()? {
        JobState::Queued | JobState::Running => {
            let hint = format!("see how far it is: iamctl job wait {job}");
            Err(Refusal::new("population.under-way", format!("a population is being loaded by job {job}")).hint(hint).into())
        }
        JobState::Done => {
            Err(Refusal::new("population.loaded", format!("a population was loaded by job {job}")).hint(fresh).into())
        }
        JobState::Failed | JobState::Cancelled if last.progress.is_empty() => strangers(0).map(|()| None),
        JobState::Failed | JobState::Cancelled => {
            strangers(accounts_made(&last)?)?;
            if tx.job_payload(job).await? == payload {
                return Ok(Some(last));
            }
            let message = format!("job {job} has loaded a part of another population, or of the same at another scale or seed");
            let hint = format!("give the same file, scale and seed to go on where it stopped, or {fresh}");
            Err(Refusal::new("population.part", message).hint(hint).into())
        }
    }
}
