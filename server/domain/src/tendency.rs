//! What may be said of a run of months. Words are chosen by the numbers, never the other way round.

use crate::wire::words;

words! {
    /// What the numbers support.
    pub enum Tendency, "tendency" {
        /// At least six months, each at least as high as the one before, the last higher than the first, and no month without a
        /// number: "on a steady rise".
        SteadyRise = 1 => "steady-rise",
        /// Rising by the Mann-Kendall test at the level of 5 %: "rising".
        Rise = 2 => "rise",
        /// Neither rises nor falls by that test: "without a clear trend".
        NoTrend = 3 => "no-trend",
        /// Falling by that test: "falling".
        Fall = 4 => "fall",
        /// The mirror of a steady rise: "on a steady fall".
        SteadyFall = 5 => "steady-fall",
        /// Fewer than six months: nothing is said.
        TooShort = 6 => "too-short",
    }
}
