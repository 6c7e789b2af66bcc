//! A synthetic population and its use of the platform, as `fixtures/population/*.yaml` describes it.
//!
//! A description holds totals and shares; a [`Plan`] holds the counts of one [`Scale`], and [`Accounts`] and [`Uses`] give its
//! rows, one after the other and the same on every machine: in integers only, with a generator keyed by the seed.
//! Every share is an integer per mille and every list of shares sums to 1000.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::words;
use crate::{
    ApiVersion, Bilingual, Category, Channel, ClientId, ClosureReason, Contact, Day, FormField, Function, Industry, LocationId,
    Month, RelyingPartyId, Sector, ServiceSlug, SuspensionReason, Tier, UsageChannel,
};

mod accounts;
mod chance;
mod citizens;
mod findings;
mod parties;
mod people;
mod plan;
mod scale;
mod uses;

pub use accounts::{Accounts, Ended, SyntheticAccount, Upgraded};
pub use citizens::{
    AgeGroup, GivenNames, HkicRange, Names, People, PhoneRange, Sexes, Surname, Syllable, SyllableSex, WithoutChinese,
};
pub use findings::{KnownService, Surroundings};
pub use plan::{DayCounts, Plan, PlannedMonth, PlannedService, ScaledTotals};
pub use scale::{Scale, largest_remainder};
pub use uses::{Position, SyntheticUse, Uses};

words! {
    /// What a description of a population describes.
    pub enum PopulationKind, "kind" {
        /// A synthetic population.
        Population = 1 => "Population",
    }
}

/// A synthetic population.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Population {
    /// `iam/v1`.
    pub api_version: ApiVersion,
    /// `Population`.
    pub kind: PopulationKind,
    /// Its name.
    pub id: String,
    /// The seed that is used when none is given.
    pub seed: u64,
    /// First day of registrations and of use.
    pub launch: Day,
    /// Last day; every total is the stock at its end, midnight in Hong Kong.
    pub as_at: Day,
    /// What scale 1 gives; for tests and for the closing message, never an input.
    pub figures: ExpectedFigures,
    /// Totals of accounts.
    pub accounts: AccountTotals,
    /// How they registered.
    pub registrations: Registrations,
    /// How some were suspended.
    pub suspensions: Endings<SuspensionReason>,
    /// How some were closed.
    pub closures: Endings<ClosureReason>,
    /// Who they are.
    pub people: People,
    /// The level of a day in each month, by name; only proportions within one profile matter.
    pub profiles: BTreeMap<String, BTreeMap<Month, u32>>,
    /// What they used.
    pub usage: UsagePlan,
    /// Parties that exist for the count's sake; marked so.
    #[serde(default)]
    pub synthetic_parties: Vec<SyntheticParty>,
    /// Their services, in groups.
    #[serde(default)]
    pub synthetic_services: Vec<SyntheticServices>,
}

/// What scale 1 gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectedFigures {
    /// Accounts that are not closed.
    pub registered: u64,
    /// Of which plus.
    pub registered_plus: u64,
    /// Services that citizens can reach.
    pub services_accessible: u64,
    /// Completed uses.
    pub uses: u64,
    /// Of private parties' services.
    pub uses_private: u64,
    /// The services used most, in order.
    pub frequently_used: Vec<ClientId>,
}

/// Totals of accounts at scale 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountTotals {
    /// Active and suspended on the last day.
    pub registered: u64,
    /// Of `registered`: `iam-smart-plus` in the end.
    pub plus: u64,
    /// Of `registered`: suspended in the end.
    pub suspended: u64,
    /// On top of `registered`: closed by the last day.
    pub closed: u64,
    /// Of `closed`: plus.
    pub closed_plus: u64,
    /// Of `plus` and `closedPlus`: registered as `iam-smart` and upgraded later.
    pub upgraded: u64,
}

/// How and when people registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registrations {
    /// Accounts ever made, month by month without a gap; sums to registered and closed.
    pub monthly: Vec<MonthlyAccounts>,
    /// The weight of each day of the week.
    pub weekdays: Weekdays,
    /// The share of each hour.
    pub hours: RegistrationHours,
    /// Channels by the tier at registration.
    pub channels: BTreeMap<Tier, BTreeMap<Channel, u32>>,
    /// Channels of upgrades.
    pub upgrade_channels: BTreeMap<Channel, u32>,
    /// Days from registration to upgrade.
    pub upgrade_delay_days: Span,
    /// Places of each channel that has places.
    pub locations: BTreeMap<Channel, BTreeMap<LocationId, u32>>,
}

/// Accounts made in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MonthlyAccounts {
    /// Which month.
    pub month: Month,
    /// How many.
    pub accounts: u64,
}

/// The weight of each day of the week, per mille.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the seven days")]
pub struct Weekdays {
    pub mon: u32,
    pub tue: u32,
    pub wed: u32,
    pub thu: u32,
    pub fri: u32,
    pub sat: u32,
    pub sun: u32,
}

impl Weekdays {
    /// Monday first.
    #[must_use]
    pub const fn weights(&self) -> [u32; 7] {
        [self.mon, self.tue, self.wed, self.thu, self.fri, self.sat, self.sun]
    }

    /// The weight of that day.
    #[must_use]
    pub const fn of(&self, day: Day) -> u32 {
        // 1970-01-01 was a Thursday.
        self.weights()[(day.number() + 3).rem_euclid(7) as usize]
    }
}

/// The share of each hour of the day, Hong Kong time, from midnight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RegistrationHours {
    /// On one's own phone.
    pub remote: Vec<u32>,
    /// Where there are opening hours.
    pub in_person: Vec<u32>,
}

/// From so many to so many, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Span {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: u32,
}

/// How accounts were stopped or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endings<R: Ord> {
    /// Why.
    pub reasons: BTreeMap<R, u32>,
    /// Days after registration, cut at the last day.
    pub delay_days: Span,
}

/// What was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UsagePlan {
    /// The weight of each day of the week.
    pub weekdays: Weekdays,
    /// The share of each hour, Hong Kong time.
    pub hours: Vec<u32>,
    /// Requests that were no uses.
    pub outcomes: OtherOutcomes,
    /// How services are reached, unless a service says otherwise. Notifications and step-ups always go by backchannel.
    pub channels: BTreeMap<UsageChannel, u32>,
    /// The share of uses by plus accounts, unless a service says otherwise. Signing is always theirs.
    pub plus_per_mille: u32,
    /// Uses of the services that have manifests.
    pub services: Vec<ServiceUse>,
}

/// Requests that were no uses, per 1000 completed ones and in addition to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OtherOutcomes {
    /// Went wrong.
    pub failed: u32,
    /// The citizen or a rule said no.
    pub refused: u32,
    /// Nobody answered.
    pub timed_out: u32,
    /// Withdrawn.
    pub cancelled: u32,
}

/// Uses of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceUse {
    /// Which service.
    pub service: ClientId,
    /// Completed uses in all.
    pub uses: u64,
    /// Their course over time.
    pub profile: String,
    /// Which functions.
    pub functions: BTreeMap<Function, u32>,
    /// How it is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<BTreeMap<UsageChannel, u32>>,
    /// The share of uses by plus accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plus_per_mille: Option<u32>,
}

/// A party that exists for the count's sake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyntheticParty {
    /// Its id.
    pub id: RelyingPartyId,
    /// Its name.
    pub organisation: Bilingual,
    /// Its sector.
    pub sector: Sector,
    /// Its industry; private ones only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub industry: Option<Industry>,
    /// Whom to ask.
    pub contact: Contact,
}

/// A group of services of one synthetic party: the n-th is `<id>-<nn>`, and its name has n in place of `{n}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyntheticServices {
    /// The beginning of their ids.
    pub id: ServiceSlug,
    /// Whose they are.
    pub relying_party: RelyingPartyId,
    /// Their category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Their name, with `{n}`.
    pub name: Bilingual,
    /// Their course over time.
    pub profile: String,
    /// Their functions, with the share of uses of each.
    pub functions: BTreeMap<Function, u32>,
    /// What their forms ask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub form_fields: Vec<FormField>,
    /// The services.
    pub services: Vec<SyntheticService>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyntheticService {
    /// First day.
    pub since: Day,
    /// Completed uses in all.
    pub uses: u64,
}

impl SyntheticServices {
    /// The id of the service with that 0-based place; none when the group's id leaves no room for the number.
    #[must_use]
    pub fn slug(&self, place: usize) -> Option<ServiceSlug> {
        format!("{}-{:02}", self.id, place + 1).parse().ok()
    }

    /// Every service with its id.
    pub fn clients(&self) -> impl Iterator<Item = (ClientId, &SyntheticService)> {
        self.services.iter().enumerate().filter_map(|(place, service)| {
            Some((ClientId { rp: self.relying_party.clone(), service: self.slug(place)? }, service))
        })
    }
}
