//! `prometheus`: a vector of counters per name.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry, TextEncoder};
use ron_accounting::Labels;

use super::{Bound, Contestant, Scraped, COUNTERS, LABEL_NAMES};
use crate::race::Kind;

/// Three vectors in a registry of their own.
#[derive(Debug)]
pub struct Prometheus {
    registry: Registry,
    counters: [IntCounterVec; 3],
}

impl Contestant for Prometheus {
    const NAME: &'static str = "prometheus";
    const KIND: Kind = Kind::Library;

    fn new(_: &[Labels<'_>]) -> Self {
        let registry = Registry::new();
        let counters = COUNTERS.map(|name| {
            let counter =
                IntCounterVec::new(Opts::new(name, "A counter."), &LABEL_NAMES).expect("a valid name");
            registry.register(Box::new(counter.clone())).expect("a name of its own");
            counter
        });
        Self { registry, counters }
    }

    #[inline]
    fn record(&self, labels: &Labels<'_>) {
        self.counters[0].with_label_values(&labels.values()).inc();
    }

    #[inline]
    fn record_each(&self, labels: &Labels<'_>, amounts: [u64; 3]) {
        for (counter, amount) in self.counters.iter().zip(amounts) {
            counter.with_label_values(&labels.values()).inc_by(amount);
        }
    }
}

impl Bound for Prometheus {
    type Handle = IntCounter;

    fn bind(&self, labels: &Labels<'_>) -> IntCounter {
        self.counters[0].with_label_values(&labels.values())
    }

    #[inline]
    fn increment(&self, handle: &IntCounter) {
        handle.inc();
    }
}

impl Scraped for Prometheus {
    fn scrape(&self) -> usize {
        let mut text = String::new();
        TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text).expect("a string takes all");
        text.len()
    }
}
