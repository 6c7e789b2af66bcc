//! What the platform does by itself, on one node at a time: seal, fold, take dated steps, deliver, run jobs, sweep; and
//! on every node: note how far the instance has come.

pub mod outbox;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::{CertificateStanding, RevocationReason, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::certificate::clock::fault;
use crate::failure::Failure;
use crate::key::material;
use crate::keys::Hsm;
use crate::store::{Housekeeping, Leader};

/// The longest rest between two batches of key work.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// How long sealer and folder rest after a round, however many wake them.
const REST: Duration = Duration::from_millis(200);

/// Starts every task; they end when `stop` does.
pub fn start(app: &Arc<App>, stop: &CancellationToken) -> TaskTracker {
    let tasks = TaskTracker::new();
    spawn(
        &tasks,
        app,
        stop,
        "seal",
        Duration::from_secs(1),
        |app| &app.wake.sealer,
        |app| async move {
            // What comes meanwhile waits for the next round: a round is as dear for one entry as for many.
            while within(crate::audit::seal::seal(&app)).await? >= crate::audit::seal::BATCH {}
            tokio::time::sleep(REST).await;
            Ok(())
        },
    );
    spawn(
        &tasks,
        app,
        stop,
        "stamp",
        Duration::from_secs(5),
        |app| &app.wake.stamps,
        |app| async move { within(crate::audit::stamp::stamp(&app)).await.map(|_| ()) },
    );
    spawn(
        &tasks,
        app,
        stop,
        "fold",
        Duration::from_secs(1),
        |app| &app.wake.folder,
        |app| async move {
            while within(crate::usage::fold::fold(&app)).await? >= crate::usage::fold::BATCH {}
            tokio::time::sleep(REST).await;
            Ok(())
        },
    );
    spawn(
        &tasks,
        app,
        stop,
        "key steps",
        Duration::from_secs(1),
        |app| &app.wake.keys,
        |app| async move {
            // What parties have fetched first: a rotation may wait for it.
            within(crate::key::sightings::write_down(&app)).await?;
            let steps = within(crate::key::steps::take_due(&app)).await;
            // A plan that cannot go on keeps no other key from being followed.
            within(crate::key::schedule::rotate_due(&app)).await?;
            steps.map(|_| ())
        },
    );
    spawn(
        &tasks,
        app,
        stop,
        "requests",
        Duration::from_secs(1),
        |app| &app.wake.requests,
        |app| async move {
            while within(crate::request::expire_due(&app)).await? > 0 {}
            Ok(())
        },
    );
    for _ in 0..outbox::WORKERS {
        let stopping = stop.clone();
        spawn(
            &tasks,
            app,
            stop,
            "outbox",
            Duration::from_secs(1),
            |app| &app.wake.outbox,
            move |app| {
                let stopping = stopping.clone();
                async move { outbox::deliver_all(&app, &stopping).await }
            },
        );
    }
    spawn(
        &tasks,
        app,
        stop,
        "revocation lists",
        Duration::from_secs(5),
        |app| &app.wake.revocations,
        |app| async move { within(crate::certificate::publish::publish_due(&app)).await.map(|_| ()) },
    );
    spawn(
        &tasks,
        app,
        stop,
        "expiry",
        Duration::from_mins(1),
        |app| &app.wake.expiry,
        |app| async move { within(crate::inventory::alarms::sound_due(&app)).await.map(|_| ()) },
    );
    spawn(
        &tasks,
        app,
        stop,
        "key sets",
        Duration::from_secs(5),
        |app| &app.wake.key_sets,
        |app| async move { crate::credential::refresh::read_due(&app).await.map(|_| ()) },
    );
    spawn(
        &tasks,
        app,
        stop,
        "listeners",
        Duration::from_secs(1),
        |app| &app.wake.listeners,
        |app| async move { within(crate::http::listeners::follow(&app)).await.map(|_| ()) },
    );
    spawn(
        &tasks,
        app,
        stop,
        "listeners' certificate",
        Duration::from_mins(1),
        |app| &app.wake.listener_certificate,
        |app| async move { within(crate::http::listeners::renew_due(&app)).await.map(|_| ()) },
    );
    spawn(
        &tasks,
        app,
        stop,
        "registrations",
        Duration::from_secs(1),
        |app| &app.wake.registrations,
        |app| async move {
            within(async { crate::registration::overdue::end_overdue(&app).await.map_err(Failure::into_error) }).await.map(|_| ())
        },
    );
    let stopping = stop.clone();
    spawn(
        &tasks,
        app,
        stop,
        "jobs",
        Duration::from_secs(1),
        |app| &app.wake.jobs,
        move |app| {
            // A job ends between two batches when the node stops; it goes on when the node is back.
            let stopping = stopping.clone();
            async move {
                while !stopping.is_cancelled() && crate::job::run::run_next(&app, &stopping).await? {}
                Ok(())
            }
        },
    );
    spawn(
        &tasks,
        app,
        stop,
        "sweep",
        Duration::from_mins(10),
        |app| &app.wake.sweeper,
        |app| async move { within(sweep(&app)).await },
    );
    spawn(
        &tasks,
        app,
        stop,
        "anchor",
        Duration::from_secs(1),
        |app| &app.wake.anchor,
        |app| async move { within(crate::anchor::note(&app)).await },
    );
    spawn(
        &tasks,
        app,
        stop,
        "keys",
        Duration::from_secs(1),
        |app| &app.wake.key_rows,
        |app| async move { within(crate::keys::watch::watch(&app)).await },
    );
    let stopping = stop.clone();
    spawn(
        &tasks,
        app,
        stop,
        "key work",
        Duration::from_secs(1),
        |app| &app.wake.key_work,
        move |app| {
            // The work ends between two batches when the node stops; it goes on when the node, or another one, is there.
            let stopping = stopping.clone();
            async move {
                let mut began = Instant::now();
                while !stopping.is_cancelled() && within(material::advance(&app, material::BATCH)).await? {
                    // Three quarters of the time the one writer of SQLite is free for others: an import goes on at its speed.
                    tokio::time::sleep(began.elapsed().saturating_mul(3).min(LONGEST_REST)).await;
                    began = Instant::now();
                }
                Ok(())
            }
        },
    );
    if let Some(hsm) = app.keys.hsm() {
        spawn(
            &tasks,
            app,
            stop,
            "token pairs",
            SIGN_OF_LIFE,
            |app| &app.wake.pairs,
            |app| async move { within(crate::key::destroy::destroy_over(&app)).await.map(|_| ()) },
        );
        tasks.spawn(watch_token(hsm.clone(), Arc::clone(app), stop.clone()));
    }
    tasks.close();
    tasks
}

/// How often the token is asked for a sign of life. While one of its calls hangs, this is the only one that gets through to it.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// Watches the token that holds the signing keys, and says when it is gone and when it is back.
async fn watch_token(hsm: Hsm, app: Arc<App>, stop: CancellationToken) {
    let mut said = None;
    loop {
        let fault = hsm.probe().await.err().map(|error| error.to_string());
        metrics::gauge!("iam_signing_token_up").set(if fault.is_none() { 1.0 } else { 0.0 });
        match &fault {
            Some(fault) if said.as_ref() != Some(fault) => {
                tracing::error!(token = hsm.label(), error = fault, "the token is away");
            }
            None if said.is_some() => {
                tracing::info!(token = hsm.label(), "the token is back");
                app.wake.sealer.notify_one();
            }
            _ => {}
        }
        said = fault;
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(SIGN_OF_LIFE) => {}
        }
    }
}

/// How long one round of transactions may take. A database that vanished in the middle of a question never answers: dropped,
/// the transaction is undone, or was done, and either way the next round finds how things stand.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) async fn within<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => anyhow::bail!("the database gave no answer within {} s", PATIENCE.as_secs()),
    }
}

/// Runs `work` once a `period`, or earlier when woken. A failure is logged and tried again: the database may be away.
fn spawn<F, R>(
    tasks: &TaskTracker,
    app: &Arc<App>,
    stop: &CancellationToken,
    name: &'static str,
    period: Duration,
    wake: fn(&App) -> &Notify,
    work: F,
) where
    F: Fn(Arc<App>) -> R + Send + 'static,
    R: Future<Output = anyhow::Result<()>> + Send,
{
    let app = Arc::clone(app);
    let stop = stop.clone();
    tasks.spawn(async move {
        let mut failures = 0_u32;
        loop {
            match work(Arc::clone(&app)).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(task = name, %error, failures, "a housekeeping task failed and will be tried again");
                    metrics::counter!("iam_housekeeping_failures_total", "task" => name).increment(1);
                }
            }
            let pause = period.saturating_mul(1 + failures.min(9));
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
                () = wake(&app).notified(), if failures == 0 => {
                    // Many commits in a moment are one round of work.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    });
}

/// A certificate whose record has waited this long will not come any more.
const ABANDONED: Duration = Duration::from_hours(1);

/// For how long citizens see in their app what services asked of them.
const HISTORY: Duration = Duration::from_hours(24 * 400);

/// For how long it can be seen what became of notices to services.
const NOTICES: Duration = Duration::from_hours(24 * 30);

/// Forgets what has aged out, and revokes serial numbers whose certificate never came.
///
/// # Errors
/// When the database cannot be reached.
pub async fn sweep(app: &App) -> anyhow::Result<()> {
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::Sweeper).await? {
        return Ok(());
    }
    // A code costs its administrator one command; a reply that is forgotten too soon lets a write be done twice.
    let codes = tx.sweep_codes(now).await?;
    let replies = match tx.passed_for_certain(now).await? {
        Some(passed) => {
            let requests = tx.sweep_requests(passed.minus(HISTORY)).await?;
            let notices = tx.sweep_notices(passed.minus(NOTICES)).await?;
            tx.sweep_replies(passed).await? + tx.sweep_logins(passed).await? + requests + notices
        }
        None => 0,
    };
    if codes + replies > 0 {
        tx.commit_housekeeping(Housekeeping::Sweep).await?;
    } else {
        tx.rollback().await?;
    }
    // By a clock that is doubted nothing is forgotten that keeps something from being used again.
    if fault(app, &mut app.store.read().await?, now).await?.is_none() {
        crate::spent::sweep(app).await.map_err(Failure::into_error)?;
    }
    abandon(app, now).await
}

/// Somebody may have signed it and died: nobody is to accept what nobody can look up.
async fn abandon(app: &App, now: Timestamp) -> anyhow::Result<()> {
    let waiting = app.store.read().await?.certificates_planned(now.minus(ABANDONED), now).await?;
    for row in waiting {
        let mut tx = app.store.write().await?;
        let Some(row) = tx.certificate_locked(&row.serial()?).await? else { continue };
        // It may have come after all, or have ended before it began.
        let Ok(revoked) = row.standing()?.revoke(RevocationReason::CessationOfOperation, row.not_after(), now) else { continue };
        if row.standing()? != CertificateStanding::Planned {
            continue;
        }
        tx.put_standing(&row, revoked).await?;
        let facts = serde_json::json!({ "holder": row.holder, "profile": row.profile, "issuer": row.issuer });
        tx.commit_housekeeping(Housekeeping::Step { action: "cert.abandon", subject: row.serial.clone(), facts }).await?;
        app.wake.revocations.notify_one();
    }
    Ok(())
}
