//! Accounts by age group and by sex, each with the tier of the account, are sums of one another: what is left out of them is decided
//! for all of them together, as it is for uses ([`super::nested`]), whichever table is asked for.

use std::collections::{BTreeMap, BTreeSet};

use domain::disclosure::{Cell, CellKind, Sum, suppress};
use domain::{Conditions, Count, Dimension, Measure};

use super::facts::Facts;
use super::grid::{Entry, Span, may_tell};
use super::grouping::Series;
use super::part::{Breakdown, Part};
use super::tally::whole;
use crate::store::StoreError;

/// Dimensions whose tables have the tier beside them.
const OF_A_PERSON: [Dimension; 2] = [Dimension::Age, Dimension::Sex];

const REGISTERED: Count = Count {
    measure: Measure::Accounts,
    conditions: Conditions { tier: Vec::new(), sector: Vec::new(), function: Vec::new(), reason: Vec::new() },
    rounding: None,
};

/// Groups that are left out: of all accounts, or of those of a tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut(BTreeSet<(Dimension, i64, Option<i64>)>);

impl LeftOut {
    /// Of what is published of a day.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when a number is less than nothing.
    pub fn of(facts: &Facts, threshold: u64) -> Result<Self, StoreError> {
        let span = Span::ToTheDay;
        let mut lattice = Lattice { facts, threshold, cells: Vec::new(), names: Vec::new(), sums: Vec::new() };
        let all = lattice.push(None, Part::of(facts, &REGISTERED)?.sum(span, None)?);
        let mut tiers = BTreeMap::new();
        let by_tier = facts.groups(&REGISTERED, Some(Dimension::Tier), None)?;
        for (tier, told) in Breakdown::of(facts, &REGISTERED, Dimension::Tier)?.told(span, threshold)? {
            // The number of a tier is decided without ages and sexes, so that it does not depend on what else is asked for.
            let exact = by_tier.get(&(tier, 0)).map_or(0, |series| span.of(series));
            let kind = if told.is_some() { CellKind::National } else { CellKind::Withheld };
            let place = lattice.push(None, Cell { value: told.map_or_else(|| whole(exact), Ok)?, kind });
            tiers.insert(tier, (place, BTreeMap::new()));
        }
        lattice.sums.push(Sum { total: all, parts: tiers.values().map(|(place, _)| *place).collect() });
        for dimension in OF_A_PERSON {
            let mut of_group: BTreeMap<i64, (Series, Vec<usize>)> = BTreeMap::new();
            for ((group, tier), series) in facts.groups(&REGISTERED, Some(dimension), Some(Dimension::Tier))? {
                let place = lattice.entry((dimension, group, Some(tier)), &series)?;
                let (sum, parts) = of_group.entry(group).or_default();
                series.into_iter().for_each(|(month, change)| *sum.entry(month).or_default() += change);
                parts.push(place);
                if let Some((_, of_tier)) = tiers.get_mut(&tier) {
                    of_tier.entry(dimension).or_insert_with(Vec::new).push(place);
                }
            }
            let mut groups = Vec::new();
            for (group, (series, parts)) in of_group {
                let total = lattice.entry((dimension, group, None), &series)?;
                lattice.sums.push(Sum { total, parts });
                groups.push(total);
            }
            lattice.sums.push(Sum { total: all, parts: groups });
        }
        for (total, of_tier) in tiers.into_values() {
            lattice.sums.extend(of_tier.into_values().map(|parts| Sum { total, parts }));
        }
        let hidden = suppress(&lattice.cells, &lattice.sums, threshold);
        Ok(Self(hidden.into_iter().filter_map(|place| lattice.names[place]).collect()))
    }

    /// Whether it decides for a column of a number by that dimension.
    #[must_use]
    pub fn decides(count: &Count, by: Option<Dimension>) -> bool {
        count.measure == Measure::Accounts && count.conditions.tier.len() < 2 && by.is_some_and(|by| OF_A_PERSON.contains(&by))
    }

    /// Whether a group is left out: of all accounts, or of a tier's.
    #[must_use]
    pub fn has(&self, by: Dimension, group: i64, tier: Option<i64>) -> bool {
        self.0.contains(&(by, group, tier))
    }
}

struct Lattice<'r> {
    facts: &'r Facts,
    threshold: u64,
    cells: Vec<Cell>,
    names: Vec<Option<(Dimension, i64, Option<i64>)>>,
    sums: Vec<Sum>,
}

impl Lattice<'_> {
    fn push(&mut self, name: Option<(Dimension, i64, Option<i64>)>, cell: Cell) -> usize {
        self.cells.push(cell);
        self.names.push(name);
        self.cells.len() - 1
    }

    fn entry(&mut self, name: (Dimension, i64, Option<i64>), series: &Series) -> Result<usize, StoreError> {
        let entry = Entry { series: series.clone(), span: Span::ToTheDay, value: whole(Span::ToTheDay.of(series))? };
        let (value, kind) = may_tell(&entry, self.facts.as_at, self.threshold);
        Ok(self.push(Some(name), Cell { value, kind }))
    }
}
