//! Chance with a key: the same seed draws the same population everywhere.

/// SplitMix64 (Steele, Lea, Flood 2014): a counter and a mixing function. A stream begins at a point that its key decides, so
/// that any account or any day of a service can be drawn again without drawing what comes before it.
#[derive(Debug)]
pub(super) struct Chance(u64);

/// What a stream is for: two purposes never share one.
#[derive(Clone, Copy)]
#[repr(u64)]
pub(super) enum Purpose {
    Life = 1,
    Person = 2,
    Use = 3,
    Numbers = 4,
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Chance {
    /// The stream of that key.
    pub(super) const fn keyed(seed: u64, purpose: Purpose, number: u64) -> Chance {
        let purpose = (purpose as u64).wrapping_mul(GAMMA);
        Chance(mix(mix(seed.wrapping_add(purpose)).wrapping_add(number.wrapping_mul(GAMMA))))
    }

    /// The next 64 bits.
    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A number below `bound`; 0 when there is none. Uneven by less than one in 2^30, which nobody sees in a population.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        // Below `bound`.
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Whether something with that share per mille happens.
    pub(super) fn per_mille(&mut self, share: u32) -> bool {
        self.below(1_000) < u64::from(share)
    }
}

/// Values with weights, to draw from.
#[derive(Clone, Debug)]
pub(super) struct Draw<T> {
    edges: Vec<u64>,
    values: Vec<T>,
}

impl<T> Draw<T> {
    /// Values without weight are left out; the findings see to it that some have one.
    pub(super) fn new(weighted: impl IntoIterator<Item = (T, u32)>) -> Draw<T> {
        let mut draw = Draw { edges: Vec::new(), values: Vec::new() };
        let mut sum = 0;
        for (value, weight) in weighted.into_iter().filter(|(_, weight)| *weight > 0) {
            sum += u64::from(weight);
            draw.edges.push(sum);
            draw.values.push(value);
        }
        draw
    }

    /// Whether there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// One of them.
    pub(super) fn pick(&self, chance: &mut Chance) -> &T {
        let at = chance.below(self.edges.last().copied().unwrap_or(0));
        &self.values[self.edges.partition_point(|edge| *edge <= at)]
    }
}

/// Chooses exactly `left` out of `among`, one after the other (Knuth, selection sampling).
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    pub(super) left: u64,
    pub(super) among: u64,
}

impl Quota {
    pub(super) fn chooses(&mut self, chance: &mut Chance) -> bool {
        let chosen = chance.below(self.among) < self.left;
        self.left -= u64::from(chosen);
        self.among = self.among.saturating_sub(1);
        chosen
    }
}

/// A one-to-one scattering of `0..size`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scatter {
    size: u64,
    factor: u64,
    offset: u64,
}

impl Scatter {
    pub(super) fn new(size: u64, chance: &mut Chance) -> Scatter {
        let offset = chance.below(size);
        // Multiplying by what shares no divisor with the size meets every number once.
        let mut factor = size / 2 + chance.below(size / 2) + 1;
        while common_divisor(factor, size) != 1 {
            factor += 1;
        }
        Scatter { size, factor, offset }
    }

    pub(super) fn place(&self, number: u64) -> u64 {
        let product = u128::from(number % self.size) * u128::from(self.factor) + u128::from(self.offset);
        // Below `size`.
        u64::try_from(product % u128::from(self.size)).unwrap_or(0)
    }
}

const fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

const REFERENCE_BITS: u32 = 45;
const REFERENCE_MASK: u64 = (1 << REFERENCE_BITS) - 1;

/// A one-to-one scattering of 45-bit numbers: references that look drawn and never meet twice.
pub(super) const fn reference(number: u64, key: u64) -> u64 {
    let mut x = (number ^ key) & REFERENCE_MASK;
    x = x.wrapping_mul(0xd6e8_feb8_6659_fd93) & REFERENCE_MASK;
    x ^= x >> 22;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9) & REFERENCE_MASK;
    x ^ (x >> 23)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_stream_is_the_published_generator() {
        // First outputs of SplitMix64 from state 1234567, as Rosetta Code and the reference code print them.
        let mut chance = Chance(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| chance.next()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_quota_is_met_exactly() {
        for seed in 0..50 {
            let mut chance = Chance::keyed(seed, Purpose::Life, 0);
            let mut quota = Quota { left: 37, among: 500 };
            let chosen = (0..500).filter(|_| quota.chooses(&mut chance)).count();
            assert_eq!(chosen, 37);
        }
    }

    #[test]
    fn scattered_numbers_never_meet() {
        for size in [10, 1_000, 26_000] {
            let scatter = Scatter::new(size, &mut Chance::keyed(size, Purpose::Numbers, 0));
            let places: HashSet<u64> = (0..size).map(|number| scatter.place(number)).collect();
            assert_eq!(places.len() as u64, size);
            assert!(places.iter().all(|place| *place < size));
        }
        let references: HashSet<u64> = (0..100_000).map(|number| reference(number, 99)).collect();
        assert_eq!(references.len(), 100_000);
        assert!(references.iter().all(|reference| *reference <= REFERENCE_MASK));
    }

    #[test]
    fn shares_are_drawn_as_often_as_they_say() {
        let draw = Draw::new([("a", 700), ("none", 0), ("b", 300)]);
        let mut chance = Chance::keyed(1, Purpose::Use, 0);
        let a = (0..100_000).filter(|_| *draw.pick(&mut chance) == "a").count();
        assert!((69_000..71_000).contains(&a), "{a}");
    }
}
