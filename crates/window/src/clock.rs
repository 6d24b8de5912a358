//! Clocks: where the time comes from. Tests and imports use clocks of their own.

use std::{
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// A source of the time of day.
pub trait Clock: Send + Sync + 'static {
    /// Returns the milliseconds since 1970-01-01T00:00:00Z, without leap seconds. May step back or jump.
    fn now_ms(&self) -> u64;

    /// Returns the time of day together with a monotonic reading, by which a jump of the time of day is noticed.
    ///
    /// Returns `None` if the clock has no monotonic reading, as this provided method does. Then the time of day is used
    /// unchecked. A clock that wraps another one must forward this method.
    fn reading(&self) -> Option<ClockReading> {
        None
    }
}

/// A wall clock and a monotonic clock, read at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Written by every clock; a third field would be another type.
pub struct ClockReading {
    /// Wall time in Unix milliseconds, as from [`Clock::now_ms`].
    pub wall_ms: u64,
    /// Milliseconds since some fixed moment. Never decreases, and ignores corrections of wall time. Whether it advances while
    /// the machine is suspended depends on the system.
    pub elapsed_ms: u64,
}

/// The operating system's clocks. A time before 1970 reads as zero.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn reading(&self) -> Option<ClockReading> {
        static START: OnceLock<Instant> = OnceLock::new();
        let elapsed = START.get_or_init(Instant::now).elapsed();
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        Some(ClockReading { wall_ms: self.now_ms(), elapsed_ms })
    }
}

/// A clock that shows what it was set to.
///
/// ```
/// use ron_accounting_window::{Clock, ManualClock};
/// let clock = ManualClock::new(1_000);
/// clock.advance(500);
/// assert_eq!(clock.now_ms(), 1_500);
/// ```
#[derive(Debug)]
pub struct ManualClock(Mutex<ClockReading>);

impl ManualClock {
    /// Makes a clock that shows `now_ms`.
    pub const fn new(now_ms: u64) -> Self {
        Self(Mutex::new(ClockReading { wall_ms: now_ms, elapsed_ms: 0 }))
    }

    /// Sets the clock. If `now_ms` is later, time passes, as with [`ManualClock::advance`]. If it is earlier, only wall time is
    /// corrected, as with [`ManualClock::jump_to`].
    pub fn set(&self, now_ms: u64) {
        let mut reading = self.lock();
        let passed_ms = now_ms.saturating_sub(reading.wall_ms);
        *reading = ClockReading { wall_ms: now_ms, elapsed_ms: reading.elapsed_ms.saturating_add(passed_ms) };
    }

    /// Lets `ms` milliseconds pass.
    pub fn advance(&self, ms: u64) {
        let mut reading = self.lock();
        reading.wall_ms = reading.wall_ms.saturating_add(ms);
        reading.elapsed_ms = reading.elapsed_ms.saturating_add(ms);
    }

    /// Sets wall time while no time passes, as an administrator, NTP, or a suspended machine does.
    pub fn jump_to(&self, now_ms: u64) {
        self.lock().wall_ms = now_ms;
    }

    fn lock(&self) -> MutexGuard<'_, ClockReading> {
        // Both fields are valid at every step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    /// Makes a clock that shows the beginning of 1970.
    fn default() -> Self {
        Self::new(0)
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.lock().wall_ms
    }

    fn reading(&self) -> Option<ClockReading> {
        Some(*self.lock())
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now_ms(&self) -> u64 {
        (**self).now_ms()
    }

    fn reading(&self) -> Option<ClockReading> {
        (**self).reading()
    }
}
