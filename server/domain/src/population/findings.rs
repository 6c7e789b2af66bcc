//! Everything that is wrong with a population's description, all at once and each with its mend.

mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::{Population, Span, Weekdays};
use crate::text::{check_name, suggest, visible};
use crate::{Channel, ClientId, Day, Environment, Finding, Function, Places, Tier};

const WHOLE: u64 = 1_000;
/// Ten times Hong Kong: more is a slip, and every count fits where it is kept.
const MOST_ACCOUNTS: u64 = 75_000_000;
/// More than a use of every account on every day of two years.
const MOST_USES: u64 = 10_000_000_000;
/// Five years; each service has a count for each day in memory.
const MOST_DAYS: i32 = 1_827;
const MOST_SERVICES: usize = 1_000;

/// A service that is on the platform, as far as a population must know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownService {
    /// First day.
    pub since: Day,
    /// What it may be used for.
    pub functions: Vec<Function>,
}

/// What a population is loaded into.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Places of registration, each with its channel.
    pub locations: Places,
    /// Services of parties that have joined.
    pub services: BTreeMap<ClientId, KnownService>,
}

impl Population {
    /// Everything that is wrong in itself, in the order of the file.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Findings(Vec::new());
        found.span_of_days(self);
        found.accounts(self);
        found.registrations(self);
        found.shares("suspensions.reasons", self.suspensions.reasons.values());
        found.span("suspensions.delayDays", self.suspensions.delay_days);
        found.shares("closures.reasons", self.closures.reasons.values());
        found.span("closures.delayDays", self.closures.delay_days);
        found.people(self);
        found.profiles(self);
        found.usage(self);
        found.synthetic(self);
        found.0
    }

    /// What of it does not fit the instance it is to be loaded into: services and places that are not there.
    #[must_use]
    pub fn findings_in(&self, surroundings: &Surroundings) -> Vec<Finding> {
        let mut found = Findings(Vec::new());
        found.places(self, surroundings);
        found.services(self, surroundings);
        found.0
    }
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, path: impl Into<String>, code: &'static str, message: impl Into<String>, hint: Option<&str>) {
        self.0.push(Finding { path: path.into(), code, message: message.into(), hint: hint.map(str::to_owned) });
    }

    fn span_of_days(&mut self, population: &Population) {
        if let Err(fault) = check_name(&population.id) {
            self.add("id", fault.code(), format!("the id {fault}"), None);
        }
        let days = population.as_at.number().saturating_sub(population.launch.number());
        if !(0..MOST_DAYS).contains(&days) {
            self.add(
                "asAt",
                "population.days",
                format!("from {} to {} is no span of a population", population.launch, population.as_at),
                Some("end after the launch, at most five years later"),
            );
        }
    }

    fn accounts(&mut self, population: &Population) {
        let accounts = &population.accounts;
        let parts = [
            ("accounts.plus", accounts.plus, "registered", accounts.registered),
            ("accounts.suspended", accounts.suspended, "registered", accounts.registered),
            ("accounts.closedPlus", accounts.closed_plus, "closed", accounts.closed),
            ("accounts.upgraded", accounts.upgraded, "plus and closedPlus", accounts.plus.saturating_add(accounts.closed_plus)),
        ];
        for (path, part, of, whole) in parts {
            if part > whole {
                self.add(path, "population.part-of", format!("{part} is more than the {whole} of {of}"), None);
            }
        }
        if accounts.registered == 0 || accounts.registered <= accounts.suspended {
            self.add("accounts.registered", "population.nobody", "nobody is left to use anything", None);
        }
        let all = accounts.registered.saturating_add(accounts.closed);
        if all > MOST_ACCOUNTS {
            self.add("accounts.registered", "population.too-many", format!("{all} accounts are more than {MOST_ACCOUNTS}"), None);
        }
        let ways = population.registrations.channels.get(&Tier::IamSmart).map_or(0, BTreeMap::len);
        if ways == 0 && accounts.upgraded > 0 {
            self.add("accounts.upgraded", "population.part-of", "nobody registers as iam-smart, so nobody is upgraded", None);
        }
    }

    fn registrations(&mut self, population: &Population) {
        let registrations = &population.registrations;
        let accounts = &population.accounts;
        let mut expected = population.launch.month();
        for (place, entry) in registrations.monthly.iter().enumerate() {
            if entry.month != expected {
                self.add(
                    format!("registrations.monthly[{place}].month"),
                    "population.months",
                    format!("{} stands where {expected} is expected", entry.month),
                    Some("list every month from launch to asAt, in order"),
                );
                break;
            }
            expected = expected.next();
        }
        let months = population.as_at.month().number() - population.launch.month().number() + 1;
        if i32::try_from(registrations.monthly.len()) != Ok(months) {
            self.add(
                "registrations.monthly",
                "population.months",
                format!("{} months are listed, {months} are from launch to asAt", registrations.monthly.len()),
                Some("list every month from launch to asAt, in order"),
            );
        }
        let made = registrations.monthly.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.accounts));
        let all = accounts.registered.saturating_add(accounts.closed);
        if made != all {
            self.add(
                "registrations.monthly",
                "population.sum",
                format!("the months sum to {made}, registered and closed to {all}"),
                Some("make both the same: accounts ever made"),
            );
        }
        self.weekdays("registrations.weekdays", registrations.weekdays);
        self.hours("registrations.hours.remote", &registrations.hours.remote);
        self.hours("registrations.hours.in-person", &registrations.hours.in_person);
        for tier in Tier::ALL {
            let path = format!("registrations.channels.{tier}");
            let Some(channels) = registrations.channels.get(tier) else {
                self.add(path, "population.missing", format!("the channels of {tier} are missing"), None);
                continue;
            };
            self.shares(&path, channels.values());
            self.may_give(&path, channels, *tier, registrations);
        }
        self.shares("registrations.upgradeChannels", registrations.upgrade_channels.values());
        self.may_give("registrations.upgradeChannels", &registrations.upgrade_channels, Tier::IamSmartPlus, registrations);
        self.span("registrations.upgradeDelayDays", registrations.upgrade_delay_days);
        for (channel, places) in &registrations.locations {
            let path = format!("registrations.locations.{channel}");
            if !channel.needs_location() {
                self.add(path.clone(), "account.location-unexpected", format!("the channel {channel} has no location"), None);
            }
            self.shares(&path, places.values());
        }
    }

    fn may_give(&mut self, path: &str, channels: &BTreeMap<Channel, u32>, tier: Tier, registrations: &super::Registrations) {
        for channel in channels.keys() {
            if !channel.may_give(tier) {
                self.add(
                    format!("{path}.{channel}"),
                    "account.channel-tier",
                    format!("the channel {channel} cannot give {tier}"),
                    Some("kiosk, counter and mobile-team can"),
                );
            }
            if channel.needs_location() && !registrations.locations.contains_key(channel) {
                self.add(
                    format!("registrations.locations.{channel}"),
                    "account.location-missing",
                    format!("the channel {channel} needs locations"),
                    Some("add the places with their shares"),
                );
            }
        }
    }

    fn profiles(&mut self, population: &Population) {
        let (first, last) = (population.launch.month(), population.as_at.month());
        for (name, levels) in &population.profiles {
            let path = format!("profiles.{}", visible(name));
            let mut month = first;
            while month <= last && month.number() < first.number() + MOST_DAYS {
                if !levels.contains_key(&month) {
                    let message = format!("the level of {month} is missing");
                    self.add(path.clone(), "population.months", message, Some("give every month from launch to asAt a level"));
                }
                month = month.next();
            }
            for month in levels.keys().filter(|month| !(first..=last).contains(month)) {
                self.add(format!("{path}.{month}"), "population.months", format!("{month} is not between launch and asAt"), None);
            }
            if levels.values().any(|level| *level > 1_000_000) {
                self.add(path, "population.level", "a level is above 1 000 000", None);
            }
        }
    }

    fn usage(&mut self, population: &Population) {
        let usage = &population.usage;
        self.weekdays("usage.weekdays", usage.weekdays);
        self.hours("usage.hours", &usage.hours);
        let outcomes = usage.outcomes;
        for (name, rate) in [
            ("failed", outcomes.failed),
            ("refused", outcomes.refused),
            ("timed-out", outcomes.timed_out),
            ("cancelled", outcomes.cancelled),
        ] {
            self.per_mille(&format!("usage.outcomes.{name}"), rate);
        }
        self.shares("usage.channels", usage.channels.values());
        self.per_mille("usage.plusPerMille", usage.plus_per_mille);
        let mut seen = BTreeSet::new();
        let mut total = 0_u64;
        for (place, entry) in usage.services.iter().enumerate() {
            let path = format!("usage.services[{place}]");
            if !seen.insert(&entry.service) {
                self.add(
                    format!("{path}.service"),
                    "manifest.duplicate",
                    format!("'{}' stands there twice", entry.service),
                    None,
                );
            }
            self.shares(&format!("{path}.functions"), entry.functions.values());
            self.profile(&format!("{path}.profile"), &entry.profile, population, None);
            if let Some(channels) = &entry.channels {
                self.shares(&format!("{path}.channels"), channels.values());
            }
            self.per_mille(&format!("{path}.plusPerMille"), entry.plus_per_mille.unwrap_or_default());
            total = total.saturating_add(entry.uses);
        }
        let synthetic = population.synthetic_services.iter().flat_map(|group| &group.services);
        total = synthetic.clone().fold(total, |sum, service| sum.saturating_add(service.uses));
        if total > MOST_USES {
            self.add("usage.services", "population.too-many", format!("{total} uses are more than {MOST_USES}"), None);
        }
        if usage.services.len() + synthetic.count() > MOST_SERVICES {
            self.add("usage.services", "population.too-many", format!("more than {MOST_SERVICES} services"), None);
        }
    }

    fn synthetic(&mut self, population: &Population) {
        for (place, group) in population.synthetic_services.iter().enumerate() {
            let path = format!("syntheticServices[{place}]");
            if !population.synthetic_parties.iter().any(|party| party.id == group.relying_party) {
                self.add(
                    format!("{path}.relyingParty"),
                    "population.party",
                    format!("'{}' is not among the synthetic parties", group.relying_party),
                    Some("add it to syntheticParties"),
                );
            }
            self.shares(&format!("{path}.functions"), group.functions.values());
            let since = group.services.iter().map(|service| service.since);
            self.profile(&format!("{path}.profile"), &group.profile, population, since);
            if group.slug(group.services.len().saturating_sub(1)).is_none() || group.services.len() > 99 {
                self.add(format!("{path}.id"), "id.slug", "the id leaves no room for a number of two digits", None);
            }
            for (nth, service) in group.services.iter().enumerate() {
                if !(population.launch..=population.as_at).contains(&service.since) {
                    self.add(
                        format!("{path}.services[{nth}].since"),
                        "population.since",
                        format!("{} is not between launch and asAt", service.since),
                        None,
                    );
                }
            }
        }
        for (place, manifest) in population.manifests().iter().enumerate() {
            for finding in manifest.findings(Environment::Sandbox) {
                self.0.push(Finding { path: format!("syntheticParties[{place}].{}", finding.path), ..finding });
            }
        }
    }

    fn places(&mut self, population: &Population, surroundings: &Surroundings) {
        for (channel, places) in &population.registrations.locations {
            for place in places.keys() {
                if let Err(refusal) = surroundings.locations.check(*channel, place) {
                    let path = format!("registrations.locations.{channel}.{place}");
                    self.add(path, "population.location", refusal.message, refusal.hint.as_deref());
                }
            }
        }
    }

    fn services(&mut self, population: &Population, surroundings: &Surroundings) {
        for (place, entry) in population.usage.services.iter().enumerate() {
            let path = format!("usage.services[{place}]");
            let Some(known) = surroundings.services.get(&entry.service) else {
                let hint = nearest(&entry.service, surroundings.services.keys())
                    .unwrap_or_else(|| "apply the manifests of the relying parties first: iamctl rp apply -f DIR".to_owned());
                self.add(
                    format!("{path}.service"),
                    "population.service",
                    format!("there is no service '{}'", entry.service),
                    Some(&hint),
                );
                continue;
            };
            for function in entry.functions.keys().filter(|function| !known.functions.contains(function)) {
                self.add(
                    format!("{path}.functions.{function}"),
                    "population.function",
                    format!("'{}' does not have the function {function}", entry.service),
                    None,
                );
            }
            if known.since > population.as_at && entry.uses > 0 {
                self.add(
                    format!("{path}.uses"),
                    "population.since",
                    format!("'{}' begins on {}", entry.service, known.since),
                    None,
                );
            } else if entry.uses > 0 && !population.has_level(&entry.profile, known.since) {
                self.add(
                    format!("{path}.profile"),
                    "population.level",
                    format!("the profile '{}' is zero from {} on", visible(&entry.profile), known.since),
                    None,
                );
            }
        }
    }

    fn profile(&mut self, path: &str, name: &str, population: &Population, since: impl IntoIterator<Item = Day>) {
        if !population.profiles.contains_key(name) {
            let names: Vec<&str> = population.profiles.keys().map(String::as_str).collect();
            let hint = suggest(name, &names).map(|name| format!("did you mean '{name}'?"));
            self.add(path, "population.profile", format!("there is no profile '{}'", visible(name)), hint.as_deref());
        } else if !population.has_level(name, population.launch) {
            self.add(path, "population.level", format!("the profile '{}' is zero throughout", visible(name)), None);
        } else if let Some(since) = since.into_iter().find(|since| !population.has_level(name, *since)) {
            let message = format!("the profile '{}' is zero from {since} on, when a service of it begins", visible(name));
            self.add(path, "population.level", message, None);
        }
    }

    fn shares<'a>(&mut self, path: &str, shares: impl Iterator<Item = &'a u32>) {
        let sum: u64 = shares.map(|share| u64::from(*share)).sum();
        if sum != WHOLE {
            self.add(path, "population.shares", format!("the shares sum to {sum}, not to 1000"), Some("shares are per mille"));
        }
    }

    fn hours(&mut self, path: &str, hours: &[u32]) {
        if hours.len() != 24 {
            let hint = Some("one share for each hour from 00 to 23, Hong Kong time");
            self.add(path, "population.hours", format!("{} hours are listed, not 24", hours.len()), hint);
        }
        self.shares(path, hours.iter());
    }

    fn weekdays(&mut self, path: &str, weekdays: Weekdays) {
        self.shares(path, weekdays.weights().iter());
    }

    fn per_mille(&mut self, path: &str, share: u32) {
        if u64::from(share) > WHOLE {
            self.add(path, "population.shares", format!("{share} is more than 1000 per mille"), None);
        }
    }

    fn span(&mut self, path: &str, span: Span) {
        if span.min > span.max || span.max > MOST_DAYS.unsigned_abs() {
            self.add(path, "population.span", format!("{} to {} is no span of days", span.min, span.max), None);
        }
    }
}

impl Population {
    /// Whether a profile is above zero in some month from that day to the end.
    fn has_level(&self, profile: &str, since: Day) -> bool {
        let from = since.max(self.launch).month();
        let levels = self.profiles.get(profile);
        levels.is_some_and(|levels| levels.range(from..).any(|(month, level)| *level > 0 && *month <= self.as_at.month()))
    }
}

fn nearest<'a, T: Display + 'a>(word: &T, known: impl Iterator<Item = &'a T>) -> Option<String> {
    let known: Vec<String> = known.map(ToString::to_string).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    suggest(&word.to_string(), &known).map(|name| format!("did you mean '{name}'?"))
}
