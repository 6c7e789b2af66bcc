//! Moments, days and months.
//!
//! A [`Timestamp`] is a moment; a [`Day`] is a date on the calendar; what joins them is Hong Kong
//! time. Hong Kong has kept UTC+8 without summer time since 1979, so from 1980 on the conversion
//! is plain arithmetic (it is called once a row); earlier moments go through the time-zone
//! database.

mod calendar;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp as Moment;
use jiff::tz::{Offset, TimeZone};

use self::calendar::{FIXED_OFFSET_FROM, write_date, write_digits};
use crate::wire::text_form;

pub use self::calendar::{Day, Month};

const MICROS_A_DAY: i64 = 86_400_000_000;
const HONG_KONG_OFFSET: i64 = 8 * 3_600_000_000;

/// The source of the present; rules take a [`Timestamp`], only the outermost layer holds a clock.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The source of chance, fit for keys.
pub trait Entropy: Send + Sync {
    /// Fills the whole slice with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// Text that is not a time of the expected form. The text itself is not repeated: it may be a
/// date of birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not RFC 3339.
    #[error("not a time of the form 2022-05-31T15:59:59Z or 2022-05-31T23:59:59+08:00")]
    Timestamp,
    /// Not a date.
    #[error("not a date of the form 2022-05-31")]
    Day,
    /// Right form, but no such day.
    #[error("no such day in the calendar")]
    NoSuchDay,
    /// Not a month.
    #[error("not a month of the form 2022-05")]
    Month,
}

impl TimeError {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            TimeError::Timestamp => "time.timestamp",
            TimeError::Day => "time.day",
            TimeError::NoSuchDay => "time.no-such-day",
            TimeError::Month => "time.month",
        }
    }
}

/// A moment: microseconds since 1970-01-01T00:00:00Z. Always between the years 0000 and 9999, so
/// that it can be written as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

text_form!(Timestamp, "an RFC 3339 time", "date-time", "2022-05-31T15:59:59.000000Z");

impl Timestamp {
    /// 0000-01-02T00:00:00Z, so that the day in Hong Kong is in range as well.
    pub const MIN: Timestamp = Timestamp(-62_167_132_800_000_000);
    /// 9999-12-30T00:00:00Z.
    pub const MAX: Timestamp = Timestamp(253_402_128_000_000_000);

    /// From microseconds; what lies outside [`Timestamp::MIN`] and [`Timestamp::MAX`] becomes the nearer one.
    pub const fn from_micros(micros: i64) -> Timestamp {
        if micros < Timestamp::MIN.0 {
            Timestamp::MIN
        } else if micros > Timestamp::MAX.0 {
            Timestamp::MAX
        } else {
            Timestamp(micros)
        }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Later by that much; stops at [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, duration: Duration) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_add(whole_micros(duration)))
    }

    /// Earlier by that much; stops at [`Timestamp::MIN`].
    #[must_use]
    pub fn minus(self, duration: Duration) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_sub(whole_micros(duration)))
    }

    /// The time passed since `earlier`; zero when `earlier` is later.
    pub fn saturating_since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// `2022-05-31 23:59:59 HKT`: as people read it, in messages and tables. Programs read the form of `Display`.
    pub fn people(self) -> String {
        let Ok(moment) = Moment::from_microsecond(self.0) else { return self.to_string() };
        let zone = TimeZone::get("Asia/Hong_Kong").unwrap_or_else(|_| TimeZone::fixed(Offset::constant(8)));
        moment.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S HKT").to_string()
    }

    /// The date in Hong Kong at that moment.
    pub fn hk_day(self) -> Day {
        let day = (self.0 + HONG_KONG_OFFSET).div_euclid(MICROS_A_DAY);
        // In range: a timestamp spans fewer than 3 000 000 days either way.
        let day = i32::try_from(day).unwrap_or(Day::MAX.0);
        if day > FIXED_OFFSET_FROM {
            return Day(day);
        }
        self.hk_day_by_database().unwrap_or(Day(day))
    }

    #[cold]
    fn hk_day_by_database(self) -> Option<Day> {
        let zone = TimeZone::get("Asia/Hong_Kong").ok()?;
        let moment = Moment::from_microsecond(self.0).ok()?;
        Some(Day::of_date(zone.to_datetime(moment).date()))
    }
}

/// Durations come from settings and subtractions; half a million years is as good as for ever.
fn whole_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = Day(i32::try_from(self.0.div_euclid(MICROS_A_DAY)).unwrap_or(0)).date();
        let mut buffer = *b"0000-00-00T00:00:00.000000Z";
        write_date(&mut buffer, date);
        let in_day = self.0.rem_euclid(MICROS_A_DAY);
        let seconds = in_day / 1_000_000;
        write_digits(&mut buffer[11..13], seconds / 3_600);
        write_digits(&mut buffer[14..16], seconds / 60 % 60);
        write_digits(&mut buffer[17..19], seconds % 60);
        write_digits(&mut buffer[20..26], in_day % 1_000_000);
        f.pad(std::str::from_utf8(&buffer).unwrap_or_default())
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// RFC 3339 with any offset; fractions beyond microseconds are cut off.
    fn from_str(text: &str) -> Result<Timestamp, TimeError> {
        let text = text.trim();
        // The library reads more forms than RFC 3339 has; the shape is held here.
        let bytes = text.as_bytes();
        let shape = bytes.len() >= 20
            && bytes.len() <= 40
            && bytes[4] == b'-'
            && bytes[7] == b'-'
            && matches!(bytes[10], b'T' | b't' | b' ')
            && bytes[13] == b':'
            && bytes[16] == b':'
            && offset_is_written_out(bytes);
        if !shape {
            return Err(TimeError::Timestamp);
        }
        let moment: Moment = text.parse().map_err(|_| TimeError::Timestamp)?;
        let micros = moment.as_microsecond();
        // A fraction of a microsecond before 1970 is cut downwards like any other.
        let cut = i64::from(moment.subsec_nanosecond() % 1_000 < 0);
        let timestamp = Timestamp::from_micros(micros - cut);
        if timestamp.0 == micros - cut { Ok(timestamp) } else { Err(TimeError::Timestamp) }
    }
}

/// `Z` or `+08:00`: an offset in minutes with its colon.
fn offset_is_written_out(bytes: &[u8]) -> bool {
    match bytes {
        [.., b'Z' | b'z'] => true,
        [.., sign, h1, h2, b':', m1, m2] => matches!(sign, b'+' | b'-') && [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_written_in_utc_with_microseconds() {
        for (given, written) in [
            ("2022-05-31T15:59:59Z", "2022-05-31T15:59:59.000000Z"),
            ("2022-05-31T23:59:59+08:00", "2022-05-31T15:59:59.000000Z"),
            ("2021-03-04t10:00:00+08:00", "2021-03-04T02:00:00.000000Z"),
            ("2021-03-04 10:00:00z", "2021-03-04T10:00:00.000000Z"),
            ("2021-03-04T10:00:00.5-00:30", "2021-03-04T10:30:00.500000Z"),
            // Fractions of a microsecond are cut off, before 1970 as after.
            ("2021-03-04T10:00:00.123456789Z", "2021-03-04T10:00:00.123456Z"),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
            (" 2021-03-04T10:00:00Z ", "2021-03-04T10:00:00.000000Z"),
        ] {
            assert_eq!(at(given).to_string(), written, "{given}");
        }
    }

    #[test]
    fn what_is_not_rfc_3339_is_no_time() {
        for given in [
            "",
            "2022-05-31",
            "2022-05-31T15:59:59",
            "2022-05-31T15:59Z",
            "20220531T155959Z",
            "2022-05-31T15:59:59+08",
            "2022-05-31T15:59:59+0800",
            "2022-05-31T15:59:59+08:00[Asia/Hong_Kong]",
            "2022-05-31T25:00:00Z",
            "2022-02-30T00:00:00Z",
            "2022-05-31T15:59:59ZZ",
            "+002022-05-31T15:59:59Z",
            "2022-05-31T15:59:59 Hong Kong",
            "١٢٣٤-05-31T15:59:59Z",
            "yesterday",
        ] {
            assert_eq!(given.parse::<Timestamp>(), Err(TimeError::Timestamp), "{given}");
        }
    }

    #[test]
    fn a_day_ends_at_midnight_in_hong_kong() {
        assert_eq!(at("2022-05-31T15:59:59.999999Z").hk_day(), day("2022-05-31"));
        assert_eq!(at("2022-05-31T16:00:00Z").hk_day(), day("2022-06-01"));
        assert_eq!(day("2022-05-31").start(), at("2022-05-31T00:00:00+08:00"));
        assert_eq!(day("2022-05-31").end(), at("2022-06-01T00:00:00+08:00"));
        assert_eq!(day("1980-01-01").start(), at("1979-12-31T16:00:00Z"));
    }

    #[test]
    fn summer_time_is_honoured_as_long_as_there_was_any() {
        // Clocks stood at UTC+9 in the summer of 1979, the last time.
        assert_eq!(at("1979-07-01T15:30:00Z").hk_day(), day("1979-07-02"));
        assert_eq!(day("1979-07-02").start(), at("1979-07-01T15:00:00Z"));
        assert_eq!(at("1979-12-01T15:30:00Z").hk_day(), day("1979-12-01"));
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for given in ["2021-02-29", "2022-00-10", "2022-13-01", "2022-04-31", "1900-02-29"] {
            assert_eq!(given.parse::<Day>(), Err(TimeError::NoSuchDay), "{given}");
        }
        for given in
            ["", "2022-5-31", "31-05-2022", "2022/05/31", "2022-05-31T00:00:00Z", "+022-05-31", "-2022-05-1", "２０２２-05-31"]
        {
            assert_eq!(given.parse::<Day>(), Err(TimeError::Day), "{given}");
        }
        assert_eq!(Day::from_ymd(2020, 2, 29).map(|day| day.to_string()).as_deref(), Some("2020-02-29"));
        assert_eq!(Day::from_ymd(-1, 2, 1), None);
        assert_eq!(Day::from_ymd(2020, 300, 1), None);
    }

    #[test]
    fn a_wrong_date_is_not_repeated() {
        let error = serde_json::from_str::<Day>("\"1990-13-31\"").unwrap_err().to_string();
        assert!(!error.contains("1990"), "{error}");
        let error = serde_json::from_str::<Day>("19901331").unwrap_err().to_string();
        assert!(!error.contains("1990"), "{error}");
    }

    #[test]
    fn days_and_months_as_the_papers_write_them() {
        assert_eq!(day("2022-05-31").english(), "31 May 2022");
        assert_eq!(day("2022-05-31").chinese(), "2022年5月31日");
        assert_eq!(day("2022-05-31").as_at_english(), "end-May 2022");
        assert_eq!(day("2022-05-31").as_at_chinese(), "2022年5月底");
        assert_eq!(day("2022-02-28").as_at_english(), "end-February 2022");
        assert_eq!(day("2020-02-28").as_at_english(), "28 February 2020");
        assert_eq!(day("2022-05-01").as_at_chinese(), "2022年5月1日");
        assert_eq!(month("2020-12").english(), "December 2020");
    }

    #[test]
    fn months_follow_each_other() {
        assert_eq!(day("2022-05-31").month(), month("2022-05"));
        assert_eq!(month("2022-12").next(), month("2023-01"));
        assert_eq!(month("2022-01").previous(), month("2021-12"));
        assert_eq!(month("2020-02").last_day(), day("2020-02-29"));
        assert_eq!(month("1969-12").number(), -1);
        assert_eq!(Month::MAX.next(), Month::MAX);
        assert_eq!(Month::MAX.last_day(), Day::MAX);
        assert_eq!(Month::MIN.first_day(), Day::MIN);
        for given in ["2022-00", "2022-13", "2022-5", "2022", "", "2022-05-01"] {
            assert_eq!(given.parse::<Month>(), Err(TimeError::Month), "{given}");
        }
    }

    #[test]
    fn time_stops_at_the_ends() {
        assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.minus(Duration::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::MIN.to_string(), "0000-01-02T00:00:00.000000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T00:00:00.000000Z");
        assert_eq!(at(&Timestamp::MAX.to_string()), Timestamp::MAX);
        assert_eq!(at(&Timestamp::MIN.to_string()), Timestamp::MIN);
        assert_eq!((Day::MIN.to_string().as_str(), Day::MAX.to_string().as_str()), ("0000-01-01", "9999-12-31"));
        assert_eq!(Day::MAX.plus_days(1), Day::MAX);
        assert_eq!(Day::MAX.end(), Timestamp::MAX);
        assert_eq!(Day::from_number(i32::MIN), Day::MIN);
    }

    #[test]
    fn durations_between_moments() {
        let (earlier, later) = (at("2022-05-31T00:00:00Z"), at("2022-05-31T00:10:00Z"));
        assert_eq!(later.saturating_since(earlier), Duration::from_secs(600));
        // A clock that went back makes no time pass.
        assert_eq!(earlier.saturating_since(later), Duration::ZERO);
        assert_eq!(earlier.plus(Duration::from_secs(600)), later);
        assert_eq!(later.minus(Duration::from_secs(600)), earlier);
    }

    proptest! {
        #[test]
        fn a_written_time_reads_back(micros in Timestamp::MIN.0..=Timestamp::MAX.0) {
            let timestamp = Timestamp::from_micros(micros);
            prop_assert_eq!(timestamp.to_string().parse(), Ok(timestamp));
        }

        #[test]
        fn a_written_day_reads_back(number in Day::MIN.0..=Day::MAX.0) {
            let day = Day::from_number(number);
            prop_assert_eq!(day.to_string().parse(), Ok(day));
            prop_assert!(day.month().first_day() <= day && day <= day.month().last_day());
            prop_assert_eq!(day.month().to_string().parse(), Ok(day.month()));
            prop_assert_eq!(day.month().year(), day.year());
        }

        #[test]
        fn the_fixed_offset_agrees_with_the_database_since_1980(micros in 315_532_800_000_000..=4_102_444_800_000_000_i64) {
            let timestamp = Timestamp::from_micros(micros);
            prop_assert_eq!(Some(timestamp.hk_day()), timestamp.hk_day_by_database());
        }

        #[test]
        fn a_moment_lies_in_its_day(micros in Timestamp::MIN.0..Timestamp::MAX.0) {
            let timestamp = Timestamp::from_micros(micros);
            let day = timestamp.hk_day();
            prop_assert!(day.start() <= timestamp && timestamp < day.end().max(Timestamp::from_micros(micros + 1)));
            prop_assert_eq!(day.start(), day.plus_days(-1).end());
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<Timestamp>();
            let _ = text.parse::<Day>();
            let _ = text.parse::<Month>();
        }
    }
}
