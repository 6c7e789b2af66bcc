//! Surge control: a rush of one relying party waits in that party's own queue, and delays neither the others nor citizens' apps.
//! Operators come to another listener, and find a database that is not busy with more than the work allowed here.
//!
//! Each gate has queues of its own, and what stands at one takes no place of another. At the **door** stands who has not proved yet
//! who they are: each name that is claimed falls into one of a few queues by a digest that nobody outside can work out, so that a
//! rush under one name leaves the other queues alone, and invented names make no new ones. One source has only a part of the door,
//! under however many names. Clients that have proved of late who they are, from where they come now, or that show a good
//! certificate, stand at a door for **known** ones, each party in its queue; citizens' **apps** at one by where they come from.
//! Behind the doors, **inside**, each party that was proved has its queue, and citizens' apps and stations have theirs. Nobody stands
//! at two at once: a [`Turn`] at the door is given back before the one inside is asked for. **Photos** that are on their way into
//! memory are few, whoever sends them.

mod crowd;
mod proven;
mod turns;

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::Response;
use domain::{ClientId, RelyingPartyId, RequestId};
use tokio::sync::oneshot;
use tokio::time::Instant;

pub use turns::{Bounds, Entered, Turns};

use self::crowd::{Counted, Crowd};
use self::proven::Proven;
use super::oauth::error::OAuthError;
use crate::http::accept::CameFrom;
use crate::http::problem::{problem, respond};
use crate::settings::SurgeSettings;

/// Queues at the door.
const DOORS: usize = 64;
/// Of all queues of a gate together as many are at work as of this many.
const TOGETHER: usize = 4;
/// One source has at most one part in so many of the door.
const PART_OF_THE_DOOR: usize = 8;
/// One citizen has at most one part in so many of what citizens' apps may have at work.
const PART_OF_A_CITIZEN: usize = 4;
/// Bodies with photos that are read at once: of one source's queue, and of all.
const PHOTOS: (usize, usize) = (4, 32);
/// Parties that the metrics tell apart; further ones are one.
const NAMED: usize = 100;

/// Whose queue somebody stands in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// One of the queues of those who have yet to prove who they are.
    Door(u8),
    /// A party that claims what it has proved of late.
    Known(RelyingPartyId),
    /// Whoever shows a certificate that is to be looked up, by a digest of its name.
    Certificate(u64),
    /// One of the queues of apps whose device is to be looked up.
    Apps(u8),
    /// One of the queues of those who send photos.
    Photos(u8),
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
            Self::Known(_) => "known",
            Self::Certificate(_) => "certificate",
            Self::Apps(_) => "apps",
            Self::Photos(_) => "photos",
            Self::Party(_) => "party",
            Self::Citizens => "citizens",
            Self::Stations => "stations",
        }
    }
}

/// The gates of a node.
pub struct Surge {
    door: Arc<Gate>,
    known: Arc<Gate>,
    apps: Arc<Gate>,
    photos: Arc<Gate>,
    inside: Arc<Gate>,
    /// Who stands at the door and at that of the apps, by where they come from.
    sources: Arc<Crowd>,
    citizens: Arc<Crowd>,
    proven: Proven,
    /// The secret of the digest that distributes claimed names.
    names: RandomState,
    named: Mutex<BTreeSet<String>>,
}

type Waiters = Turns<Share, oneshot::Sender<AtWork>>;

/// A gate.
struct Gate {
    turns: Mutex<Waiters>,
    wait: Duration,
}

/// Somebody's turn; over when it is dropped.
#[must_use = "dropped at once, it holds nothing"]
pub struct Turn {
    _at_work: AtWork,
    _counted: Option<Counted>,
}

/// A place at work; free again when it is dropped.
struct AtWork {
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
        let SurgeSettings { at_work: each, waiting, wait, .. } = settings;
        let all = each.saturating_mul(TOGETHER);
        let of = |each, all| Arc::new(Gate { turns: Mutex::new(Turns::new(Bounds { each, all, waiting })), wait });
        let gate = || of(each, all);
        let door = all.saturating_add(waiting.saturating_mul(DOORS));
        Self {
            door: gate(),
            known: gate(),
            apps: gate(),
            photos: of(PHOTOS.0.min(each), PHOTOS.1.min(all)),
            inside: gate(),
            sources: Crowd::of((door / PART_OF_THE_DOOR).max(all / 2)),
            citizens: Crowd::of((each / PART_OF_A_CITIZEN).max(1)),
            proven: Proven::default(),
            names: RandomState::new(),
            named: Mutex::default(),
        }
    }

    /// For whoever has yet to prove who they are, by the name that they claim or whatever else they show. Held while the proof is
    /// looked at, and no longer.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn door(&self, from: CameFrom, claimed: &[u8]) -> Result<Turn, Refused> {
        let share = Share::Door(self.one_of_the_doors((from.0, claimed)));
        self.counted(&self.door, share, &self.sources, self.names.hash_one(("door", from.0))).await
    }

    /// The same for a client: apart from strangers where the party of its certificate is known, or the client has proved of late
    /// from there who it is ([`Self::has_proved`]).
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn client(
        &self,
        from: CameFrom,
        claimed: Option<&ClientId>,
        party: Option<&RelyingPartyId>,
    ) -> Result<Turn, Refused> {
        let known = || claimed.filter(|claimed| self.proven.knows(claimed, from.0)).map(|claimed| &claimed.rp);
        if let Some(party) = party.or_else(known) {
            return self.at(&self.known, Share::Known(party.clone())).await;
        }
        let name = claimed.map(ToString::to_string).unwrap_or_default();
        self.door(from, name.as_bytes()).await
    }

    /// A client has proved who it is.
    pub fn has_proved(&self, client: &ClientId, from: CameFrom) {
        self.proven.note(client, from.0);
    }

    /// For whoever shows a certificate, while it is looked up. Of a name that another certificate has as well they are one.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn certificate(&self, subject: &str) -> Result<Turn, Refused> {
        self.at(&self.known, Share::Certificate(self.names.hash_one(subject))).await
    }

    /// For an app, while it is looked up which device it is.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn app(&self, from: CameFrom) -> Result<Turn, Refused> {
        let share = Share::Apps(self.one_of_the_doors(from.0));
        self.counted(&self.apps, share, &self.sources, self.names.hash_one(("apps", from.0))).await
    }

    /// For whoever sends photos, while they come in: a station by its own name, a phone by where it comes from.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn photos(&self, sender: impl Hash) -> Result<Turn, Refused> {
        self.at(&self.photos, Share::Photos(self.one_of_the_doors(sender))).await
    }

    /// For a relying party that has proved who it is. Held until the answer is there.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn enter(&self, rp: &RelyingPartyId) -> Result<Turn, Refused> {
        self.at(&self.inside, Share::Party(rp.clone())).await
    }

    /// For a citizen's app whose device is known, by the account: one citizen's app takes a part of the places of all.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn citizen(&self, account: impl Hash) -> Result<Turn, Refused> {
        self.counted(&self.inside, Share::Citizens, &self.citizens, self.names.hash_one(account)).await
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

    fn one_of_the_doors(&self, of: impl Hash) -> u8 {
        u8::try_from(self.names.hash_one(of) % DOORS as u64).unwrap_or_default()
    }

    async fn at(&self, gate: &Arc<Gate>, share: Share) -> Result<Turn, Refused> {
        match Gate::enter(gate, share.clone()).await {
            Ok(at_work) => Ok(Turn { _at_work: at_work, _counted: None }),
            Err(refused) => Err(self.refused(&share, refused)),
        }
    }

    /// The same for one of a crowd, which has its own bound, waiting or at work.
    async fn counted(&self, gate: &Arc<Gate>, share: Share, crowd: &Arc<Crowd>, one: u64) -> Result<Turn, Refused> {
        let Some(counted) = crowd.enter(one) else { return Err(self.refused(&share, gate.refused())) };
        Ok(Turn { _counted: Some(counted), ..self.at(gate, share).await? })
    }

    fn refused(&self, share: &Share, refused: Refused) -> Refused {
        metrics::counter!("iam_surge_refused_total", "share" => share.kind(), "party" => self.label(share)).increment(1);
        refused
    }

    /// What the metrics call a share: parties that exist, and not more of them than a reader of metrics can hold.
    fn label(&self, share: &Share) -> String {
        let (Share::Party(rp) | Share::Known(rp)) = share else { return String::new() };
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < NAMED {
            named.insert(rp.to_string());
        }
        if named.contains(rp.as_str()) { rp.to_string() } else { "(others)".to_owned() }
    }
}

impl Gate {
    fn refused(&self) -> Refused {
        Refused { retry_after: self.wait.max(Duration::from_secs(1)) }
    }

    async fn enter(gate: &Arc<Self>, share: Share) -> Result<AtWork, Refused> {
        let refused = gate.refused();
        let mut mine = None;
        let entered = gate.turns().enter(&share, || {
            let (sender, receiver) = oneshot::channel();
            mine = Some(receiver);
            sender
        });
        match (entered, mine) {
            (Entered::Goes, _) => Ok(AtWork { gate: Arc::clone(gate), share }),
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

impl Drop for AtWork {
    fn drop(&mut self) {
        let going = self.gate.turns().leave(&self.share);
        // Unlocked: a turn that nobody takes any more comes back through here.
        for (share, waiter) in going {
            let _ = waiter.send(AtWork { gate: Arc::clone(&self.gate), share });
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
mod tests;
