//! What services were on a day, for figures: who ran them, in which sector, and whether citizens could reach them.
//!
//! Two dates matter. A figure is *as at* a day, and *as known at* a day. A version of a service holds from the moment it was
//! recorded until the next one is; the first one also stands for the time before, because a service that is brought on board
//! from a file was there already: its `since` says from when. A report on 2021 over manifests that were applied in 2026 is
//! therefore answered from them. Suspensions and retirements count from the moment they were recorded.

use std::collections::BTreeMap;

use crate::{Bilingual, Category, ClientId, Day, Industry, RelyingPartyId, Sector, ServiceState, Timestamp};

/// A service as it was from one moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceVersion {
    /// The integer under which its uses are counted.
    pub code: i32,
    /// Its id, which names the party that ran it.
    pub service: ClientId,
    /// When this was recorded.
    pub recorded: Timestamp,
    /// The party's sector.
    pub sector: Sector,
    /// Its category; optional for private parties.
    pub category: Option<Category>,
    /// Its name.
    pub name: Bilingual,
    /// What a citizen met: its own state or, if that is worse, its party's.
    pub state: ServiceState,
    /// Its first day, as it was given then.
    pub since: Option<Day>,
    /// The party's industry, of a private one.
    pub industry: Option<Industry>,
    /// The party's name.
    pub party: Bilingual,
    /// Whether it is made up for a sandbox.
    pub synthetic: bool,
}

/// The versions of all services that were known on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceHistory {
    /// By code; the versions of a service in the order they were recorded, at least one.
    services: BTreeMap<i32, Vec<ServiceVersion>>,
}

impl ServiceHistory {
    /// What was recorded up to the end of `known_at`.
    pub fn new(versions: impl IntoIterator<Item = ServiceVersion>, known_at: Day) -> ServiceHistory {
        let mut services: BTreeMap<i32, Vec<ServiceVersion>> = BTreeMap::new();
        for version in versions.into_iter().filter(|version| version.recorded < known_at.end()) {
            services.entry(version.code).or_default().push(version);
        }
        for versions in services.values_mut() {
            versions.sort_by_key(|version| version.recorded);
        }
        ServiceHistory { services }
    }

    /// What a service was at the end of a day.
    pub fn on(&self, code: i32, day: Day) -> Option<&ServiceVersion> {
        let versions = self.services.get(&code)?;
        versions.get(place_on(versions, day))
    }

    /// The services that citizens could reach at the end of a day, by code: open since that day or before, and neither
    /// suspended nor retired.
    pub fn accessible(&self, day: Day) -> impl Iterator<Item = &ServiceVersion> {
        self.services.values().filter_map(move |versions| {
            let place = place_on(versions, day);
            let version = versions.get(place)?;
            let open = first_day(versions, place).is_none_or(|since| since <= day);
            (version.state == ServiceState::Active && open).then_some(version)
        })
    }

    /// The first day on which a service could be used, of the life that it had on a day: as it was given, or else the day of its
    /// first record. None of a service that is not on record.
    pub fn began(&self, code: i32, day: Day) -> Option<Day> {
        let versions = self.services.get(&code)?;
        first_day(versions, place_on(versions, day)).or_else(|| Some(versions.first()?.recorded.hk_day()))
    }

    /// Whether a service was retired for the whole of a day.
    pub fn gone(&self, code: i32, day: Day) -> bool {
        let retired = |day| self.on(code, day).is_some_and(|version| version.state == ServiceState::Retired);
        retired(day) && retired(day.plus_days(-1))
    }

    /// The codes of all services.
    pub fn codes(&self) -> impl Iterator<Item = i32> {
        self.services.keys().copied()
    }

    /// Every version, by code and in the order they were recorded.
    pub fn versions(&self) -> impl Iterator<Item = &ServiceVersion> {
        self.services.values().flatten()
    }

    /// The same, without what was recorded after the end of `known_at`.
    #[must_use]
    pub fn as_known_at(&self, known_at: Day) -> ServiceHistory {
        ServiceHistory::new(self.services.values().flatten().cloned(), known_at)
    }

    /// The last day on which anything was recorded.
    pub fn last_recorded(&self) -> Option<Day> {
        self.services.values().flatten().map(|version| version.recorded.hk_day()).max()
    }

    /// The days in `from..=to` from which on a service came under another sector, category or industry, with its code. The whole of such
    /// a day is the new one's.
    pub fn moves(&self, from: Day, to: Day) -> impl Iterator<Item = (Day, i32)> {
        self.services.iter().flat_map(move |(code, versions)| {
            let mut days: Vec<Day> = versions.iter().skip(1).map(|version| version.recorded.hk_day()).collect();
            days.dedup();
            days.retain(|day| {
                (from..=to).contains(day) && attribution(versions, *day) != attribution(versions, day.plus_days(-1))
            });
            days.into_iter().map(move |day| (day, *code))
        })
    }
}

/// The version that held at the end of the day; the first one for the time before it.
fn place_on(versions: &[ServiceVersion], day: Day) -> usize {
    versions.partition_point(|version| version.recorded < day.end()).saturating_sub(1)
}

/// What its uses of a day are counted under.
fn attribution(versions: &[ServiceVersion], day: Day) -> Option<(Sector, Option<Category>, Option<Industry>, &RelyingPartyId)> {
    versions.get(place_on(versions, day)).map(|version| (version.sector, version.category, version.industry, &version.service.rp))
}

/// A day that is given later corrects the ones given before, within one life of the service: one that was retired and came
/// back does not lose the life it had.
fn first_day(versions: &[ServiceVersion], place: usize) -> Option<Day> {
    let life = versions.get(place..).unwrap_or_default().iter().take_while(|version| version.state != ServiceState::Retired);
    life.last().and_then(|version| version.since)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: &str = "2027-12-31";

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn version(recorded: &str, state: ServiceState, since: &str) -> ServiceVersion {
        ServiceVersion {
            code: 7,
            service: "inland-revenue-department.etax".parse().unwrap(),
            recorded: day(recorded).start().plus(std::time::Duration::from_hours(10)),
            sector: Sector::Government,
            category: Some(Category::OtherPublicServices),
            name: Bilingual { en: "eTAX".to_owned(), zh_hant: "稅務易".to_owned() },
            state,
            since: Some(day(since)),
            industry: None,
            party: Bilingual { en: "Inland Revenue Department".to_owned(), zh_hant: "稅務局".to_owned() },
            synthetic: false,
        }
    }

    fn reachable(versions: &[ServiceVersion], as_at: &str, known_at: &str) -> bool {
        ServiceHistory::new(versions.to_vec(), day(known_at)).accessible(day(as_at)).count() == 1
    }

    #[test]
    fn a_manifest_of_today_answers_for_the_years_before() {
        let versions = [version("2026-03-02", ServiceState::Active, "2020-12-29")];
        assert!(!reachable(&versions, "2020-12-28", LATER));
        assert!(reachable(&versions, "2020-12-29", LATER), "its first day counts");
        assert!(reachable(&versions, "2022-05-31", "2026-03-02"), "known from the day of its recording on");
        assert!(!reachable(&versions, "2022-05-31", "2026-03-01"), "not known before");
    }

    #[test]
    fn a_suspension_counts_from_its_recording() {
        let versions = [
            version("2026-03-02", ServiceState::Active, "2020-12-29"),
            version("2026-05-04", ServiceState::Suspended, "2020-12-29"),
            version("2026-05-11", ServiceState::Active, "2020-12-29"),
        ];
        for (as_at, expected) in
            [("2022-05-31", true), ("2026-05-03", true), ("2026-05-04", false), ("2026-05-10", false), ("2026-05-11", true)]
        {
            assert_eq!(reachable(&versions, as_at, LATER), expected, "{as_at}");
        }
        assert!(reachable(&versions, "2026-05-04", "2026-05-03"), "as known the day before");
    }

    #[test]
    fn a_retired_service_keeps_its_past() {
        let versions = [
            version("2026-03-02", ServiceState::Active, "2020-12-29"),
            version("2026-06-01", ServiceState::Retired, "2020-12-29"),
        ];
        assert!(reachable(&versions, "2022-05-31", LATER));
        assert!(!reachable(&versions, "2026-06-01", LATER));
    }

    #[test]
    fn a_service_that_returns_does_not_lose_its_first_life() {
        let versions = [
            version("2026-03-02", ServiceState::Active, "2020-12-29"),
            version("2026-06-01", ServiceState::Retired, "2020-12-29"),
            version("2026-09-01", ServiceState::Active, "2026-09-15"),
        ];
        for (as_at, expected) in [("2022-05-31", true), ("2026-06-01", false), ("2026-09-14", false), ("2026-09-15", true)] {
            assert_eq!(reachable(&versions, as_at, LATER), expected, "{as_at}");
        }
    }

    #[test]
    fn a_service_begins_once_a_life() {
        let mut unknown = version("2026-03-02", ServiceState::Active, "2020-12-29");
        unknown.since = None;
        let history = ServiceHistory::new([unknown], day(LATER));
        assert_eq!(history.began(7, day("2020-12-29")), Some(day("2026-03-02")), "nobody said when: from its record on");
        assert_eq!(history.began(8, day("2026-03-02")), None);
        let history = ServiceHistory::new(
            [
                version("2026-03-02", ServiceState::Active, "2020-12-29"),
                version("2026-06-01", ServiceState::Retired, "2020-12-29"),
                version("2026-09-01", ServiceState::Active, "2026-09-15"),
            ],
            day(LATER),
        );
        assert_eq!(history.began(7, day("2020-01-01")), Some(day("2020-12-29")));
        assert_eq!(history.began(7, day("2026-09-14")), Some(day("2026-09-15")));
        let gone = |text: &str| history.gone(7, day(text));
        assert!(!gone("2020-01-01") && !gone("2026-06-01"), "the day on which it went was its own for some hours");
        assert!(gone("2026-06-02") && gone("2026-08-31") && !gone("2026-09-01"));
    }

    #[test]
    fn a_first_day_that_is_corrected_counts_from_when_it_was_known() {
        let versions = [
            version("2026-03-02", ServiceState::Active, "2020-12-29"),
            version("2026-04-01", ServiceState::Active, "2021-07-01"),
        ];
        assert!(reachable(&versions, "2021-01-31", "2026-03-31"));
        assert!(!reachable(&versions, "2021-01-31", "2026-04-01"));
        assert!(reachable(&versions, "2021-07-01", "2026-04-01"));
    }

    #[test]
    fn a_service_was_what_it_was_on_the_day() {
        let mut moved = version("2026-04-01", ServiceState::Active, "2020-12-29");
        moved.sector = Sector::Public;
        let history = ServiceHistory::new([moved, version("2026-03-02", ServiceState::Active, "2020-12-29")], day(LATER));
        let sector = |text: &str| history.on(7, day(text)).map(|version| version.sector);
        assert_eq!(sector("2021-05-31"), Some(Sector::Government));
        assert_eq!(sector("2026-03-31"), Some(Sector::Government));
        assert_eq!(sector("2026-04-01"), Some(Sector::Public));
        assert_eq!(history.on(8, day("2026-04-01")), None);
    }

    #[test]
    fn a_service_moves_on_the_day_it_is_recorded() {
        let mut moved = version("2026-04-16", ServiceState::Active, "2020-12-29");
        moved.sector = Sector::Public;
        let renamed = ServiceVersion { recorded: day("2026-05-20").start(), ..moved.clone() };
        let mut back = version("2026-07-01", ServiceState::Active, "2020-12-29");
        let mut there = back.clone();
        (there.sector, there.recorded) = (Sector::Private, day("2026-07-01").start());
        back.recorded = there.recorded.plus(std::time::Duration::from_mins(5));
        back.sector = Sector::Public;
        let first = version("2026-03-02", ServiceState::Active, "2020-12-29");
        let history = ServiceHistory::new([first, moved, renamed, there, back], day(LATER));
        let moves = |from: &str, to: &str| history.moves(day(from), day(to)).collect::<Vec<_>>();
        assert_eq!(moves("2020-12-01", LATER), [(day("2026-04-16"), 7)], "a mistake put right on the same day moves nothing");
        assert_eq!(moves("2026-04-16", "2026-04-16").len(), 1);
        assert_eq!(moves("2026-04-17", LATER), []);
        assert_eq!(history.last_recorded(), Some(day("2026-07-01")));
        assert_eq!(history.as_known_at(day("2026-04-15")).moves(Day::MIN, Day::MAX).count(), 0);
    }

    #[test]
    fn two_versions_of_one_day_leave_the_later() {
        let (mut morning, mut evening) = (
            version("2026-03-02", ServiceState::Active, "2020-12-29"),
            version("2026-03-02", ServiceState::Suspended, "2020-12-29"),
        );
        morning.recorded = day("2026-03-02").start();
        evening.recorded = day("2026-03-02").end().minus(std::time::Duration::from_micros(1));
        assert!(!reachable(&[evening.clone(), morning.clone()], "2026-03-02", LATER));
        assert!(!reachable(&[morning, evening], "2022-05-31", "2020-01-01"), "nothing was known");
    }
}
