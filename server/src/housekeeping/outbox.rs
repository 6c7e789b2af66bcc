//! The outbox: what has to reach others is sent after the commit that decided it, tried again, and its outcome kept.

use std::time::Duration;

use domain::Timestamp;
use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::within;
use crate::app::App;
use crate::store::{Delivery, Housekeeping, OutboxRow, REQUEST_DECIDED};

/// Messages that a worker takes at a time, and how many of them it tries at once.
const BATCH: i64 = 50;
const AT_ONCE: usize = 10;
/// Messages for one receiver among them: one that does not answer leaves room for the others.
const OF_ONE: i64 = 5;
/// Workers of a node: what comes up while some of them wait for an answer is taken by another one.
pub(super) const WORKERS: usize = 3;
/// How long one try may take.
const TRY: Duration = Duration::from_secs(10);
/// How long a worker holds what it took: twice what all of it may take, so that nobody sends what is still being sent.
const LEASE: Duration = Duration::from_secs(100);
/// After this long a message that its receiver does not take is given up.
const GIVEN_UP: Duration = Duration::from_hours(72);
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// How a message reaches its receiver.
pub trait Courier: Send + Sync {
    /// Whether messages of this kind have a way to this receiver at all: without one, no try will ever come through.
    fn has_way(&self, _kind: &str, _receiver: &str) -> bool {
        true
    }

    /// One try.
    fn deliver<'a>(
        &'a self,
        app: &'a App,
        message: &'a OutboxRow,
    ) -> std::pin::Pin<Box<dyn Future<Output = Attempt> + Send + 'a>>;
}

/// What one try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The receiver has confirmed.
    Acknowledged,
    /// It has not, for this reason; it will be asked again.
    NotYet(String),
    /// There is no way to the receiver: the message waits for one to be given, however long.
    NoWay(String),
    /// The receiver knows it already, or it is of no use any more: it is finished without having been sent.
    Needless,
    /// No try will come through any more, for this reason: given up.
    Never(String),
}

/// Sends what is due; gives how many messages were tried. It needs no leader: a message is claimed in a transaction, by row,
/// and its outcome is noted only by the worker that holds it.
///
/// # Errors
/// When the database cannot be reached.
pub async fn deliver_due(app: &App) -> anyhow::Result<usize> {
    Ok(round(app).await?.tried)
}

/// Goes on for as long as messages are taken: who takes them quickly has them quickly. The others are tried again when they are
/// due, and the one writer of SQLite has better things to do meanwhile.
pub(super) async fn deliver_all(app: &App, stopping: &CancellationToken) -> anyhow::Result<()> {
    while !stopping.is_cancelled() && round(app).await?.taken > 0 {}
    Ok(())
}

/// Messages of one round.
struct Round {
    tried: usize,
    taken: usize,
}

async fn round(app: &App) -> anyhow::Result<Round> {
    let due = within(claim(app)).await?;
    let mut round = Round { tried: due.len(), taken: 0 };
    let mut tries = stream::iter(due.into_iter().map(|message| send(app, message))).buffer_unordered(AT_ONCE);
    while let Some((message, attempt)) = tries.next().await {
        round.taken += usize::from(attempt == Attempt::Acknowledged);
        within(note(app, &message, attempt)).await?;
    }
    Ok(round)
}

/// One try.
async fn send(app: &App, message: OutboxRow) -> (OutboxRow, Attempt) {
    let attempt = match tokio::time::timeout(TRY, app.courier.deliver(app, &message)).await {
        Ok(attempt) => attempt,
        Err(_) => Attempt::NotYet(format!("the receiver gave no answer within {} s", TRY.as_secs())),
    };
    (message, attempt)
}

async fn claim(app: &App) -> anyhow::Result<Vec<OutboxRow>> {
    // Looked at by a read first: mostly nothing is due, and the one writer of SQLite has better things to do.
    let (_, earliest) = app.store.read().await?.outbox_pending().await?;
    let now = app.clock.now();
    if earliest.is_none_or(|earliest| earliest > now.micros()) {
        return Ok(Vec::new());
    }
    let mut tx = app.store.write().await?;
    let due = tx.claim_due(now, LEASE, BATCH, OF_ONE).await?;
    tx.commit_housekeeping(Housekeeping::Deliver).await?;
    Ok(due)
}

async fn note(app: &App, message: &OutboxRow, attempt: Attempt) -> anyhow::Result<()> {
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    let passed = tx.passed_for_certain(now).await?;
    let delivery = outcome(message, attempt, now, passed);
    if !tx.note_delivery(message, &delivery, now).await? {
        tracing::warn!(
            receiver = message.receiver,
            "a notice took longer than it was held for; whoever holds it now notes how it ends"
        );
    } else if message.kind == REQUEST_DECIDED
        && !matches!(delivery, Delivery::Again { .. })
        && let Ok(request) = message.subject.parse()
    {
        tx.forget_notification_token(request).await?;
    }
    tx.commit_housekeeping(Housekeeping::Deliver).await?;
    Ok(())
}

/// A pause that doubles from 5 s to 15 min, and an end after three days that have passed for certain: a clock that runs ahead
/// gives nothing up.
fn outcome(message: &OutboxRow, attempt: Attempt, now: Timestamp, passed: Option<Timestamp>) -> Delivery {
    let created_at = Timestamp::from_micros(message.created_at);
    match attempt {
        Attempt::Acknowledged | Attempt::Needless => Delivery::Acknowledged,
        Attempt::Never(error) => Delivery::Failed { error },
        Attempt::NoWay(error) => Delivery::Again { at: now.plus(LONGEST_PAUSE), error },
        Attempt::NotYet(error) if passed.is_some_and(|passed| passed.saturating_since(created_at) > GIVEN_UP) => {
            Delivery::Failed { error }
        }
        Attempt::NotYet(error) => {
            let doublings = u32::try_from(message.attempts).unwrap_or(1).saturating_sub(1).min(10);
            let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
            Delivery::Again { at: now.plus(pause), error }
        }
    }
}
