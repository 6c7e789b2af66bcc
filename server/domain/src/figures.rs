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

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

    /// The grain of a figure that no definition gives one for: two significant digits from 100 on,
    /// every unit below.
    pub const fn for_magnitude(value: u64) -> Grain {
        let mut grain = 1;
        while value / grain >= 100 {
            grain *= 10;
        }
        Grain(grain)
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

/// How one figure of the report is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FigureDefinition {
    /// Its id: `accounts.registered`.
    pub id: &'static str,
    /// How it is rounded.
    pub rule: Rule,
    /// To what.
    pub grain: Grain,
    /// English words.
    pub comparative: Comparative,
    /// Chinese measure word; empty for none.
    pub measure: &'static str,
}

impl FigureDefinition {
    /// The figure for a number counted.
    pub const fn figure(&self, exact: u64) -> Figure {
        Figure::by(exact, self.rule, self.grain)
    }

    /// In English.
    pub fn english(&self, exact: u64) -> String {
        self.figure(exact).english(self.comparative)
    }

    /// In Traditional Chinese.
    pub fn chinese(&self, exact: u64) -> String {
        self.figure(exact).chinese(self.measure)
    }
}

/// The figures of the reply of 2022, each with the grain and the words it was given in.
pub const DEFINITIONS: &[FigureDefinition] = &[
    FigureDefinition {
        id: "accounts.registered",
        rule: Rule::MoreThan,
        grain: Grain::of(100_000),
        comparative: Comparative::MoreThan,
        measure: "",
    },
    FigureDefinition {
        id: "accounts.registered.plus",
        rule: Rule::MoreThan,
        grain: Grain::of(100_000),
        comparative: Comparative::MoreThan,
        measure: "",
    },
    FigureDefinition {
        id: "services.accessible",
        rule: Rule::MoreThan,
        grain: Grain::of(10),
        comparative: Comparative::Over,
        measure: "項",
    },
    FigureDefinition {
        id: "usage.total",
        rule: Rule::MoreThan,
        grain: Grain::of(1_000_000),
        comparative: Comparative::Over,
        measure: "次",
    },
    FigureDefinition {
        id: "usage.private",
        rule: Rule::About,
        grain: Grain::of(100_000),
        comparative: Comparative::MoreThan,
        measure: "次",
    },
];

/// The definition of a figure, by its id.
pub fn definition(id: &str) -> Option<&'static FigureDefinition> {
    DEFINITIONS.iter().find(|definition| definition.id == id)
}
