//! The number of a Hong Kong identity card.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroize;

use crate::text::half_width;
use crate::wire::reads_as_text;

/// `AB987654(3)`: two letters, six digits, brackets, check character.
const LONGEST: usize = 11;
const DIGITS: usize = 6;
/// What a missing first letter counts as.
const BLANK: u32 = 36;

/// Why a text is not an HKIC number. No variant repeats any part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HkicError {
    /// Nothing there.
    #[error("the HKIC number is empty")]
    Empty,
    /// Not one or two letters, six digits and a check character.
    #[error("not an HKIC number: one or two letters, six digits and a check character in brackets are wanted")]
    Shape,
    /// The shape is right and the check character is not.
    #[error("the check character of the HKIC number is wrong: one of its characters was mistyped")]
    CheckCharacter,
}

impl HkicError {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            HkicError::Empty => "hkic.empty",
            HkicError::Shape => "hkic.shape",
            HkicError::CheckCharacter => "hkic.check-character",
        }
    }
}

/// An HKIC number in its one canonical form, `G123456(A)`.
///
/// It cannot be printed by accident: no `Display`, no `Serialize`, and `Debug` shows the masked
/// form. [`Hkic::expose`] is the only way to the number, and easy to search for. Its memory is
/// wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Hkic {
    text: [u8; LONGEST],
    length: u8,
}

reads_as_text!(Hkic, "an HKIC number", "hkic", "G123456(A)");

impl Hkic {
    /// The canonical number.
    pub fn expose(&self) -> &str {
        // ASCII by construction.
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    fn bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.length)]
    }

    fn letters(&self) -> usize {
        usize::from(self.length) - DIGITS - 3
    }

    /// For `#[serde(serialize_with = "Hkic::serialize_exposed")]` on the few fields that carry the
    /// number on purpose.
    pub fn serialize_exposed<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }

    /// The check character (`0` to `9` or `A`) that belongs to one or two capital letters and six
    /// digits; `None` for any other body.
    ///
    /// Values: A=10 … Z=35, a missing first letter 36, digits themselves; weights 9 to 2 over the
    /// eight places and 1 for the check value; the sum is divisible by 11; 10 is written `A`.
    pub fn check_character(body: &str) -> Option<char> {
        let body = body.as_bytes();
        let letters = body.len().checked_sub(DIGITS)?;
        if !matches!(letters, 1 | 2) {
            return None;
        }
        let mut sum = if letters == 1 { BLANK * 9 } else { 0 };
        for (place, byte) in body.iter().enumerate() {
            let value = match byte {
                b'A'..=b'Z' if place < letters => u32::from(byte - b'A') + 10,
                b'0'..=b'9' if place >= letters => u32::from(byte - b'0'),
                _ => return None,
            };
            let weight = match letters {
                1 => 8 - u32::try_from(place).ok()?,
                _ => 9 - u32::try_from(place).ok()?,
            };
            sum += value * weight;
        }
        match (11 - sum % 11) % 11 {
            10 => Some('A'),
            digit => char::from_digit(digit, 10),
        }
    }

    /// The `n`-th number of the ranges QA to QZ, which are issued to nobody: the only numbers a
    /// simulated citizen may have. There are 26 000 000.
    pub fn synthetic(n: u32) -> Option<Hkic> {
        let second = u8::try_from(n / 1_000_000).ok().filter(|n| *n < 26)?;
        let mut body = [b'Q', b'A' + second, 0, 0, 0, 0, 0, 0];
        let mut rest = n % 1_000_000;
        for digit in body[2..].iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).ok()?;
            rest /= 10;
        }
        Hkic::assemble(&body)
    }

    /// Whether the number lies in the ranges issued to nobody.
    pub fn is_synthetic(&self) -> bool {
        self.letters() == 2 && self.text[0] == b'Q'
    }

    /// The number with that body and the check character that belongs to it.
    fn assemble(body: &[u8]) -> Option<Hkic> {
        let check = Hkic::check_character(std::str::from_utf8(body).ok()?)?;
        let mut text = [0; LONGEST];
        text[..body.len()].copy_from_slice(body);
        text[body.len()] = b'(';
        text[body.len() + 1] = u8::try_from(check).ok()?;
        text[body.len() + 2] = b')';
        Some(Hkic { text, length: u8::try_from(body.len() + 3).ok()? })
    }
}

impl FromStr for Hkic {
    type Err = HkicError;

    /// Accepts lower case, missing brackets, spaces and full-width characters.
    fn from_str(given: &str) -> Result<Hkic, HkicError> {
        let mut text = [0_u8; LONGEST];
        let mut length = 0;
        for character in given.chars().map(half_width) {
            if character.is_whitespace() {
                continue;
            }
            let byte = u8::try_from(character.to_ascii_uppercase()).map_err(|_| HkicError::Shape)?;
            *text.get_mut(length).ok_or(HkicError::Shape)? = byte;
            length += 1;
        }
        let parsed = Hkic::of_characters(&text[..length]);
        text.zeroize();
        parsed
    }
}

impl Hkic {
    fn of_characters(text: &[u8]) -> Result<Hkic, HkicError> {
        let (body, check) = match text {
            [] => return Err(HkicError::Empty),
            [body @ .., b'(', check, b')'] => (body, *check),
            [body @ .., check] => (body, *check),
        };
        if !matches!(check, b'0'..=b'9' | b'A') {
            return Err(HkicError::Shape);
        }
        let hkic = Hkic::assemble(body).ok_or(HkicError::Shape)?;
        if hkic.text[body.len() + 1] == check { Ok(hkic) } else { Err(HkicError::CheckCharacter) }
    }
}

impl crate::Maskable for Hkic {
    /// The letters and three digits: `G123***(*)`.
    fn masked(&self) -> String {
        let shown = self.expose().get(..self.letters() + 3).unwrap_or_default();
        format!("{shown}***(*)")
    }
}

impl fmt::Debug for Hkic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::Maskable::masked(self))
    }
}

impl Drop for Hkic {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}
