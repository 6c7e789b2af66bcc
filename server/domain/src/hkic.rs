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

reads_as_text!(Hkic, deserialize_any, "an HKIC number", "hkic", "G123456(A)");

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hkic(text: &str) -> Hkic {
        text.parse().unwrap()
    }

    #[test]
    fn known_numbers_are_valid() {
        for number in ["G123456(A)", "L555555(0)", "AB987654(3)", "A123456(3)", "C668668(E)"] {
            let valid = number != "C668668(E)";
            assert_eq!(number.parse::<Hkic>().is_ok(), valid, "{number}");
        }
    }

    #[test]
    fn one_canonical_form_however_it_is_typed() {
        for given in [
            "G123456(A)",
            "g123456(a)",
            "G123456A",
            "g123456a",
            " G 123456 (A) ",
            "G123 456 A",
            "Ｇ１２３４５６（Ａ）",
            "ｇ１２３４５６ａ",
            "G123456（A）",
            "G\u{3000}123456\u{a0}(A)",
            "G123456\t(A)",
        ] {
            assert_eq!(hkic(given).expose(), "G123456(A)", "{given}");
        }
        assert_eq!(hkic("ab9876543").expose(), "AB987654(3)");
    }

    #[test]
    fn what_is_no_number_is_refused_by_kind() {
        for (given, error) in [
            ("", HkicError::Empty),
            ("  ", HkicError::Empty),
            ("\u{3000}", HkicError::Empty),
            ("G123456", HkicError::Shape),
            ("G12345(A)", HkicError::Shape),
            ("G1234567(A)", HkicError::Shape),
            ("ABC123456(3)", HkicError::Shape),
            ("1234567(A)", HkicError::Shape),
            ("G123456(B)", HkicError::Shape),
            ("G123456(A", HkicError::Shape),
            ("G123456A)", HkicError::Shape),
            ("(G123456)A", HkicError::Shape),
            ("G123456((A))", HkicError::Shape),
            ("G-123456(A)", HkicError::Shape),
            ("É123456(A)", HkicError::Shape),
            ("G12345६(A)", HkicError::Shape),
            ("A1B3456(3)", HkicError::Shape),
            ("G123456(A)G123456(A)", HkicError::Shape),
            ("G123456(1)", HkicError::CheckCharacter),
            ("L555555(1)", HkicError::CheckCharacter),
            ("AB987645(3)", HkicError::CheckCharacter),
        ] {
            assert_eq!(given.parse::<Hkic>(), Err(error), "{given}");
        }
    }

    #[test]
    fn check_characters() {
        assert_eq!(Hkic::check_character("G123456"), Some('A'));
        assert_eq!(Hkic::check_character("L555555"), Some('0'));
        assert_eq!(Hkic::check_character("AB987654"), Some('3'));
        for body in ["", "G", "123456", "g123456", "G12345", "GG1234567", "G12345X", "ABC123456", "G1234567"] {
            assert_eq!(Hkic::check_character(body), None, "{body}");
        }
    }

    #[test]
    fn nothing_prints_the_number() {
        let number = hkic("G123456(A)");
        assert_eq!(
            format!("{number:?} {:?} {:#?}", Some(&number), [&number]),
            "G123***(*) Some(G123***(*)) [\n    G123***(*),\n]"
        );
        let errors = [
            "G123456(1)".parse::<Hkic>().unwrap_err().to_string(),
            "G12345678".parse::<Hkic>().unwrap_err().to_string(),
            serde_json::from_str::<Hkic>("\"G123456(1)\"").unwrap_err().to_string(),
            serde_json::from_str::<Hkic>("1234567").unwrap_err().to_string(),
            serde_json::from_str::<Hkic>("-1234567").unwrap_err().to_string(),
            serde_json::from_str::<Hkic>("1234567.5").unwrap_err().to_string(),
        ];
        for error in errors {
            assert!(!error.contains("123"), "{error}");
        }
    }

    #[test]
    fn it_is_read_from_a_string_and_written_only_on_purpose() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Line {
            #[serde(serialize_with = "Hkic::serialize_exposed")]
            hkic: Hkic,
        }
        let line: Line = serde_json::from_str(r#"{"hkic":"g123456a"}"#).unwrap();
        assert_eq!(serde_json::to_string(&line).unwrap(), r#"{"hkic":"G123456(A)"}"#);
    }

    #[test]
    fn synthetic_numbers_fill_qa_to_qz() {
        assert!(Hkic::synthetic(0).unwrap().expose().starts_with("QA000000("));
        assert!(Hkic::synthetic(1_312_480).unwrap().expose().starts_with("QB312480("));
        assert!(Hkic::synthetic(25_999_999).unwrap().expose().starts_with("QZ999999("));
        assert_eq!(Hkic::synthetic(26_000_000), None);
        assert_eq!(Hkic::synthetic(u32::MAX), None);
        assert!(!hkic("G123456(A)").is_synthetic());
        assert!(!hkic("AB987654(3)").is_synthetic());
    }

    /// A body of one or two letters and six digits.
    fn bodies() -> impl Strategy<Value = String> {
        "[A-Z]{1,2}[0-9]{6}"
    }

    fn numbers() -> impl Strategy<Value = String> {
        bodies().prop_map(|body| {
            let check = Hkic::check_character(&body).unwrap();
            format!("{body}({check})")
        })
    }

    proptest! {
        #[test]
        fn a_number_with_its_check_character_reads_back(number in numbers()) {
            let read = hkic(&number);
            prop_assert_eq!(read.expose(), number.as_str());
            let (full_width, bare): (String, String) = (
                number.chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap()).collect(),
                number.replace(['(', ')'], "").to_lowercase(),
            );
            prop_assert_eq!(hkic(&full_width), hkic(&number));
            prop_assert_eq!(hkic(&bare), hkic(&number));
        }

        #[test]
        fn every_wrong_digit_is_detected(number in numbers()) {
            for (place, digit) in number.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
                for other in ('0'..='9').filter(|other| *other != digit) {
                    let wrong = format!("{}{other}{}", &number[..place], &number[place + 1..]);
                    prop_assert_eq!(wrong.parse::<Hkic>(), Err(HkicError::CheckCharacter), "{}", wrong);
                }
            }
        }

        #[test]
        fn every_wrong_letter_is_detected_but_one_eleven_places_on(number in numbers()) {
            // Letters eleven apart have values that are equal modulo 11: the scheme cannot tell A from L and W.
            for (place, letter) in number.bytes().enumerate().take_while(|(_, byte)| byte.is_ascii_uppercase()) {
                for other in (b'A'..=b'Z').filter(|other| *other != letter) {
                    let wrong = format!("{}{}{}", &number[..place], char::from(other), &number[place + 1..]);
                    let undetected = letter.abs_diff(other) % 11 == 0;
                    prop_assert_eq!(wrong.parse::<Hkic>().is_ok(), undetected, "{}", wrong);
                }
            }
        }

        #[test]
        fn two_neighbouring_digits_exchanged_are_detected(number in numbers()) {
            let good = number.as_bytes();
            for place in 0..good.len() - 1 {
                let pair = [good[place], good[place + 1]];
                if pair[0] == pair[1] || !pair.iter().all(u8::is_ascii_digit) {
                    continue;
                }
                let mut wrong = good.to_vec();
                wrong.swap(place, place + 1);
                let wrong = String::from_utf8(wrong).unwrap();
                prop_assert_eq!(wrong.parse::<Hkic>(), Err(HkicError::CheckCharacter), "{}", wrong);
            }
        }

        #[test]
        fn exactly_one_check_character_fits(body in bodies()) {
            let fitting = "0123456789A".chars().filter(|check| format!("{body}({check})").parse::<Hkic>().is_ok());
            prop_assert_eq!(fitting.count(), 1);
        }

        #[test]
        fn neither_debug_nor_errors_tell_more_than_the_mask(text in "[A-Za-z]{1,2}[0-9]{6}[(]?[0-9A][)]?") {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let said = match text.parse::<Hkic>() {
                Ok(number) => format!("{number:?}"),
                Err(error) => format!("{error} {error:?} {}", error.code()),
            };
            prop_assert!(!said.contains(&digits[..4]), "{}", said);
        }

        #[test]
        fn synthetic_numbers_are_valid_and_known_as_such(n in 0_u32..26_000_000) {
            let number = Hkic::synthetic(n).unwrap();
            prop_assert!(number.is_synthetic());
            prop_assert_eq!(number.expose().parse::<Hkic>().unwrap(), number);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,20}") {
            let _ = text.parse::<Hkic>();
        }
    }
}
