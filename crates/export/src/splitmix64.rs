//! Random numbers for delays.

/// The generator `SplitMix64`, which is small and good enough to spread delays.
///
/// It is seeded, so that a run can be repeated exactly. It is not a source of secrets.
///
/// ```
/// use ron_accounting_export::SplitMix64;
///
/// let mut delays = SplitMix64::new(7);
/// let delay_ms = delays.below(250);
/// assert!(delay_ms < 250);
/// assert_eq!(SplitMix64::new(7).below(250), delay_ms);
/// ```
#[derive(Debug, Clone)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// Makes a generator. The same seed gives the same numbers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Draws a number from all that there are.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws a number below `bound`, or 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of a 128-bit product needs no division, and its bias is too small to show in delays.
        let product = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_splitmix64() {
        let mut random = SplitMix64::new(1_234_567);
        let drawn: Vec<u64> = (0..5).map(|_| random.next_u64()).collect();
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn numbers_below_a_bound_reach_all_of_the_range_and_no_further() {
        let mut random = SplitMix64::new(3);
        let mut drawn = [0_u32; 5];
        for _ in 0..1000 {
            drawn[usize::try_from(random.below(5)).unwrap()] += 1;
        }
        assert!(drawn.iter().all(|times| (150..250).contains(times)), "{drawn:?}");
        assert_eq!((random.below(0), random.below(1)), (0, 0));
    }
}
