//! Who is on record: the people of a sandbox, and those of `fixtures/citizens.jsonl`.

use api::account::Registration;
use api::app::registration::Card;
use api::immigration::RecordVerdict;
use domain::synthetic;
use domain::{Hkic, Profile};

/// The citizens whom the fixtures import, one a line.
const CITIZENS: &str = include_str!("../../../fixtures/citizens.jsonl");

/// What the records say of a card.
pub(crate) fn verdict(card: &Card) -> RecordVerdict {
    let known = fixture(&card.hkic).or_else(|| number(&card.hkic).and_then(synthetic::person));
    let Some(known) = known else { return RecordVerdict::NotOnRecord };
    let same = card.name == known.name
        && card.birth_date == known.birth_date
        && agrees(card.sex, known.sex)
        && agrees(card.card_issued, known.card_issued);
    if same { RecordVerdict::Valid } else { RecordVerdict::DetailsDiffer }
}

/// What a card does not say differs from nothing.
fn agrees<T: PartialEq>(said: Option<T>, known: Option<T>) -> bool {
    said.is_none() || said == known
}

fn fixture(hkic: &Hkic) -> Option<Profile> {
    let known = CITIZENS.lines().filter_map(|line| serde_json::from_str::<Registration>(line).ok());
    known.into_iter().find(|known| known.hkic == *hkic).map(|known| {
        let Registration { hkic, name, sex, birth_date, card_issued, phone, .. } = known;
        Profile { hkic, name, sex, birth_date, card_issued, phone }
    })
}

/// Which of nobody's card numbers it is.
fn number(hkic: &Hkic) -> Option<u32> {
    let text = hkic.expose().as_bytes();
    let second = u32::from(*text.get(1)?).checked_sub(u32::from(b'A'))?;
    let digits: u32 = std::str::from_utf8(text.get(2..8)?).ok()?.parse().ok()?;
    let number = second.checked_mul(1_000_000)?.checked_add(digits)?;
    (Hkic::synthetic(number).as_ref() == Some(hkic)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(profile: Profile) -> Card {
        let Profile { hkic, name, sex, birth_date, card_issued, .. } = profile;
        Card { hkic, name, sex, birth_date, card_issued }
    }

    #[test]
    fn the_people_of_a_sandbox_are_on_record_and_nobody_else() {
        for number in [0, 7, 1_312_480, 25_999_999] {
            let known = card(synthetic::person(number).unwrap());
            assert_eq!(verdict(&known), RecordVerdict::Valid, "{number}");
            let older = Card { birth_date: known.birth_date.plus_days(-1), ..known.clone() };
            assert_eq!(verdict(&older), RecordVerdict::DetailsDiffer);
            let said_less = Card { sex: None, card_issued: None, ..known };
            assert_eq!(verdict(&said_less), RecordVerdict::Valid, "an older card says less");
        }
        let real = Card { hkic: "A123456(3)".parse().unwrap(), ..card(synthetic::person(0).unwrap()) };
        assert_eq!(verdict(&real), RecordVerdict::NotOnRecord);
    }

    #[test]
    fn the_citizens_of_the_fixtures_are_who_the_fixtures_say() {
        assert_eq!(CITIZENS.lines().count(), 3);
        for line in CITIZENS.lines() {
            let hkic = serde_json::from_str::<Registration>(line).unwrap().hkic;
            assert_eq!(verdict(&card(fixture(&hkic).unwrap())), RecordVerdict::Valid);
        }
    }
}
