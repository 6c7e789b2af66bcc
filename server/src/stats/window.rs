//! Which counters answer a question of two dates.
//!
//! A question asks for what happened from `from` to `to` as it was recorded up to `known_at`. Months that both dates cover
//! whole are read from the monthly counters; what they hold too much or too little is put right from the daily ones, on
//! whichever side of the date there are fewer days. Of the cells
//!
//! ```text
//!                  recorded up to known_at   later in that month
//! whole months   |          months         |        late        |   months holds both: late is taken off
//! the rest of to |          rest           |         -          |   added, or taken off when months holds all of it
//! ```
//!
//! every one that is asked for is counted once and no other is.

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
    /// From the daily ones, by days of recording: what was recorded after `known_at` within its month; taken off.
    pub late: Option<Days>,
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
        let months = Months { from: self.from.month(), to: last_month, recorded_to: recorded_to.month() };
        if months.from > months.to {
            return Terms { rest, ..Terms::default() };
        }
        let month_end = recorded_to.month().last_day();
        // Nothing at all was recorded after the last day on record, so its month is covered whole.
        let covered = recorded_to == extent.last_recorded || recorded_to == month_end;
        let late = (!covered).then(|| Days {
            from: self.from,
            to: last_month.last_day(),
            recorded_from: recorded_to.plus_days(1),
            recorded_to: month_end,
        });
        Terms { months: Some(months), rest, late }
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
    fn what_was_recorded_later_in_the_month_is_taken_off() {
        let late = terms("2022-05-31", "2022-06-05").late.unwrap();
        assert_eq!((late.recorded_from, late.recorded_to, late.to), (day("2022-06-06"), day("2022-06-30"), day("2022-05-31")));
        assert_eq!(terms("2022-05-31", "2022-05-31").late, None);
        assert_eq!(terms("2022-05-31", "2020-12-28"), Terms::default());
    }

    /// A cell: day of event, day of recording, count.
    type Cell = (Day, Day, i64);

    fn histories() -> impl Strategy<Value = Vec<Cell>> {
        let base = day("2021-01-20");
        let cell = (0_i32..100, 0_i32..60, 1_i64..50)
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
        months + terms.rest.as_ref().map_or(0, |(sign, days)| sign.of(within(days))) - terms.late.as_ref().map_or(0, within)
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
        }
    }
}
