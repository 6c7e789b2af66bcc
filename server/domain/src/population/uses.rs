//! Uses, day by day and service by service.

use std::ops::Deref;

use super::accounts::moment;
use super::chance::{Chance, Purpose};
use super::{Plan, PlannedService};
use crate::{Day, Function, Outcome, Tier, Timestamp, UsageChannel};

/// Never: a day that does not come.
const NEVER: u16 = u16::MAX;
/// So many are tried at random before they are gone through one by one.
const TRIES: usize = 48;

/// One request that a citizen's account answered, or failed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntheticUse {
    /// The number of the account.
    pub account: u32,
    /// The place of the service in [`Plan::services`].
    pub service: usize,
    /// What for.
    pub function: Function,
    /// The tier the account had.
    pub tier: Tier,
    /// How the service was reached.
    pub channel: UsageChannel,
    /// How it ended.
    pub outcome: Outcome,
    /// The day in Hong Kong.
    pub day: Day,
    /// When.
    pub at: Timestamp,
}

/// A place in the stream of uses, to go on from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// The day, from launch.
    pub day: usize,
    /// The service.
    pub service: usize,
    /// Requests of that service on that day.
    pub done: u64,
}

/// What a use must know of every account: four bytes each.
#[derive(Debug, Default)]
struct Citizens {
    /// Accounts registered before each day, and in all.
    before: Vec<u32>,
    /// From which day plus.
    plus_from: Vec<u16>,
    /// From which day suspended or closed.
    ended_on: Vec<u16>,
    /// Accounts in use on each day: `iam-smart`, plus.
    in_use: Vec<[u32; 2]>,
}

impl Citizens {
    fn of(plan: &Plan) -> Citizens {
        let mut citizens = Citizens::default();
        let mut sum = 0;
        citizens.before.push(0);
        for count in &plan.registrations {
            sum += count;
            citizens.before.push(sum);
        }
        citizens.plus_from.reserve_exact(sum as usize);
        citizens.ended_on.reserve_exact(sum as usize);
        // What each day adds to and takes from the accounts in use.
        let mut changes = vec![[0_i64; 2]; plan.days()];
        let place = |at: Timestamp| usize::try_from(at.hk_day().number() - plan.launch.number()).unwrap_or(0);
        for account in plan.accounts() {
            let registered = place(account.registered_at);
            let plus_from = match (&account.upgraded, account.tier) {
                (Some(upgraded), _) => Some(place(upgraded.at)),
                (None, Tier::IamSmartPlus) => Some(registered),
                (None, Tier::IamSmart) => None,
            };
            let ended_on = account.ended.map(|ended| place(ended.at()));
            let until = ended_on.unwrap_or(usize::MAX);
            let smart_until = plus_from.unwrap_or(usize::MAX).min(until);
            step(&mut changes, 0, registered, smart_until);
            step(&mut changes, 1, plus_from.unwrap_or(usize::MAX), until);
            citizens.plus_from.push(small(plus_from));
            citizens.ended_on.push(small(ended_on));
        }
        let mut current = [0_i64; 2];
        for change in changes {
            for (tier, change) in current.iter_mut().zip(change) {
                *tier += change;
            }
            citizens.in_use.push(current.map(|count| u32::try_from(count).unwrap_or(0)));
        }
        citizens
    }

    fn nobody(&self, day: usize) -> bool {
        self.in_use.get(day).is_none_or(|counts| *counts == [0, 0])
    }

    fn has_plus(&self, day: usize) -> bool {
        self.in_use.get(day).is_some_and(|[_, plus]| *plus > 0)
    }

    /// Somebody whose account is in use on that day, of that tier while there is anybody of it.
    fn pick(&self, day: usize, tier: Tier, chance: &mut Chance) -> (u32, Tier) {
        let counts = self.in_use[day];
        let tier = match (tier, counts) {
            (Tier::IamSmart, [0, _]) => Tier::IamSmartPlus,
            (Tier::IamSmartPlus, [_, 0]) => Tier::IamSmart,
            _ => tier,
        };
        let today = u16::try_from(day).unwrap_or(NEVER - 1);
        let plus = tier == Tier::IamSmartPlus;
        let fits = |account: u32| {
            let place = account as usize;
            self.ended_on[place] > today && (self.plus_from[place] <= today) == plus
        };
        let all = self.before[day + 1];
        let draw = |chance: &mut Chance| u32::try_from(chance.below(all.into())).unwrap_or(0);
        for _ in 0..TRIES {
            let account = draw(chance);
            if fits(account) {
                return (account, tier);
            }
        }
        // Few are left among many: the next one, all around.
        let from = draw(chance);
        let found = (from..all).chain(0..from).find(|account| fits(*account));
        (found.unwrap_or(from), tier)
    }
}

/// One account is in use as that tier from a day until before another.
fn step(changes: &mut [[i64; 2]], tier: usize, from: usize, until: usize) {
    if from >= until {
        return;
    }
    if let Some(day) = changes.get_mut(from) {
        day[tier] += 1;
    }
    if let Some(day) = changes.get_mut(until) {
        day[tier] -= 1;
    }
}

/// The findings hold the days far below.
fn small(day: Option<usize>) -> u16 {
    day.and_then(|day| u16::try_from(day).ok()).unwrap_or(NEVER)
}

/// Uses, one after the other: days, in them services, in them outcomes. Out of a plan that is lent or shared.
#[derive(Debug)]
pub struct Uses<P> {
    plan: P,
    citizens: Citizens,
    position: Position,
    /// What is left of the service and day under way, by outcome.
    left: [u64; 5],
    chance: Chance,
}

impl Plan {
    /// Every use from the beginning, or from where one stopped.
    #[must_use]
    pub fn uses_from(&self, from: Position) -> Uses<&Plan> {
        Uses::from(self, from)
    }
}

impl<P: Deref<Target = Plan>> Uses<P> {
    /// Every use from there on. All accounts are drawn first, which takes a tenth of a second a million.
    #[must_use]
    pub fn from(plan: P, from: Position) -> Self {
        let mut uses = Uses {
            citizens: Citizens::of(&plan),
            plan,
            position: Position { done: 0, ..from },
            left: [0; 5],
            chance: Chance::keyed(0, Purpose::Use, 0),
        };
        uses.open();
        // The rows of a service's day come out of one stream: those that were made are drawn again and dropped.
        while uses.position.done < from.done && uses.left != [0; 5] {
            uses.draw();
        }
        uses
    }

    /// Where the next one stands.
    #[must_use]
    pub fn reached(&self) -> Position {
        self.position
    }

    /// Begins a service's day: its counts and its own stream of chance.
    fn open(&mut self) {
        let Position { day, service, .. } = self.position;
        self.left = match self.plan.services.get(service) {
            Some(planned) if day < self.plan.days() => self.counts(planned, day),
            _ => [0; 5],
        };
        let key = (service as u64) << 32 | day as u64;
        self.chance = Chance::keyed(self.plan.seed, Purpose::Use, key);
    }

    /// Requests of that day, and of the days before on which there was nobody to make them.
    fn counts(&self, planned: &PlannedService, day: usize) -> [u64; 5] {
        let mut counts = [0; 5];
        if self.citizens.nobody(day) {
            return counts;
        }
        let first = (0..day).rev().take_while(|before| self.citizens.nobody(*before)).last().unwrap_or(day);
        for day in first..=day {
            for (sum, count) in counts.iter_mut().zip(planned.counts(day)) {
                *sum += u64::from(count);
            }
        }
        counts
    }

    fn draw(&mut self) -> Option<SyntheticUse> {
        let place = self.left.iter().position(|left| *left > 0)?;
        self.left[place] -= 1;
        self.position.done += 1;
        let Position { day: number, service, .. } = self.position;
        let planned = self.plan.services.get(service)?;
        let chance = &mut self.chance;
        let mut function = *planned.functions.pick(chance);
        if function.needs() == Tier::IamSmartPlus && !self.citizens.has_plus(number) && !planned.functions_without_plus.is_empty()
        {
            function = *planned.functions_without_plus.pick(chance);
        }
        let by_plus = chance.per_mille(planned.plus_per_mille);
        let asked = if by_plus { Tier::IamSmartPlus } else { function.needs() };
        let (account, tier) = self.citizens.pick(number, asked, chance);
        let channel = match function {
            Function::Notification | Function::StepUp => UsageChannel::Backchannel,
            Function::Authentication | Function::FormFilling | Function::Signing => *planned.channels.pick(chance),
        };
        let day = self.plan.day(number);
        let at = moment(day, &self.plan.ways.use_hours, chance);
        Some(SyntheticUse { account, service, function, tier, channel, outcome: Outcome::ALL[place], day, at })
    }
}

impl<P: Deref<Target = Plan>> Iterator for Uses<P> {
    type Item = SyntheticUse;

    fn next(&mut self) -> Option<SyntheticUse> {
        while self.left == [0; 5] {
            let Position { day, service, .. } = self.position;
            if day >= self.plan.days() {
                return None;
            }
            self.position = if service + 1 < self.plan.services.len() {
                Position { day, service: service + 1, done: 0 }
            } else {
                Position { day: day + 1, service: 0, done: 0 }
            };
            self.open();
        }
        self.draw()
    }
}
