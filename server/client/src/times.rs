//! Times and numbers as people read them: Hong Kong local time, thousands parted by a space. Raw forms are RFC 3339 and digits.

use domain::{Day, Timestamp};

/// `2022-05-31 23:59:59 HKT`.
#[must_use]
pub fn people(at: Timestamp) -> String {
    at.people()
}

/// The same, or nothing.
#[must_use]
pub fn people_or_none(at: Option<Timestamp>) -> String {
    at.map(people).unwrap_or_default()
}

/// RFC 3339, or nothing.
#[must_use]
pub fn raw_or_none(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// A day, or nothing.
#[must_use]
pub fn day_or_none(day: Option<Day>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

/// `400 000`.
#[must_use]
pub fn spaced(number: u64) -> String {
    domain::spaced(number)
}

/// A span of time in its largest fitting units: `3 d 4 h`, `12 min`, `40 s`.
#[must_use]
pub fn span(span: std::time::Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, 0, _) => format!("{days} d"),
        (_, _, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn people_read_hong_kong_time() {
        assert_eq!(people("2022-05-31T15:59:59.999999Z".parse().unwrap()), "2022-05-31 23:59:59 HKT");
        assert_eq!(people("2022-05-31T16:00:00Z".parse().unwrap()), "2022-06-01 00:00:00 HKT");
        assert_eq!(people_or_none(None), "");
    }

    #[test]
    fn spans_use_the_largest_units() {
        assert_eq!(span(Duration::from_secs(40)), "40 s");
        assert_eq!(span(Duration::from_secs(720)), "12 min");
        assert_eq!(span(Duration::from_secs(3_600)), "1 h");
        assert_eq!(span(Duration::from_secs(3 * 86_400 + 4 * 3_600 + 59)), "3 d 4 h");
    }
}
