//! The days and months that may be asked for.

use domain::{Day, LAUNCH, Month};

use crate::failure::Failure;

/// Holds a day of events to the platform's years.
///
/// # Errors
/// `stats.as-at-future`, `stats.as-at-before-launch`.
pub fn as_at(as_at: Day, today: Day) -> Result<(), Failure> {
    if as_at > today {
        let message = format!("{as_at} is in the future: today is {today} in Hong Kong");
        return Err(Failure::invalid_field("stats.as-at-future", "as_at", message));
    }
    if as_at < LAUNCH {
        let message = format!("there are no figures as at {as_at}: the platform was launched on {LAUNCH}");
        return Err(Failure::invalid_field("stats.as-at-before-launch", "as_at", message));
    }
    Ok(())
}

/// Holds a day of recording to the past and today.
///
/// # Errors
/// `stats.known-at-future`.
pub fn known_at(known_at: Option<Day>, today: Day) -> Result<(), Failure> {
    match known_at {
        Some(known_at) if known_at > today => {
            let message = format!("{known_at} is in the future: nobody knows yet what will be recorded by then");
            Err(Failure::invalid_field("stats.known-at-future", "known_at", message))
        }
        _ => Ok(()),
    }
}

/// Holds the months of a report to the platform's years and to their order.
///
/// # Errors
/// `stats.month-future`, `stats.month-before-launch`, `stats.months-order`.
pub fn months(from: Option<Month>, to: Option<Month>, today: Day) -> Result<(), Failure> {
    for (path, month) in [("from", from), ("to", to)] {
        let Some(month) = month else { continue };
        if month > today.month() {
            let message = format!("{month} is in the future: today is {today} in Hong Kong");
            return Err(Failure::invalid_field("stats.month-future", path, message));
        }
        if month < LAUNCH.month() {
            let message = format!("there are no figures of {month}: the platform was launched on {LAUNCH}");
            return Err(Failure::invalid_field("stats.month-before-launch", path, message));
        }
    }
    match (from, to) {
        (Some(from), Some(to)) if from > to => {
            Err(Failure::invalid_field("stats.months-order", "from", format!("{from} is after {to}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn code(answer: Result<(), Failure>) -> String {
        answer.err().map_or_else(|| "ok".to_owned(), |failure| failure.code())
    }

    #[test]
    fn from_the_launch_to_today() {
        let today = day("2022-06-10");
        for (asked, expected) in [
            ("2020-12-28", "stats.as-at-before-launch"),
            ("2020-12-29", "ok"),
            ("2022-05-31", "ok"),
            ("2022-06-10", "ok"),
            ("2022-06-11", "stats.as-at-future"),
        ] {
            assert_eq!(code(as_at(day(asked), today)), expected, "{asked}");
        }
        assert_eq!(code(known_at(None, today)), "ok");
        assert_eq!(code(known_at(Some(today), today)), "ok");
        assert_eq!(code(known_at(Some(day("2022-06-11")), today)), "stats.known-at-future");
    }

    #[test]
    fn months_in_their_order() {
        let today = day("2022-06-10");
        for (from, to, expected) in [
            (None, None, "ok"),
            (Some("2020-12"), Some("2022-06"), "ok"),
            (Some("2022-05"), Some("2022-05"), "ok"),
            (Some("2022-05"), Some("2022-04"), "stats.months-order"),
            (Some("2020-11"), None, "stats.month-before-launch"),
            (None, Some("2022-07"), "stats.month-future"),
        ] {
            assert_eq!(code(months(from.map(month), to.map(month), today)), expected, "{from:?} {to:?}");
        }
    }
}
