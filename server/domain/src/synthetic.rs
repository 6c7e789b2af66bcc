//! The people of a sandbox: nobody's card numbers, and for each the one person who has it. Who plays a citizen and who plays the
//! Immigration Department's records know the same people by knowing this.

use zeroize::Zeroizing;

use crate::{Day, Hkic, PersonName, Profile, Sex};

/// Common surnames.
const SURNAMES: [(&str, &str); 12] = [
    ("CHAN", "陳"),
    ("WONG", "黃"),
    ("LEUNG", "梁"),
    ("LAM", "林"),
    ("CHEUNG", "張"),
    ("HO", "何"),
    ("NG", "吳"),
    ("LAU", "劉"),
    ("YEUNG", "楊"),
    ("KWOK", "郭"),
    ("TANG", "鄧"),
    ("MAK", "麥"),
];
/// First syllables of given names.
const FIRST: [(&str, &str); 11] = [
    ("KA", "家"),
    ("WAI", "偉"),
    ("SIU", "小"),
    ("CHI", "志"),
    ("WING", "詠"),
    ("MEI", "美"),
    ("YUEN", "婉"),
    ("TSZ", "子"),
    ("HOI", "海"),
    ("MAN", "文"),
    ("PUI", "佩"),
];
/// Second ones.
const SECOND: [(&str, &str); 13] = [
    ("MING", "明"),
    ("YAN", "欣"),
    ("KIT", "傑"),
    ("LING", "玲"),
    ("HIN", "軒"),
    ("FONG", "芳"),
    ("KEUNG", "強"),
    ("YING", "瑩"),
    ("LOK", "樂"),
    ("SHAN", "珊"),
    ("CHUN", "俊"),
    ("LAI", "麗"),
    ("HO", "豪"),
];

/// The first person that is played where nobody says which: people with lower numbers may be among a sandbox's population already.
pub const FIRST_PLAYED: u32 = 24_000_000;

/// The person with the card number [`Hkic::synthetic`]`(number)`; none beyond the last of those numbers.
#[must_use]
pub fn person(number: u32) -> Option<Profile> {
    let hkic = Hkic::synthetic(number)?;
    let mut draw = Draw(u64::from(number));
    let [surname, first, second] = [draw.of(&SURNAMES), draw.of(&FIRST), draw.of(&SECOND)];
    // Grown up in 2018, when the card that has a chip to be read was first issued.
    let birth_date = Day::from_ymd(1938 + draw.below(60), 1 + draw.below(12), 1 + draw.below(28))?;
    // No subscriber number in Hong Kong begins with 0: nobody can be reached.
    let phone = Zeroizing::new(format!("+8520{:07}", number % 10_000_000));
    Some(Profile {
        hkic,
        name: PersonName {
            en: format!("{} {} {}", surname.0, first.0, second.0),
            zh_hant: Some(format!("{}{}{}", surname.1, first.1, second.1)),
        },
        sex: Some(if draw.below(2_u8) == 0 { Sex::F } else { Sex::M }),
        birth_date,
        card_issued: Some(Day::from_ymd(2018, 11, 26)?.plus_days(draw.below(1_000))),
        phone: phone.parse().ok()?,
    })
}

/// Even, the same for the same person for ever, and no secret.
struct Draw(u64);

impl Draw {
    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[usize::try_from(self.next() % items.len() as u64).unwrap_or(0)]
    }

    fn below<T: TryFrom<u64> + Default>(&mut self, end: T) -> T
    where
        u64: TryFrom<T>,
    {
        let end = u64::try_from(end).unwrap_or(1);
        T::try_from(self.next() % end).unwrap_or_default()
    }

    /// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_number_is_the_same_person_for_ever() {
        let first = person(0).unwrap();
        assert_eq!(first, person(0).unwrap());
        assert_eq!(first.hkic, Hkic::synthetic(0).unwrap());
        assert_eq!((first.name.en.as_str(), first.birth_date.to_string().as_str()), ("LAU PUI YAN", "1942-08-03"));
        assert!(person(25_999_999).is_some());
        assert_eq!(person(26_000_000), None);
    }

    #[test]
    fn they_are_nobody_and_of_every_kind() {
        let people: Vec<Profile> = (0..2_000).map(|number| person(number).unwrap()).collect();
        assert!(people.iter().all(|person| person.hkic.is_synthetic() && person.name.check().is_ok()));
        let names: HashSet<_> = people.iter().map(|person| person.name.en.as_str()).collect();
        assert!(names.len() > 1_000, "{}", names.len());
        let women = people.iter().filter(|person| person.sex == Some(Sex::F)).count();
        assert!((900..1_100).contains(&women), "{women}");
        let grown_up = Day::from_ymd(2018, 11, 26).unwrap();
        assert!(people.iter().all(|person| person.birth_date.year() <= 1997 && person.card_issued.unwrap() >= grown_up));
    }
}
