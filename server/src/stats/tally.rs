//! Counting up: uses by service, and accounts, as two dates have them.

use std::collections::BTreeMap;

use domain::{AccountEventKind, Day, Month, Tier};

use super::services::Services;
use super::window::{Days, Extent, Sign, Window};
use crate::store::{AccountCountRow, DayRow, NumberRow, Read, StoreError, Tail};

/// Uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uses {
    /// Completed.
    pub completed: i64,
    /// Failed, refused, timed out, cancelled.
    pub not_completed: i64,
}

impl Uses {
    /// Adds a count with its sign.
    pub fn add(&mut self, sign: Sign, completed: i64, not_completed: i64) {
        self.completed += sign.of(completed);
        self.not_completed += sign.of(not_completed);
    }
}

/// A count as it leaves the server.
///
/// # Errors
/// [`StoreError::Broken`] when it is negative: then the counters of days and months differ.
pub fn whole(count: i64) -> Result<u64, StoreError> {
    u64::try_from(count)
        .map_err(|_| StoreError::Broken(anyhow::anyhow!("a figure came to {count}: daily and monthly counters differ")))
}

/// Uses of a service in a part of a month in which its sector and category stay the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// A day of that part.
    pub day: Day,
    /// Code of the service.
    pub service: i32,
    /// Uses; may be negative, to be added to others of that part.
    pub uses: Uses,
}

/// The last day on which anything was recorded: what a report knows when it is not told otherwise.
pub fn last_recorded(extents: [Option<Extent>; 2], tails: [Option<Tail>; 2], services: &Services) -> Option<Day> {
    let counted = extents.into_iter().flatten().map(|extent| extent.last_recorded);
    let waiting = tails.into_iter().flatten().map(|tail| tail.last_recorded);
    counted.chain(waiting).chain(services.last_recorded()).max()
}

/// Uses by service in the window.
///
/// # Errors
/// When the database cannot be reached.
pub async fn uses(
    read: &mut Read,
    window: &Window,
    extent: Option<Extent>,
    services: &Services,
) -> Result<Vec<Cell>, StoreError> {
    let terms = window.terms(extent);
    let moves = services.moves(window);
    let mut cells = Vec::new();
    if let Some(months) = &terms.months {
        for row in read.usage_months(months).await? {
            let month = Month::from_number(row.event_month);
            if !moves.contains(&(month, row.service)) {
                let uses = Uses { completed: row.uses, not_completed: row.not_completed };
                cells.push(Cell { day: month.last_day().min(window.to), service: row.service, uses });
            }
        }
    }
    let mut put_right = |sign: Sign, rows: Vec<DayRow>| {
        for row in rows {
            let day = Day::from_number(row.event_day);
            if !moves.contains(&(day.month(), row.service)) {
                cells.push(cell(sign, &row, window));
            }
        }
    };
    if let Some((sign, days)) = &terms.rest {
        put_right(*sign, read.usage_days(days, None).await?);
    }
    if let Some((sign, days)) = &terms.late {
        // Most of what is recorded on these days also happened on them: that part lies together. What happened before, or is
        // dated later, is found one day of recording after the other.
        let Days { recorded_from, recorded_to, .. } = *days;
        let then = Days { from: days.from.max(recorded_from), to: days.to.min(recorded_to), ..*days };
        put_right(*sign, read.usage_days(&then, None).await?);
        put_right(*sign, read.usage_recorded(&Days { to: days.to.min(recorded_from.plus_days(-1)), ..*days }).await?);
        put_right(*sign, read.usage_recorded(&Days { from: days.from.max(recorded_to.plus_days(1)), ..*days }).await?);
    }
    // A month within which a service moves is read day by day, for that service alone.
    for (month, service) in &moves {
        let days = Days {
            from: month.first_day().max(window.from),
            to: month.last_day().min(window.to),
            recorded_from: Day::MIN,
            recorded_to: window.known_at,
        };
        cells.extend(read.usage_days(&days, Some(*service)).await?.iter().map(|row| cell(Sign::Added, row, window)));
    }
    let waiting = read.usage_waiting(window.from, window.to, window.known_at).await?;
    cells.extend(waiting.iter().map(|row| cell(Sign::Added, row, window)));
    Ok(cells)
}

fn cell(sign: Sign, row: &DayRow, window: &Window) -> Cell {
    let mut uses = Uses::default();
    uses.add(sign, row.uses, row.not_completed);
    // What is taken off behind the window's end is taken off the month as it stood on its last day.
    Cell { day: Day::from_number(row.event_day).min(window.to), service: row.service, uses }
}

/// Uses by function in a window of whole months.
///
/// # Errors
/// When the database cannot be reached.
pub async fn uses_by_function(
    read: &mut Read,
    window: &Window,
    extent: Option<Extent>,
) -> Result<BTreeMap<i32, Uses>, StoreError> {
    let terms = window.terms(extent);
    let mut uses: BTreeMap<i32, Uses> = BTreeMap::new();
    let mut add = |sign: Sign, rows: Vec<NumberRow>| {
        for row in rows {
            uses.entry(row.number).or_default().add(sign, row.uses, row.not_completed);
        }
    };
    if let Some(months) = &terms.months {
        add(Sign::Added, read.usage_months_by_function(months).await?);
    }
    if let Some((sign, days)) = &terms.late {
        add(*sign, read.usage_recorded_by_function(days).await?);
    }
    add(Sign::Added, read.usage_waiting_by_function(window.from, window.to, window.known_at).await?);
    Ok(uses)
}

/// Uses by day in the window; days without a use are not there.
///
/// # Errors
/// When the database cannot be reached.
pub async fn uses_by_day(read: &mut Read, window: &Window) -> Result<BTreeMap<Day, Uses>, StoreError> {
    let mut uses: BTreeMap<Day, Uses> = BTreeMap::new();
    for row in read.usage_by_day(window.from, window.to, window.known_at).await? {
        uses.entry(Day::from_number(row.number)).or_default().add(Sign::Added, row.uses, row.not_completed);
    }
    for row in read.usage_waiting(window.from, window.to, window.known_at).await? {
        uses.entry(Day::from_number(row.event_day)).or_default().add(Sign::Added, row.uses, row.not_completed);
    }
    Ok(uses)
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
