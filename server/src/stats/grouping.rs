//! Numbers by group and month: one way to count for every figure and table.
//!
//! A group is a code of its dimension: that of a sector, a service, a tier; 0 stands for what has none or does not say.

use std::collections::BTreeMap;

use domain::{AccountEventKind, Category, Count, Day, Dimension, Measure, Month, Sector, ServiceVersion, Tier};

use super::facts::{AccountCell, Facts};
use super::tally::Cell;
use crate::store::StoreError;

/// What was added in each month.
pub type Series = BTreeMap<Month, i64>;

/// By row and column; the column is 0 in a table that has one dimension.
pub type Groups = BTreeMap<(i64, i64), Series>;

/// First year of each age group; the last one is open.
pub const AGES: &[i64] = &[11, 20, 30, 40, 50, 60, 70, 80];
/// The age group of those below the first one.
pub const UNDER_AGE: i64 = 1;

impl Facts {
    /// A number broken down. What is counted of services, which have no months, stands under the month of the day.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when uses are of a service that is not on record.
    pub fn groups(&self, count: &Count, by: Option<Dimension>, across: Option<Dimension>) -> Result<Groups, StoreError> {
        let mut groups = Groups::new();
        let mut add = |row: i64, column: i64, month: Month, number: i64| {
            *groups.entry((row, column)).or_default().entry(month).or_default() += number;
        };
        let month = self.as_at.month();
        match count.measure {
            Measure::Services => {
                for version in self.services.accessible(self.as_at) {
                    if of_sector(count, version.sector) {
                        add(self.of_service(version, by), self.of_service(version, across), month, 1);
                    }
                }
            }
            Measure::Uses => {
                for cell in &self.uses {
                    let version = self.services.on(cell.service, cell.day)?;
                    if of_sector(count, version.sector) && of_use(count, cell) {
                        let place = |dimension| of_cell(cell, dimension).unwrap_or_else(|| self.of_service(version, dimension));
                        add(place(by), place(across), cell.day.month(), cell.count);
                    }
                }
            }
            Measure::Accounts => {
                for cell in &self.accounts {
                    for (tier, number) in changes(cell) {
                        if count.conditions.tier.is_empty() || count.conditions.tier.contains(&tier) {
                            let place = |dimension| of_account(self.as_at, cell, tier, dimension);
                            add(place(by), place(across), cell.month, number);
                        }
                    }
                }
            }
            Measure::Users => {
                for (month, number) in &self.users {
                    add(0, 0, *month, *number);
                }
            }
            Measure::Calls => {
                for (month, number) in &self.calls {
                    add(0, 0, *month, *number);
                }
            }
            Measure::Suspensions => {
                for row in &self.suspensions {
                    if count.conditions.reason.is_empty() || count.conditions.reason.contains(&row.reason) {
                        let reason = if by == Some(Dimension::Reason) { i64::from(row.reason.code()) } else { 0 };
                        add(reason, 0, row.day.month(), 1);
                    }
                }
            }
            Measure::SandboxParticipants => {
                for _ in self.services.parties(self.as_at) {
                    add(0, 0, month, 1);
                }
            }
            Measure::MedianTimeToSuspend | Measure::P95TimeToSuspend => {
                if let Some(seconds) = self.time_to_suspend(count) {
                    add(0, 0, month, seconds);
                }
            }
        }
        Ok(groups)
    }

    /// Uses by service and what it belonged to, in that many dimensions at once.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when uses are of a service that is not on record.
    pub fn attributed<const N: usize>(
        &self,
        count: &Count,
        by: [Dimension; N],
    ) -> Result<BTreeMap<[i64; N], Series>, StoreError> {
        let mut groups: BTreeMap<[i64; N], Series> = BTreeMap::new();
        for cell in self.uses.iter().filter(|cell| of_use(count, cell)) {
            let version = self.services.on(cell.service, cell.day)?;
            let key = by.map(|dimension| self.of_service(version, Some(dimension)));
            *groups.entry(key).or_default().entry(cell.day.month()).or_default() += cell.count;
        }
        Ok(groups)
    }

    /// Whole seconds at the percentile, nearest rank; none when there is nothing to measure.
    fn time_to_suspend(&self, count: &Count) -> Option<i64> {
        let of = &count.conditions.reason;
        let asked = self.suspensions.iter().filter(|row| of.is_empty() || of.contains(&row.reason));
        let mut took: Vec<i64> = asked.filter_map(|row| row.took_ms).collect();
        took.sort_unstable();
        let hundredths = if count.measure == Measure::P95TimeToSuspend { 95 } else { 50 };
        let rank = (took.len() * hundredths).div_ceil(100);
        Some((took.get(rank.checked_sub(1)?)? + 500) / 1_000)
    }

    fn of_service(&self, version: &ServiceVersion, dimension: Option<Dimension>) -> i64 {
        match dimension {
            Some(Dimension::Sector) => version.sector.code().into(),
            Some(Dimension::Category) => version.category.map_or(0, Category::code).into(),
            Some(Dimension::Industry) => version.industry.map_or(0, domain::Industry::code).into(),
            Some(Dimension::Service) => version.code.into(),
            Some(Dimension::Department) => self.services.department(version.service.rp.as_str()),
            _ => 0,
        }
    }
}

fn of_sector(count: &Count, sector: Sector) -> bool {
    count.conditions.sector.is_empty() || count.conditions.sector.contains(&sector)
}

fn of_use(count: &Count, cell: &Cell) -> bool {
    let conditions = &count.conditions;
    (conditions.function.is_empty() || conditions.function.iter().any(|function| function.code() == cell.function))
        && (conditions.tier.is_empty() || conditions.tier.iter().any(|tier| tier.code() == cell.tier))
}

fn of_cell(cell: &Cell, dimension: Option<Dimension>) -> Option<i64> {
    match dimension? {
        Dimension::Function => Some(cell.function.into()),
        Dimension::Tier => Some(cell.tier.into()),
        Dimension::Channel => Some(cell.channel.into()),
        _ => None,
    }
}

fn of_account(as_at: Day, cell: &AccountCell, tier: Tier, dimension: Option<Dimension>) -> i64 {
    match dimension {
        Some(Dimension::Tier) => tier.code().into(),
        Some(Dimension::Channel) => cell.row.channel.into(),
        Some(Dimension::Sex) => cell.row.sex.into(),
        Some(Dimension::Age) => age_group(as_at, cell.row.birth_year),
        _ => 0,
    }
}

fn age_group(as_at: Day, birth_year: i16) -> i64 {
    if birth_year == 0 {
        return 0;
    }
    let age = i64::from(as_at.year()) - i64::from(birth_year);
    AGES.iter().rev().find(|first| **first <= age).copied().unwrap_or(UNDER_AGE)
}

/// What an event does to the stock of each tier: registered and closed ones add and take off one, others move one. Suspended
/// accounts stay registered.
fn changes(cell: &AccountCell) -> impl Iterator<Item = (Tier, i64)> {
    use AccountEventKind::{Closed, Downgraded, ReRegistered, Registered, Reversed, Suspended, Upgraded};
    let of = Tier::from_code(cell.row.tier).unwrap_or(Tier::IamSmart);
    let (plus, basic) = match (AccountEventKind::from_code(cell.row.kind), of) {
        (Some(Registered), Tier::IamSmartPlus) => (1, 0),
        (Some(Registered), Tier::IamSmart) => (0, 1),
        (Some(Closed), Tier::IamSmartPlus) => (-1, 0),
        (Some(Closed), Tier::IamSmart) => (0, -1),
        (Some(Upgraded), _) => (1, -1),
        (Some(Downgraded), _) => (-1, 1),
        (Some(Suspended | ReRegistered | Reversed) | None, _) => (0, 0),
    };
    let count = cell.row.count;
    [(Tier::IamSmartPlus, plus * count), (Tier::IamSmart, basic * count)].into_iter().filter(|(_, change)| *change != 0)
}
