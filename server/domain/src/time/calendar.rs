//! Days and months.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{HONG_KONG_OFFSET, MICROS_A_DAY, TimeError, Timestamp};
use crate::wire::text_form;

/// 1980-01-01, the first day from which the fixed offset holds.
pub(super) const FIXED_OFFSET_FROM: i32 = 3_652;
const EPOCH: Date = Date::constant(1970, 1, 1);
const MONTH_NAMES: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// A date on the calendar: days since 1970-01-01, between the years 0000 and 9999. Days derived
/// from a [`Timestamp`] are Hong Kong's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub(super) i32);

text_form!(Day, deserialize_any, "a date", "date", "2022-05-31");

impl Day {
    /// 0000-01-01.
    pub const MIN: Day = Day(-719_528);
    /// 9999-12-31.
    pub const MAX: Day = Day(2_932_896);

    /// From days since 1970-01-01; what lies outside [`Day::MIN`] and [`Day::MAX`] becomes the nearer one.
    pub const fn from_number(number: i32) -> Day {
        if number < Day::MIN.0 {
            Day::MIN
        } else if number > Day::MAX.0 {
            Day::MAX
        } else {
            Day(number)
        }
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The date with that year, month (1 to 12) and day (1 to 31), if there is one.
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Option<Day> {
        let year = i16::try_from(year).ok().filter(|year| *year >= 0)?;
        let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        date.ok().map(Day::of_date)
    }

    pub(super) fn of_date(date: Date) -> Day {
        let days = date.duration_since(EPOCH).as_secs() / 86_400;
        Day(i32::try_from(days).unwrap_or(0))
    }

    pub(super) fn date(self) -> Date {
        // In range by construction.
        EPOCH.checked_add(SignedDuration::from_secs(i64::from(self.0) * 86_400)).unwrap_or(EPOCH)
    }

    /// Midnight in Hong Kong at which the day begins.
    pub fn start(self) -> Timestamp {
        if self.0 < FIXED_OFFSET_FROM
            && let Some(start) = self.start_by_database()
        {
            return start;
        }
        Timestamp::from_micros(i64::from(self.0) * MICROS_A_DAY - HONG_KONG_OFFSET)
    }

    #[cold]
    fn start_by_database(self) -> Option<Timestamp> {
        let zone = TimeZone::get("Asia/Hong_Kong").ok()?;
        let start = self.date().to_zoned(zone).ok()?.start_of_day().ok()?;
        Some(Timestamp::from_micros(start.timestamp().as_microsecond()))
    }

    /// Midnight in Hong Kong at which the day is over: the start of the next one, exclusive.
    pub fn end(self) -> Timestamp {
        if self == Day::MAX {
            return Timestamp::MAX;
        }
        self.plus_days(1).start()
    }

    /// The month it lies in.
    pub fn month(self) -> Month {
        let date = self.date();
        Month((i32::from(date.year()) - 1970) * 12 + i32::from(date.month()) - 1)
    }

    /// So many days later, or earlier when negative; stops at [`Day::MIN`] and [`Day::MAX`].
    #[must_use]
    pub const fn plus_days(self, days: i32) -> Day {
        Day::from_number(self.0.saturating_add(days))
    }

    /// The year.
    pub fn year(self) -> i32 {
        i32::from(self.date().year())
    }

    /// Day of the month, 1 to 31.
    pub fn day_of_month(self) -> u32 {
        self.date().day().unsigned_abs().into()
    }

    /// `31 May 2022`.
    pub fn english(self) -> String {
        format!("{} {}", self.day_of_month(), self.month().english())
    }

    /// `2022年5月31日`.
    pub fn chinese(self) -> String {
        format!("{}{}日", self.month().chinese(), self.day_of_month())
    }

    /// As the papers date a figure: `end-May 2022` on the last day of a month, else `15 May 2022`.
    pub fn as_at_english(self) -> String {
        if self == self.month().last_day() { format!("end-{}", self.month().english()) } else { self.english() }
    }

    /// The same in Chinese: `2022年5月底`, else `2022年5月15日`.
    pub fn as_at_chinese(self) -> String {
        if self == self.month().last_day() { format!("{}底", self.month().chinese()) } else { self.chinese() }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = *b"0000-00-00";
        write_date(&mut buffer, self.date());
        f.pad(std::str::from_utf8(&buffer).unwrap_or_default())
    }
}

impl FromStr for Day {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Day, TimeError> {
        let bytes = text.trim().as_bytes();
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *bytes else {
            return Err(TimeError::Day);
        };
        let parts = (digits(&[y1, y2, y3, y4]), digits(&[m1, m2]), digits(&[d1, d2]));
        let (Some(year), Some(month), Some(day)) = parts else {
            return Err(TimeError::Day);
        };
        Day::from_ymd(year, month.unsigned_abs(), day.unsigned_abs()).ok_or(TimeError::NoSuchDay)
    }
}

/// A calendar month: months since 1970-01, between the years 0000 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

text_form!(Month, "a month", "month", "2022-05");

impl Month {
    /// 0000-01.
    pub const MIN: Month = Month(-23_640);
    /// 9999-12.
    pub const MAX: Month = Month(96_359);

    /// From months since 1970-01; what lies outside [`Month::MIN`] and [`Month::MAX`] becomes the nearer one.
    pub const fn from_number(number: i32) -> Month {
        if number < Month::MIN.0 {
            Month::MIN
        } else if number > Month::MAX.0 {
            Month::MAX
        } else {
            Month(number)
        }
    }

    /// Months since 1970-01.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The year.
    pub const fn year(self) -> i32 {
        self.0.div_euclid(12) + 1970
    }

    /// 1 to 12.
    pub const fn month_of_year(self) -> u32 {
        self.0.rem_euclid(12).unsigned_abs() + 1
    }

    /// Its first day.
    pub fn first_day(self) -> Day {
        Day::from_ymd(self.year(), self.month_of_year(), 1).unwrap_or(Day::MIN)
    }

    /// Its last day.
    pub fn last_day(self) -> Day {
        if self == Month::MAX { Day::MAX } else { self.next().first_day().plus_days(-1) }
    }

    /// The month after; stops at [`Month::MAX`].
    #[must_use]
    pub const fn next(self) -> Month {
        Month::from_number(self.0 + 1)
    }

    /// The month before; stops at [`Month::MIN`].
    #[must_use]
    pub const fn previous(self) -> Month {
        Month::from_number(self.0 - 1)
    }

    /// `May 2022`.
    pub fn english(self) -> String {
        let name = MONTH_NAMES[self.0.rem_euclid(12).unsigned_abs() as usize];
        format!("{name} {}", self.year())
    }

    /// `2022年5月`.
    pub fn chinese(self) -> String {
        format!("{}年{}月", self.year(), self.month_of_year())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = *b"0000-00";
        write_digits(&mut buffer[0..4], i64::from(self.year()));
        write_digits(&mut buffer[5..7], i64::from(self.month_of_year()));
        f.pad(std::str::from_utf8(&buffer).unwrap_or_default())
    }
}

impl FromStr for Month {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Month, TimeError> {
        let [y1, y2, y3, y4, b'-', m1, m2] = *text.trim().as_bytes() else {
            return Err(TimeError::Month);
        };
        match (digits(&[y1, y2, y3, y4]), digits(&[m1, m2])) {
            (Some(year), Some(month @ 1..=12)) => Ok(Month::from_number((year - 1970) * 12 + month - 1)),
            _ => Err(TimeError::Month),
        }
    }
}

pub(super) fn write_date(buffer: &mut [u8], date: Date) {
    write_digits(&mut buffer[0..4], i64::from(date.year()));
    write_digits(&mut buffer[5..7], i64::from(date.month()));
    write_digits(&mut buffer[8..10], i64::from(date.day()));
}

pub(super) fn write_digits(place: &mut [u8], mut number: i64) {
    for digit in place.iter_mut().rev() {
        // A remainder of ten is one digit.
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// The number that a run of ASCII digits spells.
fn digits(text: &[u8]) -> Option<i32> {
    text.iter().try_fold(0_i32, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i32::from(byte - b'0')))
}
