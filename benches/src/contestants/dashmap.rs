//! What one would write without a library: a concurrent map of atomic counters.

use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use ron_accounting::Labels;

use super::{owned_labels::AsLabels, Contestant, OwnedLabels};
use crate::race::Kind;

/// A `DashMap` with three counters per label set. Label sets that are there are found by borrowed strings.
#[derive(Debug)]
pub struct PlainMap {
    counts: DashMap<OwnedLabels, [AtomicU64; 3]>,
}

impl Contestant for PlainMap {
    const NAME: &'static str = "dashmap";
    const KIND: Kind = Kind::Plain;

    fn new(_: &[Labels<'_>]) -> Self {
        Self { counts: DashMap::new() }
    }

    #[inline]
    fn record(&self, labels: &Labels<'_>) {
        if let Some(counts) = self.counts.get::<dyn AsLabels>(labels as &dyn AsLabels) {
            counts[0].fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.counts.entry(labels.into()).or_default()[0].fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    fn record_each(&self, labels: &Labels<'_>, amounts: [u64; 3]) {
        let add = |counts: &[AtomicU64; 3]| {
            for (count, amount) in counts.iter().zip(amounts) {
                count.fetch_add(amount, Ordering::Relaxed);
            }
        };
        match self.counts.get::<dyn AsLabels>(labels as &dyn AsLabels) {
            Some(counts) => add(&counts),
            None => add(&self.counts.entry(labels.into()).or_default()),
        }
    }
}
