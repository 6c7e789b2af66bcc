//! What is wrong with who the people are: ages, card and phone numbers, names.

use super::super::{HkicRange, Population, SyllableSex};
use super::Findings;
use crate::text::{check_name, visible};

const DIGITS_OF_HKIC: u64 = 1_000_000;
/// The last numbers of a range are left to people who are registered by hand beside the population.
const LEFT_FREE: u64 = 10_000;

impl Findings {
    pub(super) fn people(&mut self, population: &Population) {
        let people = &population.people;
        self.shares("people.ages", people.ages.iter().map(|group| &group.per_mille));
        for (place, group) in people.ages.iter().enumerate() {
            if group.from > group.to || group.to > 120 {
                let message = format!("from {} to {} is no age group", group.from, group.to);
                self.add(format!("people.ages[{place}]"), "population.span", message, None);
            }
        }
        let sexes = [people.sexes.female, people.sexes.male, people.sexes.not_recorded];
        self.shares("people.sexes", sexes.iter());
        self.numbers(population);
        if people.card_issued_years.min > people.card_issued_years.max || people.card_issued_years.max > 100 {
            self.add("people.cardIssuedYears", "population.span", "min to max is no span of years", None);
        }
        let names = &people.names;
        if names.surnames.iter().all(|surname| surname.weight == 0) {
            self.add("people.names.surnames", "population.weights", "no surname has a weight", None);
        }
        for share in
            [("oneSyllablePerMille", names.one_syllable_per_mille), ("withoutChinese.perMille", names.without_chinese.per_mille)]
        {
            self.per_mille(&format!("people.names.{}", share.0), share.1);
        }
        for sex in [SyllableSex::F, SyllableSex::M] {
            let fit = names.given_syllables.iter().filter(|s| s.sex == sex || s.sex == SyllableSex::Any).count();
            if fit < 2 {
                self.add("people.names.givenSyllables", "population.names", "two syllables for each sex are needed", None);
            }
        }
        let english = &names.without_chinese;
        if english.per_mille > 0
            && (english.surnames.is_empty() || english.given.female.is_empty() || english.given.male.is_empty())
        {
            self.add(
                "people.names.withoutChinese",
                "population.names",
                "a surname and a given name for each sex are needed",
                None,
            );
        }
        let texts = names.surnames.iter().flat_map(|name| [&name.en, &name.zh_hant]);
        let texts = texts.chain(names.given_syllables.iter().flat_map(|name| [&name.en, &name.zh_hant]));
        let texts = texts.chain(english.surnames.iter()).chain(&english.given.female).chain(&english.given.male);
        for text in texts {
            if let Err(fault) = check_name(text) {
                self.add("people.names", fault.code(), format!("the name '{}' {fault}", visible(text)), None);
            }
        }
    }

    /// Card and phone numbers: ranges of nobody's, wide enough that no two people share one.
    fn numbers(&mut self, population: &Population) {
        let people = &population.people;
        let all = population.accounts.registered.saturating_add(population.accounts.closed);
        match people.hkic.bounds() {
            None => self.add(
                "people.hkic",
                "population.hkic",
                "the card numbers are not within QA to QZ",
                Some("only these ranges are issued to nobody: write { first: QA, last: QZ }"),
            ),
            Some((_, room)) if room < all => {
                let message = format!("{all} people need more card numbers than the {room} of these ranges");
                self.add("people.hkic", "population.hkic", message, Some("write { first: QA, last: QZ }"));
            }
            Some(_) => {}
        }
        let digits = people.phone.prefix.strip_prefix('+').unwrap_or_default();
        let length = u32::try_from(digits.len()).unwrap_or(u32::MAX).saturating_add(people.phone.digits);
        let fits = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0') && !digits.is_empty();
        if !fits || !(8..=15).contains(&length) || people.phone.digits > 12 {
            self.add(
                "people.phone",
                "phone.shape",
                "prefix and digits do not make an E.164 number",
                Some("write { prefix: \"+8520\", digits: 7 }"),
            );
        } else if 10_u64.pow(people.phone.digits) < all {
            self.add("people.phone.digits", "population.phone", format!("{all} people need more phone numbers than that"), None);
        }
    }
}

impl HkicRange {
    /// The first number in the sequence of synthetic card numbers, and how many there are.
    pub(in crate::population) fn bounds(&self) -> Option<(u64, u64)> {
        let place = |letters: &str| match letters.as_bytes() {
            [b'Q', second @ b'A'..=b'Z'] => Some(u64::from(second - b'A')),
            _ => None,
        };
        let (first, last) = (place(&self.first)?, place(&self.last)?);
        (first <= last).then(|| (first * DIGITS_OF_HKIC, (last - first + 1) * DIGITS_OF_HKIC - LEFT_FREE))
    }
}
