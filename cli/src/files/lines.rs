//! A file read line by line in bounded memory, with its digest.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, Read};

use openssl::sha::Sha256;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::unreadable;
use crate::failure::Failure;

/// A line that is longer is none of ours; 5 000 of the longest fit into one request.
const MAX_LINE: usize = 3_000;

/// A line that holds something.
pub enum Line<'a> {
    Text { number: u64, text: &'a str },
    Bad { number: u64, column: u64, message: &'static str },
}

impl Line<'_> {
    /// Which line it is, 1-based.
    pub fn number(&self) -> u64 {
        match self {
            Self::Text { number, .. } | Self::Bad { number, .. } => *number,
        }
    }
}

/// Lines with their numbers, empty ones passed over; every byte goes into the digest.
pub struct Lines<R> {
    from: R,
    buffer: Vec<u8>,
    /// Of the line read last, 1-based.
    pub number: u64,
    sha: Sha256,
}

impl<R: BufRead> Lines<R> {
    /// From its beginning.
    pub fn of(from: R) -> Self {
        Self { from, buffer: Vec::with_capacity(MAX_LINE), number: 0, sha: Sha256::new() }
    }

    /// The next line that holds something; none at the end.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next(&mut self, name: &str) -> Result<Option<Line<'_>>, Failure> {
        loop {
            self.buffer.clear();
            let cannot = |error: io::Error| unreadable(name, &error.to_string());
            let read = self.from.by_ref().take(MAX_LINE as u64 + 2).read_until(b'\n', &mut self.buffer).map_err(cannot)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.sha.update(&self.buffer);
            let whole = self.buffer.ends_with(b"\n");
            if !whole && self.buffer.len() > MAX_LINE {
                self.skip_line().map_err(cannot)?;
                let message = "the line is longer than any of ours";
                return Ok(Some(Line::Bad { number: self.number, column: MAX_LINE as u64 + 1, message }));
            }
            while self.buffer.last().is_some_and(|byte| b"\r\n".contains(byte)) {
                self.buffer.pop();
            }
            let from = if self.number == 1 && self.buffer.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
            if !self.buffer[from..].iter().all(|byte| b" \t".contains(byte)) {
                return Ok(Some(match std::str::from_utf8(&self.buffer[from..]) {
                    Ok(text) => Line::Text { number: self.number, text },
                    Err(error) => {
                        let column =
                            String::from_utf8_lossy(&self.buffer[from..from + error.valid_up_to()]).chars().count() as u64 + 1;
                        Line::Bad { number: self.number, column, message: "a byte is not UTF-8" }
                    }
                }));
            }
        }
    }

    /// Reads on to the end of a line that is too long, without keeping it.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.from.fill_buf()?;
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(bytes.len(), |end| end + 1);
            self.sha.update(&bytes[..taken]);
            self.from.consume(taken);
            if end.is_some() || taken == 0 {
                return Ok(());
            }
        }
    }

    /// SHA-256 of what was read, lower-case hex.
    pub fn digest(self) -> String {
        self.sha.finish().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Where the field stands that a path leads to; at the beginning, should it be missing.
pub(super) fn place_of(text: &str, fields: &[(Cow<'_, str>, &RawValue)], path: &str) -> u64 {
    let top = path.split(['.', '[']).next().unwrap_or_default();
    fields.iter().find(|(field, _)| field == top).map_or(1, |(_, raw)| column_of(text, raw))
}

/// 1-based column in characters of a part of `text`.
pub(super) fn column_of(text: &str, part: &RawValue) -> u64 {
    let at = (part.get().as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    text.get(..at).map_or(1, |before| before.chars().count() as u64 + 1)
}

/// The fields of an object with the text of their values, duplicates kept.
pub(super) struct Fields<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::with_capacity(10);
                while let Some(Name(name)) = from.next_key()? {
                    fields.push((name, from.next_value()?));
                }
                Ok(Fields(fields))
            }
        }

        from.deserialize_map(FieldsVisitor)
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
