//! What is typed of a person: kept in memory that is wiped, never shown in a debug text, never recorded.

use std::fmt;

use api::hotline::Identifier;
use domain::{AccountId, Hkic, Phone};
use zeroize::{Zeroize, Zeroizing};

use crate::event::Trouble;

/// A text that is typed at its end. Its memory has a fixed size from the start, so that growing leaves no copies behind, and
/// is wiped when it is dropped.
pub struct Secret {
    text: Zeroizing<String>,
    most: usize,
    /// Characters that a recording has left out.
    hidden: usize,
}

impl Secret {
    /// An empty one that takes at most so many characters.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { text: Zeroizing::new(String::with_capacity(most * 4)), most, hidden: 0 }
    }

    /// An identifier of a person.
    #[must_use]
    pub fn identifier() -> Self {
        Self::new(64)
    }

    /// Adds a character, unless it is full.
    pub(crate) fn push(&mut self, character: char) {
        if self.count() < self.most {
            self.text.push(character);
        }
    }

    /// Counts a character that a recording has left out.
    pub(crate) fn push_hidden(&mut self) {
        if self.count() < self.most {
            self.hidden += 1;
        }
    }

    /// Takes the last character away.
    pub(crate) fn pop(&mut self) {
        if self.text.pop().is_none() {
            self.hidden = self.hidden.saturating_sub(1);
        }
    }

    /// Wipes it.
    pub(crate) fn clear(&mut self) {
        self.text.zeroize();
        self.hidden = 0;
    }

    /// Takes it out and leaves an empty one.
    pub(crate) fn take(&mut self) -> Self {
        let most = self.most;
        std::mem::replace(self, Self::new(most))
    }

    /// Characters in it.
    #[must_use]
    pub fn count(&self) -> usize {
        self.text.chars().count() + self.hidden
    }

    /// Whether nothing was typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.hidden == 0
    }

    /// The text, for the screen of the person who typed it or for a request.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What the caller has named: a phone number, an account reference, or else an HKIC number.
    ///
    /// # Errors
    /// When it is none of them; the text is not repeated.
    pub(crate) fn identify(&self) -> Result<Identifier, Box<Trouble>> {
        let counted = self.text.chars().filter(|character| character.is_alphanumeric()).count();
        let first = self.text.trim_start().chars().next();
        let wrong = |code: &str, message: &dyn fmt::Display| {
            Box::new(Trouble::here(code, &message.to_string(), "ask the caller to read it again, slowly"))
        };
        match first {
            None => {
                let hint = "type what the caller reads from the card";
                Err(Box::new(Trouble::here("hotline.empty", "nothing was typed", hint)))
            }
            Some(first) if first.is_numeric() || matches!(first, '+' | '＋') => {
                Phone::as_dialled(&self.text).map(Identifier::Phone).map_err(|error| wrong(error.code(), &error))
            }
            // A card number has at most nine letters and digits, an account reference eleven.
            Some(_) if counted > 9 => {
                self.text.parse::<AccountId>().map(Identifier::Account).map_err(|error| wrong(error.code(), &error))
            }
            Some(_) => self.text.parse::<Hkic>().map(Identifier::Hkic).map_err(|error| wrong(error.code(), &error)),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hidden characters", self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Secret {
        let mut secret = Secret::identifier();
        text.chars().for_each(|character| secret.push(character));
        secret
    }

    #[test]
    fn what_the_caller_names_is_told_apart() {
        for text in ["G123456(A)", "g123456a", " AB987654(3)", "Ｇ１２３４５６Ａ"] {
            assert!(matches!(typed(text).identify().unwrap(), Identifier::Hkic(_)), "{text}");
        }
        for text in ["91234567", "9123 4567", "+852 9123 4567", "９１２３４５６７"] {
            assert!(matches!(typed(text).identify().unwrap(), Identifier::Phone(_)), "{text}");
        }
        let account = AccountId::from_number(7).unwrap();
        for text in [account.to_string(), account.spoken(), account.to_string().to_lowercase()] {
            assert!(matches!(typed(&text).identify().unwrap(), Identifier::Account(found) if found == account), "{text}");
        }
    }

    #[test]
    fn a_mistake_is_named_and_the_number_is_not() {
        for (text, code) in [
            ("", "hotline.empty"),
            ("  ", "hotline.empty"),
            ("G123456(3)", "hkic.check-character"),
            ("G12345", "hkic.shape"),
            ("9123456", "phone.no-country-code"),
            ("A0000000001", "reference.check-character"),
        ] {
            let trouble = typed(text).identify().unwrap_err();
            assert_eq!(trouble.code, code, "{text}");
            assert!(text.is_empty() || !format!("{trouble:?}").contains(text.trim()) || text.trim().is_empty());
        }
    }

    #[test]
    fn it_is_bounded_and_never_in_a_debug_text() {
        let mut secret = typed(&"7".repeat(200));
        assert_eq!(secret.count(), 64);
        assert_eq!(format!("{secret:?}"), "64 hidden characters");
        secret.pop();
        assert_eq!(secret.take().count(), 63);
        assert!(secret.is_empty());
    }

    #[test]
    fn a_recorded_one_counts_what_it_does_not_hold() {
        let mut secret = Secret::identifier();
        (0..8).for_each(|_| secret.push_hidden());
        secret.pop();
        assert_eq!((secret.count(), secret.expose()), (7, ""));
        assert!(!secret.is_empty());
        secret.clear();
        assert!(secret.is_empty());
    }
}
