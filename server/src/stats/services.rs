//! What services were, as known on a day, for those who count their uses.

use std::collections::BTreeSet;

use domain::{Day, Month, ServiceHistory, ServiceVersion};

use super::window::Window;
use crate::store::{Read, StoreError};

/// Every service on record.
pub struct Services {
    all: ServiceHistory,
    known: ServiceHistory,
}

impl Services {
    /// Everything on record, all of it known.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn load(read: &mut Read) -> Result<Self, StoreError> {
        let all = read.service_history(Day::MAX).await?;
        Ok(Self { known: all.clone(), all })
    }

    /// The same, without what was recorded after the end of `known_at`.
    #[must_use]
    pub fn known_by(self, known_at: Day) -> Self {
        Self { known: self.all.as_known_at(known_at), all: self.all }
    }

    /// How many services were recorded as something else between two days, as far as it changes what they were up to a day.
    #[must_use]
    pub fn recorded_between(&self, after: Day, known_at: Day, to: Day) -> usize {
        let (before, now) = (self.all.as_known_at(after), self.all.as_known_at(known_at));
        let attribution = |history: &ServiceHistory, code: i32| {
            history.on(code, to).map(|version| (version.sector, version.category, version.industry))
        };
        let known = |code: i32| before.on(code, to).is_some();
        now.codes().filter(|code| known(*code) && attribution(&before, *code) != attribution(&now, *code)).count()
    }

    /// The last day on which anything of a service was recorded.
    #[must_use]
    pub fn last_recorded(&self) -> Option<Day> {
        self.all.last_recorded()
    }

    /// What the service with that code was on a day. Uses can be older than the record of their service; they are counted
    /// under what it was first recorded as, which no later record changes.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when there is no such service: a figure that leaves uses out would be false.
    pub fn on(&self, code: i32, day: Day) -> Result<&ServiceVersion, StoreError> {
        self.known
            .on(code, day)
            .or_else(|| self.all.on(code, Day::MIN))
            .ok_or_else(|| StoreError::Broken(anyhow::anyhow!("uses are counted for service {code}, which is not on record")))
    }

    /// The services that citizens could reach at the end of a day.
    pub fn accessible(&self, day: Day) -> impl Iterator<Item = &ServiceVersion> {
        self.known.accessible(day)
    }

    /// The months within which a service comes under another sector or category. On the first day of a month the whole month
    /// is the new one's: that is no move within it.
    #[must_use]
    pub fn moves(&self, window: &Window) -> BTreeSet<(Month, i32)> {
        self.known
            .moves(window.from, window.to)
            .filter(|(day, _)| *day != day.month().first_day())
            .map(|(day, code)| (day.month(), code))
            .collect()
    }
}
