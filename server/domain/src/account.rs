//! Accounts and the rules of their states.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::words;
use crate::{AccountId, CallRef, LocationId, Refusal, Timestamp};

words! {
    /// What an account can do.
    pub enum Tier, "tier" {
        /// Authentication, form filling, notifications.
        IamSmart = 1 => "iam-smart",
        /// The same and digital signing with legal backing.
        IamSmartPlus = 2 => "iam-smart-plus",
    }
}

words! {
    /// Where a person registered.
    pub enum Channel, "registration channel" {
        /// On their own phone, with a photo of the card and a selfie.
        Remote = 1 => "remote",
        /// At a self-service kiosk, with the card's chip and a selfie.
        Kiosk = 2 => "kiosk",
        /// At a counter, where staff check the card.
        Counter = 3 => "counter",
        /// With a mobile team, where staff check the card.
        MobileTeam = 4 => "mobile-team",
    }
}

impl Channel {
    /// Whether registration through this channel may give that tier. A photo sent from home is not
    /// enough for signing.
    pub const fn may_give(self, tier: Tier) -> bool {
        match tier {
            Tier::IamSmart => true,
            Tier::IamSmartPlus => !matches!(self, Channel::Remote),
        }
    }

    /// Whether a registration through it names a place.
    pub const fn needs_location(self) -> bool {
        !matches!(self, Channel::Remote)
    }

    /// Whether a registration or upgrade through this channel, for that tier, at that place, can be.
    pub fn check(self, tier: Tier, location: Option<&LocationId>) -> Result<(), Refusal> {
        if !self.may_give(tier) {
            return Err(Refusal::new("account.channel-tier", format!("the channel {self} cannot give {tier}"))
                .hint("register at a kiosk, a counter or with a mobile team"));
        }
        match (self.needs_location(), location) {
            (true, None) => Err(Refusal::new("account.location-missing", format!("the channel {self} needs a location"))
                .hint("give the id of a place in the list of locations")),
            (false, Some(_)) => Err(Refusal::new("account.location-unexpected", format!("the channel {self} has no location"))),
            _ => Ok(()),
        }
    }
}

words! {
    /// Why an account is suspended.
    pub enum SuspensionReason, "suspension reason" {
        /// The phone is lost.
        LostDevice = 1 => "lost-device",
        /// The phone is stolen.
        StolenDevice = 2 => "stolen-device",
        /// Somebody else seems to use the account.
        SuspectedFraud = 3 => "suspected-fraud",
        /// The citizen wants it so.
        CallerRequest = 4 => "caller-request",
        /// The person has died.
        Deceased = 5 => "deceased",
        /// Anything else, said in a note.
        Other = 6 => "other",
    }
}

impl SuspensionReason {
    /// Whether a note must say more.
    pub const fn needs_note(self) -> bool {
        matches!(self, SuspensionReason::Other)
    }
}

words! {
    /// Why an account is closed.
    pub enum ClosureReason, "closure reason" {
        /// The citizen wants it so.
        CitizenRequest = 1 => "citizen-request",
        /// The person has died.
        Deceased = 2 => "deceased",
        /// The person has left Hong Kong for good.
        Departure = 3 => "departure",
    }
}

words! {
    /// The state of an account, without its facts.
    pub enum AccountState, "account state" {
        /// In use.
        Active = 1 => "active",
        /// Stopped; re-registration brings it back.
        Suspended = 2 => "suspended",
        /// Ended; its data key is destroyed.
        Closed = 3 => "closed",
    }
}

words! {
    /// What statistics keep of an account's life.
    pub enum AccountEventKind, "account event" {
        /// First registration.
        Registered = 1 => "registered",
        /// From `iam-smart` to `iam-smart-plus`.
        Upgraded = 2 => "upgraded",
        /// Suspended.
        Suspended = 3 => "suspended",
        /// Registered again, on a new device.
        ReRegistered = 4 => "re-registered",
        /// A suspension by mistake, taken back.
        Reversed = 5 => "reversed",
        /// Closed.
        Closed = 6 => "closed",
        /// From `iam-smart-plus` to `iam-smart`, by a re-registration that gives only that.
        Downgraded = 7 => "downgraded",
    }
}

/// The state of an account with its facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Standing {
    /// In use.
    Active,
    /// Stopped.
    Suspended {
        /// From when.
        since: Timestamp,
        /// Why.
        reason: SuspensionReason,
        /// The hotline call, when it was one.
        call: Option<CallRef>,
    },
    /// Ended.
    Closed {
        /// From when.
        since: Timestamp,
        /// Why.
        reason: ClosureReason,
    },
}

impl Standing {
    /// Without the facts.
    pub const fn state(&self) -> AccountState {
        match self {
            Standing::Active => AccountState::Active,
            Standing::Suspended { .. } => AccountState::Suspended,
            Standing::Closed { .. } => AccountState::Closed,
        }
    }
}

/// An account, without the person: the profile is sealed apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Its reference, kept through re-registration.
    pub id: AccountId,
    /// What it can do.
    pub tier: Tier,
    /// Where the present registration was made.
    pub channel: Channel,
    /// The place; none for `remote`.
    pub location: Option<LocationId>,
    /// The first registration.
    pub registered_at: Timestamp,
    /// Its state.
    pub standing: Standing,
}

/// The answer to a suspension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspend {
    /// Suspended by this very request.
    Now(Account),
    /// It was suspended already and is unchanged: asking twice is no mistake on a hotline.
    Already(Account),
}

impl Suspend {
    /// The suspended account either way.
    pub fn account(&self) -> &Account {
        match self {
            Suspend::Now(account) | Suspend::Already(account) => account,
        }
    }
}

/// A completed registration procedure: the way on to a new device, and the way back after a
/// suspension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReRegistration {
    /// What it gives.
    pub tier: Tier,
    /// How it was made.
    pub channel: Channel,
    /// Where.
    pub location: Option<LocationId>,
}

impl Account {
    /// A new account.
    pub fn register(
        id: AccountId,
        tier: Tier,
        channel: Channel,
        location: Option<LocationId>,
        now: Timestamp,
    ) -> Result<Account, Refusal> {
        channel.check(tier, location.as_ref())?;
        Ok(Account { id, tier, channel, location, registered_at: now, standing: Standing::Active })
    }

    /// Its state.
    pub const fn state(&self) -> AccountState {
        self.standing.state()
    }

    /// Stops every use. A second suspension changes nothing, the first reason and time stand; a
    /// closed account refuses (`account.closed`).
    pub fn suspend(&self, reason: SuspensionReason, call: Option<CallRef>, now: Timestamp) -> Result<Suspend, Refusal> {
        match self.standing {
            // The hotline may suspend without the citizen's proof: suspending protects, restoring
            // does not.
            Standing::Active => Ok(Suspend::Now(self.with(Standing::Suspended { since: now, reason, call }))),
            Standing::Suspended { .. } => Ok(Suspend::Already(self.clone())),
            Standing::Closed { .. } => Err(self.closed()),
        }
    }

    /// From `iam-smart` to `iam-smart-plus`, where somebody or a chip reader has seen the card. The
    /// registration's own channel and place stay.
    pub fn upgrade(&self, channel: Channel, location: Option<&LocationId>) -> Result<Account, Refusal> {
        match self.standing {
            Standing::Active => {}
            Standing::Suspended { .. } => return Err(self.suspended()),
            Standing::Closed { .. } => return Err(self.closed()),
        }
        if self.tier == Tier::IamSmartPlus {
            return Err(Refusal::new("account.already-plus", format!("account {} is {} already", self.id, self.tier)));
        }
        channel.check(Tier::IamSmartPlus, location)?;
        Ok(Account { tier: Tier::IamSmartPlus, ..self.clone() })
    }

    /// The same person has gone through the registration procedure again: a new device for an
    /// active account, the way back for a suspended one. The reference and the date of the first
    /// registration stay.
    pub fn re_register(&self, registration: ReRegistration) -> Result<Account, Refusal> {
        if self.state() == AccountState::Closed {
            return Err(self.closed());
        }
        let ReRegistration { tier, channel, location } = registration;
        channel.check(tier, location.as_ref())?;
        Ok(Account { id: self.id, tier, channel, location, registered_at: self.registered_at, standing: Standing::Active })
    }

    /// Takes back a suspension that was an agent's mistake, within `window` of it. That a second
    /// person says so is checked where operators are known.
    pub fn reverse(&self, now: Timestamp, window: Duration) -> Result<Account, Refusal> {
        match self.standing {
            Standing::Suspended { since, .. } if now.saturating_since(since) <= window => Ok(self.with(Standing::Active)),
            Standing::Suspended { since, .. } => Err(Refusal::new(
                "account.reversal-window",
                format!("account {} was suspended at {}, too long ago to take it back", self.id, since.people()),
            )
            .hint("the citizen registers again")),
            Standing::Active => Err(Refusal::new("account.not-suspended", format!("account {} is not suspended", self.id))),
            Standing::Closed { .. } => Err(self.closed()),
        }
    }

    /// Ends the account. What is destroyed with it is the server's to do.
    pub fn close(&self, reason: ClosureReason, now: Timestamp) -> Result<Account, Refusal> {
        match self.standing {
            Standing::Active | Standing::Suspended { .. } => Ok(self.with(Standing::Closed { since: now, reason })),
            Standing::Closed { .. } => Err(self.closed()),
        }
    }

    fn with(&self, standing: Standing) -> Account {
        Account { standing, ..self.clone() }
    }

    fn closed(&self) -> Refusal {
        Refusal::new("account.closed", format!("account {} is already closed", self.id))
            .hint(format!("see 'iamctl account show {}'", self.id))
    }

    fn suspended(&self) -> Refusal {
        Refusal::new("account.suspended", format!("account {} is suspended", self.id)).hint("the citizen registers again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_mins(15);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn noon() -> Timestamp {
        at("2022-05-31T12:00:00+08:00")
    }

    fn place() -> LocationId {
        "harbour-road-sports-centre".parse().unwrap()
    }

    fn account(tier: Tier, standing: Standing) -> Account {
        Account {
            id: AccountId::from_number(42).unwrap(),
            tier,
            channel: Channel::Kiosk,
            location: Some(place()),
            registered_at: at("2021-03-04T10:00:00+08:00"),
            standing,
        }
    }

    fn call() -> CallRef {
        CallRef::from_number(7).unwrap()
    }

    fn suspended() -> Standing {
        Standing::Suspended { since: noon(), reason: SuspensionReason::LostDevice, call: Some(call()) }
    }

    fn closed() -> Standing {
        Standing::Closed { since: noon(), reason: ClosureReason::Departure }
    }

    #[derive(Clone, Copy, Debug)]
    enum Verb {
        Suspend,
        Upgrade,
        ReRegister,
        Reverse,
        Close,
    }

    /// The state after the verb, or the code of the refusal.
    fn outcome(account: &Account, verb: Verb) -> Result<AccountState, &'static str> {
        let later = noon().plus(Duration::from_mins(5));
        let done = match verb {
            Verb::Suspend => account.suspend(SuspensionReason::StolenDevice, None, later).map(|done| done.account().clone()),
            Verb::Upgrade => account.upgrade(Channel::Counter, Some(&place())),
            Verb::ReRegister => {
                account.re_register(ReRegistration { tier: Tier::IamSmart, channel: Channel::Remote, location: None })
            }
            Verb::Reverse => account.reverse(later, WINDOW),
            Verb::Close => account.close(ClosureReason::CitizenRequest, later),
        };
        done.map(|account| account.state()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn every_verb_in_every_state() {
        use AccountState::{Active, Closed, Suspended};
        for (standing, verb, expected) in [
            (Standing::Active, Verb::Suspend, Ok(Suspended)),
            (Standing::Active, Verb::Upgrade, Ok(Active)),
            (Standing::Active, Verb::ReRegister, Ok(Active)),
            (Standing::Active, Verb::Reverse, Err("account.not-suspended")),
            (Standing::Active, Verb::Close, Ok(Closed)),
            (suspended(), Verb::Suspend, Ok(Suspended)),
            (suspended(), Verb::Upgrade, Err("account.suspended")),
            (suspended(), Verb::ReRegister, Ok(Active)),
            (suspended(), Verb::Reverse, Ok(Active)),
            (suspended(), Verb::Close, Ok(Closed)),
            (closed(), Verb::Suspend, Err("account.closed")),
            (closed(), Verb::Upgrade, Err("account.closed")),
            (closed(), Verb::ReRegister, Err("account.closed")),
            (closed(), Verb::Reverse, Err("account.closed")),
            (closed(), Verb::Close, Err("account.closed")),
        ] {
            let before = account(Tier::IamSmart, standing);
            assert_eq!(outcome(&before, verb), expected, "{verb:?} when {}", before.state());
        }
    }

    #[test]
    fn a_suspension_keeps_its_facts_and_a_second_one_says_so() {
        let active = account(Tier::IamSmartPlus, Standing::Active);
        let first = active.suspend(SuspensionReason::LostDevice, Some(call()), noon()).unwrap();
        assert_eq!(first, Suspend::Now(account(Tier::IamSmartPlus, suspended())));
        let again =
            first.account().suspend(SuspensionReason::SuspectedFraud, None, noon().plus(Duration::from_secs(60))).unwrap();
        assert_eq!(again, Suspend::Already(first.account().clone()), "the first reason and time stand");
    }

    #[test]
    fn a_mistake_is_taken_back_within_the_window_only() {
        let suspended = account(Tier::IamSmart, suspended());
        assert!(suspended.reverse(noon().plus(WINDOW), WINDOW).is_ok());
        let refusal = suspended.reverse(noon().plus(WINDOW + Duration::from_micros(1)), WINDOW).unwrap_err();
        assert_eq!(refusal.code, "account.reversal-window");
        // A clock that went back does not lock a supervisor out.
        assert!(suspended.reverse(noon().minus(Duration::from_hours(1)), WINDOW).is_ok());
    }

    #[test]
    fn an_upgrade_needs_somebody_who_has_seen_the_card() {
        let account = account(Tier::IamSmart, Standing::Active);
        for (channel, location, code) in [
            (Channel::Kiosk, Some(place()), None),
            (Channel::Counter, Some(place()), None),
            (Channel::MobileTeam, Some(place()), None),
            (Channel::Remote, None, Some("account.channel-tier")),
            (Channel::Kiosk, None, Some("account.location-missing")),
        ] {
            let outcome = account.upgrade(channel, location.as_ref());
            assert_eq!(outcome.as_ref().err().map(|refusal| refusal.code), code, "{channel}");
            if let Ok(upgraded) = outcome {
                assert_eq!(upgraded, Account { tier: Tier::IamSmartPlus, ..account.clone() }, "nothing else changes");
            }
        }
        let plus = Account { tier: Tier::IamSmartPlus, ..account };
        assert_eq!(plus.upgrade(Channel::Kiosk, Some(&place())).unwrap_err().code, "account.already-plus");
    }

    #[test]
    fn what_each_channel_may_give() {
        use Channel::{Counter, Kiosk, MobileTeam, Remote};
        use Tier::{IamSmart, IamSmartPlus};
        let id = AccountId::from_number(1).unwrap();
        for (channel, tier, location, code) in [
            (Remote, IamSmart, false, None),
            (Remote, IamSmartPlus, false, Some("account.channel-tier")),
            (Remote, IamSmart, true, Some("account.location-unexpected")),
            (Kiosk, IamSmart, true, None),
            (Kiosk, IamSmartPlus, true, None),
            (Kiosk, IamSmart, false, Some("account.location-missing")),
            (Counter, IamSmartPlus, true, None),
            (Counter, IamSmartPlus, false, Some("account.location-missing")),
            (MobileTeam, IamSmartPlus, true, None),
            (MobileTeam, IamSmart, false, Some("account.location-missing")),
        ] {
            let outcome = Account::register(id, tier, channel, location.then(place), noon());
            assert_eq!(outcome.err().map(|refusal| refusal.code), code, "{channel} {tier}");
        }
    }

    #[test]
    fn a_new_device_keeps_the_reference_and_the_first_date() {
        let before = account(Tier::IamSmartPlus, suspended());
        let after =
            before.re_register(ReRegistration { tier: Tier::IamSmart, channel: Channel::Remote, location: None }).unwrap();
        assert_eq!((after.id, after.registered_at), (before.id, before.registered_at));
        assert_eq!((after.tier, after.channel, after.location), (Tier::IamSmart, Channel::Remote, None));
        let refused = before.re_register(ReRegistration { tier: Tier::IamSmartPlus, channel: Channel::Remote, location: None });
        assert_eq!(refused.unwrap_err().code, "account.channel-tier");
    }

    #[test]
    fn a_refusal_is_a_fragment_with_advice_apart() {
        let refusal = account(Tier::IamSmart, closed()).close(ClosureReason::Deceased, noon()).unwrap_err();
        let id = AccountId::from_number(42).unwrap();
        assert_eq!(refusal.to_string(), format!("account {id} is already closed"));
        assert_eq!(refusal.hint, Some(format!("see 'iamctl account show {id}'")));
    }

    #[test]
    fn only_other_needs_a_note() {
        let needing: Vec<_> = SuspensionReason::ALL.iter().filter(|reason| reason.needs_note()).collect();
        assert_eq!(needing, [&SuspensionReason::Other]);
    }

    #[test]
    fn the_standing_carries_its_facts_on_the_wire() {
        let json = serde_json::to_string(&suspended()).unwrap();
        assert_eq!(
            json,
            format!(
                r#"{{"state":"suspended","since":"2022-05-31T04:00:00.000000Z","reason":"lost-device","call":"{}"}}"#,
                call()
            )
        );
        assert_eq!(serde_json::from_str::<Standing>(&json).unwrap(), suspended());
        assert_eq!(serde_json::to_string(&Standing::Active).unwrap(), r#"{"state":"active"}"#);
    }
}
