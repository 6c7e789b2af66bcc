//! Words, times and lines as the screen shows them.

use api::audit::AuditOutcome;
use api::job::JobState;
use client::{safe, times, width};
use domain::{Day, Tier, Timestamp};
use unicode_segmentation::UnicodeSegmentation;

/// The name of a tier.
pub(crate) fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::IamSmart => "iAM Smart",
        Tier::IamSmartPlus => "iAM Smart+",
    }
}

/// The state of a job.
pub(crate) fn job_state(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    }
}

/// How an audited operation ended.
pub(crate) fn outcome(outcome: AuditOutcome) -> &'static str {
    match outcome {
        AuditOutcome::Done => "done",
        AuditOutcome::Refused => "refused",
    }
}

/// `23:59:59`, Hong Kong time.
pub(crate) fn clock(at: Timestamp) -> String {
    times::people(at).get(11..19).unwrap_or_default().to_owned()
}

/// `23:59:59` on the same day, `05-31 23:59` on another one.
pub(crate) fn when(at: Timestamp, now: Timestamp) -> String {
    if at.hk_day() == now.hk_day() {
        return clock(at);
    }
    times::people(at).get(5..16).unwrap_or_default().to_owned()
}

/// `28 Mar`.
pub(crate) fn day(day: Day) -> String {
    let english = day.english();
    let mut words = english.split(' ');
    let (number, month) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    format!("{number} {}", month.get(..3).unwrap_or(month))
}

/// Minutes and seconds of a call: `0:07`.
pub(crate) fn stopwatch(span: std::time::Duration) -> String {
    format!("{}:{:02}", span.as_secs() / 60, span.as_secs() % 60)
}

/// `1 login`, `2 logins`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", times::spaced(count))
}

/// `1 party is`, `44 parties are`.
pub(crate) fn stand(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", times::spaced(count), if count == 1 { one } else { many })
}

/// A reference as it is read aloud, in one piece that no line break parts.
pub(crate) fn unparted(spoken: &str) -> String {
    spoken.replace(' ', "\u{a0}")
}

/// A text from outside on one line of so many columns.
pub(crate) fn fitted(text: &str, room: usize, align: width::Align, mark: &str) -> String {
    width::fit(&safe::visible(text), room, align, mark)
}

/// Cuts a text into lines of at most `room` columns: at spaces, and between Chinese characters. A mark such as a full stop
/// never begins a line.
pub(crate) fn wrapped(text: &str, room: usize) -> Vec<String> {
    let text = safe::visible(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(&text) {
        let taken = width::columns(&line);
        if taken > 0 && taken + width::columns(piece.trim_end()) > room {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        if line.is_empty() && piece.trim().is_empty() {
            continue;
        }
        if width::columns(piece) > room {
            for grapheme in piece.graphemes(true) {
                if width::columns(&line) + width::columns(grapheme) > room {
                    lines.push(std::mem::take(&mut line));
                }
                line.push_str(grapheme);
            }
        } else {
            line.push_str(piece);
        }
    }
    let last = line.trim_end();
    if !last.is_empty() || lines.is_empty() {
        lines.push(last.to_owned());
    }
    lines
}

/// The same for a line of a text whose lines stand as they are: what it begins with is kept, and what follows stands below it,
/// as far in as its own spaces or, where it has a label, its value.
pub(crate) fn hanging(text: &str, label: usize, room: usize) -> Vec<String> {
    let spaces = text.len() - text.trim_start_matches(' ').len();
    let (head, rest) = text.split_at_checked(spaces.max(label)).unwrap_or((text, ""));
    let indent = " ".repeat(spaces.max(label));
    let rows = wrapped(rest, room.saturating_sub(width::columns(head)));
    let beside = |(place, row): (usize, String)| format!("{}{row}", if place == 0 { head } else { &indent });
    rows.into_iter().enumerate().map(beside).map(|row| row.trim_end().to_owned()).collect()
}

/// Words with the space after them, a number with its thousands as one; wide characters each by itself, together with the
/// mark that closes after it.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let (mut before_that, mut before) = ("", "");
    for (at, grapheme) in text.grapheme_indices(true) {
        let digit = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty();
        let word_over = before == " " && grapheme != " " && !(digit(before_that) && digit(grapheme));
        let wide = !before.is_empty() && (width::columns(before) > 1 || width::columns(grapheme) > 1);
        if (word_over || wide) && at > start && !"，。、；：？！」』）".contains(grapheme) {
            pieces.push(&text[start..at]);
            start = at;
        }
        (before_that, before) = (before, grapheme);
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_between_chinese_characters() {
        assert_eq!(wrapped("Your account is suspended now.", 14), ["Your account", "is suspended", "now."]);
        assert_eq!(wrapped("你的帳戶已即時暫停。", 8), ["你的帳戶", "已即時暫", "停。"]);
        assert_eq!(wrapped("帳戶已暫停。", 10), ["帳戶已暫", "停。"], "a full stop never begins a line");
        assert_eq!(wrapped("參考編號 HC 7K3 9QD 2", 12), ["參考編號 HC", "7K3 9QD 2"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("of which 41 235 plus", 12), ["of which", "41 235 plus"], "a number is one word");
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn what_stands_below_a_beginning_stands_as_far_in() {
        assert_eq!(hanging("  --reason WHY  Why it is done", 0, 16), ["  --reason WHY", "  Why it is done"]);
        assert_eq!(hanging("Roles   auditor, key-officer", 8, 19), ["Roles   auditor,", "        key-officer"]);
        assert_eq!(hanging("short", 0, 18), ["short"]);
        assert_eq!(hanging("", 0, 18), [""]);
    }

    #[test]
    fn what_a_terminal_would_obey_is_made_visible() {
        assert_eq!(wrapped("a\u{1b}[2Jb", 40), ["a\\u{1b}[2Jb"]);
        assert_eq!(fitted("稅務\u{202e}局", 20, width::Align::Left, "..."), "稅務\\u{202e}局      ");
    }

    #[test]
    fn times_name_the_day_when_it_is_another() {
        let now: Timestamp = "2022-05-31T04:00:00Z".parse().unwrap();
        assert_eq!(when("2022-05-31T03:59:59Z".parse().unwrap(), now), "11:59:59");
        assert_eq!(when("2022-05-30T03:59:59Z".parse().unwrap(), now), "05-30 11:59");
        assert_eq!(day(now.hk_day()), "31 May");
        assert_eq!(stopwatch(std::time::Duration::from_secs(67)), "1:07");
    }
}
