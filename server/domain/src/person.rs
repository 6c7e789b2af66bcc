//! A person, as far as the platform knows them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::text::{TextFault, check_name};
use crate::wire::words;
use crate::{Day, Hkic, Maskable, Phone, Refusal};

/// The name on the card. `Debug` shows the masked form; its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct PersonName {
    /// English, surname first: `CHAN TAI MAN`.
    pub en: String,
    /// Chinese, surname first: `陳大文`. Not everybody has one.
    #[serde(rename = "zh-Hant", default, skip_serializing_if = "Option::is_none")]
    pub zh_hant: Option<String>,
}

impl PersonName {
    /// Whether both forms hold only characters that a name may hold.
    pub fn check(&self) -> Result<(), TextFault> {
        check_name(&self.en)?;
        self.zh_hant.as_deref().map_or(Ok(()), check_name)
    }
}

impl Maskable for PersonName {
    /// Surname and initials, then the Chinese surname: `CHAN T** M** 陳**`. Two stars each, so that
    /// lengths are not told either.
    fn masked(&self) -> String {
        let mut words = self.en.split_whitespace();
        let surname = words.next().unwrap_or_default();
        let mut masked = String::new();
        let mut rest = words.peekable();
        if rest.peek().is_some() {
            masked.push_str(surname);
        } else {
            push_initial(&mut masked, surname);
        }
        for word in rest {
            masked.push(' ');
            push_initial(&mut masked, word);
        }
        if let Some(chinese) = &self.zh_hant {
            if !masked.is_empty() {
                masked.push(' ');
            }
            push_initial(&mut masked, chinese.trim());
        }
        masked
    }
}

fn push_initial(masked: &mut String, word: &str) {
    masked.extend(word.chars().next());
    masked.push_str("**");
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

words! {
    /// Sex as printed on new cards.
    pub enum Sex, "sex" {
        /// Female.
        F = 1 => "F",
        /// Male.
        M = 2 => "M",
    }
}

/// What registration reads from the card, and the phone number. Stored sealed, never as columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Card number.
    pub hkic: Hkic,
    /// Name on the card.
    pub name: PersonName,
    /// On new cards only.
    pub sex: Option<Sex>,
    /// Date of birth.
    pub birth_date: Day,
    /// Date of issue of the card.
    pub card_issued: Option<Day>,
    /// The phone the account lives on.
    pub phone: Phone,
}

/// Why bytes are not a stored profile. Says nothing about the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Written by a later version of the program.
    #[error("the stored profile has the unknown version {0}")]
    Version(u8),
    /// Cut short, too long, or with a field that cannot be.
    #[error("the stored profile is damaged")]
    Damaged,
}

const VERSION: u8 = 1;
const HAS_CARD_ISSUED: u8 = 0b0100;
const HAS_CHINESE_NAME: u8 = 0b1000;
const SEX: u8 = 0b0011;

impl Profile {
    /// The stored form, before sealing.
    ///
    /// `version=1, flags, birth date i32, [card issued i32], then hkic, phone, English name and
    /// [Chinese name], each as length u16 and bytes`; numbers little-endian. Flags: bits 0-1 the
    /// code of the sex or 0, bit 2 card issued, bit 3 Chinese name. One allocation of the exact size, so
    /// that growing leaves no copy behind. A text beyond 65 535 bytes is cut there; names are held
    /// to far less at the edge.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let texts =
            [Some(self.hkic.expose()), Some(self.phone.expose()), Some(self.name.en.as_str()), self.name.zh_hant.as_deref()];
        let dates = if self.card_issued.is_some() { 8 } else { 4 };
        let size = 2 + dates + texts.iter().flatten().map(|text| text.len() + 2).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        let mut flags = match self.sex {
            None => 0,
            Some(Sex::F) => 1,
            Some(Sex::M) => 2,
        };
        if self.card_issued.is_some() {
            flags |= HAS_CARD_ISSUED;
        }
        if self.name.zh_hant.is_some() {
            flags |= HAS_CHINESE_NAME;
        }
        bytes.extend([VERSION, flags]);
        bytes.extend(self.birth_date.number().to_le_bytes());
        if let Some(issued) = self.card_issued {
            bytes.extend(issued.number().to_le_bytes());
        }
        for text in texts.iter().flatten() {
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            bytes.extend(length.to_le_bytes());
            bytes.extend(text.as_bytes().iter().take(usize::from(length)));
        }
        bytes
    }

    /// Reads the stored form back.
    pub fn from_bytes(bytes: &[u8]) -> Result<Profile, ProfileError> {
        let (&version, rest) = bytes.split_first().ok_or(ProfileError::Damaged)?;
        if version != VERSION {
            return Err(ProfileError::Version(version));
        }
        Profile::read(rest).ok_or(ProfileError::Damaged)
    }

    fn read(bytes: &[u8]) -> Option<Profile> {
        let mut reader = Reader(bytes);
        let [flags] = reader.array()?;
        let sex = match flags & SEX {
            0 => None,
            1 => Some(Sex::F),
            2 => Some(Sex::M),
            _ => return None,
        };
        if flags & !(SEX | HAS_CARD_ISSUED | HAS_CHINESE_NAME) != 0 {
            return None;
        }
        let birth_date = reader.day()?;
        let card_issued = match flags & HAS_CARD_ISSUED {
            0 => None,
            _ => Some(reader.day()?),
        };
        let hkic = reader.text()?.parse().ok()?;
        let phone = reader.text()?.parse().ok()?;
        let en = reader.text()?.to_owned();
        let zh_hant = match flags & HAS_CHINESE_NAME {
            0 => None,
            _ => Some(reader.text()?.to_owned()),
        };
        reader.0.is_empty().then_some(Profile { hkic, name: PersonName { en, zh_hant }, sex, birth_date, card_issued, phone })
    }

    /// Whether the profile can be a person's on `today`: names of fit characters, born before the
    /// card was issued, neither in the future.
    pub fn check(&self, today: Day) -> Result<(), Refusal> {
        if let Err(fault) = self.name.check() {
            return Err(Refusal::new("profile.name", format!("the name {fault}")));
        }
        if self.birth_date > today {
            return Err(Refusal::new("profile.birth-date", "the date of birth lies in the future"));
        }
        if self.birth_date < EARLIEST_BIRTH {
            return Err(Refusal::new("profile.birth-date", "the date of birth lies before 1880"));
        }
        match self.card_issued {
            Some(issued) if issued > today => {
                Err(Refusal::new("profile.card-issued", "the card's date of issue lies in the future"))
            }
            Some(issued) if issued < self.birth_date => {
                Err(Refusal::new("profile.card-issued", "the card's date of issue lies before the date of birth"))
            }
            _ => Ok(()),
        }
    }
}

/// 1880-01-01: nobody alive is older, so an earlier date is a slip.
const EARLIEST_BIRTH: Day = Day::from_number(-32_872);

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn day(&mut self) -> Option<Day> {
        let number = i32::from_le_bytes(self.array()?);
        let day = Day::from_number(number);
        (day.number() == number).then_some(day)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(u16::from_le_bytes(self.array()?));
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn name(en: &str, zh_hant: Option<&str>) -> PersonName {
        PersonName { en: en.to_owned(), zh_hant: zh_hant.map(str::to_owned) }
    }

    fn chan_tai_man() -> Profile {
        Profile {
            hkic: "G123456(A)".parse().unwrap(),
            name: name("CHAN TAI MAN", Some("陳大文")),
            sex: Some(Sex::M),
            birth_date: day("1990-01-31"),
            card_issued: Some(day("2019-05-01")),
            phone: "+85291234567".parse().unwrap(),
        }
    }

    #[test]
    fn names_keep_the_surname_and_initials() {
        for (en, zh_hant, masked) in [
            ("CHAN TAI MAN", Some("陳大文"), "CHAN T** M** 陳**"),
            ("CHAN TAI MAN", None, "CHAN T** M**"),
            ("WONG, Siu-ming Peter", None, "WONG, S** P**"),
            ("  AU YEUNG  MEI ", Some("歐陽美"), "AU Y** M** 歐**"),
            // One word alone would be the whole name.
            ("SUKARNO", None, "S**"),
            ("", Some("陳"), "** 陳**"),
        ] {
            assert_eq!(name(en, zh_hant).masked(), masked);
        }
    }

    #[test]
    fn debug_shows_no_person() {
        let shown = format!("{:?}", chan_tai_man());
        for secret in ["TAI MAN", "大文", "123456", "1234567"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn a_profile_reads_back_with_and_without_its_optional_parts() {
        for parts in 0..8 {
            let mut profile = chan_tai_man();
            if parts & 1 == 0 {
                profile.sex = None;
            }
            if parts & 2 == 0 {
                profile.card_issued = None;
            }
            if parts & 4 == 0 {
                profile.name = name("CHAN TAI MAN", None);
            }
            let bytes = profile.to_bytes();
            assert_eq!(bytes.capacity(), bytes.len(), "one allocation of the exact size");
            assert_eq!(Profile::from_bytes(&bytes), Ok(profile));
        }
    }

    #[test]
    fn the_stored_form_is_fixed() {
        // Databases hold these bytes: a change needs a new version.
        let bytes = chan_tai_man().to_bytes();
        let expected = [
            &[1_u8, 0b1110][..],
            &7_335_i32.to_le_bytes(),
            &18_017_i32.to_le_bytes(),
            &10_u16.to_le_bytes(),
            b"G123456(A)",
            &12_u16.to_le_bytes(),
            b"+85291234567",
            &12_u16.to_le_bytes(),
            b"CHAN TAI MAN",
            &9_u16.to_le_bytes(),
            "陳大文".as_bytes(),
        ]
        .concat();
        assert_eq!(*bytes, expected);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let bytes = chan_tai_man().to_bytes();
        assert_eq!(Profile::from_bytes(&[]), Err(ProfileError::Damaged));
        for length in 1..bytes.len() {
            assert_eq!(Profile::from_bytes(&bytes[..length]), Err(ProfileError::Damaged), "{length}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Profile::from_bytes(&longer), Err(ProfileError::Damaged));
        let mut other = bytes.to_vec();
        other[0] = 2;
        assert_eq!(Profile::from_bytes(&other), Err(ProfileError::Version(2)));
        other[0] = 1;
        other[1] |= 0b1_0000;
        assert_eq!(Profile::from_bytes(&other), Err(ProfileError::Damaged), "a flag of the future");
    }

    #[test]
    fn what_can_be_a_person_today() {
        let today = day("2022-05-31");
        let code = |change: &dyn Fn(&mut Profile)| {
            let mut profile = chan_tai_man();
            change(&mut profile);
            profile.check(today).err().map(|refusal| refusal.code)
        };
        assert_eq!(code(&|_| {}), None);
        assert_eq!(code(&|p| p.card_issued = None), None);
        assert_eq!(code(&|p| p.birth_date = day("2022-06-01")), Some("profile.birth-date"));
        assert_eq!(code(&|p| p.birth_date = day("1879-12-31")), Some("profile.birth-date"));
        assert_eq!(code(&|p| p.birth_date = day("1880-01-01")), None);
        assert_eq!(code(&|p| p.card_issued = Some(day("2022-06-01"))), Some("profile.card-issued"));
        assert_eq!(code(&|p| p.card_issued = Some(day("1990-01-30"))), Some("profile.card-issued"));
        assert_eq!(code(&|p| p.name = name("", None)), Some("profile.name"));
        assert_eq!(code(&|p| p.name = name("CHAN", Some("陳\u{202e}"))), Some("profile.name"));
        assert_eq!(code(&|p| p.name = name("CHAN\u{1b}[31m", None)), Some("profile.name"));
    }

    #[test]
    fn names_are_written_as_in_an_import_line() {
        let json = r#"{"en":"CHAN TAI MAN","zh-Hant":"陳大文"}"#;
        let read: PersonName = serde_json::from_str(json).unwrap();
        assert_eq!(read, name("CHAN TAI MAN", Some("陳大文")));
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
        assert!(serde_json::from_str::<PersonName>(r#"{"en":"A","zh":"B"}"#).is_err());
    }

    proptest! {
        #[test]
        fn any_profile_reads_back(
            n in 0_u32..26_000_000,
            en in "\\PC{0,60}",
            zh_hant in proptest::option::of("\\PC{0,20}"),
            sex in proptest::option::of(proptest::sample::select(Sex::ALL)),
            birth in -32_872..20_000_i32,
            issued in proptest::option::of(-32_872..20_000_i32),
            phone in "[+][1-9][0-9]{7,14}",
        ) {
            let profile = Profile {
                hkic: Hkic::synthetic(n).unwrap(),
                name: PersonName { en, zh_hant },
                sex,
                birth_date: Day::from_number(birth),
                card_issued: issued.map(Day::from_number),
                phone: phone.parse().unwrap(),
            };
            prop_assert_eq!(Profile::from_bytes(&profile.to_bytes()), Ok(profile));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Profile::from_bytes(&bytes);
        }
    }
}
