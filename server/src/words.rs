//! What is said to people in both official languages, out of pairs of `.ftl` files.

use anyhow::Context;
use domain::Bilingual;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

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

type Bundle = FluentBundle<FluentResource>;

/// The messages of one pair of files.
pub struct Words {
    english: Bundle,
    chinese: Bundle,
}

impl Words {
    /// Reads both files.
    ///
    /// # Errors
    /// In words: a test reads every pair.
    pub fn read(english: &str, chinese: &str) -> Result<Self, String> {
        Ok(Self { english: bundle("en", english)?, chinese: bundle("zh-Hant", chinese)? })
    }

    /// A message in both languages.
    ///
    /// # Errors
    /// When the message is not there or lacks a variable: a test says every one.
    pub fn say(&self, key: &str, variables: &[(&'static str, Word)]) -> anyhow::Result<Bilingual> {
        Ok(Bilingual {
            en: format(&self.english, key, variables, |words| &words.en)?,
            zh_hant: format(&self.chinese, key, variables, |words| &words.zh_hant)?,
        })
    }
}

fn bundle(language: &str, text: &str) -> Result<Bundle, String> {
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

/// The names of the messages of a file, for the tests that hold two files against each other.
#[cfg(test)]
pub(crate) fn keys(text: &str) -> std::collections::BTreeSet<&str> {
    text.lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, _)| key)
        .collect()
}
