//! Text in columns of a terminal: one rule for the command line and the dashboard. Chinese characters take two columns.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns a text takes. The text is expected to be made visible before.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// On which side the room is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Cut to at most `room` columns, never through a character; what was cut is marked by `mark` where it fits.
#[must_use]
pub fn truncate(text: &str, room: usize, mark: &str) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let mark = if columns(mark) <= room { mark } else { "" };
    let room = room - columns(mark);
    let mut kept = String::new();
    let mut taken = 0;
    for grapheme in text.graphemes(true) {
        taken += columns(grapheme);
        if taken > room {
            break;
        }
        kept.push_str(grapheme);
    }
    kept.push_str(mark);
    kept
}

/// Exactly `room` columns: cut or filled with spaces.
#[must_use]
pub fn fit(text: &str, room: usize, align: Align, mark: &str) -> String {
    let text = truncate(text, room, mark);
    let fill = " ".repeat(room - columns(&text));
    match align {
        Align::Left => text + &fill,
        Align::Right => fill + &text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_takes_two_columns_and_is_never_halved() {
        assert_eq!(columns("稅務局"), 6);
        assert_eq!(truncate("稅務局", 5, ""), "稅務");
        assert_eq!(fit("稅務局", 5, Align::Left, "..."), "稅...");
        assert_eq!(fit("稅務局", 4, Align::Left, "..."), "... ");
        assert_eq!(fit("42", 5, Align::Right, "..."), "   42");
    }

    #[test]
    fn a_mark_that_does_not_fit_is_left_out() {
        assert_eq!(fit("abcdef", 2, Align::Left, "..."), "ab");
    }

    proptest::proptest! {
        #[test]
        fn a_fitted_text_takes_its_room(text in "\\PC*", room in 0_usize..40) {
            let text = domain::visible(&text).into_owned();
            proptest::prop_assert_eq!(columns(&fit(&text, room, Align::Left, "...")), room);
        }
    }
}
