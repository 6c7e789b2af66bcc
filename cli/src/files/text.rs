//! A file as text: UTF-8 with or without a byte order mark, lines ended by LF or CRLF.

use api::Field;

use super::{Source, tree::Place};
use crate::failure::{Mistake, Snippet};

/// A file as text.
#[derive(Debug)]
pub struct Text {
    /// As it is called in messages.
    pub name: String,
    /// Without the byte order mark.
    pub text: String,
}

impl Text {
    /// Takes the bytes for UTF-8.
    ///
    /// # Errors
    /// The place of the first byte that is not.
    pub fn of(source: &Source) -> Result<Self, Box<Mistake>> {
        let bytes = source.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&source.bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self { name: source.name.clone(), text: text.to_owned() }),
            Err(error) => {
                let (good, bad) = bytes.split_at(error.valid_up_to());
                let before = String::from_utf8_lossy(good);
                let line = before.rsplit('\n').next().unwrap_or_default();
                let (code, message, hint) = if bad.starts_with(b"\xff\xfe") || bad.starts_with(b"\xfe\xff") {
                    ("file.encoding", "the file is UTF-16".to_owned(), "save it as UTF-8")
                } else {
                    let byte = bad.first().copied().unwrap_or_default();
                    (
                        "file.encoding",
                        format!("the byte 0x{byte:02x} is not UTF-8"),
                        "save it as UTF-8; Big5 and other encodings are not taken",
                    )
                };
                Err(Box::new(Mistake {
                    field: Field {
                        path: String::new(),
                        file: Some(source.name.clone()),
                        line: Some(before.matches('\n').count() as u64 + 1),
                        column: Some(line.chars().count() as u64 + 1),
                        code: Some(code.to_owned()),
                        message,
                    },
                    hint: Some(hint.to_owned()),
                    snippet: None,
                }))
            }
        }
    }

    /// The line of a place.
    pub fn snippet(&self, place: Place) -> Option<Snippet> {
        let number = usize::try_from(place.line).ok()?.checked_sub(1)?;
        let line = self.text.split('\n').nth(number)?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let room = line.chars().count().saturating_sub(usize::try_from(place.column).ok()?.saturating_sub(1));
        Some(Snippet { line: line.to_owned(), length: place.length.min(room) })
    }
}
