//! `prometheus-client`: a family per name, with a typed label set.

use prometheus_client::{
    encoding::{text, EncodeLabelSet},
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use ron_accounting::Labels;

use super::{Bound, Contestant, Scraped, COUNTERS};
use crate::race::Kind;

/// Three families in a registry of their own.
#[derive(Debug)]
pub struct PrometheusClient {
    registry: Registry,
    families: [Family<TypedLabels, Counter>; 3],
}

/// A family owns its label sets, and is asked for one of its own type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypedLabels {
    tenant: String,
    method: String,
    route: String,
    service: String,
    region: String,
}

impl From<&Labels<'_>> for TypedLabels {
    #[inline]
    fn from(labels: &Labels<'_>) -> Self {
        let [tenant, method, route, service, region] = labels.values().map(ToOwned::to_owned);
        Self { tenant, method, route, service, region }
    }
}

impl Contestant for PrometheusClient {
    const NAME: &'static str = "prometheus-client";
    const KIND: Kind = Kind::Library;

    fn new(_: &[Labels<'_>]) -> Self {
        let mut registry = Registry::default();
        let families = COUNTERS.map(|name| {
            let family = Family::default();
            registry.register(name, "A counter", Family::clone(&family));
            family
        });
        Self { registry, families }
    }

    #[inline]
    fn record(&self, labels: &Labels<'_>) {
        self.families[0].get_or_create(&labels.into()).inc();
    }

    #[inline]
    fn record_each(&self, labels: &Labels<'_>, amounts: [u64; 3]) {
        let typed = labels.into();
        for (family, amount) in self.families.iter().zip(amounts) {
            family.get_or_create(&typed).inc_by(amount);
        }
    }
}

impl Bound for PrometheusClient {
    type Handle = Counter;

    fn bind(&self, labels: &Labels<'_>) -> Counter {
        self.families[0].get_or_create_owned(&labels.into())
    }

    #[inline]
    fn increment(&self, handle: &Counter) {
        handle.inc();
    }
}

impl Scraped for PrometheusClient {
    fn scrape(&self) -> usize {
        let mut out = String::new();
        text::encode(&mut out, &self.registry).expect("a string takes all");
        out.len()
    }
}
