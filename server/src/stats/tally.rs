//! Counting up: uses by service, and accounts, as two dates have them.

use std::collections::BTreeMap;

use domain::{AccountEventKind, Day, Month, Tier};

use super::services::Services;
use super::window::{Days, Extent, Months, Sign, Window};
use crate::store::{AccountCountRow, DayRow, DetailRow, Ended, Read, StoreError, Tail};

/// A count as it leaves the server.
///
/// # Errors
/// [`StoreError::Broken`] when it is negative: then the counters of days and months differ.
pub fn whole(count: i64) -> Result<u64, StoreError> {
    u64::try_from(count)
        .map_err(|_| StoreError::Broken(anyhow::anyhow!("a figure came to {count}: daily and monthly counters differ")))
}

/// Requests to a service in a part of a month in which its sector, category, industry and department stay the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// A day of that part.
    pub day: Day,
    /// Code of the service.
    pub service: i32,
    /// Code of the function; 0 where the detail was not asked for.
    pub function: i16,
    /// Code of the tier, likewise.
    pub tier: i16,
    /// Code of the way of use, likewise.
    pub channel: i16,
    /// How many; may be negative, to be added to others of that part.
    pub count: i64,
}

/// How much of a request is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The service.
    Services,
    /// Function, tier and way of use too.
    Uses,
}

/// The last day on which anything was recorded: what a report knows when it is not told otherwise.
pub fn last_recorded(extents: [Option<Extent>; 2], tails: [Option<Tail>; 2], services: &Services) -> Option<Day> {
    let counted = extents.into_iter().flatten().map(|extent| extent.last_recorded);
    let waiting = tails.into_iter().flatten().map(|tail| tail.last_recorded);
    counted.chain(waiting).chain(services.last_recorded()).max()
}

/// The statements for one detail and one way of ending.
struct Counters<'r> {
    read: &'r mut Read,
    detail: Detail,
    ended: Ended,
}

impl Counters<'_> {
    async fn months(&mut self, months: &Months) -> Result<Vec<DetailRow>, StoreError> {
        match self.detail {
            Detail::Uses => self.read.detail_months(months, self.ended).await,
            Detail::Services => {
                let rows = self.read.usage_months(months, self.ended).await?;
                Ok(rows.into_iter().map(|row| plain(row.event_month, row.service, row.count)).collect())
            }
        }
    }

    async fn days(&mut self, days: &Days, service: Option<i32>) -> Result<Vec<DetailRow>, StoreError> {
        match self.detail {
            Detail::Uses => self.read.detail_days(days, service, self.ended).await,
            Detail::Services => Ok(plain_days(self.read.usage_days(days, service, self.ended).await?)),
        }
    }

    async fn recorded(&mut self, days: &Days) -> Result<Vec<DetailRow>, StoreError> {
        match self.detail {
            Detail::Uses => self.read.detail_recorded(days, self.ended).await,
            Detail::Services => Ok(plain_days(self.read.usage_recorded(days, self.ended).await?)),
        }
    }

    async fn waiting(&mut self, window: &Window) -> Result<Vec<DetailRow>, StoreError> {
        let Window { from, to, known_at } = *window;
        match self.detail {
            Detail::Uses => self.read.detail_waiting(from, to, known_at, self.ended).await,
            Detail::Services => Ok(plain_days(self.read.usage_waiting(from, to, known_at, self.ended).await?)),
        }
    }
}

fn plain(event: i32, service: i32, count: i64) -> DetailRow {
    DetailRow { event, service, function: 0, tier: 0, channel: 0, count }
}

fn plain_days(rows: Vec<DayRow>) -> Vec<DetailRow> {
    rows.into_iter().map(|row| plain(row.event_day, row.service, row.count)).collect()
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
    detail: Detail,
) -> Result<Vec<Cell>, StoreError> {
    let terms = window.terms(extent);
    let moves = services.moves(window);
    let mut counters = Counters { read, detail, ended };
    let mut cells = Vec::new();
    if let Some(months) = &terms.months {
        for row in counters.months(months).await? {
            let month = Month::from_number(row.event);
            if !moves.contains(&(month, row.service)) {
                cells.push(cell(Sign::Added, &DetailRow { event: month.last_day().number(), ..row }, window));
            }
        }
    }
    let mut put_right = |sign: Sign, rows: Vec<DetailRow>| {
        let whole = rows.iter().filter(|row| !moves.contains(&(Day::from_number(row.event).month(), row.service)));
        cells.extend(whole.map(|row| cell(sign, row, window)));
    };
    if let Some((sign, days)) = &terms.rest {
        put_right(*sign, counters.days(days, None).await?);
    }
    if let Some((sign, days)) = &terms.late {
        // Most of what is recorded on these days also happened on them: that part lies together. What happened before, or is
        // dated later, is found one day of recording after the other.
        let Days { recorded_from, recorded_to, .. } = *days;
        let then = Days { from: days.from.max(recorded_from), to: days.to.min(recorded_to), ..*days };
        let before = Days { to: days.to.min(recorded_from.plus_days(-1)), ..*days };
        let after = Days { from: days.from.max(recorded_to.plus_days(1)), ..*days };
        put_right(*sign, counters.days(&then, None).await?);
        put_right(*sign, counters.recorded(&before).await?);
        put_right(*sign, counters.recorded(&after).await?);
    }
    // A month within which a service moves is read day by day, for that service alone.
    for (month, service) in &moves {
        let days = Days {
            from: month.first_day().max(window.from),
            to: month.last_day().min(window.to),
            recorded_from: Day::MIN,
            recorded_to: window.known_at,
        };
        let rows = counters.days(&days, Some(*service)).await?;
        cells.extend(rows.iter().map(|row| cell(Sign::Added, row, window)));
    }
    cells.extend(counters.waiting(window).await?.iter().map(|row| cell(Sign::Added, row, window)));
    Ok(cells)
}

fn cell(sign: Sign, row: &DetailRow, window: &Window) -> Cell {
    let DetailRow { event, service, function, tier, channel, count } = *row;
    // What is taken off behind the window's end is taken off the month as it stood on its last day.
    Cell { day: Day::from_number(event).min(window.to), service, function, tier, channel, count: sign.of(count) }
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
