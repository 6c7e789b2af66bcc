//! Telephone numbers.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroize;

use crate::text::half_width;
use crate::wire::reads_as_text;

/// `+` and fifteen digits.
const LONGEST: usize = 16;

/// Why a text is not a phone number. No variant repeats any part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Nothing there.
    #[error("the phone number is empty")]
    Empty,
    /// No `+` and country code.
    #[error("the phone number has no country code: write it as +852 and eight digits")]
    NoCountryCode,
    /// Something else than digits, or too few or too many of them.
    #[error("not a phone number: + and 8 to 15 digits are wanted")]
    Shape,
}

impl PhoneError {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            PhoneError::Empty => "phone.empty",
            PhoneError::NoCountryCode => "phone.no-country-code",
            PhoneError::Shape => "phone.shape",
        }
    }
}

/// An E.164 number in its one canonical form, `+85291234567`.
///
/// Like [`crate::Hkic`] it cannot be printed by accident and is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone {
    text: [u8; LONGEST],
    length: u8,
}

reads_as_text!(Phone, "an E.164 phone number", "phone", "+85291234567");

impl Phone {
    /// The canonical number.
    pub fn expose(&self) -> &str {
        // ASCII by construction.
        std::str::from_utf8(&self.text[..usize::from(self.length)]).unwrap_or_default()
    }

    /// For `#[serde(serialize_with = "Phone::serialize_exposed")]` on the few fields that carry the
    /// number on purpose.
    pub fn serialize_exposed<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }

    /// As a caller in Hong Kong says it: eight digits without a country code are +852; anything
    /// else is read as by `FromStr`.
    pub fn as_dialled(given: &str) -> Result<Phone, PhoneError> {
        match given.parse() {
            Err(PhoneError::NoCountryCode) => {
                let mut number = [0; LONGEST];
                number[..4].copy_from_slice(b"+852");
                let local = read(given, &mut number[4..])?;
                let phone = if local == 8 { Phone::of_characters(&number[..12]) } else { Err(PhoneError::NoCountryCode) };
                number.zeroize();
                phone
            }
            read => read,
        }
    }

    fn of_characters(given: &[u8]) -> Result<Phone, PhoneError> {
        match given {
            [] => Err(PhoneError::Empty),
            [b'+', b'1'..=b'9', rest @ ..] if (7..=14).contains(&rest.len()) && rest.iter().all(u8::is_ascii_digit) => {
                let mut text = [0; LONGEST];
                text[..given.len()].copy_from_slice(given);
                // At most sixteen.
                let length = u8::try_from(given.len()).map_err(|_| PhoneError::Shape)?;
                Ok(Phone { text, length })
            }
            [b'0'..=b'9', ..] => Err(PhoneError::NoCountryCode),
            _ => Err(PhoneError::Shape),
        }
    }
}

/// Puts the characters that count into `place`: full-width ones narrowed, spaces and hyphens left
/// out. Answers how many there were.
fn read(given: &str, place: &mut [u8]) -> Result<usize, PhoneError> {
    let mut length = 0;
    for character in given.chars().map(half_width) {
        if character.is_whitespace() || character == '-' {
            continue;
        }
        let byte = u8::try_from(character).map_err(|_| PhoneError::Shape)?;
        *place.get_mut(length).ok_or(PhoneError::Shape)? = byte;
        length += 1;
    }
    Ok(length)
}

impl FromStr for Phone {
    type Err = PhoneError;

    /// Accepts spaces, hyphens and full-width characters.
    fn from_str(given: &str) -> Result<Phone, PhoneError> {
        let mut text = [0_u8; LONGEST];
        let length = read(given, &mut text)?;
        let parsed = Phone::of_characters(&text[..length]);
        text.zeroize();
        parsed
    }
}

impl crate::Maskable for Phone {
    /// The country code and the last four digits: `+852****4567`. At least four digits stay
    /// hidden, and the stars do not tell how many.
    fn masked(&self) -> String {
        let number = self.expose();
        let head = (number.len() - 1).saturating_sub(8).min(3) + 1;
        let head = number.get(..head).unwrap_or_default();
        let tail = number.get(number.len() - 4..).unwrap_or_default();
        format!("{head}****{tail}")
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::Maskable::masked(self))
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}
