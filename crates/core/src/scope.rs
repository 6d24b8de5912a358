//! Scopes: method, route, service and region fixed, the tenant given per call.

use std::{fmt, sync::Arc};

use crate::{
    fixed_labels::FixedLabels, hashing::RestHash, state::ThreadState, threaded_engine::ThreadedEngine,
    Dimension, Labels, Outcome,
};

/// Records under label sets that differ in their tenant alone, as the middleware of one route does. Costs
/// less than half of the full look-up.
///
/// Counts are the same as with [`Engine::record`](crate::Engine::record) and the full label set. Clones are
/// cheap.
///
/// ```
/// use ron_accounting_core::{labels, Dimension, Engine};
/// let engine = Engine::default();
/// let feed = engine.scope(&labels().method("GET").route("/v1/feed").service("omnigate").region("iad"));
/// feed.incr_request("acme");
/// feed.record_each("umbrella", &[(Dimension::REQUESTS, 1), (Dimension::BYTES_OUT, 512)]);
/// assert_eq!(engine.stats().label_sets, 2);
/// ```
#[derive(Clone)]
pub struct Scope {
    engine: Arc<ThreadedEngine>,
    fixed: Arc<FixedLabels>,
    /// A copy of the fixed labels' hash, so that recording need not read `fixed` for it.
    hash: RestHash,
}

impl Scope {
    pub(crate) fn new(engine: &Arc<ThreadedEngine>, labels: &Labels<'_>) -> Self {
        let fixed = Arc::new(FixedLabels::new(&engine.state.hashing, labels));
        Self { engine: Arc::clone(engine), hash: fixed.hash, fixed }
    }

    /// Adds one request of a tenant.
    #[inline]
    pub fn incr_request(&self, tenant: &str) {
        self.record(tenant, Dimension::REQUESTS, 1);
    }

    /// Adds bytes received from a tenant.
    #[inline]
    pub fn add_bytes_in(&self, tenant: &str, bytes: u64) {
        self.record(tenant, Dimension::BYTES_IN, bytes);
    }

    /// Adds bytes sent to a tenant.
    #[inline]
    pub fn add_bytes_out(&self, tenant: &str, bytes: u64) {
        self.record(tenant, Dimension::BYTES_OUT, bytes);
    }

    /// Adds `n` to a dimension of a tenant.
    #[inline]
    pub fn record(&self, tenant: &str, dimension: Dimension, n: u64) {
        self.count(tenant, &[(dimension, n)]);
    }

    /// Adds to several dimensions of a tenant, which is looked up once.
    #[inline]
    pub fn record_each(&self, tenant: &str, amounts: &[(Dimension, u64)]) {
        self.count(tenant, amounts);
    }

    /// Does what [`Self::record`] does, and returns what became of the usage.
    #[inline]
    #[must_use = "the outcome may be a loss; `record` ignores it"]
    pub fn try_record(&self, tenant: &str, dimension: Dimension, n: u64) -> Outcome {
        self.try_record_each(tenant, &[(dimension, n)])
    }

    /// Does what [`Self::record_each`] does, and returns what became of the usage.
    ///
    /// An amount of an unknown dimension is left out, and the others are added all the same.
    #[inline]
    #[must_use = "the outcome may be a loss; `record_each` ignores it"]
    pub fn try_record_each(&self, tenant: &str, amounts: &[(Dimension, u64)]) -> Outcome {
        let outcome = self.count(tenant, amounts);
        self.engine.state.checked(outcome, amounts, || {
            let resolve = |thread: &ThreadState| self.engine.state.resolve(thread, &self.fixed.with(tenant));
            self.engine.with_thread(resolve).map(|resolved| resolved.key)
        })
    }

    #[inline]
    fn count(&self, tenant: &str, amounts: &[(Dimension, u64)]) -> Outcome {
        let state = &self.engine.state;
        let hash = state.hashing.scoped(tenant, self.hash);
        match self.engine.thread() {
            Some(thread) => state.record_scoped(thread, tenant, hash, &self.fixed, amounts),
            None => self
                .engine
                .with_thread(|thread| state.record_scoped(thread, tenant, hash, &self.fixed, amounts)),
        }
    }

    /// Returns the raw label set of a tenant in this scope.
    pub fn labels<'a>(&'a self, tenant: &'a str) -> Labels<'a> {
        self.fixed.with(tenant)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("labels", &self.fixed.with("")).finish_non_exhaustive()
    }
}
