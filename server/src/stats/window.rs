//! Which counters answer a question of two dates.
//!
//! A question asks for what happened from `from` to `to` as it was recorded up to `known_at`. Months that both dates cover
//! whole are read from the monthly counters. The month of `to` and the month of `known_at`, where they are asked for in part,
//! are put right from the daily counters, each on the side of its date that has fewer days: what the months hold too little is
//! added, what they hold too much is taken off. So every cell that is asked for is counted once and no other is, and no more
//! than half a month is read by day on either axis.

use domain::{Day, Month};

/// The days on which the daily counters begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// First day something happened.
    pub first_event: Day,
    /// Last day something happened.
    pub last_event: Day,
    /// First day something was recorded.
    pub first_recorded: Day,
    /// Last day something was recorded.
    pub last_recorded: Day,
}

/// A question: both days of events included, `from` the first of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First day of events.
    pub from: Day,
    /// Last day of events.
    pub to: Day,
    /// Last day of recording.
    pub known_at: Day,
}

/// Cells of the monthly counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Months {
    /// First month of events.
    pub from: Month,
    /// Last month of events.
    pub to: Month,
    /// Last month of recording.
    pub recorded_to: Month,
}

/// Cells of the daily counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// First day of events.
    pub from: Day,
    /// Last day of events.
    pub to: Day,
    /// First day of recording.
    pub recorded_from: Day,
    /// Last day of recording.
    pub recorded_to: Day,
}

/// Whether cells count for or against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Not in the months: added.
    Added,
    /// In the months, and not asked for: taken off.
    TakenOff,
}

impl Sign {
    /// The count with its sign.
    #[must_use]
    pub fn of(self, count: i64) -> i64 {
        match self {
            Self::Added => count,
            Self::TakenOff => -count,
        }
    }
}

/// What to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// From the monthly counters.
    pub months: Option<Months>,
    /// From the daily ones, by days of events: the month of `to` when it is not asked for whole.
    pub rest: Option<(Sign, Days)>,
    /// From the daily ones, by days of recording: the month of `known_at` when it is not asked for whole.
    pub late: Option<(Sign, Days)>,
}

impl Window {
    /// What to read for this window out of counters of that extent; nothing when there are none.
    #[must_use]
    pub fn terms(&self, extent: Option<Extent>) -> Terms {
        let Some(extent) = extent.filter(|extent| extent.first_recorded <= self.known_at && self.from <= self.to) else {
            return Terms::default();
        };
        let recorded_to = self.known_at.min(extent.last_recorded);
        let (last_month, rest) = self.last_month(extent, recorded_to);
        if self.from.month() > last_month {
            return Terms { rest, ..Terms::default() };
        }
        let (last_recorded, late) = Self::last_recorded(extent, recorded_to);
        let months = Months { from: self.from.month(), to: last_month, recorded_to: last_recorded };
        let (from, to) = (self.from, last_month.last_day());
        let late = late.map(|(sign, recorded_from, recorded_to)| (sign, Days { from, to, recorded_from, recorded_to }));
        Terms { months: Some(months), rest, late }
    }

    /// The last month of recording to read from the monthly counters, and the days of recording that are to be put right.
    fn last_recorded(extent: Extent, recorded_to: Day) -> (Month, Option<(Sign, Day, Day)>) {
        let month = recorded_to.month();
        let month_end = month.last_day();
        // Nothing at all was recorded after the last day on record, so its month is covered whole.
        if recorded_to == month_end || recorded_to == extent.last_recorded {
            return (month, None);
        }
        if recorded_to.day_of_month() <= 15 {
            (month.previous(), Some((Sign::Added, month.first_day(), recorded_to)))
        } else {
            (month, Some((Sign::TakenOff, recorded_to.plus_days(1), month_end)))
        }
    }

    /// The last month to read from the monthly counters, and what is to be put right in the month of `to`.
    fn last_month(&self, extent: Extent, recorded_to: Day) -> (Month, Option<(Sign, Days)>) {
        let month = self.to.month();
        let month_end = month.last_day();
        if self.to == month_end || self.to >= extent.last_event {
            return (month, None);
        }
        let days = |from, to| Days { from, to, recorded_from: extent.first_recorded, recorded_to };
        if self.to.day_of_month() <= 15 {
            (month.previous(), Some((Sign::Added, days(month.first_day(), self.to))))
        } else {
            (month, Some((Sign::TakenOff, days(self.to.plus_days(1), month_end))))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn extent() -> Extent {
        Extent {
            first_event: day("2020-12-29"),
            last_event: day("2022-06-20"),
            first_recorded: day("2020-12-29"),
            last_recorded: day("2022-06-21"),
        }
    }

    fn terms(to: &str, known_at: &str) -> Terms {
        Window { from: day("2020-12-01"), to: day(to), known_at: day(known_at) }.terms(Some(extent()))
    }

    #[test]
    fn a_whole_month_as_known_last_is_read_from_months_alone() {
        let read = terms("2022-05-31", "2022-06-21");
        let months = Months { from: month("2020-12"), to: month("2022-05"), recorded_to: month("2022-06") };
        assert_eq!(read, Terms { months: Some(months), rest: None, late: None });
        // So is the day itself on which the counters end.
        assert_eq!(terms("2022-06-20", "2022-06-30").rest, None);
        assert_eq!(terms("2022-06-20", "2022-06-30").months.unwrap().to, month("2022-06"));
    }

    #[test]
    fn a_day_within_a_month_is_read_from_the_nearer_side() {
        let (sign, days) = terms("2022-05-10", "2022-06-21").rest.unwrap();
        assert_eq!((sign, days.from, days.to), (Sign::Added, day("2022-05-01"), day("2022-05-10")));
        let (sign, days) = terms("2022-05-20", "2022-06-21").rest.unwrap();
        assert_eq!((sign, days.from, days.to), (Sign::TakenOff, day("2022-05-21"), day("2022-05-31")));
    }

    #[test]
    fn a_day_of_recording_within_a_month_is_read_from_the_nearer_side() {
        let (sign, late) = terms("2022-05-31", "2022-04-18").late.unwrap();
        assert_eq!((sign, late.recorded_from, late.recorded_to), (Sign::TakenOff, day("2022-04-19"), day("2022-04-30")));
        assert_eq!((late.from, late.to), (day("2020-12-01"), day("2022-05-31")));
        let (sign, late) = terms("2022-05-31", "2022-06-05").late.unwrap();
        assert_eq!((sign, late.recorded_from, late.recorded_to), (Sign::Added, day("2022-06-01"), day("2022-06-05")));
        assert_eq!(terms("2022-05-31", "2022-06-05").months.unwrap().recorded_to, month("2022-05"));
        assert_eq!(terms("2022-05-31", "2022-05-31").late, None);
        assert_eq!(terms("2022-05-31", "2020-12-28"), Terms::default());
    }

    /// A cell: day of event, day of recording, count.
    type Cell = (Day, Day, i64);

    fn histories() -> impl Strategy<Value = Vec<Cell>> {
        let base = day("2021-01-20");
        // Some are recorded before the day they are dated.
        let cell = (0_i32..100, -3_i32..60, 1_i64..50)
            .prop_map(move |(event, delay, count)| (base.plus_days(event), base.plus_days(event + delay), count));
        prop::collection::vec(cell, 0..40)
    }

    fn extent_of(cells: &[Cell]) -> Option<Extent> {
        Some(Extent {
            first_event: cells.iter().map(|cell| cell.0).min()?,
            last_event: cells.iter().map(|cell| cell.0).max()?,
            first_recorded: cells.iter().map(|cell| cell.1).min()?,
            last_recorded: cells.iter().map(|cell| cell.1).max()?,
        })
    }

    fn sum(cells: &[Cell], holds: impl Fn(Day, Day) -> bool) -> i64 {
        cells.iter().filter(|cell| holds(cell.0, cell.1)).map(|cell| cell.2).sum()
    }

    fn read(cells: &[Cell], terms: &Terms) -> i64 {
        let months = terms.months.map_or(0, |months| {
            sum(cells, |event, recorded| {
                (months.from..=months.to).contains(&event.month()) && recorded.month() <= months.recorded_to
            })
        });
        let within = |days: &Days| {
            sum(cells, |event, recorded| {
                (days.from..=days.to).contains(&event) && (days.recorded_from..=days.recorded_to).contains(&recorded)
            })
        };
        let put_right = terms.rest.iter().chain(&terms.late).map(|(sign, days)| sign.of(within(days)));
        months + put_right.sum::<i64>()
    }

    proptest! {
        #[test]
        fn every_cell_asked_for_is_counted_once(cells in histories(), first in 0_i32..5, to in -5_i32..110, known in -5_i32..170) {
            let base = day("2021-01-20");
            let from = Month::from_number(base.month().number() + first - 1).first_day();
            let window = Window { from, to: base.plus_days(to), known_at: base.plus_days(known) };
            let terms = window.terms(extent_of(&cells));
            let expected = sum(&cells, |event, recorded| event >= window.from && event <= window.to && recorded <= window.known_at);
            prop_assert_eq!(read(&cells, &terms), expected, "{:?}", terms);
            if let Some((_, days)) = terms.rest {
                prop_assert!(days.to.number() - days.from.number() < 16, "never more than half a month by day");
            }
            if let Some((_, days)) = terms.late {
                prop_assert!(days.recorded_to.number() - days.recorded_from.number() < 16, "nor by day of recording");
            }
        }
    }
}
