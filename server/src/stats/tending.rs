//! What may be said of a run of whole months.

use domain::tendency::slope_milli;
use domain::{Bilingual, Figure, Grain, LAUNCH, Month, Tendency};

use super::words::say;

/// A run of months to the unit, and what it supports. The month of the launch was not whole.
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
        let skipped = usize::from(launched).min(months.len());
        let months = &months[skipped..];
        let first = if launched { first.next() } else { first };
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
        let slope = Figure::about(slope, Grain::of(grain)).shown;
        say(
            &format!("trend-{}", self.tendency),
            &[
                ("name", name.clone().into()),
                ("from", month(self.first).into()),
                ("to", month(self.last).into()),
                ("slope", domain::spaced(slope).into()),
            ],
        )
    }
}
