//! The words of the reports, in both languages, out of the two `.ftl` files beside this one.

use std::sync::OnceLock;

use domain::Bilingual;

pub use crate::words::Word;
use crate::words::Words;

const ENGLISH: &str = include_str!("legco.en.ftl");
const CHINESE: &str = include_str!("legco.zh-Hant.ftl");

/// A message in both languages.
///
/// # Errors
/// When the message is not there or lacks a variable: a test says every one.
pub fn say(key: &str, variables: &[(&'static str, Word)]) -> anyhow::Result<Bilingual> {
    static WORDS: OnceLock<Result<Words, String>> = OnceLock::new();
    let words = WORDS.get_or_init(|| Words::read(ENGLISH, CHINESE)).as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    words.say(key, variables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::keys;

    #[test]
    fn both_languages_have_the_same_messages() {
        assert_eq!(keys(ENGLISH), keys(CHINESE));
        assert!(!keys(ENGLISH).is_empty());
        Words::read(ENGLISH, CHINESE).map(drop).unwrap();
    }

    #[test]
    fn singular_and_plural() {
        let said = |number: u64| {
            let words =
                [("day", Word::from("15 May 2022".to_owned())), ("said", number.to_string().into()), ("shown", number.into())];
            say("services-accessible", &words).unwrap().en
        };
        let one =
            "As at 15 May 2022, 1 government, public and private online service is accessible through the “iAM Smart” platform.";
        assert_eq!(said(1), one);
        assert!(said(2).contains("services are accessible"));
        assert!(said(0).contains("0 government, public and private online services are"));
    }

    #[test]
    fn nothing_is_wrapped_in_invisible_marks() {
        let text = say("note-synthetic-data", &[]).unwrap();
        let day =
            say("usage-total", &[("day", "x".to_owned().into()), ("said", "y".to_owned().into()), ("shown", 2.into())]).unwrap();
        for text in [text.en, text.zh_hant, day.en, day.zh_hant] {
            assert!(!text.contains(['\u{2068}', '\u{2069}']), "{text:?}");
        }
    }

    #[test]
    fn a_sentence_that_lacks_a_word_is_not_said() {
        assert!(say("usage-total", &[]).is_err());
        assert!(say("no-such-message", &[]).is_err());
    }
}
