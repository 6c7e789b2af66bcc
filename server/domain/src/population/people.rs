//! Who a synthetic citizen is.

use zeroize::Zeroizing;

use super::chance::{Chance, Draw, Purpose, Scatter, reference};
use super::{Population, Span, SyllableSex};
use crate::{AccountId, Day, Hkic, PersonName, Phone, Profile, Sex};

/// From this age on children have a card of their own.
const AGE_OF_FIRST_CARD: i32 = 11;
const DAYS_A_YEAR: u64 = 365;

/// How people are drawn. Card numbers, phones and references are scattered one to one, so that no two people share one.
#[derive(Clone, Debug)]
pub(super) struct PeoplePlan {
    ages: Draw<(u32, u32)>,
    sexes: Draw<Option<Sex>>,
    cards: Scatter,
    first_card: u64,
    phones: Scatter,
    phone_prefix: String,
    phone_digits: usize,
    reference_key: u64,
    card_years: Span,
    surnames: Draw<(String, String)>,
    women: Vec<(String, String)>,
    men: Vec<(String, String)>,
    anybody: Vec<(String, String)>,
    one_syllable: u32,
    without_chinese: u32,
    english: [Vec<String>; 3],
}

impl PeoplePlan {
    pub(super) fn new(population: &Population, chance: &mut Chance) -> PeoplePlan {
        let people = &population.people;
        let names = &people.names;
        let (first_card, cards) = people.hkic.bounds().unwrap_or((0, 1));
        let syllables = |sexes: &[SyllableSex]| {
            let fit = names.given_syllables.iter().filter(|syllable| sexes.contains(&syllable.sex));
            fit.map(|syllable| (syllable.en.clone(), syllable.zh_hant.clone())).collect()
        };
        let english = &names.without_chinese;
        PeoplePlan {
            ages: Draw::new(people.ages.iter().map(|group| ((group.from, group.to), group.per_mille))),
            sexes: Draw::new([
                (Some(Sex::F), people.sexes.female),
                (Some(Sex::M), people.sexes.male),
                (None, people.sexes.not_recorded),
            ]),
            cards: Scatter::new(cards, chance),
            first_card,
            phones: Scatter::new(10_u64.pow(people.phone.digits), chance),
            phone_prefix: people.phone.prefix.clone(),
            phone_digits: people.phone.digits as usize,
            reference_key: chance.next(),
            card_years: people.card_issued_years,
            surnames: Draw::new(names.surnames.iter().map(|name| ((name.en.clone(), name.zh_hant.clone()), name.weight))),
            women: syllables(&[SyllableSex::F, SyllableSex::Any]),
            men: syllables(&[SyllableSex::M, SyllableSex::Any]),
            anybody: syllables(&[SyllableSex::F, SyllableSex::M, SyllableSex::Any]),
            one_syllable: names.one_syllable_per_mille,
            without_chinese: english.per_mille,
            english: [english.surnames.clone(), english.given.female.clone(), english.given.male.clone()],
        }
    }

    /// The reference of the account with that number.
    pub(super) fn reference(&self, number: u32) -> Option<AccountId> {
        AccountId::from_number(reference(number.into(), self.reference_key))
    }

    /// The person with that number, registered on that day.
    pub(super) fn profile(&self, seed: u64, number: u32, registered: Day) -> Option<Profile> {
        let mut chance = Chance::keyed(seed, Purpose::Person, number.into());
        let sex = *self.sexes.pick(&mut chance);
        let (from, to) = *self.ages.pick(&mut chance);
        let age = from + u32::try_from(chance.below(u64::from(to - from) + 1)).ok()?;
        let birthday = years_from(registered, -years(age));
        // Any day of the year of life that is under way.
        let birth_date = birthday.plus_days(-i32::try_from(chance.below(DAYS_A_YEAR)).ok()?);
        Some(Profile {
            hkic: Hkic::synthetic(u32::try_from(self.first_card + self.cards.place(number.into())).ok()?)?,
            name: self.name(sex, &mut chance),
            sex,
            birth_date,
            card_issued: Some(self.card_issued(registered, birth_date, &mut chance)),
            phone: self.phone(number)?,
        })
    }

    fn card_issued(&self, registered: Day, birth_date: Day, chance: &mut Chance) -> Day {
        let earliest = years_from(registered, -years(self.card_years.max)).max(years_from(birth_date, AGE_OF_FIRST_CARD));
        let latest = years_from(registered, -years(self.card_years.min));
        match u64::try_from(latest.number() - earliest.number()) {
            Ok(span) => latest.plus_days(-i32::try_from(chance.below(span + 1)).unwrap_or(0)),
            Err(_) => earliest.min(registered),
        }
    }

    fn phone(&self, number: u32) -> Option<Phone> {
        let subscriber = self.phones.place(number.into());
        let text = Zeroizing::new(format!("{}{subscriber:0width$}", self.phone_prefix, width = self.phone_digits));
        text.parse().ok()
    }

    fn name(&self, sex: Option<Sex>, chance: &mut Chance) -> PersonName {
        if chance.per_mille(self.without_chinese) {
            let [surnames, women, men] = &self.english;
            let given = match sex {
                Some(Sex::F) => women,
                Some(Sex::M) => men,
                None if chance.per_mille(500) => women,
                None => men,
            };
            return PersonName { en: format!("{} {}", one_of(surnames, chance), one_of(given, chance)), zh_hant: None };
        }
        let (surname, surname_chinese) = self.surnames.pick(chance);
        let syllables = match sex {
            Some(Sex::F) => &self.women,
            Some(Sex::M) => &self.men,
            None => &self.anybody,
        };
        let mut en = String::with_capacity(24);
        let mut zh_hant = String::with_capacity(12);
        en.push_str(surname);
        zh_hant.push_str(surname_chinese);
        let count = syllables.len() as u64;
        let first = chance.below(count);
        let second = (!chance.per_mille(self.one_syllable)).then(|| (first + 1 + chance.below(count - 1)) % count);
        for place in [Some(first), second].into_iter().flatten() {
            let (english, chinese) = &syllables[usize::try_from(place).unwrap_or(0)];
            en.push(' ');
            en.push_str(english);
            zh_hant.push_str(chinese);
        }
        PersonName { en, zh_hant: Some(zh_hant) }
    }
}

fn one_of<'a>(names: &'a [String], chance: &mut Chance) -> &'a str {
    names.get(usize::try_from(chance.below(names.len() as u64)).unwrap_or(0)).map_or("", String::as_str)
}

/// The same date so many years later, or earlier when negative; 28 February where there is no 29th.
fn years_from(day: Day, years: i32) -> Day {
    let (year, month, date) = (day.year() + years, day.month().month_of_year(), day.day_of_month());
    Day::from_ymd(year, month, date).or_else(|| Day::from_ymd(year, month, 28)).unwrap_or(day)
}

/// Ages and lives of cards: three digits at most.
fn years(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(0)
}
