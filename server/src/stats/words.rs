//! The words of the reports, in both languages, out of the two `.ftl` files beside this one.

use std::sync::OnceLock;

use anyhow::Context;
use domain::Bilingual;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

const ENGLISH: (&str, &str) = ("en", include_str!("legco.en.ftl"));
const CHINESE: (&str, &str) = ("zh-Hant", include_str!("legco.zh-Hant.ftl"));

/// What stands in a sentence for a variable.
#[derive(Debug, Clone)]
pub enum Word {
    /// Words of each language.
    Said(Bilingual),
    /// A number that chooses between singular and plural.
    Number(u64),
}

impl From<Bilingual> for Word {
    fn from(words: Bilingual) -> Self {
        Self::Said(words)
    }
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Self::Said(Bilingual { zh_hant: text.clone(), en: text })
    }
}

impl From<u64> for Word {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

/// A message in both languages.
///
/// # Errors
/// When the message is not there or lacks a variable: a test says every one.
pub fn say(key: &str, variables: &[(&'static str, Word)]) -> anyhow::Result<Bilingual> {
    static BUNDLES: OnceLock<Result<Bundles, String>> = OnceLock::new();
    let bundles = BUNDLES.get_or_init(Bundles::read).as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(Bilingual {
        en: format(&bundles.english, key, variables, |words| &words.en)?,
        zh_hant: format(&bundles.chinese, key, variables, |words| &words.zh_hant)?,
    })
}

type Bundle = FluentBundle<FluentResource>;

struct Bundles {
    english: Bundle,
    chinese: Bundle,
}

impl Bundles {
    fn read() -> Result<Self, String> {
        Ok(Self { english: bundle(ENGLISH)?, chinese: bundle(CHINESE)? })
    }
}

fn bundle((language, text): (&str, &str)) -> Result<Bundle, String> {
    let language: LanguageIdentifier = language.parse().map_err(|_| format!("{language} is no language"))?;
    let resource = FluentResource::try_new(text.to_owned())
        .map_err(|(_, errors)| format!("the words in {language} cannot be read: {errors:?}"))?;
    let mut bundle = Bundle::new_concurrent(vec![language]);
    // Marks around what is put in would be bidi characters in every reply.
    bundle.set_use_isolating(false);
    bundle.add_resource(resource).map_err(|errors| format!("a message is there twice: {errors:?}"))?;
    Ok(bundle)
}

fn format(
    bundle: &Bundle,
    key: &str,
    variables: &[(&'static str, Word)],
    said: impl Fn(&Bilingual) -> &String,
) -> anyhow::Result<String> {
    let pattern = bundle.get_message(key).and_then(|message| message.value()).with_context(|| format!("no words for '{key}'"))?;
    let mut arguments = FluentArgs::with_capacity(variables.len());
    for (name, word) in variables {
        match word {
            Word::Said(words) => arguments.set(*name, FluentValue::from(said(words).as_str())),
            Word::Number(number) => arguments.set(*name, FluentValue::from(*number)),
        }
    }
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(&arguments), &mut errors).into_owned();
    anyhow::ensure!(errors.is_empty(), "the words for '{key}' lack something: {errors:?}");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn keys(text: &str) -> BTreeSet<&str> {
        text.lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
            .filter_map(|line| line.split_once(" = "))
            .map(|(key, _)| key)
            .collect()
    }

    #[test]
    fn both_languages_have_the_same_messages() {
        assert_eq!(keys(ENGLISH.1), keys(CHINESE.1));
        assert!(!keys(ENGLISH.1).is_empty());
        Bundles::read().map(drop).unwrap();
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
