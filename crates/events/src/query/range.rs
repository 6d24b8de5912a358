//! What a range of buckets holds.

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
        let unit = store.layout.resolve(unit);
        Self { store, event_id, unit, range }
    }

    /// Only the first `n` buckets of the range; never more than it had.
    pub fn take(mut self, n: usize) -> Self {
        self.range.end = self.range.end.min(self.range.start.saturating_add(n));
        self
    }

    /// How often the event was counted. `None` if the event is not known or the unit is not tracked.
    ///
    /// Saturates at `u32::MAX`; [`RangeQuery::saturated`] tells.
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
        self.ask(|state| state.counter.sum(unit, range))?.map(|sum| sum.count)
    }

    /// Whether the sum, or a bucket in the range, has reached `u32::MAX`, so that more may have been counted than
    /// [`RangeQuery::sum`] says. `None` if the event is not known or the unit is not tracked.
    pub fn saturated(self) -> Option<bool> {
        let (unit, range) = (self.unit, self.range.clone());
        self.ask(|state| state.counter.sum(unit, range))?.map(|sum| sum.saturated)
    }

    /// The average over all buckets that the range names, tracked or not; over the tracked ones if it has no end.
    ///
    /// `None` if the event is not known or the unit is not tracked.
    pub fn average(self) -> Option<f64> {
        let (unit, range) = (self.unit, self.range.clone());
        let (sum, tracked) = self.ask(|state| {
            let sum = state.counter.sum(unit, range.clone())?;
            Some((f64::from(sum.count), state.counter.bucket_count(unit)))
        })??;
        Some(per_bucket(sum, width(&range, tracked)))
    }

    /// The average over the buckets with a count. `None` if there are none.
    pub fn average_nonzero(self) -> Option<f64> {
        let counts: Vec<u32> = self.into_buckets().into_iter().filter(|count| *count > 0).collect();
        let sum: f64 = counts.iter().copied().map(f64::from).sum();
        (!counts.is_empty()).then(|| per_bucket(sum, counts.len()))
    }

    /// How many buckets have a count. `None` if the event is not known, the unit not tracked, or the range without
    /// buckets.
    pub fn count_nonzero(self) -> Option<usize> {
        let counts = self.into_buckets();
        (!counts.is_empty()).then(|| counts.into_iter().filter(|count| *count > 0).count())
    }

    /// The age, in buckets, of the newest bucket with a count, in the range or not.
    pub fn last_seen(self) -> Option<usize> {
        let unit = self.unit;
        self.ask(|state| state.counter.newest_used(unit))?
    }

    /// The age, in buckets, of the oldest bucket with a count, in the range or not.
    pub fn first_seen(self) -> Option<usize> {
        let unit = self.unit;
        self.ask(|state| state.counter.oldest_used(unit))?
    }

    /// The tracked buckets of the range with their ages, newest first.
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

    /// The counts of the tracked buckets of the range, newest first. Empty if the event is not known or the unit is not
    /// tracked.
    pub fn into_buckets(self) -> Vec<u32> {
        let (unit, range) = (self.unit, self.range.clone());
        self.ask(|state| state.counter.buckets(unit, range)).flatten().unwrap_or_default()
    }

    fn ask<R>(self, question: impl FnOnce(&mut State) -> R) -> Option<R> {
        self.store.with(self.event_id.as_str(), Access::Query, self.store.now_ms(), question)
    }
}

/// Buckets with their ages, newest first; made by [`RangeQuery::buckets`].
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
