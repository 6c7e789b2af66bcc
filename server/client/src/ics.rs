//! Calendars for the office's own programs: iCalendar (RFC 5545), events of whole days.

use std::io::{self, Write};

use domain::{Day, Timestamp};

use crate::safe::visible;

/// Octets of a line without its end (RFC 5545 section 3.1).
const LONGEST_LINE: usize = 75;

/// An event of one whole day in Hong Kong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Unique in the world, and the same at each export (RFC 5545 section 3.8.4.7).
    pub uid: String,
    /// The day.
    pub day: Day,
    /// When what it says was recorded: `DTSTAMP`, which without a method is the last revision (section 3.8.7.2).
    pub noted_at: Timestamp,
    /// Counts up with each change (section 3.8.7.4).
    pub sequence: u32,
    /// One line.
    pub summary: String,
    /// More about it; may have several lines.
    pub description: String,
    /// A word to sort by.
    pub category: String,
}

/// The head of a calendar. The time zone says whose days these are, and keeps a calendar without events a good one: it needs at
/// least one component (section 3.6).
///
/// # Errors
/// When the writer fails.
pub fn begin(to: &mut dyn Write, name: &str) -> io::Result<()> {
    for (property, value) in
        [("BEGIN", "VCALENDAR"), ("VERSION", "2.0"), ("PRODID", "-//iamctl//key calendar//EN"), ("CALSCALE", "GREGORIAN")]
    {
        line(to, &format!("{property}:{value}"))?;
    }
    line(to, &format!("X-WR-CALNAME:{}", text(name)))?;
    line(to, "X-WR-TIMEZONE:Asia/Hong_Kong")?;
    // Hong Kong has kept UTC+8 since its last summer time, which ended then.
    for zone in [
        "BEGIN:VTIMEZONE",
        "TZID:Asia/Hong_Kong",
        "BEGIN:STANDARD",
        "DTSTART:19791021T033000",
        "TZOFFSETFROM:+0900",
        "TZOFFSETTO:+0800",
        "TZNAME:HKT",
        "END:STANDARD",
        "END:VTIMEZONE",
    ] {
        line(to, zone)?;
    }
    Ok(())
}

/// One event.
///
/// # Errors
/// When the writer fails.
pub fn event(to: &mut dyn Write, event: &Event) -> io::Result<()> {
    line(to, "BEGIN:VEVENT")?;
    line(to, &format!("UID:{}", text(&event.uid)))?;
    line(to, &format!("DTSTAMP:{}", moment(event.noted_at)))?;
    line(to, &format!("SEQUENCE:{}", event.sequence))?;
    line(to, &format!("DTSTART;VALUE=DATE:{}", date(event.day)))?;
    // The end is not part of it (section 3.6.1).
    line(to, &format!("DTEND;VALUE=DATE:{}", date(event.day.plus_days(1))))?;
    line(to, &format!("SUMMARY:{}", text(&event.summary)))?;
    if !event.description.is_empty() {
        line(to, &format!("DESCRIPTION:{}", text(&event.description)))?;
    }
    line(to, &format!("CATEGORIES:{}", text(&event.category)))?;
    // Nobody is busy because of it.
    line(to, "TRANSP:TRANSPARENT")?;
    line(to, "END:VEVENT")
}

/// The end of a calendar.
///
/// # Errors
/// When the writer fails.
pub fn end(to: &mut dyn Write) -> io::Result<()> {
    line(to, "END:VCALENDAR")
}

/// `20220531`.
fn date(day: Day) -> String {
    day.to_string().replace('-', "")
}

/// `20220531T155959Z`: whole seconds in UTC (section 3.3.5).
fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.split('.').next().unwrap_or_default();
    seconds.chars().filter(|character| !matches!(character, '-' | ':')).chain(['Z']).collect()
}

/// A text as it is written (section 3.3.11): backslash, semicolon, comma and line end escaped, and what a screen must not get
/// made visible first.
fn text(value: &str) -> String {
    let lines: Vec<String> = value.lines().map(|line| visible(line).into_owned()).collect();
    let mut written = String::with_capacity(value.len());
    for character in lines.join("\n").chars() {
        match character {
            '\\' | ';' | ',' => written.extend(['\\', character]),
            '\n' => written.push_str("\\n"),
            other => written.push(other),
        }
    }
    written
}

/// A content line, folded: no part is longer than 75 octets, and none ends within a character.
fn line(to: &mut dyn Write, content: &str) -> io::Result<()> {
    let mut rest = content;
    let mut room = LONGEST_LINE;
    while rest.len() > room {
        let cut = (0..=room).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        let (part, left) = rest.split_at(cut);
        to.write_all(part.as_bytes())?;
        to.write_all(b"\r\n ")?;
        rest = left;
        // The space counts.
        room = LONGEST_LINE - 1;
    }
    to.write_all(rest.as_bytes())?;
    to.write_all(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(of: &Event) -> String {
        let mut bytes = Vec::new();
        event(&mut bytes, of).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn example() -> Event {
        Event {
            uid: "ends.4be1@01a203d9".to_owned(),
            day: "2022-05-31".parse().unwrap(),
            noted_at: "2021-05-31T15:59:59.999999Z".parse().unwrap(),
            sequence: 3,
            summary: "certificate of ird ends".to_owned(),
            description: String::new(),
            category: "ends".to_owned(),
        }
    }

    #[test]
    fn an_event_is_one_whole_day() {
        assert_eq!(
            written(&example()),
            "BEGIN:VEVENT\r\nUID:ends.4be1@01a203d9\r\nDTSTAMP:20210531T155959Z\r\nSEQUENCE:3\r\nDTSTART;VALUE=DATE:20220531\r\n\
             DTEND;VALUE=DATE:20220601\r\nSUMMARY:certificate of ird ends\r\nCATEGORIES:ends\r\nTRANSP:TRANSPARENT\r\nEND:VEVENT\r\n"
        );
    }

    #[test]
    fn text_is_escaped_and_what_a_screen_must_not_get_is_visible() {
        assert_eq!(text("a;b,c\\d\ne"), "a\\;b\\,c\\\\d\\ne");
        assert_eq!(text("x\u{202e}\u{1b}[2J\r\ny"), "x\\\\u{202e}\\\\u{1b}[2J\\ny");
        assert_eq!(text("BEGIN:VEVENT\r\nUID:forged"), "BEGIN:VEVENT\\nUID:forged", "no line of its own");
    }

    #[test]
    fn long_lines_are_folded_between_characters() {
        for summary in ["稅務局電子報稅憑證到期".repeat(9), "x".repeat(75), "ab".repeat(300), format!("{}局", "y".repeat(66))]
        {
            let text = written(&Event { summary: summary.clone(), ..example() });
            assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
            assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
            let unfolded = text.replace("\r\n ", "");
            assert!(unfolded.contains(&format!("SUMMARY:{summary}\r\n")), "{unfolded}");
        }
        let mut exact = Vec::new();
        line(&mut exact, &"z".repeat(75)).unwrap();
        assert_eq!(exact.len(), 77, "75 octets are not folded");
    }

    #[test]
    fn an_empty_calendar_is_a_calendar() {
        let mut bytes = Vec::new();
        begin(&mut bytes, "Keys; all").unwrap();
        end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:") && text.ends_with("END:VCALENDAR\r\n"));
        assert!(text.contains("X-WR-CALNAME:Keys\\; all\r\n") && text.contains("BEGIN:VTIMEZONE\r\n"));
    }
}
