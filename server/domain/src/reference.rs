//! References that people read aloud.
//!
//! Digits are Crockford's base 32 (`0123456789ABCDEFGHJKMNPQRSTVWXYZ`: no I, L, O or U), read as
//! elements of GF(32) with the polynomial x^5 + x^2 + 1, so that `2` is the generator α. The last
//! character is the check character: with the characters numbered from the right, starting at 0,
//! the sum of α^i · c_i over all of them is zero. The weights are different powers and never zero (α has
//! order 31, no reference is that long), so every single wrong character and every exchange of two
//! characters is detected, whether they stand side by side or not.

use std::fmt;
use std::str::FromStr;

use crate::Entropy;
use crate::text::half_width;
use crate::wire::text_form;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Why a text is not a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Another prefix or another length.
    #[error("not {what}: {form} is wanted")]
    Shape {
        /// `an account reference`.
        what: &'static str,
        /// What it looks like, in words.
        form: &'static str,
    },
    /// A character that is not in the alphabet.
    #[error("the reference has a character that references do not use")]
    Character,
    /// Well formed, but misread or mistyped somewhere.
    #[error("the check character does not fit: one of the characters was misread or mistyped")]
    CheckCharacter,
}

impl ReferenceError {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            ReferenceError::Shape { .. } => "reference.shape",
            ReferenceError::Character => "reference.character",
            ReferenceError::CheckCharacter => "reference.check-character",
        }
    }
}

/// α · `value` in GF(32).
const fn times_alpha(value: u8) -> u8 {
    let doubled = value << 1;
    if doubled & 0b10_0000 == 0 { doubled } else { (doubled ^ 0b10_0101) & 0b1_1111 }
}

/// The sum of α^i · c_i with the last element at i = 0, by Horner's rule. A reference is good when
/// it is zero; over the data followed by 0 it is the check character.
fn weighted_sum(values: &[u8]) -> u8 {
    values.iter().fold(0, |sum, value| times_alpha(sum) ^ value)
}

/// The longest: `CR`, nine characters and the check character.
const LONGEST: usize = 12;

/// One kind of reference: prefix, and how many characters carry the number.
struct Kind {
    prefix: &'static [u8],
    characters: usize,
    what: &'static str,
    form: &'static str,
}

const ACCOUNT: Kind = Kind { prefix: b"A", characters: 9, what: "an account reference", form: "A and ten letters or digits" };
const CALL: Kind = Kind { prefix: b"HC", characters: 6, what: "a call reference", form: "HC and seven letters or digits" };
const PLAN: Kind =
    Kind { prefix: b"R", characters: 6, what: "the reference of a rotation", form: "R and seven letters or digits" };
const CREDENTIAL: Kind =
    Kind { prefix: b"CR", characters: 9, what: "the id of a credential", form: "CR and ten letters or digits" };

const COMPARISON: Kind = Kind { prefix: b"", characters: 5, what: "a comparison code", form: "six letters or digits" };

impl Kind {
    const fn numbers(&self) -> u64 {
        1 << (5 * self.characters)
    }

    fn random(&self, entropy: &dyn Entropy) -> u64 {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        u64::from_le_bytes(bytes) % self.numbers()
    }

    /// The canonical text, in a buffer on the stack, with its length.
    fn write(&self, number: u64) -> ([u8; LONGEST], usize) {
        let mut values = [0; LONGEST];
        let mut rest = number;
        for value in values[..self.characters].iter_mut().rev() {
            // Five bits fit.
            *value = u8::try_from(rest & 31).unwrap_or(0);
            rest >>= 5;
        }
        values[self.characters] = weighted_sum(&values[..=self.characters]);
        let mut text = [0; LONGEST];
        let start = self.prefix.len();
        text[..start].copy_from_slice(self.prefix);
        for (place, value) in text[start..].iter_mut().zip(&values[..=self.characters]) {
            *place = ALPHABET[usize::from(*value)];
        }
        (text, start + self.characters + 1)
    }

    fn read(&self, given: &str) -> Result<u64, ReferenceError> {
        let shape = ReferenceError::Shape { what: self.what, form: self.form };
        let mut text = [0; LONGEST];
        let mut length = 0;
        for character in given.chars().map(half_width) {
            if character.is_whitespace() || character == '-' {
                continue;
            }
            let byte = u8::try_from(character.to_ascii_uppercase()).map_err(|_| ReferenceError::Character)?;
            *text.get_mut(length).ok_or(shape)? = byte;
            length += 1;
        }
        let body = text[..length].strip_prefix(self.prefix).filter(|body| body.len() == self.characters + 1).ok_or(shape)?;
        let mut values = [0; LONGEST];
        for (value, byte) in values.iter_mut().zip(body) {
            *value = digit(*byte).ok_or(ReferenceError::Character)?;
        }
        let values = &values[..=self.characters];
        if weighted_sum(values) != 0 {
            return Err(ReferenceError::CheckCharacter);
        }
        Ok(values[..self.characters].iter().fold(0, |number, value| number << 5 | u64::from(*value)))
    }

    /// In groups of three as the hotline says it; what is left over goes with the last group but
    /// for the check character, which stands alone: `A 7K3 9QD 2M4 X`.
    fn spoken(&self, number: u64) -> String {
        let (text, length) = self.write(number);
        let prefix = self.prefix.len();
        let mut spoken = String::with_capacity(length + 4);
        for (place, byte) in text[..length].iter().enumerate() {
            if place >= prefix && (place - prefix).is_multiple_of(3) {
                spoken.push(' ');
            }
            spoken.push(char::from(*byte));
        }
        spoken
    }
}

/// The value of a character; O is read as 0, I and L as 1, as Crockford has it.
fn digit(byte: u8) -> Option<u8> {
    let byte = match byte {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    let place = ALPHABET.iter().position(|known| *known == byte)?;
    u8::try_from(place).ok()
}

macro_rules! reference {
    ($(#[$meta:meta])* $name:ident, $kind:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// From the number it stands for; `None` when that has too many bits.
            pub const fn from_number(number: u64) -> Option<$name> {
                if number < $kind.numbers() { Some($name(number)) } else { None }
            }

            /// The number it stands for.
            pub const fn number(self) -> u64 {
                self.0
            }

            /// A new one, by chance.
            pub fn random(entropy: &dyn Entropy) -> $name {
                $name($kind.random(entropy))
            }

            /// In groups, for reading aloud.
            pub fn spoken(self) -> String {
                $kind.spoken(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (text, length) = $kind.write(self.0);
                f.pad(std::str::from_utf8(&text[..length]).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ReferenceError;

            /// Accepts lower case, spaces, hyphens, full-width characters, O for 0, I and L for 1.
            fn from_str(text: &str) -> Result<$name, ReferenceError> {
                $kind.read(text).map($name)
            }
        }
    };
}

reference! {
    /// The reference of an account: `A`, nine random characters (45 bits) and a check character.
    /// Kept through re-registration.
    AccountId, ACCOUNT
}
text_form!(AccountId, "an account reference", "account", "A0000000000");

reference! {
    /// The reference of a hotline call: `HC`, six random characters (30 bits) and a check character.
    CallRef, CALL
}
text_form!(CallRef, "a call reference", "call", "HC0000000");

reference! {
    /// The reference of a rotation plan: `R`, six random characters (30 bits) and a check character.
    PlanRef, PLAN
}
text_form!(PlanRef, "the reference of a rotation", "rotation", "R0000000");

reference! {
    /// The id of a relying party's credential: `CR`, nine random characters (45 bits) and a check character. It is read out
    /// over the telephone when a key has leaked.
    CredentialId, CREDENTIAL
}
text_form!(CredentialId, "the id of a credential", "credential", "CR0000000000");

reference! {
    /// What stands beside a QR code and in the app, for people to compare or to type: five random characters (25 bits) and a
    /// check character. One request that is open has it at a time.
    ComparisonCode, COMPARISON
}
text_form!(ComparisonCode, "a comparison code", "comparison-code", "K7QM20");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn account(number: u64) -> AccountId {
        AccountId::from_number(number).unwrap()
    }

    fn call(number: u64) -> CallRef {
        CallRef::from_number(number % (1 << 30)).unwrap()
    }

    /// What is wrong with a reference of the kind that its prefix says.
    fn refused(text: &str) -> Option<ReferenceError> {
        if text.starts_with("HC") { text.parse::<CallRef>().err() } else { text.parse::<AccountId>().err() }
    }

    /// Every byte the same.
    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn known_references() {
        for (number, text, spoken) in [
            (0, "A0000000000", "A 000 000 000 0"),
            (1, "A0000000012", "A 000 000 001 2"),
            ((1 << 45) - 1, "AZZZZZZZZZX", "A ZZZ ZZZ ZZZ X"),
        ] {
            assert_eq!((account(number).to_string().as_str(), account(number).spoken().as_str()), (text, spoken));
            assert_eq!(text.parse(), Ok(account(number)));
            assert_eq!(spoken.parse(), Ok(account(number)));
        }
        assert_eq!(AccountId::from_number(1 << 45), None);
        let credential = CredentialId::from_number(1).unwrap();
        assert_eq!((credential.to_string(), credential.spoken()), ("CR0000000012".to_owned(), "CR 000 000 001 2".to_owned()));
        assert_eq!("cr000-000-0012".parse(), Ok(credential));
        assert_eq!(CallRef::from_number(1 << 30), None);
        assert_eq!((call(1).to_string().as_str(), call(1).spoken().as_str()), ("HC0000012", "HC 000 001 2"));
        let plan = PlanRef::from_number(1).unwrap();
        assert_eq!((plan.to_string().as_str(), plan.spoken().as_str()), ("R0000012", "R 000 001 2"));
        assert_eq!("r000-001-2".parse(), Ok(plan));
    }

    #[test]
    fn chance_gives_every_bit_it_may() {
        assert_eq!(AccountId::random(&Fixed(0)).number(), 0);
        assert_eq!(AccountId::random(&Fixed(0xff)).number(), (1 << 45) - 1);
        assert_eq!(CallRef::random(&Fixed(0xff)).number(), (1 << 30) - 1);
    }

    #[test]
    fn a_reference_as_it_is_heard_and_typed() {
        let id = account(0x0123_4567_89AB);
        let text = id.to_string();
        let spaced: String = text.chars().flat_map(|c| [c, ' ']).collect();
        let full_width: String = text.chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap()).collect();
        for given in [text.to_lowercase(), format!(" {text} "), spaced, full_width, id.spoken().replace(' ', "-")] {
            assert_eq!(given.parse(), Ok(id), "{given}");
        }
        // O is heard for 0, I and L for 1.
        assert_eq!("aooo oooo oI 2".parse(), "A0000000012".parse::<AccountId>());
        assert_eq!("HCOOOOOL2".parse(), "HC0000012".parse::<CallRef>());
    }

    #[test]
    fn what_is_no_reference_is_refused_by_kind() {
        let code = |text: &str| text.parse::<AccountId>().map_err(ReferenceError::code);
        for text in ["", "A", "A000000001", "A00000000122", "B0000000012", "0000000012", "HC0000012", "A0000000012A0000000012"] {
            assert_eq!(code(text), Err("reference.shape"), "{text}");
        }
        for text in ["AU000000012", "A000000001é", "A0000*00012", "A00000000陳2"] {
            assert_eq!(code(text), Err("reference.character"), "{text}");
        }
        assert_eq!(code("A0000000013"), Err("reference.check-character"));
        let error = "A0000000012".parse::<CallRef>().unwrap_err();
        assert_eq!(error.to_string(), "not a call reference: HC and seven letters or digits is wanted");
    }

    #[test]
    fn the_field_is_a_field() {
        // α runs through all elements but zero before it comes back to one.
        let mut seen = std::collections::BTreeSet::new();
        let mut power = 1;
        for _ in 0..31 {
            assert!(seen.insert(power));
            power = times_alpha(power);
        }
        assert_eq!((power, seen.len(), seen.contains(&0)), (1, 31, false));
    }

    proptest! {
        #[test]
        fn every_reference_reads_back(number in 0_u64..1 << 45) {
            let id = account(number);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.spoken().parse(), Ok(id));
            prop_assert_eq!(serde_json::from_str::<AccountId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
            prop_assert_eq!(call(number).to_string().parse(), Ok(call(number)));
        }

        #[test]
        fn every_single_wrong_character_is_detected(number in 0_u64..1 << 45) {
            for (text, prefix) in [(account(number).to_string(), 1), (call(number).to_string(), 2)] {
                for place in prefix..text.len() {
                    for other in ALPHABET.iter().filter(|other| **other != text.as_bytes()[place]) {
                        let wrong = format!("{}{}{}", &text[..place], char::from(*other), &text[place + 1..]);
                        prop_assert_eq!(refused(&wrong), Some(ReferenceError::CheckCharacter), "{}", wrong);
                    }
                }
            }
        }

        #[test]
        fn every_exchange_of_two_characters_is_detected(number in 0_u64..1 << 45) {
            for (text, prefix) in [(account(number).to_string(), 1), (call(number).to_string(), 2)] {
                for one in prefix..text.len() {
                    for other in one + 1..text.len() {
                        let mut wrong = text.clone().into_bytes();
                        wrong.swap(one, other);
                        let wrong = String::from_utf8(wrong).unwrap();
                        let expected = (wrong != text).then_some(ReferenceError::CheckCharacter);
                        prop_assert_eq!(refused(&wrong), expected, "{}", wrong);
                    }
                }
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,20}") {
            let _ = text.parse::<AccountId>();
            let _ = text.parse::<CallRef>();
        }
    }
}
