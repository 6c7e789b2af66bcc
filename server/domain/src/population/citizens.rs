//! Who the synthetic people are, as a description says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// Who the people are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct People {
    /// Age on the day of registration.
    pub ages: Vec<AgeGroup>,
    /// Sex as on the card.
    pub sexes: Sexes,
    /// Their card numbers: ranges that are issued to nobody.
    pub hkic: HkicRange,
    /// Their phones: numbers that reach nobody.
    pub phone: PhoneRange,
    /// Years from the issue of the card to registration.
    pub card_issued_years: Span,
    /// Their names.
    pub names: Names,
}

/// An age group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgeGroup {
    /// Completed years, from.
    pub from: u32,
    /// To, included.
    pub to: u32,
    /// Its share.
    pub per_mille: u32,
}

/// Sexes as on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sexes {
    /// Female.
    #[serde(rename = "F")]
    pub female: u32,
    /// Male.
    #[serde(rename = "M")]
    pub male: u32,
    /// Cards without it.
    #[serde(rename = "notRecorded")]
    pub not_recorded: u32,
}

/// Ranges of card numbers by their two letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HkicRange {
    /// `QA`.
    pub first: String,
    /// `QZ`.
    pub last: String,
}

/// Phone numbers: a prefix and so many digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneRange {
    /// With `+` and the country code.
    pub prefix: String,
    /// Digits after it.
    pub digits: u32,
}

/// Names, joined at random.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Names {
    /// Surnames.
    pub surnames: Vec<Surname>,
    /// Syllables of given names.
    pub given_syllables: Vec<Syllable>,
    /// Given names of one syllable; the others have two different ones.
    pub one_syllable_per_mille: u32,
    /// People with an English name only.
    pub without_chinese: WithoutChinese,
}

/// A surname.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Surname {
    /// English.
    pub en: String,
    /// Chinese.
    #[serde(rename = "zh-Hant")]
    pub zh_hant: String,
    /// How frequent, beside the others.
    pub weight: u32,
}

/// A syllable of a given name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Syllable {
    /// English.
    pub en: String,
    /// Chinese.
    #[serde(rename = "zh-Hant")]
    pub zh_hant: String,
    /// Whose.
    pub sex: SyllableSex,
}

/// Whose names a syllable is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SyllableSex {
    /// Women's.
    F,
    /// Men's.
    M,
    /// Anybody's.
    #[serde(rename = "any")]
    Any,
}

/// People with an English name only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WithoutChinese {
    /// Their share.
    pub per_mille: u32,
    /// Surnames.
    pub surnames: Vec<String>,
    /// Given names.
    pub given: GivenNames,
}

/// Given names by sex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenNames {
    /// Women's.
    #[serde(rename = "F")]
    pub female: Vec<String>,
    /// Men's.
    #[serde(rename = "M")]
    pub male: Vec<String>,
}
