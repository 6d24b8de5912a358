//! Clocks that only go forward, by which durations are measured.
//!
//! They are another thing than the `Clock` of `ron-accounting-window`, which tells the time of day.

use std::{
    fmt::Debug,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

/// A source of the time that has passed since some moment.
pub trait MonotonicClock: Debug + Send + Sync {
    /// Returns the nanoseconds since a moment that is the same for each call. Must not decrease. If it does, no time has passed.
    fn now_ns(&self) -> u64;
}

/// The operating system's monotonic clock, from the moment this value was made. Lasts 584 years.
#[derive(Debug, Clone, Copy)]
pub struct InstantClock(Instant);

impl InstantClock {
    /// Makes a clock that starts at zero.
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

    /// Moves the clock forwards by `ns` nanoseconds.
    pub fn advance_ns(&self, ns: u64) {
        self.0.fetch_add(ns, Relaxed);
    }
}

impl MonotonicClock for ManualClock {
    fn now_ns(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
