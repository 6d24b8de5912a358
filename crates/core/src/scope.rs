//! Scopes: method, route, service and region fixed, the tenant given per call.

#[cfg(not(loom))]
use std::fmt;

#[cfg(not(loom))]
use crate::{engine::Inner, Dimension, Outcome};
use crate::{
    hashing::{Hashing, RestHash},
    Labels,
};

/// Raw labels beside the tenant, hashed once.
#[derive(Debug)]
pub(crate) struct FixedLabels {
    values: [Box<str>; 4],
    pub(crate) hash: RestHash,
}

impl FixedLabels {
    pub(crate) fn new(hashing: &Hashing, labels: &Labels<'_>) -> Self {
        let [_, values @ ..] = labels.values();
        Self { values: values.map(Into::into), hash: hashing.rest(labels) }
    }

    /// The label set of a tenant.
    pub(crate) fn with<'a>(&'a self, tenant: &'a str) -> Labels<'a> {
        let [method, route, service, region] = self.values.each_ref().map(|value| &**value);
        Labels { tenant, method, route, service, region }
    }
}

/// Records under label sets that differ in their tenant alone, which is what a middleware for one route does: less than
/// half the cost of the full look-up.
///
/// Counts are the same as with [`Engine::record`](crate::Engine::record) and the full label set. Clones are cheap.
///
/// ```
/// use ron_accounting_core::{labels, Dimension, Engine};
/// let engine = Engine::default();
/// let feed = engine.scope(&labels().method("GET").route("/v1/feed").service("omnigate").region("iad"));
/// feed.incr_request("acme");
/// feed.record_each("umbrella", &[(Dimension::REQUESTS, 1), (Dimension::BYTES_OUT, 512)]);
/// assert_eq!(engine.stats().label_sets, 2);
/// ```
#[cfg(not(loom))]
#[derive(Clone)]
pub struct Scope {
    engine: std::sync::Arc<Inner>,
    fixed: std::sync::Arc<FixedLabels>,
    /// That of the fixed labels, at hand.
    hash: RestHash,
}

#[cfg(not(loom))]
impl Scope {
    pub(crate) fn new(engine: &std::sync::Arc<Inner>, labels: &Labels<'_>) -> Self {
        let fixed = std::sync::Arc::new(FixedLabels::new(&engine.shared.hashing, labels));
        Self { engine: std::sync::Arc::clone(engine), hash: fixed.hash, fixed }
    }

    /// Adds one request of a tenant.
    #[inline]
    pub fn incr_request(&self, tenant: &str) -> Outcome {
        self.record(tenant, Dimension::REQUESTS, 1)
    }

    /// Adds bytes received from a tenant.
    #[inline]
    pub fn add_bytes_in(&self, tenant: &str, bytes: u64) -> Outcome {
        self.record(tenant, Dimension::BYTES_IN, bytes)
    }

    /// Adds bytes sent to a tenant.
    #[inline]
    pub fn add_bytes_out(&self, tenant: &str, bytes: u64) -> Outcome {
        self.record(tenant, Dimension::BYTES_OUT, bytes)
    }

    /// Adds `n` to a dimension of a tenant.
    #[inline]
    pub fn record(&self, tenant: &str, dimension: Dimension, n: u64) -> Outcome {
        self.record_each(tenant, &[(dimension, n)])
    }

    /// Adds to several dimensions of a tenant, which is looked up once.
    #[inline]
    pub fn record_each(&self, tenant: &str, amounts: &[(Dimension, u64)]) -> Outcome {
        let shared = &self.engine.shared;
        let hash = shared.hashing.scoped(tenant, self.hash);
        match self.engine.thread() {
            Some(thread) => shared.record_scoped(thread, tenant, hash, &self.fixed, amounts),
            None => self
                .engine
                .with_thread(|thread| shared.record_scoped(thread, tenant, hash, &self.fixed, amounts)),
        }
    }

    /// The raw label set that a tenant is counted under.
    pub fn labels<'a>(&'a self, tenant: &'a str) -> Labels<'a> {
        self.fixed.with(tenant)
    }
}

#[cfg(not(loom))]
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("labels", &self.fixed.with("")).finish_non_exhaustive()
    }
}
