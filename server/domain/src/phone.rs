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

reads_as_text!(Phone, deserialize_any, "an E.164 phone number", "phone", "+85291234567");

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Maskable;

    #[test]
    fn one_canonical_form_however_it_is_typed() {
        for given in ["+85291234567", "+852 9123 4567", "+852-9123-4567", " +852 91234567 ", "＋８５２９１２３４５６７"]
        {
            assert_eq!(given.parse::<Phone>().unwrap().expose(), "+85291234567", "{given}");
        }
        // The numbers of simulated citizens begin with 0, which no subscriber's does.
        assert_eq!("+85200000017".parse::<Phone>().unwrap().expose(), "+85200000017");
        assert_eq!("+123456789012345".parse::<Phone>().unwrap().expose(), "+123456789012345");
    }

    #[test]
    fn what_is_no_number_is_refused_by_kind() {
        for (given, error) in [
            ("", PhoneError::Empty),
            (" - ", PhoneError::Empty),
            ("91234567", PhoneError::NoCountryCode),
            ("0085291234567", PhoneError::NoCountryCode),
            ("+", PhoneError::Shape),
            ("+1234567", PhoneError::Shape),
            ("+1234567890123456", PhoneError::Shape),
            ("+01234567890", PhoneError::Shape),
            ("+8529123456x", PhoneError::Shape),
            ("++85291234567", PhoneError::Shape),
            ("+852 9123 456七", PhoneError::Shape),
            ("tel:+85291234567", PhoneError::Shape),
            ("+852912345678901234567890", PhoneError::Shape),
        ] {
            assert_eq!(given.parse::<Phone>(), Err(error), "{given}");
        }
    }

    #[test]
    fn eight_digits_as_a_caller_says_them() {
        for given in ["91234567", "9123 4567", "９１２３４５６７", "+852 9123 4567"] {
            assert_eq!(Phone::as_dialled(given).unwrap().expose(), "+85291234567", "{given}");
        }
        assert_eq!(Phone::as_dialled("9123456"), Err(PhoneError::NoCountryCode));
        assert_eq!(Phone::as_dialled("912345678"), Err(PhoneError::NoCountryCode));
        assert_eq!(Phone::as_dialled(""), Err(PhoneError::Empty));
        assert_eq!(Phone::as_dialled("9123456x"), Err(PhoneError::Shape));
        assert_eq!(Phone::as_dialled("91234567890123456789"), Err(PhoneError::Shape));
    }

    #[test]
    fn masked_it_keeps_the_country_and_four_digits() {
        for (number, masked) in [
            ("+85291234567", "+852****4567"),
            ("+8613800138000", "+861****8000"),
            ("+12345678", "+****5678"),
            ("+123456789", "+1****6789"),
        ] {
            let phone: Phone = number.parse().unwrap();
            assert_eq!(phone.masked(), masked);
            assert_eq!(format!("{phone:?}"), masked);
        }
    }

    #[test]
    fn errors_do_not_repeat_the_number() {
        for json in ["85291234567", "\"85291234567\"", "\"+8529123456x\""] {
            let error = serde_json::from_str::<Phone>(json).unwrap_err().to_string();
            assert!(!error.contains("9123"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_written_number_reads_back(number in "[+][1-9][0-9]{7,14}") {
            let phone: Phone = number.parse().unwrap();
            prop_assert_eq!(phone.expose(), number.as_str());
            let hidden = number.len() - phone.masked().replace('*', "").len();
            prop_assert!(hidden >= 4, "{}", phone.masked());
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,24}") {
            let _ = text.parse::<Phone>();
            let _ = Phone::as_dialled(&text);
        }
    }
}
