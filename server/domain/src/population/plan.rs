//! From totals and shares to counts: what exactly is to be made at a scale.

use std::collections::BTreeMap;

use super::chance::{Chance, Draw, Purpose};
use super::people::PeoplePlan;
use super::{Population, Scale, Surroundings, largest_remainder};
use crate::{
    Channel, ClientId, ClosureReason, Day, Finding, Function, LocationId, Month, Outcome, SuspensionReason, Tier, UsageChannel,
};

/// Totals of accounts at a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaledTotals {
    /// Active and suspended in the end.
    pub registered: u64,
    /// Of which plus.
    pub plus: u64,
    /// Of which suspended.
    pub suspended: u64,
    /// Closed, on top.
    pub closed: u64,
    /// Of which plus.
    pub closed_plus: u64,
    /// Of all plus: upgraded.
    pub upgraded: u64,
}

impl ScaledTotals {
    /// Accounts ever made.
    #[must_use]
    pub const fn made(&self) -> u64 {
        self.registered + self.closed
    }

    /// Plus in the end, closed ones included.
    #[must_use]
    pub const fn ever_plus(&self) -> u64 {
        self.plus + self.closed_plus
    }
}

/// A month of registrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedMonth {
    /// Which.
    pub month: Month,
    /// Registrations in it.
    pub accounts: u64,
    /// Of which plus from the beginning.
    pub plus: u64,
}

/// A service with its uses day by day.
#[derive(Clone, Debug)]
pub struct PlannedService {
    /// Which.
    pub client: ClientId,
    /// Completed uses in all.
    pub uses: u64,
    /// Requests a day, from launch on, by outcome.
    counts: Vec<DayCounts>,
    pub(super) functions: Draw<Function>,
    /// The same for a day on which nobody is plus yet.
    pub(super) functions_without_plus: Draw<Function>,
    pub(super) channels: Draw<UsageChannel>,
    pub(super) plus_per_mille: u32,
}

/// Requests of one service on one day, by outcome in the order of [`Outcome::ALL`].
pub type DayCounts = [u32; 5];

impl PlannedService {
    /// Requests on the day with that number from launch.
    #[must_use]
    pub fn counts(&self, day: usize) -> DayCounts {
        self.counts.get(day).copied().unwrap_or_default()
    }

    /// Requests of every outcome.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.counts.iter().flatten().map(|count| u64::from(*count)).sum()
    }
}

/// What is to be made, in counts. Holds everything that drawing the rows needs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// First day.
    pub launch: Day,
    /// Last day.
    pub as_at: Day,
    /// Totals of accounts.
    pub totals: ScaledTotals,
    /// Registrations month by month.
    pub months: Vec<PlannedMonth>,
    /// Registrations day by day.
    pub registrations: Vec<u32>,
    /// Services with at least one use, in the order of the description.
    pub services: Vec<PlannedService>,
    pub(super) ways: Ways,
    pub(super) people: PeoplePlan,
}

/// How registrations and what follows them are drawn.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    pub(super) smart: Draw<Channel>,
    pub(super) plus: Draw<Channel>,
    pub(super) upgrade: Draw<Channel>,
    pub(super) locations: BTreeMap<Channel, Draw<LocationId>>,
    pub(super) remote_hours: Draw<u8>,
    pub(super) in_person_hours: Draw<u8>,
    pub(super) use_hours: Draw<u8>,
    pub(super) suspended: Draw<SuspensionReason>,
    pub(super) closed: Draw<ClosureReason>,
    pub(super) upgrade_delay: super::Span,
    pub(super) suspension_delay: super::Span,
    pub(super) closure_delay: super::Span,
}

impl Plan {
    /// Counts of a population at a scale, in surroundings that have its services.
    ///
    /// # Errors
    /// Everything that is wrong with it; also when the scale leaves nobody to use anything.
    pub fn new(population: &Population, scale: Scale, seed: u64, surroundings: &Surroundings) -> Result<Plan, Vec<Finding>> {
        let mut findings = population.findings();
        findings.extend(population.findings_in(surroundings));
        let totals = population.totals(scale);
        if totals.registered <= totals.suspended {
            findings.push(Finding {
                path: String::new(),
                code: "population.nobody",
                message: format!("at the scale {scale} nobody is left to use anything"),
                hint: Some("choose a larger scale".to_owned()),
            });
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        let months = population.months(&totals);
        Ok(Plan {
            seed,
            launch: population.launch,
            as_at: population.as_at,
            totals,
            registrations: population.registrations_by_day(&months),
            months,
            services: population.planned_services(scale, surroundings),
            ways: population.ways(),
            people: PeoplePlan::new(population, &mut Chance::keyed(seed, Purpose::Numbers, 0)),
        })
    }

    /// Days from launch to the last one.
    #[must_use]
    pub fn days(&self) -> usize {
        self.registrations.len()
    }

    /// The day with that number from launch.
    #[must_use]
    pub fn day(&self, number: usize) -> Day {
        self.launch.plus_days(i32::try_from(number).unwrap_or(i32::MAX))
    }

    /// Rows of use in all, of every outcome.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.services.iter().map(PlannedService::events).sum()
    }

    /// Completed uses in all.
    #[must_use]
    pub fn completed_uses(&self) -> u64 {
        self.services.iter().map(|service| service.uses).sum()
    }
}

impl Population {
    fn totals(&self, scale: Scale) -> ScaledTotals {
        let accounts = &self.accounts;
        let (plus, closed_plus) = (scale.of(accounts.plus), scale.of(accounts.closed_plus));
        ScaledTotals {
            registered: scale.of(accounts.registered),
            plus,
            suspended: scale.of(accounts.suspended),
            closed: scale.of(accounts.closed),
            closed_plus,
            // Two counts that are rounded down apart may come to one less than their sum rounded down.
            upgraded: scale.of(accounts.upgraded).min(plus + closed_plus),
        }
    }

    fn months(&self, totals: &ScaledTotals) -> Vec<PlannedMonth> {
        let weights: Vec<u64> = self.registrations.monthly.iter().map(|entry| entry.accounts).collect();
        let accounts = largest_remainder(totals.made(), &weights);
        let plus = largest_remainder(totals.ever_plus() - totals.upgraded, &accounts);
        let months = self.registrations.monthly.iter().map(|entry| entry.month);
        months.zip(accounts).zip(plus).map(|((month, accounts), plus)| PlannedMonth { month, accounts, plus }).collect()
    }

    fn registrations_by_day(&self, months: &[PlannedMonth]) -> Vec<u32> {
        let mut days = Vec::new();
        for month in months {
            let first = month.month.first_day().max(self.launch);
            let last = month.month.last_day().min(self.as_at);
            let weights: Vec<u64> = days_between(first, last).map(|day| self.registrations.weekdays.of(day).into()).collect();
            days.extend(largest_remainder(month.accounts, &weights).into_iter().map(narrow));
        }
        days
    }

    fn planned_services(&self, scale: Scale, surroundings: &Surroundings) -> Vec<PlannedService> {
        let named = self.usage.services.iter().filter_map(|entry| {
            let since = surroundings.services.get(&entry.service)?.since;
            let channels = entry.channels.as_ref().unwrap_or(&self.usage.channels);
            Some((entry.service.clone(), since, entry.uses, &entry.profile, &entry.functions, channels, entry.plus_per_mille))
        });
        let synthetic = self.synthetic_services.iter().flat_map(|group| {
            group.clients().map(|(client, service)| {
                (client, service.since, service.uses, &group.profile, &group.functions, &self.usage.channels, None)
            })
        });
        named
            .chain(synthetic)
            .filter(|(_, _, uses, ..)| *uses > 0)
            .map(|(client, since, uses, profile, functions, channels, plus)| {
                let uses = scale.of(uses).max(1);
                PlannedService {
                    client,
                    uses,
                    counts: self.counts(uses, profile, since),
                    functions: Draw::new(functions.iter().map(|(function, share)| (*function, *share))),
                    functions_without_plus: Draw::new(
                        functions
                            .iter()
                            .filter(|(function, _)| function.needs() == Tier::IamSmart)
                            .map(|(function, share)| (*function, *share)),
                    ),
                    channels: Draw::new(channels.iter().map(|(channel, share)| (*channel, *share))),
                    plus_per_mille: plus.unwrap_or(self.usage.plus_per_mille),
                }
            })
            .collect()
    }

    /// Requests of a service day by day from launch.
    fn counts(&self, uses: u64, profile: &str, since: Day) -> Vec<DayCounts> {
        let levels = self.profiles.get(profile);
        let mut current = (self.launch.month(), 0);
        let weights: Vec<u64> = days_between(self.launch, self.as_at)
            .enumerate()
            .map(|(number, day)| {
                if number == 0 || day.day_of_month() == 1 {
                    let month = day.month();
                    current = (month, levels.and_then(|levels| levels.get(&month)).copied().unwrap_or(0));
                }
                if day < since { 0 } else { u64::from(current.1) * u64::from(self.usage.weekdays.of(day)) }
            })
            .collect();
        let rates = self.usage.outcomes;
        let mut counts = vec![DayCounts::default(); weights.len()];
        for (place, outcome) in Outcome::ALL.iter().enumerate() {
            let rate = match outcome {
                Outcome::Completed => 1_000,
                Outcome::Failed => rates.failed,
                Outcome::Refused => rates.refused,
                Outcome::TimedOut => rates.timed_out,
                Outcome::Cancelled => rates.cancelled,
            };
            let parts = largest_remainder(uses * u64::from(rate) / 1_000, &weights);
            for (day, part) in counts.iter_mut().zip(parts) {
                day[place] = narrow(part);
            }
        }
        counts
    }

    fn ways(&self) -> Ways {
        let registrations = &self.registrations;
        let channels = |tier| {
            let shares: Option<&BTreeMap<Channel, u32>> = registrations.channels.get(&tier);
            Draw::new(shares.into_iter().flatten().map(|(channel, share)| (*channel, *share)))
        };
        let hours = |shares: &[u32]| Draw::new((0_u8..).zip(shares.iter().copied()));
        let places = |places: &BTreeMap<LocationId, u32>| Draw::new(places.iter().map(|(place, share)| (place.clone(), *share)));
        Ways {
            smart: channels(Tier::IamSmart),
            plus: channels(Tier::IamSmartPlus),
            upgrade: Draw::new(registrations.upgrade_channels.iter().map(|(channel, share)| (*channel, *share))),
            locations: registrations.locations.iter().map(|(channel, shares)| (*channel, places(shares))).collect(),
            remote_hours: hours(&registrations.hours.remote),
            in_person_hours: hours(&registrations.hours.in_person),
            use_hours: hours(&self.usage.hours),
            suspended: Draw::new(self.suspensions.reasons.iter().map(|(reason, share)| (*reason, *share))),
            closed: Draw::new(self.closures.reasons.iter().map(|(reason, share)| (*reason, *share))),
            upgrade_delay: registrations.upgrade_delay_days,
            suspension_delay: self.suspensions.delay_days,
            closure_delay: self.closures.delay_days,
        }
    }
}

fn days_between(first: Day, last: Day) -> impl Iterator<Item = Day> {
    (first.number()..=last.number()).map(Day::from_number)
}

/// Counts of one day; the findings hold totals below what would not fit.
fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
