//! Clocks that only go forward: what durations are measured with.

use std::{
    fmt::Debug,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

/// Tells how much time has passed since some moment.
pub trait MonotonicClock: Debug + Send + Sync {
    /// Nanoseconds since a moment that is the same for each call. Must not decrease; where it does, no time has passed.
    fn now_ns(&self) -> u64;
}

/// The operating system's monotonic clock, from the moment this value was made. Lasts 584 years.
#[derive(Debug, Clone, Copy)]
pub struct InstantClock(Instant);

impl InstantClock {
    /// A clock that starts at zero.
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for InstantClock {
    fn default() -> Self {
        Self::new()
    }
}

impl MonotonicClock for InstantClock {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that shows what it was set to.
///
/// ```
/// use ron_accounting_telemetry::{ManualClock, MonotonicClock};
/// let clock = ManualClock::default();
/// clock.advance_ns(500);
/// assert_eq!(clock.now_ns(), 500);
/// ```
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Sets the clock.
    pub fn set_ns(&self, now_ns: u64) {
        self.0.store(now_ns, Relaxed);
    }

    /// Moves the clock forwards.
    pub fn advance_ns(&self, ns: u64) {
        self.0.fetch_add(ns, Relaxed);
    }
}

impl MonotonicClock for ManualClock {
    fn now_ns(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
