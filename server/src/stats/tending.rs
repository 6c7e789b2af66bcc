//! What may be said of a run of whole months.

use domain::tendency::slope_milli;
use domain::{Bilingual, Figure, Grain, LAUNCH, Month, Tendency};

use super::words::say;

/// A run of months to the unit, and what it supports. The month of the launch was not whole, and before the first one that counts
/// something there is nothing that could rise.
pub struct Run {
    /// What the numbers support.
    pub tendency: Tendency,
    /// Thousandths a month.
    pub slope_milli: i64,
    first: Month,
    last: Month,
}

impl Run {
    /// Of months one after the other, from `first` on.
    #[must_use]
    pub fn of(first: Month, months: &[u64]) -> Self {
        let launched = first <= LAUNCH.month() && LAUNCH != LAUNCH.month().first_day();
        let empty = months.iter().skip(usize::from(launched)).take_while(|number| **number == 0).count();
        let skipped = (usize::from(launched) + empty).min(months.len());
        let months = &months[skipped..];
        let first = Month::from_number(first.number() + i32::try_from(skipped).unwrap_or(0));
        let last = Month::from_number(first.number() + i32::try_from(months.len()).unwrap_or(1) - 1);
        Self { tendency: Tendency::of(months), slope_milli: slope_milli(months), first, last }
    }

    /// In words.
    ///
    /// # Errors
    /// When the words are missing.
    pub fn text(&self, name: &Bilingual) -> anyhow::Result<Bilingual> {
        let month = |month: Month| Bilingual { en: month.english(), zh_hant: month.chinese() };
        let slope = (self.slope_milli.unsigned_abs() + 500) / 1_000;
        // Two digits say what a middle of many slopes can.
        let grain = 10_u64.pow(slope.checked_ilog10().unwrap_or(0).saturating_sub(1));
        let slope = match Figure::about(slope, Grain::of(grain)).shown {
            0 => say("slope-small", &[])?,
            slope => say("slope", &[("slope", domain::spaced(slope).into())])?,
        };
        say(
            &format!("trend-{}", self.tendency),
            &[
                ("name", name.clone().into()),
                ("from", month(self.first).into()),
                ("to", month(self.last).into()),
                ("slope", slope.into()),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(first: &str, months: &[u64]) -> (Tendency, String, String) {
        let run = Run::of(first.parse().unwrap(), months);
        let text = run.text(&Bilingual { en: "Uses".to_owned(), zh_hant: "使用次數".to_owned() }).unwrap();
        (run.tendency, text.en, text.zh_hant)
    }

    #[test]
    fn a_steady_rise_is_said_only_of_one() {
        let (tendency, en, zh) = told("2020-12", &[900, 0, 0, 100, 250, 250, 400, 1_500, 1_800]);
        assert_eq!(tendency, Tendency::SteadyRise, "from the first month that counts something, the launch month left out");
        assert_eq!(en, "Uses: from March 2021 to August 2021 the monthly number is on a steady rise, by about 340 a month.");
        assert_eq!(zh, "使用次數由2021年3月至2021年8月持續上升，每月增加約340。");
        assert_eq!(told("2021-01", &[100, 250, 249, 400, 1_500, 1_800]).0, Tendency::Rise, "one month fell");
        assert_eq!(told("2021-01", &[100, 250, 0, 400, 1_500, 1_800]).0, Tendency::NoTrend, "nothing is sure");
        assert_eq!(
            told("2021-01", &[1, 2, 3]),
            (
                Tendency::TooShort,
                "Uses: too few whole months for a trend.".to_owned(),
                "使用次數：完整月份過少，未能顯示趨勢。".to_owned()
            )
        );
        assert_eq!(told("2021-01", &[]).0, Tendency::TooShort);
        let (tendency, en, _) = told("2021-01", &[3, 3, 3, 2, 2, 2, 2, 1, 1, 1]);
        assert_eq!((tendency, en.ends_with("by less than 1 a month.")), (Tendency::SteadyFall, true), "{en}");
    }
}
