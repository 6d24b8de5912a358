//! Clocks: where a store gets the time of day. Tests use clocks of their own.
//!
//! Names and types are those of an established crate, so that its users can switch. This is why the clock gives dates, and
//! is not the `Clock` of `ron-accounting-window`.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Duration, Utc};

use ron_accounting_window as window;

use crate::{
    sync::Mutex,
    time::{to_ms, MS_MAX},
};

/// A source of the time of day.
pub trait Clock: Send + Sync {
    /// Returns the current time. May step back or jump. If it steps back, a store counts at its latest time until the clock has
    /// caught up.
    fn now(&self) -> DateTime<Utc>;

    /// Returns the current time in Unix milliseconds, from 1970 to the year 9999. Recording uses this. A clock that has
    /// milliseconds should implement it, to avoid the conversion from a date.
    #[inline]
    fn now_ms(&self) -> u64 {
        to_ms(self.now())
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> DateTime<Utc> {
        (**self).now()
    }

    #[inline]
    fn now_ms(&self) -> u64 {
        (**self).now_ms()
    }
}

/// The operating system's clock.
#[derive(Debug, Clone, Default)]
pub struct SystemClock;

impl SystemClock {
    /// Makes a shared clock, as [`EventStoreBuilder::with_clock`](crate::EventStoreBuilder::with_clock) takes it.
    #[allow(clippy::new_ret_no_self)]
    pub fn new() -> Arc<dyn Clock> {
        Arc::new(Self)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    #[inline]
    fn now_ms(&self) -> u64 {
        window::Clock::now_ms(&window::SystemClock).min(MS_MAX)
    }
}

/// A clock that shows what it was set to. Clones show the same time.
///
/// ```
/// use chrono::Duration;
/// use ron_accounting_events::{Clock, TestClock};
/// let clock = TestClock::build_for_testing();
/// let before = clock.now();
/// clock.advance(Duration::days(1));
/// assert_eq!(clock.now() - before, Duration::days(1));
/// ```
#[derive(Clone)]
pub struct TestClock {
    time: Arc<Mutex<DateTime<Utc>>>,
}

impl TestClock {
    /// Makes a shared clock that shows the current time and does not advance.
    #[allow(clippy::new_ret_no_self)]
    pub fn new() -> Arc<dyn Clock> {
        Arc::new(Self::build_for_testing())
    }

    /// Makes a shared clock that shows `time` and does not advance.
    pub fn new_at(time: DateTime<Utc>) -> Arc<dyn Clock> {
        Arc::new(Self::build_for_testing_at(time))
    }

    /// Makes a clock that shows the current time and does not advance by itself.
    pub fn build_for_testing() -> Self {
        Self::build_for_testing_at(Utc::now())
    }

    /// Makes a clock that shows `time` and does not advance by itself.
    pub fn build_for_testing_at(time: DateTime<Utc>) -> Self {
        Self { time: Arc::new(Mutex::new(time)) }
    }

    /// Moves the clock by `duration`, back if it is negative. Stops at the earliest and the latest possible date.
    pub fn advance(&self, duration: Duration) {
        let mut time = self.time.lock();
        let end =
            if duration < Duration::zero() { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        *time = time.checked_add_signed(duration).unwrap_or(end);
    }

    /// Sets the clock to an earlier or later time.
    pub fn set(&self, new_time: DateTime<Utc>) {
        *self.time.lock() = new_time;
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::build_for_testing()
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.time.lock()
    }
}

impl fmt::Debug for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestClock").field(&self.now()).finish()
    }
}
