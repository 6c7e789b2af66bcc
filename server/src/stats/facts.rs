//! What a report is made of, loaded once out of one snapshot, and no more of it than the question asks for.

use std::collections::BTreeMap;

use domain::{Count, Day, Dimension, LAUNCH, Measure, Month};

use super::services::Services;
use super::tally::{self, Cell, Detail};
use super::window::{Extent, Sign, Window};
use crate::keys::Keys;
use crate::store::{Ended, PersonCountRow, Read, StoreError, SuspensionRow};
use crate::usage::users::users;

/// How much of a person is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Person {
    /// The tier of the account.
    Tier,
    /// Channel, year of birth and sex too.
    Whole,
}

/// What a question needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    uses: Option<Detail>,
    accounts: Option<Person>,
    users: bool,
    calls: bool,
    suspensions: bool,
}

impl Needs {
    /// Adds what a number needs that is broken down so.
    pub fn add(&mut self, count: &Count, by: &[Dimension]) {
        let any = |dimensions: &[Dimension]| by.iter().any(|dimension| dimensions.contains(dimension));
        match count.measure {
            Measure::Services | Measure::SandboxParticipants => {}
            Measure::Uses => {
                let conditions = &count.conditions;
                let detailed = any(&[Dimension::Function, Dimension::Tier, Dimension::Channel])
                    || !conditions.function.is_empty()
                    || !conditions.tier.is_empty();
                self.uses = self.uses.max(Some(if detailed { Detail::Uses } else { Detail::Services }));
            }
            Measure::Accounts => {
                let whole = any(&[Dimension::Channel, Dimension::Age, Dimension::Sex]);
                self.accounts = self.accounts.max(Some(if whole { Person::Whole } else { Person::Tier }));
            }
            Measure::Users => self.users = true,
            Measure::Calls => self.calls = true,
            Measure::Suspensions | Measure::MedianTimeToSuspend | Measure::P95TimeToSuspend => self.suspensions = true,
        }
    }
}

/// Events of accounts of one kind in a month, by person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountCell {
    /// The month.
    pub month: Month,
    /// Who, and how many; with a sign.
    pub row: PersonCountRow,
}

/// What is counted of.
pub struct Facts {
    /// Events up to the end of this day.
    pub as_at: Day,
    /// As recorded up to the end of this day.
    pub known_at: Day,
    /// The services.
    pub services: Services,
    /// Completed uses.
    pub uses: Vec<Cell>,
    /// Events of accounts.
    pub accounts: Vec<AccountCell>,
    /// Different people by month.
    pub users: BTreeMap<Month, i64>,
    /// Calls by month.
    pub calls: BTreeMap<Month, i64>,
    /// Suspensions.
    pub suspensions: Vec<SuspensionRow>,
}

/// The days on which the counters begin and end: of uses, and of accounts.
pub type Extents = (Option<Extent>, Option<Extent>);

impl Facts {
    /// With nothing counted yet.
    #[must_use]
    pub fn empty((as_at, known_at): (Day, Day), services: Services) -> Self {
        Self {
            as_at,
            known_at,
            services,
            uses: Vec::new(),
            accounts: Vec::new(),
            users: BTreeMap::new(),
            calls: BTreeMap::new(),
            suspensions: Vec::new(),
        }
    }

    /// Out of a snapshot.
    ///
    /// # Errors
    /// When the database cannot be reached or contradicts itself.
    pub async fn load(
        read: &mut Read,
        keys: &Keys,
        (as_at, known_at): (Day, Day),
        extents: Extents,
        services: Services,
        needs: Needs,
    ) -> Result<Self, StoreError> {
        let window = Window { from: Month::MIN.first_day(), to: as_at, known_at };
        let mut facts = Self::empty((as_at, known_at), services);
        if let Some(detail) = needs.uses {
            facts.uses = tally::requests(read, &window, extents.0, &facts.services, Ended::Completed, detail).await?;
        }
        if let Some(person) = needs.accounts {
            facts.accounts = accounts(read, &window, extents.1, person).await?;
        }
        if needs.users {
            facts.users = users(read, keys, LAUNCH.month(), as_at.month(), known_at).await?;
        }
        if needs.calls {
            for (day, count) in read.calls_by_day(as_at.min(known_at)).await? {
                *facts.calls.entry(day.month()).or_default() += count;
            }
        }
        if needs.suspensions {
            facts.suspensions = read.suspensions(as_at, known_at).await?;
        }
        Ok(facts)
    }

    /// The last month that has ended, by events and by recording; none before the launch month has.
    #[must_use]
    pub fn last_whole_month(&self) -> Option<Month> {
        let end = self.as_at.min(self.known_at);
        let month = if end == end.month().last_day() { end.month() } else { end.month().previous() };
        (month >= LAUNCH.month()).then_some(month)
    }
}

/// Events of accounts by month in the window.
async fn accounts(
    read: &mut Read,
    window: &Window,
    extent: Option<Extent>,
    person: Person,
) -> Result<Vec<AccountCell>, StoreError> {
    let terms = window.terms(extent);
    let mut cells = Vec::new();
    if let Some(months) = &terms.months {
        let rows = match person {
            Person::Tier => read.tier_months(months).await?,
            Person::Whole => read.person_months(months).await?,
        };
        cells.extend(rows.into_iter().map(|row| AccountCell { month: Month::from_number(row.event), row }));
    }
    let mut put_right = |sign: Sign, rows: Vec<PersonCountRow>| {
        cells.extend(rows.into_iter().map(|row| {
            let month = Day::from_number(row.event).month();
            AccountCell { month, row: PersonCountRow { count: sign.of(row.count), ..row } }
        }));
    };
    if let Some((sign, days)) = &terms.rest {
        let rows = match person {
            Person::Tier => read.tier_days(days).await?,
            Person::Whole => read.person_days(days).await?,
        };
        put_right(*sign, rows);
    }
    if let Some((sign, days)) = &terms.late {
        let rows = match person {
            Person::Tier => read.tier_recorded(days).await?,
            Person::Whole => read.person_recorded(days).await?,
        };
        put_right(*sign, rows);
    }
    let waiting = match person {
        Person::Tier => read.tier_waiting(window.from, window.to, window.known_at).await?,
        Person::Whole => read.person_waiting(window.from, window.to, window.known_at).await?,
    };
    put_right(Sign::Added, waiting);
    Ok(cells)
}
