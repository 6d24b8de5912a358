//! Queries on one event.

use std::{ops::Range, sync::Arc};

use chrono::Duration;

use super::{last_of_each_unit, name::Name, RangeQuery};
use crate::{
    store::inner::{Access, Inner},
    time::{to_ms, unit::TimeUnit},
};

/// A query on one event, from [`EventStore::query`](crate::EventStore::query).
///
/// Bucket 0 of a unit is the current one, bucket 1 the one before.
#[must_use = "a query does nothing until it is asked"]
#[derive(Debug)]
pub struct Query {
    store: Arc<Inner>,
    event_id: Name,
}

impl Query {
    pub(crate) fn new(store: Arc<Inner>, event_id: &str) -> Self {
        Self { store, event_id: Name::new(event_id) }
    }

    fn last(self, n: usize, unit: TimeUnit) -> RangeQuery {
        self.range(unit, 0..n)
    }

    fn range(self, unit: TimeUnit, range: Range<usize>) -> RangeQuery {
        RangeQuery::new(self.store, self.event_id, unit, range)
    }

    last_of_each_unit!("Chooses", RangeQuery);

    /// Chooses a range of seconds. `0..1` is the current one.
    pub fn seconds(self, range: Range<usize>) -> RangeQuery {
        self.range(TimeUnit::Seconds, range)
    }

    /// Chooses a range of minutes. `0..1` is the current one.
    pub fn minutes(self, range: Range<usize>) -> RangeQuery {
        self.range(TimeUnit::Minutes, range)
    }

    /// Chooses a range of hours. `0..1` is the current one.
    pub fn hours(self, range: Range<usize>) -> RangeQuery {
        self.range(TimeUnit::Hours, range)
    }

    /// Chooses a range of days. `0..1` is today, and `7..14` are the seven days before the last seven.
    pub fn days(self, range: Range<usize>) -> RangeQuery {
        self.range(TimeUnit::Days, range)
    }

    /// Chooses a range of weeks. `0..1` is this week.
    pub fn weeks(self, range: Range<usize>) -> RangeQuery {
        self.range(TimeUnit::Weeks, range)
    }

    /// Chooses a range of months. `0..1` is this month.
    pub fn months(self, range: Range<usize>) -> RangeQuery {
        self.range(TimeUnit::Months, range)
    }

    /// Chooses a range of years. `0..1` is this year.
    pub fn years(self, range: Range<usize>) -> RangeQuery {
        self.range(TimeUnit::Years, range)
    }

    /// Chooses all days from `offset` days ago back. [`RangeQuery::take`] limits how many.
    pub fn days_from(self, offset: usize) -> RangeQuery {
        self.range(TimeUnit::Days, offset..usize::MAX)
    }

    /// Estimates how long ago the event was last counted. Returns `None` if no bucket has a count.
    ///
    /// The estimate is the middle of the newest bucket with a count of the finest unit that has one. If a finer unit does not
    /// reach back as far as this bucket, the estimate lies between the two.
    ///
    /// ```
    /// use chrono::Duration;
    /// use ron_accounting_events::EventStore;
    /// let store = EventStore::new();
    /// store.record("settings");
    /// assert!(store.query("settings").last_seen() < Some(Duration::minutes(1)));
    /// assert_eq!(store.query("never").last_seen(), None);
    /// ```
    pub fn last_seen(self) -> Option<Duration> {
        let now = self.store.now();
        self.store
            .with(self.event_id.as_str(), Access::Query, to_ms(now), |state| state.counter.last_seen(now))?
    }

    /// Estimates how long ago the event was first counted, as far back as is tracked. Returns `None` if no bucket has a count.
    pub fn first_seen(self) -> Option<Duration> {
        let now = self.store.now();
        self.store
            .with(self.event_id.as_str(), Access::Query, to_ms(now), |state| state.counter.first_seen(now))?
    }

    /// Returns how many whole units before the current one the event was first counted, as a duration of units of nominal
    /// length. Returns `None` if the unit is not tracked or has no count.
    pub fn first_seen_in(self, time_unit: TimeUnit) -> Option<Duration> {
        let unit = self.store.tracked.resolve(time_unit);
        let now_ms = self.store.now_ms();
        let age = self
            .store
            .with(self.event_id.as_str(), Access::Query, now_ms, |state| state.counter.oldest_used(unit))??;
        let age = i64::try_from(age).unwrap_or(i64::MAX);
        Duration::try_milliseconds(unit.length_ms().saturating_mul(age))
    }
}
