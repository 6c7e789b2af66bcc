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
        let size = 10 + texts.iter().flatten().map(|text| text.len() + 2).sum::<usize>();
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
