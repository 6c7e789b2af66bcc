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
                format!("account {} was suspended at {since}, too long ago to take it back", self.id),
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
