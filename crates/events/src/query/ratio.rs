//! Ratios: how often one event happened per occurrence of another.

use std::sync::Arc;

use super::last_of_each_unit;
use crate::{
    store::inner::{Access, Inner},
    time::unit::TimeUnit,
};

/// A ratio of two events, from [`EventStore::query_ratio`](crate::EventStore::query_ratio).
///
/// Each method returns `None` if one of the events is not known, or the denominator has no count.
#[must_use = "a query does nothing until it is asked"]
#[derive(Debug)]
pub struct RatioQuery {
    store: Arc<Inner>,
    numerator: String,
    denominator: String,
}

impl RatioQuery {
    pub(crate) fn new(store: Arc<Inner>, numerator: &str, denominator: &str) -> Self {
        Self { store, numerator: numerator.to_owned(), denominator: denominator.to_owned() }
    }

    last_of_each_unit!("Returns the ratio over", Option<f64>);

    fn last(self, n: usize, unit: TimeUnit) -> Option<f64> {
        let unit = self.store.tracked.resolve(unit);
        let now_ms = self.store.now_ms();
        // One event is locked after the other, never both. So a ratio of an event to itself, or two ratios in opposite
        // directions at the same time, cannot deadlock.
        let sum = |event_id: &str| {
            self.store.with(event_id, Access::Query, now_ms, |state| {
                state.counter.sum(unit, 0..n).map_or(0, |sum| sum.count)
            })
        };
        let numerator = sum(&self.numerator)?;
        // If one event were read twice, a count in between would make it differ from itself.
        let denominator =
            if self.numerator == self.denominator { numerator } else { sum(&self.denominator)? };
        (denominator > 0).then(|| f64::from(numerator) / f64::from(denominator))
    }
}
