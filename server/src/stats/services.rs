//! What services were, as known on a day, for those who count their uses.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Bilingual, Day, Month, ServiceHistory, ServiceState, ServiceVersion};

use super::window::Window;
use crate::store::{Read, StoreError};

/// Every service on record.
pub struct Services {
    all: ServiceHistory,
    known: ServiceHistory,
    /// Ids of the parties, in order: their places are the groups of departments.
    parties: Vec<String>,
}

impl Services {
    /// Everything on record, all of it known.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn load(read: &mut Read) -> Result<Self, StoreError> {
        Ok(Self::of(read.service_history(Day::MAX).await?))
    }

    /// What is on record, all of it known.
    #[must_use]
    pub fn of(all: ServiceHistory) -> Self {
        let parties: BTreeSet<String> = all.versions().map(|version| version.service.rp.to_string()).collect();
        Self { known: all.clone(), all, parties: parties.into_iter().collect() }
    }

    /// The same, without what was recorded after the end of `known_at`.
    #[must_use]
    pub fn known_by(self, known_at: Day) -> Self {
        Self { known: self.all.as_known_at(known_at), ..self }
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

    /// The group of a department or organisation; 0 when it is not on record.
    #[must_use]
    pub fn department(&self, party: &str) -> i64 {
        let place = self.parties.binary_search_by(|known| known.as_str().cmp(party));
        place.ok().and_then(|place| i64::try_from(place + 1).ok()).unwrap_or(0)
    }

    /// Id and name of the department or organisation of a group, by what it was called at the end of a day.
    #[must_use]
    pub fn department_at(&self, group: i64, day: Day) -> Option<(String, Bilingual)> {
        let id = self.parties.get(usize::try_from(group - 1).ok()?)?;
        let mut called: BTreeMap<_, Bilingual> = BTreeMap::new();
        for version in self.known.versions().filter(|version| version.service.rp.as_str() == id) {
            called.insert((version.recorded < day.end(), version.recorded, version.code), version.party.clone());
        }
        // The last one by that day; of a party that was recorded later, its first name.
        let name =
            called.iter().rev().find(|((then, ..), _)| *then).or_else(|| called.iter().next()).map(|(_, name)| name.clone());
        let name = name.filter(|name| !name.en.is_empty()).unwrap_or_else(|| Bilingual { en: id.clone(), zh_hant: id.clone() });
        Some((id.clone(), name))
    }

    /// The service with that id, whatever it was.
    #[must_use]
    pub fn code_of(&self, service: &domain::ClientId) -> Option<i32> {
        self.known.versions().find(|version| version.service == *service).map(|version| version.code)
    }

    /// The organisations with a service that is on record and not retired at the end of a day.
    #[must_use]
    pub fn parties(&self, day: Day) -> BTreeSet<&str> {
        let codes: BTreeSet<i32> = self.known.versions().map(|version| version.code).collect();
        let then = codes.into_iter().filter_map(|code| self.known.on(code, day));
        then.filter(|version| version.state != ServiceState::Retired && version.since.is_none_or(|since| since <= day))
            .map(|version| version.service.rp.as_str())
            .collect()
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
