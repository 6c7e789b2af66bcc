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

/// The fewest months of which anything is said.
const FEWEST: usize = 6;

impl Tendency {
    /// What a run of whole months supports.
    ///
    /// Mann-Kendall with the correction for ties, two-sided at 5 % (Mann, Econometrica 13, 1945; Kendall, Rank Correlation Methods,
    /// 1975), in whole numbers: `(|S| - 1)^2 > 1.96^2 var(S)`.
    pub fn of(months: &[u64]) -> Tendency {
        if months.len() < FEWEST {
            return Tendency::TooShort;
        }
        let (first, last) = (months.first(), months.last());
        if months.is_sorted() && first < last && !months.contains(&0) {
            return Tendency::SteadyRise;
        }
        if months.is_sorted_by(|one, next| one >= next) && first > last {
            return Tendency::SteadyFall;
        }
        let score: i128 = pairs(months).map(|(one, other, _)| i128::from(other > one) - i128::from(other < one)).sum();
        let term = |n: usize| (n * n.saturating_sub(1) * (2 * n + 5)) as u128;
        let mut sorted = months.to_vec();
        sorted.sort_unstable();
        let ties: u128 = sorted.chunk_by(|one, other| one == other).map(|level| term(level.len())).sum();
        let variance_18 = term(months.len()) - ties;
        let above = score.unsigned_abs().saturating_sub(1);
        // 1.96^2 = 3.8416, and the variance is an eighteenth.
        if above * above * 18 * 10_000 <= 38_416 * variance_18 {
            Tendency::NoTrend
        } else if score > 0 {
            Tendency::Rise
        } else {
            Tendency::Fall
        }
    }
}

/// The slope of a run of months in thousandths of a unit a month: the median of the slopes of all pairs, the mean of the two middle
/// ones where their number is even (Theil 1950; Sen, JASA 63, 1968). 0 of fewer than two months.
pub fn slope_milli(months: &[u64]) -> i64 {
    let mut slopes: Vec<i128> =
        pairs(months).map(|(one, other, apart)| (i128::from(other) - i128::from(one)) * 1_000 / i128::from(apart)).collect();
    slopes.sort_unstable();
    let middle = slopes.len() / 2;
    let slope = match slopes.get(middle) {
        None => 0,
        Some(slope) if slopes.len() % 2 == 1 => *slope,
        Some(slope) => (slopes[middle - 1] + slope) / 2,
    };
    i64::try_from(slope).unwrap_or(if slope > 0 { i64::MAX } else { i64::MIN })
}

/// Every two months, the earlier first, and how many months lie between them.
fn pairs(months: &[u64]) -> impl Iterator<Item = (u64, u64, u32)> {
    months
        .iter()
        .enumerate()
        .flat_map(move |(place, one)| (1_u32..).zip(&months[place + 1..]).map(|(apart, other)| (*one, *other, apart)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_chosen_by_the_numbers() {
        for (months, tendency) in [
            (&[1_u64, 2, 3, 4, 5] as &[_], Tendency::TooShort),
            (&[1, 2, 3, 4, 5, 6], Tendency::SteadyRise),
            (&[1, 2, 2, 4, 5, 5], Tendency::SteadyRise),
            (&[0, 2, 3, 4, 5, 6], Tendency::Rise),
            (&[5, 5, 5, 5, 5, 5], Tendency::NoTrend),
            (&[6, 5, 4, 3, 2, 0], Tendency::SteadyFall),
            // One step back: rising, and no longer steadily.
            (&[1, 2, 4, 3, 5, 6], Tendency::Rise),
            // S = 11 of 15: 5.6 % by the exact table for n = 6, so nothing is said.
            (&[1, 3, 2, 5, 4, 6], Tendency::NoTrend),
            (&[9, 8, 7, 5, 6, 4, 3, 2], Tendency::Fall),
            (&[3, 9, 1, 7, 2, 8, 4, 6], Tendency::NoTrend),
            // Ties on both sides of a step.
            (&[1, 1, 1, 1, 0, 1, 9, 9], Tendency::NoTrend),
        ] {
            assert_eq!(Tendency::of(months), tendency, "{months:?}");
        }
    }

    #[test]
    fn the_slope_is_the_middle_of_all_pairs() {
        assert_eq!(slope_milli(&[]), 0);
        assert_eq!(slope_milli(&[7]), 0);
        assert_eq!(slope_milli(&[10, 12]), 2_000);
        assert_eq!(slope_milli(&[10, 12, 100]), 45_000);
        assert_eq!(slope_milli(&[10, 20, 30, 40, 5_000, 60]), 10_000, "one wild month moves nothing");
        assert_eq!(slope_milli(&[60, 50, 40]), -10_000);
        assert_eq!(slope_milli(&[0, u64::MAX]), i64::MAX);
    }
}
