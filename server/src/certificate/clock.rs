//! Whether the clock can be believed by what is dated and signed: certificates, revocation lists, OCSP answers, time stamps.
//!
//! The audit log is what it is held against: revocation lists alone write into it twice a day. A day without an entry is a clock
//! that jumped ahead, or a platform that was switched off; an entry that lies ahead of the clock is a clock that was turned back.
//! Starting a node is no proof: the machine's own clock may be wrong at the very moment at which it starts. Somebody's word is
//! taken (`key/vouch.rs`), once it is in the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::Timestamp;

use crate::app::App;
use crate::failure::Failure;
use crate::key::clock::{Doubt, GAP, gap};
use crate::key::vouch::vouched;
use crate::store::{Read, StoreError};

/// How far the clocks of nodes may be apart.
const APART: Duration = Duration::from_secs(60);
/// How long a clock that was found right is not looked at again, by its own time: one that jumps is looked at again at once.
const FOUND_RIGHT: Duration = Duration::from_secs(10);

/// What is wrong with the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It may have jumped ahead.
    Ahead(Doubt),
    /// The log has an entry of a moment that has not come yet, this far ahead; at most a day: what lies farther ahead was made by
    /// a clock that ran ahead then.
    Behind(Duration),
}

impl Fault {
    /// Whether what is dated by this clock is of no use, where something that is dated too early by `harmless` still is.
    #[must_use]
    pub fn spoils(self, harmless: Duration) -> bool {
        match self {
            Self::Ahead(_) => true,
            Self::Behind(by) => by >= harmless,
        }
    }

    /// In words, with the mend.
    #[must_use]
    pub fn told(self, now: Timestamp) -> String {
        let now = now.people();
        match self {
            Self::Ahead(Doubt { last, goes_on }) => format!(
                "the clock says {now}, and the audit log has nothing between {} and {}: nothing is signed by such a clock until {}; set it right, or, where it is right and the platform was switched off, restart with: iamd serve --clock-is-right",
                last.people(),
                goes_on.people(),
                Doubt { last, goes_on }.until().people()
            ),
            Self::Behind(by) => format!(
                "the clock says {now}, and the audit log has entries from {} s ahead of it: nothing is signed by such a clock; set it right, and where it is right now, this ends when it has come so far",
                by.as_secs()
            ),
        }
    }
}

/// When the clock was last found right.
#[derive(Debug, Default)]
pub struct FoundRight(Mutex<Option<Timestamp>>);

impl FoundRight {
    fn recently(&self, now: Timestamp) -> bool {
        let at = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        at.is_some_and(|at| at <= now && now < at.plus(FOUND_RIGHT))
    }

    fn note(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }
}

/// What is wrong with the clock; none while it can be believed.
///
/// # Errors
/// When the database cannot be reached.
pub async fn fault(app: &App, read: &mut Read, now: Timestamp) -> Result<Option<Fault>, StoreError> {
    if app.clock_found_right.recently(now) {
        return Ok(None);
    }
    if let Some(gap) = gap(read, now).await?
        && vouched(read, &gap).await?.is_none()
    {
        return Ok(Some(Fault::Ahead(gap)));
    }
    let newest = read.last_entry_before(now.plus(GAP)).await?;
    let behind = newest.map_or(Duration::ZERO, |newest| newest.saturating_since(now));
    if behind > APART {
        return Ok(Some(Fault::Behind(behind)));
    }
    app.clock_found_right.note(now);
    Ok(None)
}

/// Refuses to sign by a clock that cannot be believed.
///
/// # Errors
/// `clock.doubted`.
pub async fn check_clock(app: &App, now: Timestamp) -> Result<(), Failure> {
    if app.clock_found_right.recently(now) {
        return Ok(());
    }
    match fault(app, &mut app.store.read().await?, now).await? {
        None => Ok(()),
        Some(fault) => Err(Failure::Unavailable {
            code: "clock.doubted",
            message: format!("{}; nothing was changed", fault.told(now)),
            hint: Some("'iamctl doctor' shows when the clock is believed again".to_owned()),
        }),
    }
}
