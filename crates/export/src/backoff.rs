//! The delay of a lane after a failure.
//!
//! This is exponential back-off with full jitter. The ceiling doubles with each failure in a row, and the delay is drawn
//! evenly from the range below it. So lanes that failed together in one outage come back at different times.

use crate::SplitMix64;

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
        Self {
            ceiling_ms_min,
            ceiling_ms_max: ceiling_ms_max.max(ceiling_ms_min),
            random: SplitMix64::new(seed),
        }
    }

    /// Returns the delay after the `failures`-th failure in a row: from 1 ms to the ceiling, both included.
    pub(crate) fn delay_ms(&mut self, failures: u32) -> u64 {
        let doublings = failures.saturating_sub(1);
        let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        let ceiling = self.ceiling_ms_min.saturating_mul(factor).min(self.ceiling_ms_max);
        1 + self.random.below(ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
