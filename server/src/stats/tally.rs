//! Counting up: uses by service, and accounts, as two dates have them.

use std::collections::BTreeMap;

use domain::{AccountEventKind, Day, Month, Tier};

use super::services::Services;
use super::window::{Days, Extent, Sign, Window};
use crate::store::{AccountCountRow, DayRow, Ended, MonthRow, NumberRow, Read, StoreError, Tail};

/// A count as it leaves the server.
///
/// # Errors
/// [`StoreError::Broken`] when it is negative: then the counters of days and months differ.
pub fn whole(count: i64) -> Result<u64, StoreError> {
    u64::try_from(count)
        .map_err(|_| StoreError::Broken(anyhow::anyhow!("a figure came to {count}: daily and monthly counters differ")))
}

/// Requests to a service in a part of a month in which its sector and category stay the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// A day of that part.
    pub day: Day,
    /// Code of the service.
    pub service: i32,
    /// How many; may be negative, to be added to others of that part.
    pub count: i64,
}

/// The last day on which anything was recorded: what a report knows when it is not told otherwise.
pub fn last_recorded(extents: [Option<Extent>; 2], tails: [Option<Tail>; 2], services: &Services) -> Option<Day> {
    let counted = extents.into_iter().flatten().map(|extent| extent.last_recorded);
    let waiting = tails.into_iter().flatten().map(|tail| tail.last_recorded);
    counted.chain(waiting).chain(services.last_recorded()).max()
}

/// Requests by service in the window.
///
/// # Errors
/// When the database cannot be reached.
pub async fn requests(
    read: &mut Read,
    window: &Window,
    extent: Option<Extent>,
    services: &Services,
    ended: Ended,
) -> Result<Vec<Cell>, StoreError> {
    let terms = window.terms(extent);
    let moves = services.moves(window);
    let mut cells = Vec::new();
    if let Some(months) = &terms.months {
        for MonthRow { event_month, service, count } in read.usage_months(months, ended).await? {
            let month = Month::from_number(event_month);
            if !moves.contains(&(month, service)) {
                cells.push(Cell { day: month.last_day().min(window.to), service, count });
            }
        }
    }
    let mut put_right = |sign: Sign, rows: Vec<DayRow>| {
        let whole = rows.iter().filter(|row| !moves.contains(&(Day::from_number(row.event_day).month(), row.service)));
        cells.extend(whole.map(|row| cell(sign, row, window)));
    };
    if let Some((sign, days)) = &terms.rest {
        put_right(*sign, read.usage_days(days, None, ended).await?);
    }
    if let Some((sign, days)) = &terms.late {
        // Most of what is recorded on these days also happened on them: that part lies together. What happened before, or is
        // dated later, is found one day of recording after the other.
        let Days { recorded_from, recorded_to, .. } = *days;
        let then = Days { from: days.from.max(recorded_from), to: days.to.min(recorded_to), ..*days };
        let before = Days { to: days.to.min(recorded_from.plus_days(-1)), ..*days };
        let after = Days { from: days.from.max(recorded_to.plus_days(1)), ..*days };
        put_right(*sign, read.usage_days(&then, None, ended).await?);
        put_right(*sign, read.usage_recorded(&before, ended).await?);
        put_right(*sign, read.usage_recorded(&after, ended).await?);
    }
    // A month within which a service moves is read day by day, for that service alone.
    for (month, service) in &moves {
        let days = Days {
            from: month.first_day().max(window.from),
            to: month.last_day().min(window.to),
            recorded_from: Day::MIN,
            recorded_to: window.known_at,
        };
        let rows = read.usage_days(&days, Some(*service), ended).await?;
        cells.extend(rows.iter().map(|row| cell(Sign::Added, row, window)));
    }
    let waiting = read.usage_waiting(window.from, window.to, window.known_at, ended).await?;
    cells.extend(waiting.iter().map(|row| cell(Sign::Added, row, window)));
    Ok(cells)
}

fn cell(sign: Sign, row: &DayRow, window: &Window) -> Cell {
    // What is taken off behind the window's end is taken off the month as it stood on its last day.
    Cell { day: Day::from_number(row.event_day).min(window.to), service: row.service, count: sign.of(row.count) }
}

/// Counts under a key.
///
/// # Errors
/// When a key cannot be found.
pub fn sums<K: Ord>(cells: &[Cell], key: impl Fn(&Cell) -> Result<K, StoreError>) -> Result<BTreeMap<K, i64>, StoreError> {
    let mut sums: BTreeMap<K, i64> = BTreeMap::new();
    for cell in cells {
        *sums.entry(key(cell)?).or_default() += cell.count;
    }
    Ok(sums)
}

/// Requests by code of the function in a window of whole months.
///
/// # Errors
/// When the database cannot be reached.
pub async fn requests_by_function(
    read: &mut Read,
    window: &Window,
    extent: Option<Extent>,
    ended: Ended,
) -> Result<BTreeMap<i32, i64>, StoreError> {
    let terms = window.terms(extent);
    let mut counts: BTreeMap<i32, i64> = BTreeMap::new();
    let mut add = |sign: Sign, rows: Vec<NumberRow>| {
        for row in rows {
            *counts.entry(row.number).or_default() += sign.of(row.count);
        }
    };
    if let Some(months) = &terms.months {
        add(Sign::Added, read.usage_months_by_function(months, ended).await?);
    }
    if let Some((sign, days)) = &terms.late {
        add(*sign, read.usage_recorded_by_function(days, ended).await?);
    }
    add(Sign::Added, read.usage_waiting_by_function(window.from, window.to, window.known_at, ended).await?);
    Ok(counts)
}

/// Requests by day in the window; days without any are not there.
///
/// # Errors
/// When the database cannot be reached.
pub async fn requests_by_day(read: &mut Read, window: &Window, ended: Ended) -> Result<BTreeMap<Day, i64>, StoreError> {
    let mut counts: BTreeMap<Day, i64> = BTreeMap::new();
    for row in read.usage_by_day(window.from, window.to, window.known_at, ended).await? {
        *counts.entry(Day::from_number(row.number)).or_default() += row.count;
    }
    for row in read.usage_waiting(window.from, window.to, window.known_at, ended).await? {
        *counts.entry(Day::from_number(row.event_day)).or_default() += row.count;
    }
    Ok(counts)
}

/// Accounts, out of the events that made them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accounts {
    events: BTreeMap<(i16, i16), i64>,
}

impl Accounts {
    /// As the window has them.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn count(read: &mut Read, window: &Window, extent: Option<Extent>) -> Result<Self, StoreError> {
        let terms = window.terms(extent);
        let mut accounts = Self::default();
        if let Some(months) = &terms.months {
            accounts.add(Sign::Added, &read.account_months(months).await?);
        }
        if let Some((sign, days)) = &terms.rest {
            accounts.add(*sign, &read.account_days(days).await?);
        }
        if let Some((sign, days)) = &terms.late {
            accounts.add(*sign, &read.account_recorded(days).await?);
        }
        accounts.add(Sign::Added, &read.account_waiting(window.from, window.to, window.known_at).await?);
        Ok(accounts)
    }

    fn add(&mut self, sign: Sign, rows: &[AccountCountRow]) {
        for row in rows {
            *self.events.entry((row.kind, row.tier)).or_default() += sign.of(row.count);
        }
    }

    fn events(&self, kind: AccountEventKind, tier: Option<Tier>) -> i64 {
        let wanted = |found: i16| tier.is_none_or(|tier| tier.code() == found);
        self.events.iter().filter(|((found, of), _)| *found == kind.code() && wanted(*of)).map(|(_, count)| count).sum()
    }

    /// Registered and not closed: suspended ones are registered.
    #[must_use]
    pub fn registered(&self) -> i64 {
        self.events(AccountEventKind::Registered, None) - self.events(AccountEventKind::Closed, None)
    }

    /// Of these, those that can sign. An event of registration carries the tier it gave, one of closing the tier it ended;
    /// between the two every change of tier is an event.
    #[must_use]
    pub fn plus(&self) -> i64 {
        let plus = Some(Tier::IamSmartPlus);
        self.events(AccountEventKind::Registered, plus) + self.events(AccountEventKind::Upgraded, None)
            - self.events(AccountEventKind::Downgraded, None)
            - self.events(AccountEventKind::Closed, plus)
    }

    /// Registered and not closed, of a tier.
    #[must_use]
    pub fn of_tier(&self, tier: Tier) -> i64 {
        match tier {
            Tier::IamSmartPlus => self.plus(),
            Tier::IamSmart => self.registered() - self.plus(),
        }
    }

    /// Closed, by the tier they had.
    #[must_use]
    pub fn closed(&self, tier: Tier) -> i64 {
        self.events(AccountEventKind::Closed, Some(tier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(rows: &[(AccountEventKind, Tier, i64)]) -> Accounts {
        let mut accounts = Accounts::default();
        let rows: Vec<_> = rows
            .iter()
            .map(|(kind, tier, count)| AccountCountRow { kind: kind.code(), tier: tier.code(), count: *count })
            .collect();
        accounts.add(Sign::Added, &rows);
        accounts
    }

    #[test]
    fn an_account_counts_in_the_tier_it_has_now() {
        use AccountEventKind::{Closed, Downgraded, Registered, Reversed, Suspended, Upgraded};
        let accounts = accounts(&[
            (Registered, Tier::IamSmart, 10),
            (Registered, Tier::IamSmartPlus, 5),
            (Upgraded, Tier::IamSmartPlus, 3),
            (Downgraded, Tier::IamSmart, 1),
            // Suspended accounts stay registered.
            (Suspended, Tier::IamSmart, 4),
            (Reversed, Tier::IamSmart, 1),
            (Closed, Tier::IamSmart, 2),
            (Closed, Tier::IamSmartPlus, 1),
        ]);
        assert_eq!((accounts.registered(), accounts.plus()), (12, 6));
        assert_eq!((accounts.of_tier(Tier::IamSmart), accounts.of_tier(Tier::IamSmartPlus)), (6, 6));
        assert_eq!((accounts.closed(Tier::IamSmart), accounts.closed(Tier::IamSmartPlus)), (2, 1));
    }

    #[test]
    fn a_negative_count_is_never_told() {
        assert_eq!(whole(0).unwrap(), 0);
        assert!(matches!(whole(-1), Err(StoreError::Broken(_))));
    }
}
