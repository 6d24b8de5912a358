//! Time that never goes back, measured by a wall clock that may.
//!
//! Delays and timeouts are spans, but callers pass readings of a wall clock. If due times were kept as wall-clock values, setting
//! the clock back by an hour would silence every waiting lane for an hour. So each reading adds its distance from the reading
//! before it, and a step back adds nothing.

/// The largest step back, in milliseconds, that is taken for a late reading.
///
/// Threads read the clock before they take the lock, so readings may arrive in the wrong order. If a late reading counted as a
/// step back, the time up to the newer reading would be added again. The price is that after a true step back by less than this,
/// no time passes until the clock has caught up.
const REORDERED_MS_MAX: u64 = 1000;

/// A count of milliseconds since the first reading.
#[derive(Debug, Clone, Default)]
pub(crate) struct Elapsed {
    latest_ms: Option<u64>,
    elapsed_ms: u64,
}

impl Elapsed {
    /// Takes a reading, and returns the time passed since the first one.
    pub(crate) fn advance(&mut self, now_ms: u64) -> u64 {
        self.elapsed_ms = self.at(now_ms);
        match self.latest_ms {
            Some(latest) if now_ms < latest && latest - now_ms <= REORDERED_MS_MAX => {}
            _ => self.latest_ms = Some(now_ms),
        }
        self.elapsed_ms
    }

    /// Returns what [`Elapsed::advance`] would return, and takes no reading.
    pub(crate) fn at(&self, now_ms: u64) -> u64 {
        let step = self.latest_ms.map_or(0, |latest| now_ms.saturating_sub(latest));
        self.elapsed_ms.saturating_add(step)
    }

    /// Returns the time that had passed at the latest reading.
    pub(crate) fn now(&self) -> u64 {
        self.elapsed_ms
    }

    /// Returns what the caller's clock will show when `elapsed_ms` have passed, if it shows `now_ms` now.
    pub(crate) fn to_clock(&self, elapsed_ms: u64, now_ms: u64) -> u64 {
        now_ms.saturating_add(elapsed_ms.saturating_sub(self.at(now_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_back_costs_nothing_and_time_goes_on_from_there() {
        let mut elapsed = Elapsed::default();
        assert_eq!(elapsed.advance(5_000_000), 0);
        assert_eq!(elapsed.advance(5_000_100), 100);
        assert_eq!(elapsed.advance(1_400_000), 100, "one hour back");
        assert_eq!(elapsed.advance(1_400_050), 150);
        assert_eq!(elapsed.to_clock(200, 1_400_050), 1_400_100);
    }

    #[test]
    fn readings_that_arrive_in_the_wrong_order_are_counted_once() {
        let mut elapsed = Elapsed::default();
        elapsed.advance(1000);
        for _ in 0..50 {
            elapsed.advance(1003);
            elapsed.advance(1001);
        }
        assert_eq!(elapsed.now(), 3);
    }

    #[test]
    fn the_ends_of_the_clock_saturate() {
        let mut elapsed = Elapsed::default();
        elapsed.advance(0);
        assert_eq!(elapsed.advance(u64::MAX), u64::MAX);
        elapsed.advance(0);
        assert_eq!(elapsed.advance(5), u64::MAX);
        assert_eq!(elapsed.to_clock(u64::MAX, u64::MAX), u64::MAX);
    }
}
