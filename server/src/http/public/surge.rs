//! Surge control: a rush of one relying party waits in that party's own queue, and delays neither the others nor citizens' apps.
//! Operators come to another listener, and find a database that is not busy with more than the work allowed here.
//!
//! There are two gates, one behind the other. At the **door** stands who has not proved yet who they are: each name that is claimed
//! falls into one of a few queues by a digest that nobody outside can work out, so that a rush under one name leaves the other
//! queues alone, and invented names make no new ones. Behind it, **inside**, each party that was proved has its queue, and citizens'
//! apps and stations have theirs. Nobody stands in both at once: a [`Turn`] at the door is given back before the one inside is asked
//! for.

mod turns;

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::Response;
use domain::{RelyingPartyId, RequestId};
use tokio::sync::oneshot;
use tokio::time::Instant;

pub use turns::{Bounds, Entered, Turns};

use super::oauth::error::OAuthError;
use crate::http::problem::{problem, respond};
use crate::settings::SurgeSettings;

/// Queues at the door.
const DOORS: u64 = 64;
/// Of all queues of a gate together as many are at work as of this many.
const TOGETHER: usize = 4;
/// Parties that the metrics tell apart; further ones are one.
const NAMED: usize = 100;

/// Whose queue somebody stands in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// One of the queues of those who have yet to prove who they are.
    Door(u8),
    /// A relying party that has proved it, or whose token or request was found to be good.
    Party(RelyingPartyId),
    /// Citizens' apps, once their device is known.
    Citizens,
    /// Kiosks, counters and mobile teams, by their certificate.
    Stations,
}

impl Share {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Door(_) => "door",
            Self::Party(_) => "party",
            Self::Citizens => "citizens",
            Self::Stations => "stations",
        }
    }
}

/// The two gates of a node.
pub struct Surge {
    door: Arc<Gate>,
    inside: Arc<Gate>,
    /// The secret of the digest that distributes claimed names.
    names: RandomState,
    named: Mutex<BTreeSet<String>>,
}

type Waiters = Turns<Share, oneshot::Sender<Turn>>;

/// A gate.
struct Gate {
    turns: Mutex<Waiters>,
    wait: Duration,
}

/// A place at work; free again when it is dropped.
#[must_use = "dropped at once, it holds nothing"]
pub struct Turn {
    gate: Arc<Gate>,
    share: Share,
}

/// The queue is full, or the wait was too long: nothing was done, and the same request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// After how long.
    pub retry_after: Duration,
}

impl Surge {
    /// Gates with nobody in them.
    #[must_use]
    pub fn new(settings: SurgeSettings) -> Self {
        let SurgeSettings { at_work: each, waiting, wait } = settings;
        let all = each.saturating_mul(TOGETHER);
        let gate = || Arc::new(Gate { turns: Mutex::new(Turns::new(Bounds { each, all, waiting })), wait });
        Self { door: gate(), inside: gate(), names: RandomState::new(), named: Mutex::default() }
    }

    /// For whoever has yet to prove who they are, by the name that they claim or whatever else they show. Held while the proof is
    /// looked at, and no longer.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn door(&self, claimed: &[u8]) -> Result<Turn, Refused> {
        let number = self.names.hash_one(claimed) % DOORS;
        self.at(&self.door, Share::Door(u8::try_from(number).unwrap_or_default())).await
    }

    /// For a relying party that has proved who it is. Held until the answer is there.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn enter(&self, rp: &RelyingPartyId) -> Result<Turn, Refused> {
        self.at(&self.inside, Share::Party(rp.clone())).await
    }

    /// For a citizen's app whose device is known.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn citizen(&self) -> Result<Turn, Refused> {
        self.at(&self.inside, Share::Citizens).await
    }

    /// For a station of the registration service.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn station(&self) -> Result<Turn, Refused> {
        self.at(&self.inside, Share::Stations).await
    }

    /// How many are at work and how many wait behind the door.
    #[must_use]
    pub fn inside(&self) -> (usize, usize) {
        self.inside.turns().count()
    }

    async fn at(&self, gate: &Arc<Gate>, share: Share) -> Result<Turn, Refused> {
        let entered = Gate::enter(gate, share.clone()).await;
        if entered.is_err() {
            metrics::counter!("iam_surge_refused_total", "share" => share.kind(), "party" => self.label(&share)).increment(1);
        }
        entered
    }

    /// What the metrics call a share: parties that exist, and not more of them than a reader of metrics can hold.
    fn label(&self, share: &Share) -> String {
        let Share::Party(rp) = share else { return String::new() };
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < NAMED {
            named.insert(rp.to_string());
        }
        if named.contains(rp.as_str()) { rp.to_string() } else { "(others)".to_owned() }
    }
}

impl Gate {
    async fn enter(gate: &Arc<Self>, share: Share) -> Result<Turn, Refused> {
        let refused = Refused { retry_after: gate.wait.max(Duration::from_secs(1)) };
        let mut mine = None;
        let entered = gate.turns().enter(&share, || {
            let (sender, receiver) = oneshot::channel();
            mine = Some(receiver);
            sender
        });
        match (entered, mine) {
            (Entered::Goes, _) => Ok(Turn { gate: Arc::clone(gate), share }),
            (Entered::Waits(number), Some(called)) => {
                let started = Instant::now();
                let kind = share.kind();
                // Who hangs up, and who has waited for too long, waits no longer. A turn that comes in that moment is dropped with
                // the channel, and so goes on to the next.
                let _waiting = Waiting { gate, share: &share, number };
                let called = tokio::time::timeout(gate.wait, called).await;
                metrics::histogram!("iam_surge_wait_seconds", "share" => kind).record(started.elapsed().as_secs_f64());
                called.ok().and_then(Result::ok).ok_or(refused)
            }
            _ => Err(refused),
        }
    }

    fn turns(&self) -> MutexGuard<'_, Waiters> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let going = self.gate.turns().leave(&self.share);
        // Unlocked: a turn that nobody takes any more comes back through here.
        for (share, waiter) in going {
            let _ = waiter.send(Turn { gate: Arc::clone(&self.gate), share });
        }
    }
}

/// Somebody in a queue.
struct Waiting<'a> {
    gate: &'a Gate,
    share: &'a Share,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.gate.turns().give_up(self.share, self.number);
    }
}

/// For relying parties' clients.
impl From<Refused> for OAuthError {
    fn from(refused: Refused) -> Self {
        Self::too_many(refused.retry_after, "too many requests of this client or party are waiting; try again later")
    }
}

impl Refused {
    /// For apps and stations: 429 `surge.full`.
    pub fn problem(self, request: RequestId) -> Response {
        let hint = "try again after the time in Retry-After";
        let problem = problem(429, "surge.full", "too many requests are waiting; nothing was done", Some(hint), request);
        let mut response = respond(&problem);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after.as_secs().max(1)));
        response
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn surge(at_work: usize, waiting: usize, wait: Duration) -> Surge {
        Surge::new(SurgeSettings { at_work, waiting, wait })
    }

    fn party(id: &str) -> RelyingPartyId {
        id.parse().unwrap()
    }

    const LONG: Duration = Duration::from_hours(1);

    fn now<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn a_rush_waits_for_itself_and_every_place_is_passed_on() {
        let surge = surge(1, 1, LONG);
        let (bank, hospital) = (party("bank"), party("hospital"));
        let first = surge.enter(&bank).await.ok().unwrap();
        let mut second = pin!(surge.enter(&bank));
        assert!(now(second.as_mut()).is_pending());
        let refused = surge.enter(&bank).await.err().unwrap();
        assert_eq!(refused.retry_after, LONG);
        drop(surge.enter(&hospital).await.ok().unwrap());
        drop(surge.citizen().await.ok().unwrap());
        drop(surge.station().await.ok().unwrap());
        assert_eq!(surge.inside(), (1, 1));
        drop(first);
        let second = second.await.ok().unwrap();
        assert_eq!(surge.inside(), (1, 0));
        drop(second);
        assert_eq!(surge.inside(), (0, 0));
    }

    #[tokio::test]
    async fn who_hangs_up_while_waiting_or_just_when_called_leaves_no_place_behind() {
        let surge = surge(1, 2, LONG);
        let bank = party("bank");
        let first = surge.enter(&bank).await.ok().unwrap();
        let (mut hangs_up, mut late) = (Box::pin(surge.enter(&bank)), Box::pin(surge.enter(&bank)));
        assert!(now(hangs_up.as_mut()).is_pending() && now(late.as_mut()).is_pending());
        drop(hangs_up);
        assert_eq!(surge.inside(), (1, 1));
        // Called, and gone before it has heard of it.
        drop(first);
        assert_eq!(surge.inside(), (1, 0));
        drop(late);
        assert_eq!(surge.inside(), (0, 0));
    }

    #[tokio::test]
    async fn nobody_waits_for_longer_than_is_said() {
        let surge = surge(1, 1, Duration::ZERO);
        let _first = surge.enter(&party("bank")).await.ok().unwrap();
        let refused = surge.enter(&party("bank")).await.err().unwrap();
        assert_eq!(refused.retry_after, Duration::from_secs(1), "a whole second at least");
        assert_eq!(surge.inside(), (1, 0));
    }

    #[tokio::test]
    async fn invented_names_share_the_queues_at_the_door_and_are_not_remembered() {
        let surge = surge(1, 0, LONG);
        let mut held = Vec::new();
        for name in 0..10_000 {
            held.extend(surge.door(format!("invented-{name}").as_bytes()).await);
        }
        assert_eq!(held.len(), TOGETHER);
        drop(surge.enter(&party("bank")).await.ok().unwrap());
        held.clear();
        assert_eq!(surge.door.turns().count(), (0, 0));
    }

    #[test]
    fn the_metrics_tell_a_bounded_number_of_parties_apart() {
        let surge = surge(1, 1, LONG);
        let labels: BTreeSet<String> = (0..1_000).map(|n| surge.label(&Share::Party(party(&format!("party-{n}"))))).collect();
        assert_eq!(labels.len(), NAMED + 1);
        assert_eq!(surge.label(&Share::Party(party("party-7"))), "party-7");
        assert_eq!(surge.label(&Share::Door(3)), "");
    }
}
