//! The store: recording, queries, limits, persistence and transfer.
//!
//! * [`builder`] is the configuration.
//! * [`event`] is one event's counter, its open reservations, and whether it is stored.
//! * [`lanes`] let several threads count one event at once. [`cache`] lets each thread find events without a lock.
//! * [`inner`] is the map from names to events: how events are found, created and loaded.
//! * [`persistence`] decides what is stored, and when.
//! * [`transfer`] does export, import and merge.

#[cfg(feature = "tokio")]
mod auto_persist;
mod builder;
mod cache;
pub(crate) mod event;
pub(crate) mod inner;
mod lanes;
mod persistence;
mod transfer;

use std::{fmt, panic, sync::Arc};

use chrono::{DateTime, Duration, Utc};

use crate::{
    limit::Limiter,
    query::{DeltaQuery, MultiQuery, Query, RatioQuery},
    time::{to_ms, unit::TimeUnit},
    Error, Result,
};
pub use builder::EventStoreBuilder;
use inner::{Access, Inner};

/// Counts events by name, over many time scales at once.
///
/// All methods but [`EventStore::compact`] take `&self`. Share a store between threads by reference or in an `Arc`. Recording
/// a known event takes one event's lock for some nanoseconds and allocates nothing.
///
/// When a store with a storage is dropped, it stores what is not stored yet, and blocks until that is done. Errors are lost
/// then. Call [`EventStore::persist`] or [`EventStore::close`] first to see them, and to choose where async code blocks.
///
/// ```
/// use ron_accounting_events::EventStore;
/// let store = EventStore::new();
/// store.record("app_launch");
/// store.record_count("app_launch", 2);
/// assert_eq!(store.query("app_launch").last_days(7).sum(), Some(3));
/// assert_eq!(store.query("never").last_days(7).sum(), None);
/// ```
pub struct EventStore {
    pub(crate) inner: Arc<Inner>,
    #[cfg(feature = "tokio")]
    auto_persist: Option<auto_persist::Task>,
}

impl EventStore {
    /// Makes a store in memory that tracks 60 minutes, 24 hours, 32 days and 12 months.
    pub fn new() -> Self {
        Self::with_inner(Inner::standard())
    }

    /// Returns a builder for a store with other units, a storage, a format or a clock.
    pub fn builder() -> EventStoreBuilder {
        EventStoreBuilder::default()
    }

    fn with_inner(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
            #[cfg(feature = "tokio")]
            auto_persist: None,
        }
    }

    /// Returns the time that the store's clock shows.
    pub fn clock_now(&self) -> DateTime<Utc> {
        self.inner.now()
    }

    /// Counts an event now.
    #[inline]
    pub fn record(&self, event_id: impl EventId) {
        self.record_count(event_id, 1);
    }

    /// Counts an event `count` times now. Counts saturate at `u32::MAX` per bucket, see
    /// [`RangeQuery::saturated`](crate::RangeQuery::saturated).
    #[inline]
    pub fn record_count(&self, event_id: impl EventId, count: u32) {
        self.inner.record(event_id.as_ref(), count);
    }

    /// Counts an event at a past time. Fails with [`Error::FutureEvent`] if `time` is after the clock's. Nothing is counted then.
    ///
    /// An event that is older than a unit's buckets is not counted in that unit. This is no error.
    pub fn record_at(&self, event_id: impl EventId, time: DateTime<Utc>) -> Result<()> {
        self.record_count_at(event_id, 1, time)
    }

    /// Counts an event `count` times at a past time; see [`EventStore::record_at`].
    ///
    /// ```
    /// use chrono::{Duration, Utc};
    /// use ron_accounting_events::{Error, EventStore};
    /// let store = EventStore::new();
    /// store.record_count_at("sync", 3, Utc::now() - Duration::days(1))?;
    /// assert_eq!(store.query("sync").days(1..2).sum(), Some(3));
    /// let tomorrow = Utc::now() + Duration::days(1);
    /// assert!(matches!(store.record_at("sync", tomorrow), Err(Error::FutureEvent)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn record_count_at(&self, event_id: impl EventId, count: u32, time: DateTime<Utc>) -> Result<()> {
        let now = self.inner.now();
        if time > now {
            return Err(Error::FutureEvent);
        }
        self.inner.with(event_id.as_ref(), Access::Record, to_ms(now), |state| state.record_at(count, time));
        Ok(())
    }

    /// Counts an event some time ago. Nothing is counted for a negative duration, which would be in the future.
    ///
    /// ```
    /// use chrono::Duration;
    /// use ron_accounting_events::EventStore;
    /// let store = EventStore::new();
    /// store.record_ago("sync", Duration::hours(3));
    /// assert_eq!(store.query("sync").last_hours(24).sum(), Some(1));
    /// store.record_ago("ancient", Duration::MAX);
    /// assert_eq!(store.query("ancient").ever().sum(), Some(0));
    /// ```
    pub fn record_ago(&self, event_id: impl EventId, duration: Duration) {
        self.record_count_ago(event_id, 1, duration);
    }

    /// Counts an event `count` times some time ago; see [`EventStore::record_ago`].
    pub fn record_count_ago(&self, event_id: impl EventId, count: u32, duration: Duration) {
        let end =
            if duration < Duration::zero() { DateTime::<Utc>::MAX_UTC } else { DateTime::<Utc>::MIN_UTC };
        let time = self.inner.now().checked_sub_signed(duration).unwrap_or(end);
        // The only possible error is a future time, which this form ignores.
        let _refused = self.record_count_at(event_id, count, time);
    }

    /// Returns a query on one event.
    pub fn query(&self, event_id: impl EventId) -> Query {
        Query::new(self.inner.clone(), event_id.as_ref())
    }

    /// Returns a query on several events together.
    ///
    /// ```
    /// # let store = ron_accounting_events::EventStore::new();
    /// store.record("launch");
    /// store.record("resume");
    /// assert_eq!(store.query_many(&["launch", "resume"]).last_days(7).sum(), Some(2));
    /// ```
    pub fn query_many(&self, event_ids: &[impl EventId]) -> MultiQuery {
        let names = event_ids.iter().map(|event_id| event_id.as_ref().to_owned()).collect();
        MultiQuery::new(self.inner.clone(), names)
    }

    /// Returns a query of how often one event happened per occurrence of another.
    ///
    /// ```
    /// # let store = ron_accounting_events::EventStore::new();
    /// store.record_count("purchase", 25);
    /// store.record_count("visit", 100);
    /// assert_eq!(store.query_ratio("purchase", "visit").last_days(7), Some(0.25));
    /// ```
    pub fn query_ratio(&self, numerator: impl EventId, denominator: impl EventId) -> RatioQuery {
        RatioQuery::new(self.inner.clone(), numerator.as_ref(), denominator.as_ref())
    }

    /// Returns a query of how much more often one event happened than another.
    ///
    /// ```
    /// # let store = ron_accounting_events::EventStore::new();
    /// store.record_count("added", 10);
    /// store.record_count("removed", 3);
    /// assert_eq!(store.query_delta("added", "removed").ever().sum(), 7);
    /// ```
    pub fn query_delta(&self, positive: impl EventId, negative: impl EventId) -> DeltaQuery {
        DeltaQuery::new(self.inner.clone(), positive.as_ref(), negative.as_ref())
    }

    /// Returns a limiter, to which constraints are added under which an event may be recorded.
    pub fn limit(&self) -> Limiter {
        Limiter::new(self.inner.clone())
    }

    /// Counts the rarer of two events, now, as often as is needed to make their all-time difference zero. Both are locked from
    /// the reading to the counting.
    ///
    /// ```
    /// # let store = ron_accounting_events::EventStore::new();
    /// store.record_count("credits", 100);
    /// store.record_count("debits", 30);
    /// store.balance_delta("credits", "debits")?;
    /// assert_eq!(store.query("debits").ever().sum(), Some(100));
    /// # Ok::<(), ron_accounting_events::Error>(())
    /// ```
    pub fn balance_delta(&self, positive: impl EventId, negative: impl EventId) -> Result<()> {
        let (positive, negative) = (positive.as_ref(), negative.as_ref());
        if positive == negative {
            return Ok(());
        }
        let now_ms = self.inner.now_ms();
        let unit = self.inner.tracked.resolve(TimeUnit::Ever);
        loop {
            let delta = self.query_delta(positive, negative).ever().sum();
            let missing = u32::try_from(delta.unsigned_abs()).unwrap_or(u32::MAX);
            let names = if delta > 0 { [negative, positive] } else { [positive, negative] };
            if delta == 0 {
                return Ok(());
            }
            let accesses = [(names[0], Access::Record), (names[1], Access::Query)];
            let balanced = self.inner.with_all(&accesses, now_ms, |states| {
                let sum = |index: usize| {
                    let state = states.get(index).and_then(Option::as_ref);
                    state.and_then(|state| state.counter.sum(unit, 0..usize::MAX)).map_or(0, |sum| sum.count)
                };
                // Another thread may have counted since the difference was read.
                if sum(1).checked_sub(sum(0)) != Some(missing) {
                    return false;
                }
                if let Some(Some(state)) = states.first_mut() {
                    state.record(missing);
                }
                true
            });
            if balanced {
                return Ok(());
            }
        }
    }

    /// Returns each tracked unit with its number of buckets, from the shortest unit to the longest.
    pub fn tracked_intervals(&self) -> Vec<(TimeUnit, usize)> {
        self.inner.tracked.intervals().to_vec()
    }

    /// Checks the invariants of the events in memory, for tests to run between their steps.
    #[doc(hidden)]
    pub fn validate(&self) -> std::result::Result<(), String> {
        self.inner.validate()
    }

    /// Returns the bytes that the events in memory take: counters, names and their entries in the map.
    pub fn memory_usage(&self) -> usize {
        self.inner.memory_usage()
    }
}

impl Default for EventStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStore").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Drop for EventStore {
    fn drop(&mut self) {
        #[cfg(feature = "tokio")]
        drop(self.auto_persist.take());
        if self.inner.storage.is_none() {
            return;
        }
        // The storage may be the host's code. A panic in it must not abort a program that is unwinding already. Errors cannot
        // be returned from here.
        let _outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            if self.inner.is_dirty() {
                let _unseen = self.inner.persist(false);
            }
        }));
    }
}

/// A name of an event: a string, or a type of your own that returns one.
///
/// ```
/// use ron_accounting_events::{EventId, EventStore};
///
/// enum AppEvent {
///     Login,
///     Logout,
/// }
///
/// impl AsRef<str> for AppEvent {
///     fn as_ref(&self) -> &str {
///         match self {
///             Self::Login => "login",
///             Self::Logout => "logout",
///         }
///     }
/// }
///
/// impl EventId for AppEvent {}
///
/// let store = EventStore::new();
/// store.record(AppEvent::Login);
/// assert_eq!(store.query(AppEvent::Login).last_hours(1).sum(), Some(1));
/// assert_eq!(store.query(AppEvent::Logout).last_hours(1).sum(), None);
/// ```
pub trait EventId: AsRef<str> {}

impl EventId for str {}
impl EventId for String {}
impl EventId for &str {}
impl EventId for &String {}
