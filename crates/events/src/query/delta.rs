//! Differences: how much more often one event happened than another.

use std::{ops::Range, sync::Arc};

use super::{last_of_each_unit, per_bucket, width};
use crate::{
    store::inner::{Access, Inner},
    time::unit::TimeUnit,
};

/// A difference of two events, from [`EventStore::query_delta`](crate::EventStore::query_delta).
#[must_use = "a query does nothing until it is asked"]
#[derive(Debug)]
pub struct DeltaQuery {
    store: Arc<Inner>,
    positive: String,
    negative: String,
}

impl DeltaQuery {
    pub(crate) fn new(store: Arc<Inner>, positive: &str, negative: &str) -> Self {
        Self { store, positive: positive.to_owned(), negative: negative.to_owned() }
    }

    fn last(self, n: usize, unit: TimeUnit) -> DeltaRangeQuery {
        let unit = self.store.tracked.resolve(unit);
        let Self { store, positive, negative } = self;
        DeltaRangeQuery { store, positive, negative, unit, range: 0..n }
    }

    last_of_each_unit!("Chooses", DeltaRangeQuery);
}

/// A difference of two events over a range of buckets.
#[must_use = "a query does nothing until it is asked"]
#[derive(Debug)]
pub struct DeltaRangeQuery {
    store: Arc<Inner>,
    positive: String,
    negative: String,
    unit: TimeUnit,
    range: Range<usize>,
}

impl DeltaRangeQuery {
    /// Returns how much more often the first event was counted than the second. It is negative if it was less often. An event
    /// that is not known counts as zero.
    pub fn sum(self) -> i64 {
        self.difference()
    }

    /// Returns the average difference per bucket of the range, tracked or not.
    #[allow(clippy::cast_precision_loss)]
    pub fn average(self) -> f64 {
        let tracked = self.store.tracked.buckets(self.unit).unwrap_or(0);
        per_bucket(self.difference() as f64, width(&self.range, tracked))
    }

    fn difference(&self) -> i64 {
        // If one event were read twice, a count in between would make it differ from itself.
        if self.positive == self.negative {
            return 0;
        }
        let now_ms = self.store.now_ms();
        let sum = |event_id: &str| {
            let sum = self.store.with(event_id, Access::Query, now_ms, |state| {
                state.counter.sum(self.unit, self.range.clone()).map_or(0, |sum| sum.count)
            });
            i64::from(sum.unwrap_or(0))
        };
        sum(&self.positive) - sum(&self.negative)
    }
}
