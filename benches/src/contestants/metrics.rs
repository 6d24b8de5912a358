//! `metrics`, with the recorder of `metrics-exporter-prometheus`.

use std::sync::OnceLock;

use metrics::{counter, Counter};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use ron_accounting::Labels;

use super::{Bound, Contestant, Scraped, COUNTERS};
use crate::race::Kind;

/// The recorder is the process's own, as the library has it, so that all of these count together.
#[derive(Debug)]
pub struct Metrics {
    handle: PrometheusHandle,
}

pub(crate) fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).expect("no other recorder is installed");
        handle
    })
}

/// The macro needs labels that it can keep.
#[inline]
fn find(name: &'static str, labels: &Labels<'_>) -> Counter {
    counter!(
        name,
        "tenant" => labels.tenant.to_owned(),
        "method" => labels.method.to_owned(),
        "route" => labels.route.to_owned(),
        "service" => labels.service.to_owned(),
        "region" => labels.region.to_owned(),
    )
}

impl Contestant for Metrics {
    const NAME: &'static str = "metrics";
    const KIND: Kind = Kind::Library;

    fn new(_: &[Labels<'_>]) -> Self {
        Self { handle: recorder().clone() }
    }

    #[inline]
    fn record(&self, labels: &Labels<'_>) {
        find(COUNTERS[0], labels).increment(1);
    }

    #[inline]
    fn record_each(&self, labels: &Labels<'_>, amounts: [u64; 3]) {
        for (name, amount) in COUNTERS.into_iter().zip(amounts) {
            find(name, labels).increment(amount);
        }
    }
}

impl Bound for Metrics {
    type Handle = Counter;

    fn bind(&self, labels: &Labels<'_>) -> Counter {
        find(COUNTERS[0], labels)
    }

    #[inline]
    fn increment(&self, handle: &Counter) {
        handle.increment(1);
    }
}

impl Scraped for Metrics {
    fn scrape(&self) -> usize {
        self.handle.render().len()
    }
}
