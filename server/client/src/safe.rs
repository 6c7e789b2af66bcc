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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_printed_visibly() {
        assert_eq!(visible("\u{1b}]0;owned\u{7}"), "\\u{1b}]0;owned\\u{7}");
        assert_eq!(visible("a\tb\u{202e}c\u{9b}"), "a\\u{9}b\\u{202e}c\\u{9b}");
        assert_eq!(visible("陳大文"), "陳大文");
    }
}
