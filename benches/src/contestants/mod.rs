//! Everybody who counts per label set, behind one interface.
//!
//! Each library is used in the way that its documentation shows as the fast one, with the same labels and without help
//! that a user would not have.

mod dashmap;
mod lookup;
mod measured;
mod metrics;
mod opentelemetry;
mod ours;
mod owned_labels;
mod prometheus;
mod prometheus_client;

use ron_accounting::Labels;

pub(crate) use self::metrics::recorder as metrics_recorder;
pub use self::{
    dashmap::PlainMap, lookup::Lookup, measured::Measured, metrics::Metrics, opentelemetry::OpenTelemetry,
    ours::Ours, owned_labels::OwnedLabels, prometheus::Prometheus, prometheus_client::PrometheusClient,
};
use crate::race::Kind;

/// Names of the counters, for those who need some.
const COUNTERS: [&str; 3] = ["requests_total", "bytes_in_total", "bytes_out_total"];
/// Names of the labels, in the order of [`Labels::values`].
const LABEL_NAMES: [&str; 5] = ["tenant", "method", "route", "service", "region"];

/// Counts per label set.
pub trait Contestant: Sized {
    /// As it stands in tables.
    const NAME: &'static str;
    /// What it is to us.
    const KIND: Kind;

    /// Ready to count under these label sets, and perhaps others.
    fn new(sets: &[Labels<'_>]) -> Self;

    /// Counts a request.
    fn record(&self, labels: &Labels<'_>);

    /// Counts a request, received bytes and sent bytes.
    fn record_each(&self, labels: &Labels<'_>, amounts: [u64; 3]);
}

/// Has handles that are resolved once.
pub trait Bound: Contestant + Sync {
    /// The handle.
    type Handle: Send + Sync;

    /// Resolves the request counter of a label set.
    fn bind(&self, labels: &Labels<'_>) -> Self::Handle;

    /// Counts a request.
    fn increment(&self, handle: &Self::Handle);
}

/// Shows everything as text.
pub trait Scraped: Contestant {
    /// Writes what was counted, and says how many bytes that took.
    fn scrape(&self) -> usize;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label_sets::LabelSets;

    #[test]
    fn our_labels_are_counted_as_they_are() {
        let sets = LabelSets::standard();
        let labels = sets.labels();
        let ours = Ours::new(&labels);
        for labels in &labels {
            ours.record_each(labels, [1, 2, 3]);
        }
        let snapshot = ours.accounting.snapshot();
        assert_eq!(snapshot.entries().len(), labels.len());
        for labels in labels.iter().step_by(100) {
            let entry = snapshot.find(labels).unwrap();
            assert_eq!((entry.requests(), entry.bytes_in(), entry.bytes_out()), (1, 2, 3));
        }
    }

    #[test]
    fn peers_keep_all_label_sets_apart() {
        fn bytes<C: Scraped>(labels: &[Labels<'_>]) -> usize {
            let contestant = C::new(labels);
            for labels in labels {
                contestant.record_each(labels, [1, 1, 1]);
            }
            contestant.scrape()
        }
        let sets = LabelSets::standard();
        let labels = sets.labels();
        let values: usize = labels.iter().flat_map(Labels::values).map(str::len).sum();
        let names: usize = LABEL_NAMES.iter().map(|name| name.len()).sum();
        // Three lines for each label set, with names and values, and quotes around these.
        let least = 3 * (values + labels.len() * (names + 20));
        for (name, bytes) in [
            (Metrics::NAME, bytes::<Metrics>(&labels)),
            (Prometheus::NAME, bytes::<Prometheus>(&labels)),
            (PrometheusClient::NAME, bytes::<PrometheusClient>(&labels)),
            (Measured::NAME, bytes::<Measured>(&labels)),
        ] {
            assert!((least..2 * least).contains(&bytes), "{name}: {bytes} bytes, at least {least}");
        }
    }

    #[test]
    fn the_floor_counts() {
        let sets = LabelSets::standard();
        let labels = sets.labels();
        let lookup = Lookup::new(&labels);
        for labels in &labels {
            lookup.record(labels);
            lookup.record_each(labels, [2, 0, 0]);
        }
        assert_eq!(lookup.requests(), 3 * labels.len() as u64);
    }
}
