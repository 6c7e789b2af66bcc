//! Figures as the Legislative Council is told them.
//!
//! The exact number is always kept beside the words. "More than" is rounded down to an announced
//! grain and never up; "about" to the nearest. Three cases are decided here:
//!
//! * A value smaller than its grain falls to the next smaller power of ten until it is not, so that
//!   nobody reads "more than 0": 60 000 with a grain of 100 000 is "more than 60 000", if
//!   it is more than that.
//! * A value that is exactly a multiple of its grain is not more than itself. It is said as it is:
//!   1 300 000 is "1.3 million", not "more than 1.2 million", which would understate it, nor
//!   "more than 1.3 million", which would be false.
//! * "About" stays "about" on an exact multiple; nothing is overstated by it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::{Day, Timestamp};
use crate::wire::words;

words! {
    /// How a figure relates to the exact number.
    pub enum Rule, "rule of rounding" {
        /// Rounded down; the exact number is more.
        MoreThan = 1 => "more-than",
        /// Rounded to the nearest.
        About = 2 => "about",
        /// Not rounded.
        Exact = 3 => "exact",
    }
}

words! {
    /// Which English words "more than" is said in. The papers count people with the one and
    /// services and uses with the other.
    pub enum Comparative, "comparative" {
        /// `more than 400 000`.
        MoreThan = 1 => "more than",
        /// `over 210`.
        Over = 2 => "over",
    }
}

/// What a figure is rounded to; at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Grain(u64);

impl Grain {
    /// A grain; 0 is taken as 1.
    pub const fn of(grain: u64) -> Grain {
        if grain == 0 { Grain(1) } else { Grain(grain) }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// This grain, or the largest smaller power of ten that `value` reaches.
    const fn fit(self, value: u64) -> Grain {
        let mut grain = self.0;
        while grain > 1 && value < grain {
            grain = power_of_ten_below(grain);
        }
        Grain(grain)
    }
}

const fn power_of_ten_below(grain: u64) -> u64 {
    let mut power = 1;
    // Division, because ten times the largest power would not fit.
    while (grain - 1) / 10 >= power {
        power *= 10;
    }
    power
}

/// An exact number and what is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// The number counted.
    pub exact: u64,
    /// The number said.
    pub shown: u64,
    /// What it was rounded to.
    pub grain: u64,
    /// How `shown` relates to `exact`.
    pub rule: Rule,
}

impl Figure {
    /// Rounded down. `shown < exact` whenever the rule is [`Rule::MoreThan`].
    pub const fn more_than(exact: u64, grain: Grain) -> Figure {
        let grain = grain.fit(exact).get();
        let shown = exact - exact % grain;
        let rule = if shown == exact { Rule::Exact } else { Rule::MoreThan };
        Figure { exact, shown, grain, rule }
    }

    /// Rounded to the nearest, half way upwards.
    pub const fn about(exact: u64, grain: Grain) -> Figure {
        let grain = grain.fit(exact).get();
        let below = exact - exact % grain;
        let shown = if exact % grain >= grain - exact % grain {
            // Near the largest number there is nothing above.
            match below.checked_add(grain) {
                Some(above) => above,
                None => below,
            }
        } else {
            below
        };
        Figure { exact, shown, grain, rule: if grain == 1 { Rule::Exact } else { Rule::About } }
    }

    /// As counted.
    pub const fn exactly(exact: u64) -> Figure {
        Figure { exact, shown: exact, grain: 1, rule: Rule::Exact }
    }

    /// By the rule of a definition.
    pub const fn by(exact: u64, rule: Rule, grain: Grain) -> Figure {
        match rule {
            Rule::MoreThan => Figure::more_than(exact, grain),
            Rule::About => Figure::about(exact, grain),
            Rule::Exact => Figure::exactly(exact),
        }
    }

    /// `more than 1.3 million`, `over 210`, `about 200 000`, `1.3 million`.
    pub fn english(&self, comparative: Comparative) -> String {
        let number = english_number(self.shown);
        match self.rule {
            Rule::MoreThan => format!("{comparative} {number}"),
            Rule::About => format!("about {number}"),
            Rule::Exact => number,
        }
    }

    /// `超過130萬`, `超過210項`, `約20萬次`, with the measure word after the number (empty for none).
    pub fn chinese(&self, measure: &str) -> String {
        let number = chinese_number(self.shown);
        let words = match self.rule {
            Rule::MoreThan => "超過",
            Rule::About => "約",
            Rule::Exact => "",
        };
        format!("{words}{number}{measure}")
    }
}

/// How long after its end a day of recording may still gain something: longer than any transaction takes, and than the clocks of
/// nodes may differ.
const MARGIN: Duration = Duration::from_hours(1);

/// Whether nothing more can come to be on record under a day: what is known at it never changes again.
pub fn is_final(known_at: Day, now: Timestamp) -> bool {
    now >= known_at.end().plus(MARGIN)
}

/// Thousands parted by a space: `400 000`.
pub fn spaced(number: u64) -> String {
    let digits = number.to_string();
    let mut spaced = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            spaced.push(' ');
        }
        spaced.push(digit);
    }
    spaced
}

const MILLION: u64 = 1_000_000;
const BILLION: u64 = 1_000_000_000;

/// `1.3 million` from a million on when two decimals are enough to say it exactly, `400 000` otherwise.
fn english_number(number: u64) -> String {
    in_units(number, BILLION)
        .map(|text| format!("{text} billion"))
        .or_else(|| in_units(number, MILLION).map(|text| format!("{text} million")))
        .unwrap_or_else(|| spaced(number))
}

const MYRIAD: u64 = 10_000;
const HUNDRED_MILLION: u64 = 100_000_000;

/// `130萬` from ten thousand on and `1.7億` from a hundred million on, under the same condition.
fn chinese_number(number: u64) -> String {
    in_units(number, HUNDRED_MILLION)
        .map(|text| format!("{text}億"))
        .or_else(|| in_units(number, MYRIAD).map(|text| format!("{text}萬")))
        .unwrap_or_else(|| spaced(number))
}

/// The number in a larger unit, when it reaches it and needs at most two decimals.
fn in_units(number: u64, unit: u64) -> Option<String> {
    let hundredth = unit / 100;
    if number < unit || !number.is_multiple_of(hundredth) {
        return None;
    }
    let whole = spaced(number / unit);
    Some(match number % unit / hundredth {
        0 => whole,
        tenths if tenths.is_multiple_of(10) => format!("{whole}.{}", tenths / 10),
        hundredths => format!("{whole}.{hundredths:02}"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The figures of the reply of 2022, each with the rule, the grain and the words it was given in.
    const OF_2022: [(&str, Rule, u64, Comparative, &str); 5] = [
        ("accounts.registered", Rule::MoreThan, 100_000, Comparative::MoreThan, ""),
        ("accounts.registered.plus", Rule::MoreThan, 100_000, Comparative::MoreThan, ""),
        ("services.accessible", Rule::MoreThan, 10, Comparative::Over, "項"),
        ("usage.total", Rule::MoreThan, 1_000_000, Comparative::Over, "次"),
        ("usage.private", Rule::About, 100_000, Comparative::MoreThan, "次"),
    ];

    fn said(id: &str, exact: u64) -> (String, String) {
        let (_, rule, grain, comparative, measure) = *OF_2022.iter().find(|(of, ..)| *of == id).unwrap();
        let figure = Figure::by(exact, rule, Grain::of(grain));
        (figure.english(comparative), figure.chinese(measure))
    }

    fn pair(english: &str, chinese: &str) -> (String, String) {
        (english.to_owned(), chinese.to_owned())
    }

    #[test]
    fn a_day_is_final_an_hour_after_its_end_in_hong_kong() {
        let is_final = |now: &str| is_final("2022-06-10".parse().unwrap(), now.parse().unwrap());
        assert!(!is_final("2022-06-10T12:00:00+08:00") && !is_final("2022-06-11T00:59:59.999999+08:00"));
        assert!(is_final("2022-06-11T01:00:00+08:00"));
    }

    #[test]
    fn the_figures_of_the_reply_of_2022() {
        assert_eq!(said("accounts.registered", 1_312_480), pair("more than 1.3 million", "超過130萬"));
        assert_eq!(said("accounts.registered.plus", 412_350), pair("more than 400 000", "超過40萬"));
        assert_eq!(said("services.accessible", 214), pair("over 210", "超過210項"));
        assert_eq!(said("usage.total", 17_240_000), pair("over 17 million", "超過1 700萬次"));
        assert_eq!(said("usage.private", 203_000), pair("about 200 000", "約20萬次"));
        assert_eq!(said("usage.private", 199_800), pair("about 200 000", "約20萬次"));
    }

    #[test]
    fn a_small_sandbox_is_not_told_as_more_than_nothing() {
        // The same report at a hundredth of the size.
        assert_eq!(said("accounts.registered", 13_124), pair("more than 10 000", "超過1萬"));
        assert_eq!(said("accounts.registered.plus", 4_123), pair("more than 4 000", "超過4 000"));
        assert_eq!(said("services.accessible", 9), pair("9", "9項"));
        assert_eq!(said("usage.total", 172_400), pair("over 100 000", "超過10萬次"));
        assert_eq!(said("usage.private", 2_030), pair("about 2 000", "約2 000次"));
        assert_eq!(said("usage.private", 95_000), pair("about 100 000", "約10萬次"));
        for (id, ..) in OF_2022 {
            assert_eq!(said(id, 0).0, "0");
            assert_eq!(said(id, 7).0, "7");
        }
    }

    #[test]
    fn an_exact_multiple_is_not_more_than_itself() {
        assert_eq!(said("accounts.registered", 1_300_000), pair("1.3 million", "130萬"));
        assert_eq!(said("accounts.registered", 1_300_001), pair("more than 1.3 million", "超過130萬"));
        assert_eq!(said("accounts.registered", 1_299_999), pair("more than 1.2 million", "超過120萬"));
        assert_eq!(said("services.accessible", 210), pair("210", "210項"));
        assert_eq!(said("usage.private", 200_000), pair("about 200 000", "約20萬次"));
    }

    #[test]
    fn about_is_the_nearest_and_half_way_upwards() {
        let grain = Grain::of(100_000);
        for (exact, shown) in [(149_999, 100_000), (150_000, 200_000), (249_999, 200_000), (250_000, 300_000)] {
            assert_eq!(Figure::about(exact, grain).shown, shown, "{exact}");
        }
        assert_eq!(Figure::about(u64::MAX, grain).shown, u64::MAX - u64::MAX % 100_000);
    }

    #[test]
    fn a_grain_that_is_no_power_of_ten_falls_to_one() {
        let grain = Grain::of(2_500);
        assert_eq!(Figure::more_than(7_600, grain).shown, 7_500);
        assert_eq!((Figure::more_than(2_400, grain).shown, Figure::more_than(2_400, grain).grain), (2_000, 1_000));
        assert_eq!(Figure::more_than(u64::MAX, Grain::of(u64::MAX)).rule, Rule::Exact);
        assert_eq!(Grain::of(0).get(), 1);
        assert_eq!(Figure::more_than(u64::MAX - 1, Grain::of(u64::MAX)).grain, 10_000_000_000_000_000_000);
    }

    #[test]
    fn numbers_in_words() {
        for (number, english, chinese) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1_000, "1 000", "1 000"),
            (9_999, "9 999", "9 999"),
            (10_000, "10 000", "1萬"),
            (45_000, "45 000", "4.5萬"),
            (12_345, "12 345", "12 345"),
            (400_000, "400 000", "40萬"),
            (999_999, "999 999", "999 999"),
            (1_000_000, "1 million", "100萬"),
            (1_050_000, "1.05 million", "105萬"),
            (1_250_000, "1.25 million", "125萬"),
            (1_312_345, "1 312 345", "1 312 345"),
            (17_000_000, "17 million", "1 700萬"),
            (100_000_000, "100 million", "1億"),
            (170_000_000, "170 million", "1.7億"),
            (1_000_000_000, "1 billion", "10億"),
            (100_000_000_000, "100 billion", "1 000億"),
            (1_234_560_000, "1 234.56 million", "123 456萬"),
        ] {
            assert_eq!(english_number(number), english);
            assert_eq!(chinese_number(number), chinese);
        }
        assert_eq!(spaced(u64::MAX), "18 446 744 073 709 551 615");
    }

    /// The number that a figure's English words say.
    fn understood(text: &str) -> f64 {
        let number = text.trim_start_matches(|c: char| !c.is_ascii_digit());
        let (digits, factor) = match number.rsplit_once(' ') {
            Some((digits, "million")) => (digits, 1e6),
            Some((digits, "billion")) => (digits, 1e9),
            _ => (number, 1.0),
        };
        digits.replace(' ', "").parse::<f64>().unwrap() * factor
    }

    /// Any magnitude is as likely as any other.
    fn counts() -> impl Strategy<Value = u64> {
        (0_u32..53, any::<u64>()).prop_map(|(bits, number)| number & ((1 << bits) - 1))
    }

    fn grains() -> impl Strategy<Value = Grain> {
        prop_oneof![(0_u32..12).prop_map(|power| Grain::of(10_u64.pow(power))), (1_u64..10_000_000).prop_map(Grain::of)]
    }

    proptest! {
        #[test]
        fn more_than_never_overstates(exact in counts(), grain in grains()) {
            let figure = Figure::more_than(exact, grain);
            match figure.rule {
                Rule::MoreThan => prop_assert!(figure.shown < exact),
                Rule::Exact => prop_assert_eq!(figure.shown, exact),
                Rule::About => prop_assert!(false, "more than became about"),
            }
            // Nor does it understate by more than the grain it announces, nor say "more than 0".
            prop_assert!(exact - figure.shown < figure.grain);
            prop_assert!(figure.grain <= grain.get());
            prop_assert!(figure.shown > 0 || exact == 0);
            prop_assert!(figure.shown.is_multiple_of(figure.grain));
            for comparative in Comparative::ALL {
                let text = figure.english(*comparative);
                prop_assert!(understood(&text) <= exact as f64, "{} for {}", text, exact);
                prop_assert_eq!(text.starts_with(comparative.as_str()), figure.rule == Rule::MoreThan);
            }
        }

        #[test]
        fn about_is_within_half_a_grain(exact in counts(), grain in grains()) {
            let figure = Figure::about(exact, grain);
            prop_assert!(figure.shown.abs_diff(exact) * 2 <= figure.grain);
            prop_assert!(figure.shown > 0 || exact == 0);
            prop_assert!(exact == 0 || figure.grain <= exact);
        }

        #[test]
        fn the_words_say_the_number_shown(exact in counts()) {
            let figure = Figure::exactly(exact);
            let said = understood(&figure.english(Comparative::MoreThan));
            prop_assert!((said - exact as f64).abs() <= exact as f64 * 1e-12);
        }
    }
}
