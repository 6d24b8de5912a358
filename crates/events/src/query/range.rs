//! Queries on a range of buckets.

use std::{ops::Range, sync::Arc, vec};

use super::{name::Name, per_bucket, width};
use crate::{
    store::{
        event::State,
        inner::{Access, Inner},
    },
    time::unit::TimeUnit,
};

/// A query on a range of one event's buckets. A range whose end is before its start has no buckets.
#[must_use = "a query does nothing until it is asked"]
#[derive(Debug)]
pub struct RangeQuery {
    store: Arc<Inner>,
    event_id: Name,
    unit: TimeUnit,
    range: Range<usize>,
}

impl RangeQuery {
    pub(super) fn new(store: Arc<Inner>, event_id: Name, unit: TimeUnit, range: Range<usize>) -> Self {
        let unit = store.tracked.resolve(unit);
        Self { store, event_id, unit, range }
    }

    /// Limits the range to its first `n` buckets.
    pub fn take(mut self, n: usize) -> Self {
        self.range.end = self.range.end.min(self.range.start.saturating_add(n));
        self
    }

    /// Returns how often the event was counted, or `None` if the event is not known or the unit is not tracked.
    ///
    /// Saturates at `u32::MAX`, see [`RangeQuery::saturated`].
    ///
    /// ```
    /// let store = ron_accounting_events::EventStore::new();
    /// store.record_count("click", 10);
    /// assert_eq!(store.query("click").last_days(7).sum(), Some(10));
    /// assert_eq!(store.query("click").days(1..7).sum(), Some(0));
    /// assert_eq!(store.query("click").last_weeks(1).sum(), None); // weeks are not tracked here
    /// ```
    pub fn sum(self) -> Option<u32> {
        let (unit, range) = (self.unit, self.range.clone());
        self.read(|state| state.counter.sum(unit, range))?.map(|sum| sum.count)
    }

    /// Returns whether the sum, or a bucket in the range, has reached `u32::MAX`. Then more may have been counted than
    /// [`RangeQuery::sum`] returns. Returns `None` if the event is not known or the unit is not tracked.
    pub fn saturated(self) -> Option<bool> {
        let (unit, range) = (self.unit, self.range.clone());
        self.read(|state| state.counter.sum(unit, range))?.map(|sum| sum.saturated)
    }

    /// Returns the average over all buckets of the range, tracked or not. If the range has no end, it is over the tracked ones.
    ///
    /// Returns `None` if the event is not known or the unit is not tracked.
    pub fn average(self) -> Option<f64> {
        let (unit, range) = (self.unit, self.range.clone());
        let (sum, tracked) = self.read(|state| {
            let sum = state.counter.sum(unit, range.clone())?;
            Some((f64::from(sum.count), state.counter.bucket_count(unit)))
        })??;
        Some(per_bucket(sum, width(&range, tracked)))
    }

    /// Returns the average over the buckets with a count, or `None` if there are none.
    pub fn average_nonzero(self) -> Option<f64> {
        let counts: Vec<u32> = self.into_buckets().into_iter().filter(|count| *count > 0).collect();
        let sum: f64 = counts.iter().copied().map(f64::from).sum();
        (!counts.is_empty()).then(|| per_bucket(sum, counts.len()))
    }

    /// Returns how many buckets have a count. Returns `None` if the event is not known, the unit is not tracked, or the range has
    /// no buckets.
    pub fn count_nonzero(self) -> Option<usize> {
        let counts = self.into_buckets();
        (!counts.is_empty()).then(|| counts.into_iter().filter(|count| *count > 0).count())
    }

    /// Returns the age, in buckets, of the newest bucket with a count, inside or outside of the range.
    pub fn last_seen(self) -> Option<usize> {
        let unit = self.unit;
        self.read(|state| state.counter.newest_used(unit))?
    }

    /// Returns the age, in buckets, of the oldest bucket with a count, inside or outside of the range.
    pub fn first_seen(self) -> Option<usize> {
        let unit = self.unit;
        self.read(|state| state.counter.oldest_used(unit))?
    }

    /// Returns the tracked buckets of the range with their ages, newest first.
    ///
    /// ```
    /// let store = ron_accounting_events::EventStore::new();
    /// store.record_count("click", 4);
    /// for (age, count) in store.query("click").last_days(7).buckets() {
    ///     assert_eq!(count, if age == 0 { 4 } else { 0 });
    /// }
    /// ```
    pub fn buckets(self) -> Buckets {
        let age = self.range.start;
        Buckets { age, counts: self.into_buckets().into_iter() }
    }

    /// Returns the counts of the tracked buckets of the range, newest first. Empty if the event is not known or the unit is not
    /// tracked.
    pub fn into_buckets(self) -> Vec<u32> {
        let (unit, range) = (self.unit, self.range.clone());
        self.read(|state| state.counter.buckets(unit, range)).flatten().unwrap_or_default()
    }

    fn read<R>(self, read: impl FnOnce(&mut State) -> R) -> Option<R> {
        self.store.with(self.event_id.as_str(), Access::Query, self.store.now_ms(), read)
    }
}

/// Buckets with their ages, newest first, from [`RangeQuery::buckets`].
#[derive(Debug, Clone)]
pub struct Buckets {
    age: usize,
    counts: vec::IntoIter<u32>,
}

impl Iterator for Buckets {
    type Item = (usize, u32);

    fn next(&mut self) -> Option<Self::Item> {
        let count = self.counts.next()?;
        let age = self.age;
        self.age = age.saturating_add(1);
        Some((age, count))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.counts.size_hint()
    }
}

impl ExactSizeIterator for Buckets {}
