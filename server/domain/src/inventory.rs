//! What the office holds that ends or has to be exchanged, ours and the relying parties': what is next for each thing and when, and
//! when an alarm is due for one that runs out.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::words;
use crate::{
    CertificateState, CredentialState, KeyAlgorithm, KeyGeneration, KeyPurpose, KeyState, PlanState, RotationPlan, Timestamp,
    renew_from, renews_itself,
};

const A_DAY: Duration = Duration::from_hours(24);
/// What lives for long is renewed from so long before its end; what lives for less than three months, in the last third.
const RENEW_BEFORE: Duration = Duration::from_hours(30 * 24);
/// Days before its end at which an alarm sounds for a thing, the first one first.
pub const THRESHOLDS: [u16; 5] = [60, 30, 14, 7, 1];

words! {
    /// A kind of thing in the inventory.
    pub enum ItemKind, "kind of item" {
        /// A generation of a key of this platform.
        Key = 1 => "key",
        /// A certificate that this platform issued; citizens' are too many to stand in an inventory.
        Certificate = 2 => "certificate",
        /// A public key by which a relying party is known.
        PartyKey = 3 => "party-key",
        /// A certificate of a relying party that somebody else issued.
        PartyCertificate = 4 => "party-certificate",
        /// An address at which a relying party publishes its keys.
        KeySetAddress = 5 => "key-set-address",
        /// A copy of our key set that a relying party is known to hold.
        Copy = 6 => "copy",
        /// Revocation lists of an authority whose key is kept away, signed beforehand.
        Lists = 7 => "revocation-lists",
    }
}

words! {
    /// On which side a thing is made and exchanged.
    pub enum Direction, "direction" {
        /// By this platform.
        Ours = 1 => "ours",
        /// By a relying party.
        Theirs = 2 => "theirs",
    }
}

words! {
    /// What is next for a thing.
    pub enum NextStep, "next step" {
        /// It takes over, as its rotation says.
        Activate = 1 => "activate",
        /// Another one takes its place, as a rotation under way says.
        GiveWay = 2 => "give-way",
        /// It leaves use, as its rotation says.
        Retire = 3 => "retire",
        /// Its rotation is paused or held: somebody has to let it go on.
        GoOn = 4 => "go-on",
        /// A rotation of it is to be planned.
        Rotate = 5 => "rotate",
        /// It is to be renewed.
        Renew = 6 => "renew",
        /// Another one is there in its place: it may end.
        LetEnd = 7 => "let-end",
        /// Its party is to bring another one.
        AskParty = 8 => "ask-party",
        /// What came last is not good, and is to be mended where it comes from.
        Mend = 9 => "mend",
        /// Lists for the days to come are to be signed.
        SignLists = 10 => "sign-lists",
        /// Another one is made by itself.
        RenewsItself = 11 => "renews-itself",
    }
}

words! {
    /// What an entry of the calendar is about.
    pub enum CalendarKind, "kind of calendar entry" {
        /// Something ends.
        Ends = 1 => "ends",
        /// From this day on it is to be renewed, or its party asked for another one.
        Renew = 2 => "renew",
        /// A key has been in use for as long as is recommended: a rotation is due.
        Rotate = 3 => "rotate",
        /// A new key takes over.
        Activate = 4 => "activate",
        /// An old key leaves use.
        Retire = 5 => "retire",
        /// A plan that nobody has run lapses.
        Lapse = 6 => "lapse",
        /// The revocation lists that were signed beforehand run out.
        ListsRunOut = 7 => "lists-run-out",
        /// An authority's newest revocation list is overdue, and ends.
        ListOverdue = 8 => "list-overdue",
        /// Citizens' signing certificates end: how many.
        CitizensEnd = 9 => "citizens-end",
    }
}

/// What is next, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Next {
    /// What.
    pub step: NextStep,
    /// When it is due, or happens.
    pub at: Timestamp,
}

impl Next {
    const fn new(step: NextStep, at: Timestamp) -> Self {
        Self { step, at }
    }
}

/// What is to be known of a key besides its generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyFacts {
    /// First moment of its certificate.
    pub not_before: Option<Timestamp>,
    /// Last moment of its certificate.
    pub not_after: Option<Timestamp>,
    /// The longest life of what an authority issues: it has to be followed while it can still give as much.
    pub issues_for: Duration,
    /// How long a key that needs no certificate is used (setting `keyRotateAfter`).
    pub rotate_after: Duration,
}

/// When a rotation of an active key is due. None: this one is not exchanged by the calendar.
///
/// A look-up secret is exchanged when it has to be, for it costs every record a write, and the one of pairwise subjects never by
/// itself: every party would meet strangers.
#[must_use]
pub fn rotate_by(generation: &KeyGeneration, facts: &KeyFacts) -> Option<Timestamp> {
    let since = generation.activate_at.unwrap_or(generation.created_at);
    let used = since.plus(facts.rotate_after);
    let validity = facts.not_before.zip(facts.not_after);
    match generation.purpose {
        KeyPurpose::BlindIndex | KeyPurpose::Pairwise => None,
        // The secret under which request bodies are digested: what was digested stays comparable.
        KeyPurpose::Audit if generation.algorithm == KeyAlgorithm::Hs256 => None,
        KeyPurpose::TokenSigning | KeyPurpose::Audit | KeyPurpose::Data => Some(used),
        KeyPurpose::RootCa | KeyPurpose::IssuingCa => facts.not_after.map(|end| end.minus(facts.issues_for)),
        KeyPurpose::Ocsp | KeyPurpose::TimeStamping | KeyPurpose::ServerTls => {
            validity.map(|(begins, ends)| renew_from(generation.purpose, since, [begins, ends]))
        }
    }
}

/// What is next for a generation; `plan` is the rotation that it is part of, while that is open. None: nothing.
#[must_use]
pub fn next_of_key(generation: &KeyGeneration, facts: &KeyFacts, plan: Option<&RotationPlan>) -> Option<Next> {
    let stands = plan.is_some_and(|plan| matches!(plan.state, PlanState::Paused | PlanState::Held));
    let dated = |step, at: Option<Timestamp>| at.map(|at| Next::new(if stands { NextStep::GoOn } else { step }, at));
    match generation.state {
        KeyState::Published => dated(NextStep::Activate, generation.activate_at),
        KeyState::Draining => dated(NextStep::Retire, generation.retire_at),
        KeyState::Active => {
            let waiting = plan.filter(|plan| plan.state != PlanState::Planned && plan.activated_at.is_none());
            match waiting.and_then(|plan| plan.activate_at) {
                Some(at) => dated(NextStep::GiveWay, Some(at)),
                None => {
                    let step = if renews_itself(generation.purpose) { NextStep::RenewsItself } else { NextStep::Rotate };
                    rotate_by(generation, facts).map(|at| Next::new(step, at))
                }
            }
        }
        KeyState::Retired | KeyState::Revoked => None,
    }
}

/// What is next for a certificate of an operator or a relying party. One that was renewed may end.
#[must_use]
pub fn next_of_certificate(state: CertificateState, not_before: Timestamp, not_after: Timestamp, renewed: bool) -> Option<Next> {
    match state {
        CertificateState::Valid if renewed => Some(Next::new(NextStep::LetEnd, not_after)),
        CertificateState::Valid => Some(Next::new(NextStep::Renew, renewal_due(not_before, not_after))),
        // It comes back with its holder's account, ends by itself, or is at its end.
        CertificateState::OnHold | CertificateState::Planned | CertificateState::Revoked | CertificateState::Expired => None,
    }
}

/// What is next for a credential that a party has brought. One without an end has no date.
#[must_use]
pub fn next_of_credential(state: CredentialState, from: Timestamp, not_after: Option<Timestamp>) -> Option<Next> {
    match (state, not_after) {
        (CredentialState::Active, Some(end)) => Some(Next::new(NextStep::AskParty, renewal_due(from, end))),
        (CredentialState::Expired, Some(end)) => Some(Next::new(NextStep::AskParty, end)),
        _ => None,
    }
}

/// What is next for revocation lists that were signed beforehand, of which the last one takes its turn at `last`: a day later
/// nobody has a fresh one.
#[must_use]
pub fn next_of_lists(last: Timestamp) -> Next {
    Next::new(NextStep::SignLists, lists_end(last).minus(RENEW_BEFORE))
}

/// When lists that were signed beforehand run out: nobody is to hold one that is older than a day.
#[must_use]
pub fn lists_end(last: Timestamp) -> Timestamp {
    last.plus(A_DAY)
}

/// From when on something is to be renewed.
#[must_use]
pub fn renewal_due(from: Timestamp, end: Timestamp) -> Timestamp {
    let life = end.saturating_since(from);
    end.minus(RENEW_BEFORE.min(life / 3))
}

/// The alarm that is due for a thing that ends then: the threshold that was crossed last, unless it or a nearer one has sounded for
/// this thing and this end. Of thresholds that were passed unseen, because nobody served, only the last one sounds.
#[must_use]
pub fn alarm(ends_at: Timestamp, now: Timestamp, sounded: &[u16]) -> Option<u16> {
    let crossed = crossed(ends_at, now)?;
    sounded.iter().all(|before| *before > crossed).then_some(crossed)
}

/// The threshold that was crossed last. None: it is further away, or has ended.
#[must_use]
pub fn crossed(ends_at: Timestamp, now: Timestamp) -> Option<u16> {
    if ends_at < now {
        return None;
    }
    let left = ends_at.saturating_since(now);
    THRESHOLDS.iter().rev().copied().find(|days| left <= A_DAY * u32::from(*days))
}

#[cfg(test)]
mod tests;
