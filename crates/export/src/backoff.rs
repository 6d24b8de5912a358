//! The delay of a lane after a failure.
//!
//! This is exponential back-off with full jitter. The ceiling doubles with each failure in a row, and the delay is drawn
//! evenly from the range below it. So lanes that failed together in one outage come back at different times.
//!
//! The generator is `SplitMix64`, which is small and good enough to spread retries. It is seeded, so that a run can be
//! repeated exactly. It is not a source of secrets.

/// The retry policy, and the state of its generator.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    ceiling_ms_min: u64,
    ceiling_ms_max: u64,
    random: SplitMix64,
}

impl Backoff {
    pub(crate) fn new(ceiling_ms_min: u64, ceiling_ms_max: u64, seed: u64) -> Self {
        let ceiling_ms_min = ceiling_ms_min.max(1);
        Self { ceiling_ms_min, ceiling_ms_max: ceiling_ms_max.max(ceiling_ms_min), random: SplitMix64(seed) }
    }

    /// Returns the delay after the `failures`-th failure in a row: from 1 ms to the ceiling, both included.
    pub(crate) fn delay_ms(&mut self, failures: u32) -> u64 {
        let doublings = failures.saturating_sub(1);
        let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        let ceiling = self.ceiling_ms_min.saturating_mul(factor).min(self.ceiling_ms_max);
        1 + self.random.below(ceiling)
    }
}

#[derive(Debug, Clone)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`. The high half of a 128-bit product needs no division, and its bias is too small to
    /// show in delays.
    fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_splitmix64() {
        let mut random = SplitMix64(1_234_567);
        let drawn: Vec<u64> = (0..5).map(|_| random.next()).collect();
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
    fn delays_fill_the_range_below_a_doubling_ceiling() {
        let mut backoff = Backoff::new(50, 2000, 9);
        for (failures, ceiling) in
            [(1, 50), (2, 100), (3, 200), (6, 1600), (7, 2000), (64, 2000), (u32::MAX, 2000)]
        {
            let delays: Vec<u64> = (0..2000).map(|_| backoff.delay_ms(failures)).collect();
            assert!(delays.iter().all(|delay| (1..=ceiling).contains(delay)), "after {failures} failures");
            let mean = delays.iter().sum::<u64>() / 2000;
            assert!(mean > ceiling * 4 / 10 && mean < ceiling * 6 / 10, "mean {mean} below {ceiling}");
        }
    }

    #[test]
    fn extreme_limits_neither_panic_nor_give_a_zero_delay() {
        assert_eq!(Backoff::new(0, 0, 0).delay_ms(u32::MAX), 1);
        assert!(Backoff::new(u64::MAX, u64::MAX, 3).delay_ms(u32::MAX) >= 1);
        assert!((1..=70).contains(&Backoff::new(70, 5, 3).delay_ms(9)));
    }
}
