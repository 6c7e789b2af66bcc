//! Accounts in order of registration, each with its whole life.

use std::ops::Deref;
use std::time::Duration;

use super::chance::{Chance, Draw, Purpose, Quota};
use super::plan::Ways;
use super::{Plan, Span};
use crate::{AccountId, Channel, ClosureReason, Day, LocationId, Profile, SuspensionReason, Tier, Timestamp};

const HOUR: u64 = 3_600_000_000;

/// An upgrade to plus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgraded {
    /// When.
    pub at: Timestamp,
    /// How.
    pub channel: Channel,
    /// Where.
    pub location: Option<LocationId>,
}

/// How an account stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Suspended, and still so on the last day.
    Suspended {
        /// When.
        at: Timestamp,
        /// Why.
        reason: SuspensionReason,
    },
    /// Closed.
    Closed {
        /// When.
        at: Timestamp,
        /// Why.
        reason: ClosureReason,
    },
}

impl Ended {
    /// When.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Ended::Suspended { at, .. } | Ended::Closed { at, .. } => *at,
        }
    }
}

/// A synthetic account with its life up to the last day. Who it belongs to is [`Plan::profile`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntheticAccount {
    /// Its place in the order of registration, from 0.
    pub number: u32,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The tier it was registered with.
    pub tier: Tier,
    /// How.
    pub channel: Channel,
    /// Where.
    pub location: Option<LocationId>,
    /// Its upgrade.
    pub upgraded: Option<Upgraded>,
    /// Its end, after the upgrade if there was one.
    pub ended: Option<Ended>,
}

impl SyntheticAccount {
    /// The tier it has in the end.
    #[must_use]
    pub const fn final_tier(&self) -> Tier {
        if self.upgraded.is_some() { Tier::IamSmartPlus } else { self.tier }
    }
}

impl Plan {
    /// Every account in order of registration. Drawing them again takes a moment and no memory to speak of.
    #[must_use]
    pub fn accounts(&self) -> Accounts<&Plan> {
        Accounts::of(self)
    }

    /// The person behind an account. Nothing of them is kept anywhere: asked again, the same comes out.
    #[must_use]
    pub fn profile(&self, account: &SyntheticAccount) -> Option<Profile> {
        self.people.profile(self.seed, account.number, account.registered_at.hk_day())
    }

    /// The reference of the account with that number.
    #[must_use]
    pub fn reference(&self, number: u32) -> Option<AccountId> {
        self.people.reference(number)
    }
}

/// Accounts in order of registration, out of a plan that is lent or shared.
#[derive(Debug)]
pub struct Accounts<P> {
    plan: P,
    drawn: u64,
    given: u32,
    day: usize,
    plus: Quota,
    upgraded: Quota,
    closed_plus: Quota,
    closed_smart: Quota,
    suspended: Quota,
    /// The day under way, the latest first.
    waiting: Vec<SyntheticAccount>,
}

impl<P: Deref<Target = Plan>> Accounts<P> {
    /// All of them, from the first.
    #[must_use]
    pub fn of(plan: P) -> Self {
        let totals = plan.totals;
        let (made, plus) = (totals.made(), totals.ever_plus());
        Accounts {
            plan,
            drawn: 0,
            given: 0,
            day: 0,
            plus: Quota { left: 0, among: 0 },
            upgraded: Quota { left: totals.upgraded, among: made + totals.upgraded - plus },
            closed_plus: Quota { left: totals.closed_plus, among: plus },
            closed_smart: Quota { left: totals.closed - totals.closed_plus, among: made - plus },
            suspended: Quota { left: totals.suspended, among: totals.registered },
            waiting: Vec::new(),
        }
    }

    fn draw_day(&mut self) -> Option<()> {
        let count = *self.plan.registrations.get(self.day)?;
        let day = self.plan.day(self.day);
        if self.day == 0 || day.day_of_month() == 1 {
            let month = self.plan.months.iter().find(|planned| planned.month == day.month())?;
            self.plus = Quota { left: month.plus, among: month.accounts };
        }
        for _ in 0..count {
            let account = self.draw(day);
            self.waiting.push(account);
            self.drawn += 1;
        }
        self.waiting.sort_by_key(|account| std::cmp::Reverse(account.registered_at));
        self.day += 1;
        Some(())
    }

    /// Who is plus, upgraded, suspended and closed is chosen so that every total comes out exactly.
    fn draw(&mut self, day: Day) -> SyntheticAccount {
        let mut chance = Chance::keyed(self.plan.seed, Purpose::Life, self.drawn);
        let plus = self.plus.chooses(&mut chance);
        let upgraded = !plus && self.upgraded.chooses(&mut chance);
        let closes = if plus || upgraded { &mut self.closed_plus } else { &mut self.closed_smart };
        let closed = closes.chooses(&mut chance);
        let suspended = !closed && self.suspended.chooses(&mut chance);
        let left = u32::try_from(self.plan.as_at.number() - day.number()).unwrap_or(0);
        let fate = Fate { plus, upgraded, closed, suspended };
        self.plan.ways.life(day, left, fate, &mut chance)
    }
}

impl<P: Deref<Target = Plan>> Iterator for Accounts<P> {
    type Item = SyntheticAccount;

    fn next(&mut self) -> Option<SyntheticAccount> {
        while self.waiting.is_empty() {
            self.draw_day()?;
        }
        let mut account = self.waiting.pop()?;
        account.number = self.given;
        self.given += 1;
        Some(account)
    }
}

/// What was chosen for an account.
#[derive(Clone, Copy)]
struct Fate {
    plus: bool,
    upgraded: bool,
    closed: bool,
    suspended: bool,
}

impl Ways {
    /// A life that begins on that day, with so many days left of the population's time.
    fn life(&self, day: Day, left: u32, fate: Fate, chance: &mut Chance) -> SyntheticAccount {
        let (tier, channels) = if fate.plus { (Tier::IamSmartPlus, &self.plus) } else { (Tier::IamSmart, &self.smart) };
        let channel = *channels.pick(chance);
        let location = self.location(channel, chance);
        let hours = if channel.needs_location() { &self.in_person_hours } else { &self.remote_hours };
        let registered_at = moment(day, hours, chance);

        let end = (fate.closed || fate.suspended).then(|| {
            let span = if fate.closed { self.closure_delay } else { self.suspension_delay };
            delay(span, left, chance)
        });
        let upgraded = fate.upgraded.then(|| {
            // Who is suspended or closed is not upgraded any more.
            let after = delay(self.upgrade_delay, end.unwrap_or(left), chance);
            let channel = *self.upgrade.pick(chance);
            let at = later(day, after, &self.in_person_hours, registered_at, chance);
            Upgraded { at, channel, location: self.location(channel, chance) }
        });
        let before = upgraded.as_ref().map_or(registered_at, |upgraded| upgraded.at);
        let ended = end.map(|after| {
            if fate.closed {
                let at = later(day, after, &self.in_person_hours, before, chance);
                Ended::Closed { at, reason: *self.closed.pick(chance) }
            } else {
                // The hotline answers at every hour.
                let at = later(day, after, &self.remote_hours, before, chance);
                Ended::Suspended { at, reason: *self.suspended.pick(chance) }
            }
        });
        SyntheticAccount { number: 0, registered_at, tier, channel, location, upgraded, ended }
    }

    fn location(&self, channel: Channel, chance: &mut Chance) -> Option<LocationId> {
        self.locations.get(&channel).map(|places| places.pick(chance).clone())
    }
}

/// A moment of that day.
pub(super) fn moment(day: Day, hours: &Draw<u8>, chance: &mut Chance) -> Timestamp {
    let hour = u64::from(*hours.pick(chance));
    day.start().plus(Duration::from_micros(hour * HOUR + chance.below(HOUR)))
}

/// Days from the span, cut at what is left; anything up to that when the span begins later.
fn delay(span: Span, left: u32, chance: &mut Chance) -> u32 {
    let (from, to) = if span.min > left { (0, left) } else { (span.min, span.max.min(left)) };
    // Less than the five years of the longest population.
    from + u32::try_from(chance.below(u64::from(to - from) + 1)).unwrap_or(0)
}

/// A moment so many days later; on the day of what came before, half of what is left of that day later.
fn later(day: Day, after: u32, hours: &Draw<u8>, before: Timestamp, chance: &mut Chance) -> Timestamp {
    let day = day.plus_days(i32::try_from(after).unwrap_or(i32::MAX));
    let at = moment(day, hours, chance);
    if at > before { at } else { before.plus(day.end().saturating_since(before) / 2) }
}
