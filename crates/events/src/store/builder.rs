//! How a store is configured.

use std::{fmt, sync::Arc};

use super::{inner::Inner, EventStore};
use crate::{
    clock::{Clock, SystemClock},
    counter::tracked_units::TrackedUnits,
    formatter::Formatter,
    storage::Storage,
    time::unit::TimeUnit,
    Error, Result,
};

/// Configures and builds an [`EventStore`].
///
/// A builder that tracks nothing gives a store that tracks 60 minutes, 24 hours, 32 days and 12 months.
///
/// ```
/// use ron_accounting_events::{EventStore, TimeUnit};
/// let store = EventStore::builder().track_days(90).track_minutes(120).build()?;
/// assert_eq!(store.tracked_intervals(), [(TimeUnit::Minutes, 120), (TimeUnit::Days, 90)]);
/// assert!(EventStore::builder().track_days(7).track_days(28).build().is_err());
/// # Ok::<(), ron_accounting_events::Error>(())
/// ```
#[derive(Default)]
pub struct EventStoreBuilder {
    clock: Option<Arc<dyn Clock>>,
    storage: Option<Box<dyn Storage>>,
    formatter: Option<Arc<dyn Formatter>>,
    intervals: Vec<(TimeUnit, usize)>,
    #[cfg(feature = "tokio")]
    auto_persist: Option<chrono::Duration>,
}

impl EventStoreBuilder {
    /// Sets the clock. By default it is [`SystemClock`]. An `Arc` of a clock is a clock as well, so tests can keep a handle.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Loads events from `storage` when they are first used, and persists them there.
    #[must_use]
    pub fn with_storage(mut self, storage: impl Storage + 'static) -> Self {
        self.storage = Some(Box::new(storage));
        self
    }

    /// Sets the format in which counters are stored. By default it is `BincodeFormat` with feature `serde-bincode`, or else
    /// `JsonFormat` with feature `serde-json`.
    #[must_use]
    pub fn with_format(mut self, formatter: impl Formatter + 'static) -> Self {
        self.formatter = Some(Arc::new(formatter));
        self
    }

    /// Tracks the last `count` seconds.
    #[must_use]
    pub fn track_seconds(self, count: usize) -> Self {
        self.track(TimeUnit::Seconds, count)
    }

    /// Tracks the last `count` minutes.
    #[must_use]
    pub fn track_minutes(self, count: usize) -> Self {
        self.track(TimeUnit::Minutes, count)
    }

    /// Tracks the last `count` hours.
    #[must_use]
    pub fn track_hours(self, count: usize) -> Self {
        self.track(TimeUnit::Hours, count)
    }

    /// Tracks the last `count` days.
    #[must_use]
    pub fn track_days(self, count: usize) -> Self {
        self.track(TimeUnit::Days, count)
    }

    /// Tracks the last `count` weeks.
    #[must_use]
    pub fn track_weeks(self, count: usize) -> Self {
        self.track(TimeUnit::Weeks, count)
    }

    /// Tracks the last `count` months.
    #[must_use]
    pub fn track_months(self, count: usize) -> Self {
        self.track(TimeUnit::Months, count)
    }

    /// Tracks the last `count` years.
    #[must_use]
    pub fn track_years(self, count: usize) -> Self {
        self.track(TimeUnit::Years, count)
    }

    fn track(mut self, unit: TimeUnit, count: usize) -> Self {
        self.intervals.push((unit, count));
        self
    }

    /// Tracks what rate limits need, 60 minutes and 72 hours, instead of what was set before.
    #[must_use]
    pub fn for_rate_limiting(mut self) -> Self {
        self.intervals = vec![(TimeUnit::Minutes, 60), (TimeUnit::Hours, 72)];
        self
    }

    /// Tracks what analytics need, 56 days, 52 weeks and 12 months, instead of what was set before.
    #[must_use]
    pub fn for_analytics(mut self) -> Self {
        self.intervals = vec![(TimeUnit::Days, 56), (TimeUnit::Weeks, 52), (TimeUnit::Months, 12)];
        self
    }

    /// Stores changed events once per `interval`, on the tokio runtime in which the store is built.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn auto_persist(mut self, interval: chrono::Duration) -> Self {
        self.auto_persist = Some(interval);
        self
    }

    /// Builds the store. Nothing is read yet: events are loaded when they are first used.
    ///
    /// Fails if a unit is tracked twice, or in less than 1 or more than 100,000 buckets ([`Error::InvalidOption`]). Fails if a
    /// storage has no format, or if automatic persists have no positive interval, no storage, or no tokio runtime.
    pub fn build(self) -> Result<EventStore> {
        let tracked = if self.intervals.is_empty() {
            TrackedUnits::standard()
        } else {
            TrackedUnits::new(self.intervals)?
        };
        let formatter = match (&self.storage, self.formatter) {
            (None, _) => None,
            (Some(_), Some(formatter)) => Some(formatter),
            (Some(_), None) => Some(default_format().ok_or(Error::NoFormatterForStorage)?),
        };
        #[cfg(feature = "tokio")]
        let auto_persist = super::auto_persist::Plan::new(self.auto_persist, self.storage.is_some())?;
        let clock = self.clock.unwrap_or_else(SystemClock::new);
        #[allow(unused_mut)]
        let mut store = EventStore::with_inner(Inner::new(tracked, clock, self.storage, formatter));
        #[cfg(feature = "tokio")]
        {
            store.auto_persist = auto_persist.map(|plan| plan.start(&store.inner));
        }
        Ok(store)
    }
}

#[cfg(feature = "serde-bincode")]
#[allow(clippy::unnecessary_wraps)]
fn default_format() -> Option<Arc<dyn Formatter>> {
    Some(Arc::new(crate::formatter::BincodeFormat))
}

#[cfg(all(feature = "serde-json", not(feature = "serde-bincode")))]
#[allow(clippy::unnecessary_wraps)]
fn default_format() -> Option<Arc<dyn Formatter>> {
    Some(Arc::new(crate::formatter::JsonFormat))
}

#[cfg(not(any(feature = "serde-json", feature = "serde-bincode")))]
fn default_format() -> Option<Arc<dyn Formatter>> {
    None
}

impl fmt::Debug for EventStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStoreBuilder").field("intervals", &self.intervals).finish_non_exhaustive()
    }
}
