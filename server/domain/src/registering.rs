//! A registration on its way: from the evidence that was taken to the device that is bound. It is a thing of its own and no
//! state of an account: an account comes into being, or comes back, in the moment in which a registration is completed.

use std::time::Duration;

use crate::wire::words;
use crate::{Account, AccountEventKind, AccountState, Refusal, Tier, Timestamp};

/// How long the citizen has to bind the device, once the identity was found valid.
pub const DEVICE_WITHIN: Duration = Duration::from_mins(15);
/// How long the checks of one registration may take; whoever made one that is older is gone, and its photos with them.
pub const CHECKED_WITHIN: Duration = Duration::from_secs(8);
/// How often a wrong one-time code may be brought.
pub const CODE_TRIES: u16 = 5;

words! {
    /// Where a registration stands, without the facts.
    pub enum RegistrationState, "registration state" {
        /// Evidence was taken; the checks are under way.
        Begun = 1 => "begun",
        /// The identity is valid; the citizen's device is waited for.
        Verified = 2 => "verified",
        /// The device is bound and the account is active.
        Completed = 3 => "completed",
        /// The checks said no.
        Refused = 4 => "refused",
        /// No device came in time.
        Expired = 5 => "expired",
        /// It was not brought to an end.
        Abandoned = 6 => "abandoned",
    }
}

words! {
    /// What a registration came to be.
    pub enum RegistrationKind, "kind of registration" {
        /// A person without an account.
        First = 1 => "first",
        /// The same person again: a new device, or the way back after a suspension.
        ReRegistration = 2 => "re-registration",
        /// From `iam-smart` to `iam-smart-plus`, on the device in use.
        Upgrade = 3 => "upgrade",
    }
}

words! {
    /// Why a registration ended without an account.
    pub enum RegistrationEnd, "end of a registration" {
        /// The Immigration Department has no such card on record.
        NotOnRecord = 1 => "not-on-record",
        /// The records say something else than the card.
        DetailsDiffer = 2 => "details-differ",
        /// The card is not the person's valid one any more.
        CardNotValid = 3 => "card-not-valid",
        /// The faces are not the same person's.
        FaceDiffers = 4 => "face-differs",
        /// The records could not be asked.
        RecordsAway = 5 => "records-unavailable",
        /// The faces could not be compared.
        MatcherAway = 6 => "face-matcher-unavailable",
        /// Whoever made the checks went down before they were over.
        Interrupted = 7 => "interrupted",
        /// The one-time code was guessed at.
        CodeTries = 8 => "code-tries",
        /// No device came in time.
        NoDevice = 9 => "no-device",
    }
}

impl RegistrationEnd {
    /// Whether it says something of the person who came, and not of us.
    #[must_use]
    pub const fn is_verdict(self) -> bool {
        matches!(self, Self::NotOnRecord | Self::DetailsDiffer | Self::CardNotValid | Self::FaceDiffers)
    }
}

/// Where a registration stands, with the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Evidence was taken.
    Begun {
        /// When.
        since: Timestamp,
    },
    /// The identity is valid.
    Verified {
        /// The last moment for the device.
        until: Timestamp,
        /// How often a wrong code was brought.
        tries: u16,
    },
    /// The device is bound.
    Completed {
        /// As what.
        kind: RegistrationKind,
        /// The last moment for the same device to ask for its answer again.
        until: Timestamp,
    },
    /// The checks said no.
    Refused(RegistrationEnd),
    /// No device came in time.
    Expired,
    /// It was not brought to an end.
    Abandoned(RegistrationEnd),
}

impl Progress {
    /// A registration of which evidence was just taken.
    #[must_use]
    pub const fn begin(now: Timestamp) -> Self {
        Self::Begun { since: now }
    }

    /// Without the facts.
    #[must_use]
    pub const fn state(&self) -> RegistrationState {
        match self {
            Self::Begun { .. } => RegistrationState::Begun,
            Self::Verified { .. } => RegistrationState::Verified,
            Self::Completed { .. } => RegistrationState::Completed,
            Self::Refused(_) => RegistrationState::Refused,
            Self::Expired => RegistrationState::Expired,
            Self::Abandoned(_) => RegistrationState::Abandoned,
        }
    }

    /// The checks are over and the identity is valid.
    ///
    /// # Errors
    /// `registration.state` when no checks were under way: they took so long that the registration was given up.
    pub fn verify(&self, now: Timestamp) -> Result<Self, Refusal> {
        match self {
            Self::Begun { .. } => Ok(Self::Verified { until: now.plus(DEVICE_WITHIN), tries: 0 }),
            _ => Err(self.elsewhere()),
        }
    }

    /// The checks have ended otherwise.
    ///
    /// # Errors
    /// As [`Progress::verify`].
    pub fn end(&self, why: RegistrationEnd) -> Result<Self, Refusal> {
        match self {
            Self::Begun { .. } if why.is_verdict() => Ok(Self::Refused(why)),
            Self::Begun { .. } => Ok(Self::Abandoned(why)),
            _ => Err(self.elsewhere()),
        }
    }

    /// Somebody brought a wrong one-time code. After [`CODE_TRIES`] of them nobody has the right one any more.
    ///
    /// # Errors
    /// As [`Progress::complete`].
    pub fn wrong_code(&self, now: Timestamp) -> Result<Self, Refusal> {
        match *self {
            Self::Verified { until, tries } if now <= until && tries + 1 < CODE_TRIES => {
                Ok(Self::Verified { until, tries: tries + 1 })
            }
            Self::Verified { until, .. } if now <= until => Ok(Self::Abandoned(RegistrationEnd::CodeTries)),
            _ => Err(self.elsewhere()),
        }
    }

    /// The device is bound.
    ///
    /// # Errors
    /// `registration.state` when no device was waited for, or not any more.
    pub fn complete(&self, kind: RegistrationKind, now: Timestamp) -> Result<Self, Refusal> {
        match *self {
            Self::Verified { until, .. } if now <= until => Ok(Self::Completed { kind, until }),
            _ => Err(self.elsewhere()),
        }
    }

    /// What time alone makes of it; none as long as it goes on.
    #[must_use]
    pub fn overtaken(&self, now: Timestamp) -> Option<Self> {
        match *self {
            Self::Begun { since } if now > since.plus(CHECKED_WITHIN) => Some(Self::Abandoned(RegistrationEnd::Interrupted)),
            Self::Verified { until, .. } if now > until => Some(Self::Expired),
            _ => None,
        }
    }

    fn elsewhere(&self) -> Refusal {
        Refusal::new("registration.state", format!("the registration is {}, and no device can be bound by it", self.state()))
            .hint("begin another registration")
    }
}

/// What is known of a device's key when it is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKey {
    /// Nothing.
    New,
    /// It is the one in use of this very account.
    InUse,
    /// It is, or was, another account's, or this one's before another device.
    Spent,
}

/// What a registration is: for a person who has this account or none, by a device with such a key, for that tier. A closed account
/// stands in nobody's way.
///
/// # Errors
/// `registration.device-key` for a key that was bound before: one device, one key.
pub fn kind_of(account: Option<&Account>, key: DeviceKey, tier: Tier) -> Result<RegistrationKind, Refusal> {
    let account = account.filter(|account| account.state() != AccountState::Closed);
    match (account, key) {
        (None, DeviceKey::New) => Ok(RegistrationKind::First),
        (Some(_), DeviceKey::New) => Ok(RegistrationKind::ReRegistration),
        (Some(account), DeviceKey::InUse) => {
            let rises = account.tier == Tier::IamSmart && tier == Tier::IamSmartPlus;
            // The way back from a suspension is the whole procedure, whatever device is brought.
            Ok(match account.state() {
                AccountState::Active if rises => RegistrationKind::Upgrade,
                _ => RegistrationKind::ReRegistration,
            })
        }
        (None, DeviceKey::InUse) | (_, DeviceKey::Spent) => {
            Err(Refusal::new("registration.device-key", "this key was bound to an account before")
                .hint("let the app make a new key, and bind that one"))
        }
    }
}

/// What statistics keep of a completed registration: of a person whose account had that tier before.
#[must_use]
pub fn events_of(kind: RegistrationKind, before: Option<Tier>, tier: Tier) -> Vec<AccountEventKind> {
    let first = match kind {
        RegistrationKind::First => AccountEventKind::Registered,
        RegistrationKind::ReRegistration => AccountEventKind::ReRegistered,
        RegistrationKind::Upgrade => return vec![AccountEventKind::Upgraded],
    };
    let then = match (before, tier) {
        (Some(Tier::IamSmart), Tier::IamSmartPlus) => Some(AccountEventKind::Upgraded),
        (Some(Tier::IamSmartPlus), Tier::IamSmart) => Some(AccountEventKind::Downgraded),
        _ => None,
    };
    std::iter::once(first).chain(then).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountId, Channel, ClosureReason, Standing, SuspensionReason};

    const NOON: Timestamp = Timestamp::from_micros(1_654_000_000_000_000);

    fn until() -> Timestamp {
        NOON.plus(DEVICE_WITHIN)
    }

    fn all() -> [Progress; 7] {
        [
            Progress::begin(NOON),
            Progress::Verified { until: until(), tries: 0 },
            Progress::Verified { until: until(), tries: CODE_TRIES - 1 },
            Progress::Completed { kind: RegistrationKind::First, until: until() },
            Progress::Refused(RegistrationEnd::FaceDiffers),
            Progress::Expired,
            Progress::Abandoned(RegistrationEnd::RecordsAway),
        ]
    }

    fn states(verb: impl Fn(Progress) -> Result<Progress, Refusal>) -> [String; 7] {
        all().map(|each| verb(each).map_or_else(|refusal| refusal.code.to_owned(), |next| next.state().to_string()))
    }

    const NO: &str = "registration.state";

    /// Every state with every verb.
    #[test]
    fn what_becomes_of_a_registration() {
        assert_eq!(states(|each| each.verify(NOON)), ["verified", NO, NO, NO, NO, NO, NO]);
        for word in RegistrationEnd::WORDS {
            let why: RegistrationEnd = word.parse().unwrap();
            let ended = if why.is_verdict() { "refused" } else { "abandoned" };
            assert_eq!(states(|each| each.end(why)), [ended, NO, NO, NO, NO, NO, NO], "{word}");
        }
        assert_eq!(states(|each| each.wrong_code(until())), [NO, "verified", "abandoned", NO, NO, NO, NO]);
        let complete = |at| states(move |each| each.complete(RegistrationKind::First, at));
        assert_eq!(complete(until()), [NO, "completed", "completed", NO, NO, NO, NO]);
        let late = until().plus(Duration::from_micros(1));
        assert_eq!(complete(late), [NO; 7]);
        assert_eq!(states(|each| each.wrong_code(late)), [NO; 7], "what is over is told no more of the code");
        let overtaken = |at| all().map(|each| each.overtaken(at).map(|next| next.state().to_string()));
        let (gone, expired) = (Some("abandoned".to_owned()), Some("expired".to_owned()));
        assert_eq!(overtaken(NOON.plus(CHECKED_WITHIN)), [const { None }; 7]);
        assert_eq!(overtaken(until()), [gone.clone(), None, None, None, None, None, None]);
        assert_eq!(overtaken(late), [gone, expired.clone(), expired, None, None, None, None]);
    }

    #[test]
    fn a_code_may_be_mistyped_so_often_and_no_more() {
        let mut progress = Progress::begin(NOON).verify(NOON).unwrap();
        for _ in 1..CODE_TRIES {
            progress = progress.wrong_code(NOON).unwrap();
            assert_eq!(progress.state(), RegistrationState::Verified);
        }
        assert_eq!(progress.wrong_code(NOON).unwrap(), Progress::Abandoned(RegistrationEnd::CodeTries));
    }

    /// Every standing of an account, every tier of it, every kind of key, every tier that is asked for.
    #[test]
    fn one_person_has_one_account_and_one_device() {
        use DeviceKey::{InUse, New, Spent};
        let account = |tier, standing| Account {
            id: AccountId::from_number(42).unwrap(),
            tier,
            channel: Channel::Kiosk,
            location: None,
            registered_at: NOON,
            standing,
        };
        let suspended = Standing::Suspended { since: NOON, reason: SuspensionReason::LostDevice, call: None };
        let closed = Standing::Closed { since: NOON, reason: ClosureReason::Departure };
        let said = |account: Option<&Account>, key| {
            [Tier::IamSmart, Tier::IamSmartPlus]
                .map(|tier| kind_of(account, key, tier).map_or_else(|refusal| refusal.code.to_owned(), |kind| kind.to_string()))
        };
        let refused = ["registration.device-key"; 2];
        assert_eq!(said(None, New), ["first"; 2]);
        assert_eq!([said(None, InUse), said(None, Spent)], [refused, refused]);
        for tier in [Tier::IamSmart, Tier::IamSmartPlus] {
            let (active, held, gone) = (account(tier, Standing::Active), account(tier, suspended), account(tier, closed));
            let again = ["re-registration"; 2];
            assert_eq!([said(Some(&active), New), said(Some(&held), New), said(Some(&held), InUse)], [again, again, again]);
            let rises = if tier == Tier::IamSmart { "upgrade" } else { "re-registration" };
            assert_eq!(said(Some(&active), InUse), ["re-registration", rises]);
            assert_eq!([said(Some(&active), Spent), said(Some(&held), Spent)], [refused, refused]);
            assert_eq!([said(Some(&gone), New), said(Some(&gone), InUse)], [["first"; 2], refused]);
        }
    }

    #[test]
    fn statistics_keep_what_became_of_the_tier() {
        use AccountEventKind::{Downgraded, ReRegistered, Registered, Upgraded};
        use RegistrationKind::{First, ReRegistration, Upgrade};
        let (lite, plus) = (Tier::IamSmart, Tier::IamSmartPlus);
        for (kind, before, tier, events) in [
            (First, None, lite, vec![Registered]),
            (First, None, plus, vec![Registered]),
            (Upgrade, Some(lite), plus, vec![Upgraded]),
            (ReRegistration, Some(lite), lite, vec![ReRegistered]),
            (ReRegistration, Some(plus), plus, vec![ReRegistered]),
            (ReRegistration, Some(lite), plus, vec![ReRegistered, Upgraded]),
            (ReRegistration, Some(plus), lite, vec![ReRegistered, Downgraded]),
        ] {
            assert_eq!(events_of(kind, before, tier), events, "{kind} {before:?} {tier}");
        }
    }
}
