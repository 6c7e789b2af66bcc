//! Text from outside, made harmless: nothing here lets a control, bidi or zero-width character reach a terminal, a JSON or
//! YAML text or a spreadsheet raw.

use std::borrow::Cow;
use std::fmt::Write as _;

use domain::text::CharacterFault;

/// For a terminal: such characters become visible, `\u{202e}`.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    domain::visible(text)
}

/// Whether a character is never printed raw.
#[must_use]
pub fn is_unsafe(character: char) -> bool {
    CharacterFault::of(character).is_some()
}

/// The JSON escape of a character: `\u202e`, two of them above U+FFFF.
pub(crate) fn push_json_escape(into: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(into, "\\u{unit:04x}");
    }
}

/// A JSON string, quotes included, pure enough for any terminal.
#[must_use]
pub fn json_string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other if is_unsafe(other) => push_json_escape(&mut quoted, other),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_printed_visibly() {
        assert_eq!(visible("\u{1b}]0;owned\u{7}"), "\\u{1b}]0;owned\\u{7}");
        assert_eq!(visible("a\tb\u{202e}c\u{9b}"), "a\\u{9}b\\u{202e}c\\u{9b}");
        assert_eq!(visible("陳大文"), "陳大文");
    }

    proptest::proptest! {
        #[test]
        fn a_json_string_reads_back_and_holds_nothing_unsafe(text in ".*") {
            let quoted = json_string(&text);
            proptest::prop_assert!(!quoted.chars().any(is_unsafe));
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }
    }
}
