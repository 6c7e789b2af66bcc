//! Parts of a population, and the parting of totals.

use crate::Refusal;

const WHOLE: u32 = 1_000_000;

/// The part of a population that is made: above 0, at most the whole, in millionths, so that the same scale gives the same
/// counts on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scale(u32);

impl Scale {
    /// All of it.
    pub const FULL: Scale = Scale(WHOLE);

    /// From a number above 0 and at most 1; what lies beyond six decimals is rounded.
    ///
    /// # Errors
    /// `population.scale` for any other number.
    pub fn new(scale: f64) -> Result<Scale, Refusal> {
        if scale > 0.0 && scale <= 1.0 {
            // Within 1 to 1 000 000 by the line above.
            return Ok(Scale(((scale * f64::from(WHOLE)).round() as u32).max(1)));
        }
        Err(Refusal::new("population.scale", format!("the scale {scale} is not a part of a population"))
            .hint("give a number above 0 and at most 1, such as 0.01"))
    }

    /// In millionths.
    #[must_use]
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// A count at this scale, rounded down.
    #[must_use]
    pub fn of(self, count: u64) -> u64 {
        let scaled = u128::from(count) * u128::from(self.0) / u128::from(WHOLE);
        // Never above `count`.
        u64::try_from(scaled).unwrap_or(count)
    }
}

impl std::fmt::Display for Scale {
    /// `1`, `0.01`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", f64::from(self.0) / f64::from(WHOLE))
    }
}

/// Parts a total by weights, exactly: each part is rounded down, and what is left over goes one each to the largest
/// remainders, ties to the earlier. Nothing but zeros when every weight is zero.
#[must_use]
pub fn largest_remainder(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let shares = weights.iter().map(|weight| u128::from(total) * u128::from(*weight));
    let mut parts: Vec<u64> = shares.clone().map(|share| u64::try_from(share / sum).unwrap_or(total)).collect();
    let left = total - parts.iter().sum::<u64>();
    let mut places: Vec<(u128, usize)> = shares.map(|share| share % sum).zip(0..).collect();
    places.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    // Fewer are left than there are parts with a remainder.
    for (_, place) in places.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        parts[place] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_scale_is_a_part_of_the_whole() {
        assert_eq!(Scale::new(1.0).unwrap(), Scale::FULL);
        assert_eq!(Scale::new(0.29).unwrap().of(100), 29);
        assert_eq!(Scale::new(0.01).unwrap().of(1_312_480), 13_124);
        assert_eq!(Scale::new(0.001).unwrap().to_string(), "0.001");
        for wrong in [0.0, -0.1, 1.000_001, f64::NAN, f64::INFINITY] {
            assert_eq!(Scale::new(wrong).unwrap_err().code, "population.scale");
        }
    }

    #[test]
    fn what_is_left_over_goes_to_the_largest_remainders_and_to_the_earlier_of_two() {
        assert_eq!(largest_remainder(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(largest_remainder(5, &[2, 0, 3]), [2, 0, 3]);
        assert_eq!(largest_remainder(1, &[1, 5, 5]), [0, 1, 0]);
        assert_eq!(largest_remainder(7, &[0, 0]), [0, 0]);
    }

    proptest! {
        #[test]
        fn parts_make_up_the_whole(total in 0..20_000_000_u64, weights in prop::collection::vec(0..1_000_000_u64, 1..60)) {
            let parts = largest_remainder(total, &weights);
            let sum: u64 = weights.iter().sum();
            prop_assert_eq!(parts.iter().sum::<u64>(), if sum == 0 { 0 } else { total });
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(sum == 0 || part.abs_diff(total * weight / sum) <= 1);
                prop_assert!(*weight > 0 || *part == 0);
            }
        }
    }
}
