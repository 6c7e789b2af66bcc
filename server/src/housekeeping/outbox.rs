//! The outbox: what has to reach others is sent after the commit that decided it, tried again, and its outcome kept.

use std::time::Duration;

use domain::Timestamp;

use crate::app::App;
use crate::store::{Delivery, Housekeeping, OutboxRow};

/// How long a worker holds a message; longer than any try may take.
const LEASE: Duration = Duration::from_secs(60);
const BATCH: i64 = 50;
/// After this long a message is given up.
const GIVEN_UP: Duration = Duration::from_hours(72);
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// How a message reaches its receiver.
pub trait Courier: Send + Sync {
    /// One try.
    fn deliver<'a>(&'a self, message: &'a OutboxRow) -> std::pin::Pin<Box<dyn Future<Output = Attempt> + Send + 'a>>;
}

/// What one try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The receiver has confirmed.
    Acknowledged,
    /// It has not, for this reason; it will be asked again.
    NotYet(String),
}

/// No relying party has a channel for notices yet: they wait, visibly, until one is given at onboarding.
pub struct NoChannel;

impl Courier for NoChannel {
    fn deliver<'a>(&'a self, _: &'a OutboxRow) -> std::pin::Pin<Box<dyn Future<Output = Attempt> + Send + 'a>> {
        Box::pin(async { Attempt::NotYet("the relying party has no channel for notices".to_owned()) })
    }
}

/// Sends what is due; gives how many messages were tried.
///
/// # Errors
/// When the database cannot be reached.
pub async fn deliver_due(app: &App) -> anyhow::Result<usize> {
    let mut tx = app.store.write().await?;
    let due = tx.claim_due(app.clock.now(), LEASE, BATCH).await?;
    if due.is_empty() {
        return Ok(0);
    }
    tx.commit_housekeeping(Housekeeping::Deliver).await?;
    for message in &due {
        let attempt = app.courier.deliver(message).await;
        let now = app.clock.now();
        let delivery = outcome(message, attempt, now);
        let mut tx = app.store.write().await?;
        tx.note_delivery(&message.id, &delivery, now).await?;
        tx.commit_housekeeping(Housekeeping::Deliver).await?;
    }
    Ok(due.len())
}

/// A pause that doubles from 5 s to 15 min, and an end after three days.
fn outcome(message: &OutboxRow, attempt: Attempt, now: Timestamp) -> Delivery {
    match attempt {
        Attempt::Acknowledged => Delivery::Acknowledged,
        Attempt::NotYet(error) if now.saturating_since(Timestamp::from_micros(message.created_at)) > GIVEN_UP => {
            Delivery::Failed { error }
        }
        Attempt::NotYet(error) => {
            let doublings = u32::try_from(message.attempts).unwrap_or(0).min(10);
            let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
            Delivery::Again { at: now.plus(pause), error }
        }
    }
}
