//! `opentelemetry_sdk`: counters of a meter, with a reader that collects on demand.

use opentelemetry::{
    metrics::{BoundCounter, Counter, MeterProvider},
    KeyValue,
};
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider, Stream};
use ron_accounting::Labels;

use super::{Bound, Contestant, COUNTERS, LABEL_NAMES};
use crate::race::Kind;

/// Three counters of a provider of their own.
#[derive(Debug)]
pub struct OpenTelemetry {
    counters: [Counter<u64>; 3],
    /// Without it, counting does nothing.
    _provider: SdkMeterProvider,
}

/// Attributes own their values.
#[inline]
fn attributes(labels: &Labels<'_>) -> [KeyValue; 5] {
    let [tenant, method, route, service, region] = labels.values().map(ToOwned::to_owned);
    [
        KeyValue::new(LABEL_NAMES[0], tenant),
        KeyValue::new(LABEL_NAMES[1], method),
        KeyValue::new(LABEL_NAMES[2], route),
        KeyValue::new(LABEL_NAMES[3], service),
        KeyValue::new(LABEL_NAMES[4], region),
    ]
}

impl Contestant for OpenTelemetry {
    const NAME: &'static str = "opentelemetry_sdk";
    const KIND: Kind = Kind::Library;

    fn new(sets: &[Labels<'_>]) -> Self {
        // Its default limit is 2,000 attribute sets.
        let limit = sets.len().max(2000) + 1;
        let provider = SdkMeterProvider::builder()
            .with_reader(ManualReader::builder().build())
            .with_view(move |_| Stream::builder().with_cardinality_limit(limit).build().ok())
            .build();
        let meter = provider.meter("benches");
        Self { counters: COUNTERS.map(|name| meter.u64_counter(name).build()), _provider: provider }
    }

    #[inline]
    fn record(&self, labels: &Labels<'_>) {
        self.counters[0].add(1, &attributes(labels));
    }

    #[inline]
    fn record_each(&self, labels: &Labels<'_>, amounts: [u64; 3]) {
        let attributes = attributes(labels);
        for (counter, amount) in self.counters.iter().zip(amounts) {
            counter.add(amount, &attributes);
        }
    }
}

impl Bound for OpenTelemetry {
    type Handle = BoundCounter<u64>;

    fn bind(&self, labels: &Labels<'_>) -> BoundCounter<u64> {
        self.counters[0].bind(&attributes(labels))
    }

    #[inline]
    fn increment(&self, handle: &BoundCounter<u64>) {
        handle.add(1);
    }
}
