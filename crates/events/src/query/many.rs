//! Queries on several events together.

use std::{ops::Range, sync::Arc};

use super::{last_of_each_unit, per_bucket, width};
use crate::{
    counter::Sum,
    store::inner::{Access, Inner},
    time::unit::TimeUnit,
};

/// A query on several events, from [`EventStore::query_many`](crate::EventStore::query_many).
#[must_use = "a query does nothing until it is asked"]
#[derive(Debug)]
pub struct MultiQuery {
    store: Arc<Inner>,
    event_ids: Vec<String>,
}

impl MultiQuery {
    pub(crate) fn new(store: Arc<Inner>, event_ids: Vec<String>) -> Self {
        Self { store, event_ids }
    }

    fn last(self, n: usize, unit: TimeUnit) -> MultiRangeQuery {
        let unit = self.store.tracked.resolve(unit);
        MultiRangeQuery { store: self.store, event_ids: self.event_ids, unit, range: 0..n }
    }

    last_of_each_unit!("Chooses", MultiRangeQuery);
}

/// A query on a range of several events' buckets.
#[must_use = "a query does nothing until it is asked"]
#[derive(Debug)]
pub struct MultiRangeQuery {
    store: Arc<Inner>,
    event_ids: Vec<String>,
    unit: TimeUnit,
    range: Range<usize>,
}

impl MultiRangeQuery {
    /// Returns how often the events were counted. An event that is named twice counts twice. Returns `None` if none of them is
    /// known or the unit is not tracked. Saturates at `u32::MAX`.
    pub fn sum(self) -> Option<u32> {
        self.total().map(|sum| sum.count)
    }

    /// Returns whether the sum, or a bucket in it, has reached `u32::MAX`.
    pub fn saturated(self) -> Option<bool> {
        self.total().map(|sum| sum.saturated)
    }

    /// Returns the average of all events together per bucket of the range, tracked or not.
    pub fn average(self) -> Option<f64> {
        let tracked = self.store.tracked.buckets(self.unit).unwrap_or(0);
        let sum = f64::from(self.total()?.count);
        Some(per_bucket(sum, width(&self.range, tracked)))
    }

    fn total(&self) -> Option<Sum> {
        let now_ms = self.store.now_ms();
        let sum = |event_id: &String| {
            let sum =
                |state: &mut crate::store::event::State| state.counter.sum(self.unit, self.range.clone());
            self.store.with(event_id, Access::Query, now_ms, sum)?
        };
        self.event_ids.iter().filter_map(sum).reduce(|one, other| {
            let (count, overflowed) = one.count.overflowing_add(other.count);
            let saturated = overflowed || one.saturated || other.saturated;
            Sum { count: if overflowed { u32::MAX } else { count }, saturated }
        })
    }
}
