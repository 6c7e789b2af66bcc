//! Text from outside: made visible before it is printed, checked before it is kept, compared as an
//! eye would.

use std::borrow::Cow;
use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The longest name, in characters: the longest that the papers name, the application CSB606, has 203.
pub const LONGEST_NAME: usize = 250;

/// The longest reason that is kept with a change, in characters.
pub const LONGEST_REASON: usize = 500;

/// What is wrong with a name. Displays as a fragment that follows what was checked: `the name
/// {fault}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFault {
    /// Empty, or nothing but spaces.
    Empty,
    /// More characters than that.
    TooLong(usize),
    /// A space at either end, or two in a row.
    Spacing,
    /// A character that a name may not hold, and its place (1-based, in characters).
    Character {
        /// What kind of character.
        kind: CharacterFault,
        /// The character.
        character: char,
        /// Its place.
        at: usize,
    },
}

/// Kinds of characters that a name may not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharacterFault {
    /// C0, DEL, C1, line and paragraph separators; tab included.
    Control,
    /// Turns the direction of writing.
    Bidi,
    /// Takes no room: zero-width spaces and joiners, variation selectors, fillers, other format
    /// characters.
    ZeroWidth,
    /// Means something only by private agreement.
    PrivateUse,
    /// Will never be a character.
    Noncharacter,
}

impl CharacterFault {
    /// The kind of a character, when it is one that must not be printed raw.
    pub const fn of(character: char) -> Option<CharacterFault> {
        // General category Cf and the property Default_Ignorable_Code_Point of Unicode 16, with Cc,
        // Co, Zl, Zp and the noncharacters. Not a table of a crate: the order of the arms is the
        // naming of the fault.
        Some(match character {
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => CharacterFault::Control,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => CharacterFault::Bidi,
            '\u{ad}'
            | '\u{34f}'
            | '\u{600}'..='\u{605}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}' => CharacterFault::ZeroWidth,
            '\u{fdd0}'..='\u{fdef}' => CharacterFault::Noncharacter,
            other if other as u32 & 0xfffe == 0xfffe => CharacterFault::Noncharacter,
            '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. => CharacterFault::PrivateUse,
            _ => return None,
        })
    }

    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            CharacterFault::Control => "a control character",
            CharacterFault::Bidi => "a character that turns the direction of writing",
            CharacterFault::ZeroWidth => "an invisible character",
            CharacterFault::PrivateUse => "a private-use character",
            CharacterFault::Noncharacter => "a code point that is no character",
        }
    }
}

impl TextFault {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            TextFault::Empty => "name.empty",
            TextFault::TooLong(_) => "name.too-long",
            TextFault::Spacing => "name.spacing",
            TextFault::Character { kind, .. } => match kind {
                CharacterFault::Control => "name.control",
                CharacterFault::Bidi => "name.bidi",
                CharacterFault::ZeroWidth => "name.zero-width",
                CharacterFault::PrivateUse => "name.private-use",
                CharacterFault::Noncharacter => "name.noncharacter",
            },
        }
    }
}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextFault::Empty => f.write_str("is empty"),
            TextFault::TooLong(longest) => write!(f, "has more than {longest} characters"),
            TextFault::Spacing => f.write_str("has a space at its beginning or end, or more than one in a row"),
            TextFault::Character { kind, character, at } => {
                write!(f, "holds {}, {}, as character {at}", kind.as_str(), character.escape_unicode())
            }
        }
    }
}

impl std::error::Error for TextFault {}

/// The text with every control (tab included), bidi, zero-width and other format character written
/// as `\u{202e}`. Borrowed when there is none.
pub fn visible(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(|c| CharacterFault::of(c).is_some()) else {
        return Cow::Borrowed(text);
    };
    let (clean, rest) = text.split_at(first);
    let mut shown = String::with_capacity(text.len() + 8);
    shown.push_str(clean);
    for character in rest.chars() {
        if CharacterFault::of(character).is_some() {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Marks on one letter; no language that is written here has more on one.
const MOST_MARKS: usize = 3;

/// Whether so many marks stand on one letter that they cover what is above or below it.
pub fn is_piled(text: &str) -> bool {
    let mut marks = 0;
    text.chars().any(|character| {
        marks = if is_combining_mark(character) { marks + 1 } else { 0 };
        marks > MOST_MARKS
    })
}

/// Whether a name (of a person, an organisation, a service) holds only what a name may hold.
pub fn check_name(name: &str) -> Result<(), TextFault> {
    check_line(name, LONGEST_NAME)
}

/// Whether a reason given for a change holds only what a name may hold: it is read on the same screens.
pub fn check_reason(reason: &str) -> Result<(), TextFault> {
    check_line(reason, LONGEST_REASON)
}

fn check_line(line: &str, longest: usize) -> Result<(), TextFault> {
    let mut length = 0;
    let mut after_space = true;
    let mut spacing = false;
    for character in line.chars() {
        length += 1;
        if length > longest {
            return Err(TextFault::TooLong(longest));
        }
        if let Some(kind) = CharacterFault::of(character) {
            return Err(TextFault::Character { kind, character, at: length });
        }
        let space = character.is_whitespace();
        spacing |= space && after_space;
        after_space = space;
    }
    if line.trim().is_empty() {
        Err(TextFault::Empty)
    } else if spacing || after_space {
        Err(TextFault::Spacing)
    } else {
        Ok(())
    }
}

/// What an eye sees: two names with one skeleton can be taken for each other.
///
/// The skeleton of UTS 39 over NFKC, without regard to case and spaces. Because lower case `i` and
/// capital `I` are one letter, and capital `I` looks like `l`, the three share a skeleton.
pub fn skeleton(text: &str) -> String {
    let mut seen = look(text);
    // A look-alike can have a compatibility form or a case of its own; after a few rounds nothing changes any more.
    for _ in 0..4 {
        let again = look(&seen);
        if again == seen {
            break;
        }
        seen = again;
    }
    seen
}

fn look(text: &str) -> String {
    let compatible: String = text.nfkc().filter(|c| !c.is_whitespace() && CharacterFault::of(*c).is_none()).collect();
    unicode_security::skeleton(&compatible).flat_map(char::to_lowercase).map(|c| if c == 'i' { 'l' } else { c }).collect()
}

/// The candidate most likely meant by a mistyped word, when one is near enough to be worth saying.
pub fn suggest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if word.chars().count() > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    candidates
        .iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
            (distance, *candidate)
        })
        .filter(|(distance, candidate)| {
            // A third of the letters may be wrong, one always may.
            *distance <= (candidate.chars().count().min(lower.chars().count()) / 3).max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The narrow form of a full-width character, any other as it is.
pub(crate) const fn half_width(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => {
            // The block mirrors ASCII at this distance.
            match char::from_u32(character as u32 - 0xfee0) {
                Some(narrow) => narrow,
                None => character,
            }
        }
        '\u{3000}' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_pile_up_on_one_letter_and_not_on_several() {
        for (text, piled) in [("", false), ("e\u{301}\u{302}\u{303} a\u{301}", false), ("e\u{301}\u{302}\u{303}\u{304}", true)] {
            assert_eq!(is_piled(text), piled, "{text}");
        }
    }

    #[test]
    fn what_a_terminal_must_not_get_is_made_visible() {
        for (given, shown) in [
            ("稅務易 eTAX", "稅務易 eTAX"),
            ("\u{1b}]0;owned\u{7}", "\\u{1b}]0;owned\\u{7}"),
            ("tab\there", "tab\\u{9}here"),
            ("line\r\nfeed", "line\\u{d}\\u{a}feed"),
            ("nel\u{85}csi\u{9b}31m", "nel\\u{85}csi\\u{9b}31m"),
            ("evil\u{202e}fdp.exe", "evil\\u{202e}fdp.exe"),
            ("iso\u{2066}late\u{2069}", "iso\\u{2066}late\\u{2069}"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("para\u{2029}graph", "para\\u{2029}graph"),
            ("del\u{7f}", "del\\u{7f}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("private\u{e000}", "private\\u{e000}"),
            ("\u{fffe}\u{10ffff}", "\\u{fffe}\\u{10ffff}"),
        ] {
            assert_eq!(visible(given), shown);
        }
        assert!(matches!(visible("plain 文字"), Cow::Borrowed(_)));
    }

    #[test]
    fn names_that_are_names() {
        let longest = "陳".repeat(LONGEST_NAME);
        for name in [
            "CHAN TAI MAN",
            "陳大文",
            "eTAX",
            "O'Brien-Łukasz",
            "香港\u{3000}郵政",
            "𠮷野",
            "ｅＴＡＸ",
            "Zoë",
            "=SUM(1)",
            &longest,
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_are_not() {
        let too_long = "a".repeat(LONGEST_NAME + 1);
        for (name, code) in [
            ("", "name.empty"),
            ("   ", "name.empty"),
            (" eTAX", "name.spacing"),
            ("eTAX ", "name.spacing"),
            ("e  TAX", "name.spacing"),
            ("e\tTAX", "name.control"),
            ("eTAX\u{1b}[31m", "name.control"),
            ("eTAX\u{85}", "name.control"),
            ("eTAX\u{2028}", "name.control"),
            ("\u{202e}XATe", "name.bidi"),
            ("eTAX\u{200f}", "name.bidi"),
            ("e\u{200b}TAX", "name.zero-width"),
            ("e\u{ad}TAX", "name.zero-width"),
            ("e\u{3164}TAX", "name.zero-width"),
            ("eTAX\u{fe0f}", "name.zero-width"),
            ("eTAX\u{e0061}", "name.zero-width"),
            ("eTAX\u{e001}", "name.private-use"),
            ("eTAX\u{f0000}", "name.private-use"),
            ("eTAX\u{fdd0}", "name.noncharacter"),
            ("eTAX\u{1ffff}", "name.noncharacter"),
            (too_long.as_str(), "name.too-long"),
        ] {
            assert_eq!(check_name(name).map_err(TextFault::code), Err(code), "{name:?}");
        }
    }

    #[test]
    fn a_reason_is_a_longer_name() {
        let (longest, too_long) = ("因".repeat(LONGEST_REASON), "因".repeat(LONGEST_REASON + 1));
        assert_eq!(check_reason("leaked key; see ticket 42"), Ok(()));
        assert_eq!(check_reason(&longest), Ok(()));
        assert_eq!(check_reason(&too_long).map_err(|fault| fault.to_string()), Err("has more than 500 characters".to_owned()));
        assert_eq!(check_reason("").map_err(TextFault::code), Err("name.empty"));
        assert_eq!(check_reason("two\nlines").map_err(TextFault::code), Err("name.control"));
        assert_eq!(check_reason("\u{202e}turned").map_err(TextFault::code), Err("name.bidi"));
    }

    #[test]
    fn the_fault_names_the_character_and_its_place() {
        let fault = check_name("稅務\u{202e}易").map_err(|fault| fault.to_string());
        assert_eq!(fault, Err("holds a character that turns the direction of writing, \\u{202e}, as character 3".to_owned()));
    }

    #[test]
    fn names_that_an_eye_takes_for_each_other() {
        for (one, other) in [
            ("eTAX", "ETAX"),
            ("eTAX", "е\u{422}\u{410}\u{425}"),
            ("Inland Revenue", "lnland Revenue"),
            ("Inland Revenue", "1nland  revenue"),
            ("INLAND REVENUE", "inland revenue"),
            ("paypal", "paypaI"),
            ("paypal", "pаypаl"),
            ("modern", "modem"),
            ("eTAX", "ｅＴＡＸ"),
            ("eTAX", "e\u{200b}TAX"),
            ("Hong Kong Post", "HongKong Post"),
            ("Straße", "STRAßE"),
        ] {
            assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
        }
        for (one, other) in
            [("eTAX", "eHealth"), ("稅務局", "稅務易"), ("Sandbox Bank", "Sandbox Tank"), ("Service 10", "Service 11")]
        {
            assert_ne!(skeleton(one), skeleton(other), "{one} {other}");
        }
    }

    #[test]
    fn what_was_probably_meant() {
        let fields = ["redirectUris", "formFields", "functions", "since"];
        for (given, meant) in [
            ("redirectUri", Some("redirectUris")),
            ("redirect_uris", Some("redirectUris")),
            ("REDIRECTURIS", Some("redirectUris")),
            ("fucntions", Some("functions")),
            ("sicne", Some("since")),
            ("colour", None),
            ("", None),
            ("f", None),
        ] {
            assert_eq!(suggest(given, &fields), meant, "{given}");
        }
        assert_eq!(suggest(&"a".repeat(1_000_000), &fields), None);
        assert_eq!(suggest("since", &[]), None);
    }

    proptest! {
        #[test]
        fn visible_text_has_nothing_left_to_show(text in any::<String>()) {
            let shown = visible(&text).into_owned();
            prop_assert!(!shown.chars().any(|c| c.is_control() || CharacterFault::of(c).is_some()));
            prop_assert_eq!(visible(&shown).into_owned(), shown.clone());
        }

        #[test]
        fn a_good_name_is_printed_as_it_is(text in any::<String>()) {
            if check_name(&text).is_ok() {
                prop_assert_eq!(visible(&text), text.as_str());
            }
        }

        #[test]
        fn a_skeleton_has_itself_for_a_skeleton(text in "\\PC{0,30}") {
            let seen = skeleton(&text);
            prop_assert_eq!(skeleton(&seen), seen);
        }
    }
}
