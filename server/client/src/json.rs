//! JSON as it is printed: like `serde_json`, but control, bidi, zero-width, DEL and C1 characters are escaped.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use crate::safe;

/// One line, without a line feed.
///
/// # Errors
/// When the writer fails.
pub fn write_line<W: Write, T: Serialize + ?Sized>(to: W, value: &T) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(to, Safe(CompactFormatter))).map_err(io::Error::from)
}

/// Indented by two spaces, without a line feed at the end.
///
/// # Errors
/// When the writer fails.
pub fn write_pretty<W: Write, T: Serialize + ?Sized>(to: W, value: &T) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(to, Safe(PrettyFormatter::new()))).map_err(io::Error::from)
}

/// One line as a string; empty when the value cannot be written, which no reply is.
#[must_use]
pub fn to_line<T: Serialize + ?Sized>(value: &T) -> String {
    let mut bytes = Vec::new();
    match write_line(&mut bytes, value) {
        Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// A formatter that escapes what a terminal must not see raw.
struct Safe<F>(F);

impl<F: Formatter> Formatter for Safe<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(safe::is_unsafe) {
            let (clean, from) = rest.split_at(at);
            to.write_all(clean.as_bytes())?;
            let mut characters = from.chars();
            if let Some(character) = characters.next() {
                let mut escape = String::new();
                safe::push_json_escape(&mut escape, character);
                to.write_all(escape.as_bytes())?;
            }
            rest = characters.as_str();
        }
        to.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_array(to)
    }

    fn end_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_array(to)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(to, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_array_value(to)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object(to)
    }

    fn end_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object(to)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(to, first)
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object_key(to)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object_value(to)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object_value(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_with_escapes_stay_escaped() {
        let line = to_line(&json!({"name": "a\u{1b}[31m\u{202e}\u{7f}\u{9b}\u{200b}\u{e0001}z"}));
        assert_eq!(line, r#"{"name":"a\u001b[31m\u202e\u007f\u009b\u200b\udb40\udc01z"}"#);
    }

    #[test]
    fn an_empty_list_is_two_brackets() {
        let mut bytes = Vec::new();
        write_pretty(&mut bytes, &Vec::<u8>::new()).unwrap();
        assert_eq!(bytes, b"[]");
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back_and_is_safe(text in ".*", key in ".*") {
            let value = json!({ key: [text] });
            let mut bytes = Vec::new();
            write_pretty(&mut bytes, &value).unwrap();
            let written = String::from_utf8(bytes).unwrap();
            proptest::prop_assert!(!written.chars().any(|c| c != '\n' && safe::is_unsafe(c)));
            proptest::prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_json_string_reads_back_and_holds_nothing_unsafe(text in ".*") {
            let quoted = to_line(&text);
            proptest::prop_assert!(!quoted.chars().any(safe::is_unsafe));
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }
    }
}
