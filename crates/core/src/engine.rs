//! The engine's public handle, and how it is built. The crate's page says what is behind it.

use std::{fmt, sync::Arc};

use crate::{
    state::{EngineState, Limits, Resolved, ThreadState},
    tenant::Tenant,
    threaded_engine::ThreadedEngine,
    AccountKey, CharacterNormalizer, Dimension, Dimensions, EngineError, EngineStats, EvictionReason, Label,
    Labels, LimitReached, Meter, Normalizer, Outcome, Reader, Scope, UsageKey,
};

/// The default of [`EngineBuilder::label_limit`].
pub const LABEL_LIMIT_DEFAULT: usize = 2048;
/// The default of [`EngineBuilder::tenant_limit`].
pub const TENANT_LIMIT_DEFAULT: usize = 8192;
/// The highest value of [`EngineBuilder::label_limit`] and [`EngineBuilder::tenant_limit`].
pub const LIMIT_MAX: usize = 1 << 24;

/// Builds an [`Engine`].
pub struct EngineBuilder {
    dimensions: Dimensions,
    normalizer: Box<dyn Normalizer>,
    label_limit: usize,
    tenant_limit: usize,
    zeroize_retired: bool,
    hash_seed: Option<u64>,
}

impl Default for EngineBuilder {
    fn default() -> Self {
        Self {
            dimensions: Dimensions::default(),
            normalizer: Box::new(CharacterNormalizer),
            label_limit: LABEL_LIMIT_DEFAULT,
            tenant_limit: TENANT_LIMIT_DEFAULT,
            zeroize_retired: false,
            hash_seed: None,
        }
    }
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("dimensions", &self.dimensions)
            .field("label_limit", &self.label_limit)
            .field("tenant_limit", &self.tenant_limit)
            .field("zeroize_retired", &self.zeroize_retired)
            .finish_non_exhaustive()
    }
}

impl EngineBuilder {
    /// Sets what is counted. Default: the four built-in dimensions.
    #[must_use]
    pub fn dimensions(mut self, dimensions: Dimensions) -> Self {
        self.dimensions = dimensions;
        self
    }

    /// Sets what turns raw labels into counted ones. Default: [`CharacterNormalizer`].
    #[must_use]
    pub fn normalizer(mut self, normalizer: impl Normalizer) -> Self {
        self.normalizer = Box::new(normalizer);
        self
    }

    /// Sets how many label sets and accounts are live at once, from 1 to [`LIMIT_MAX`]. At the limit, the
    /// least recently used ones are evicted for new ones. Default: [`LABEL_LIMIT_DEFAULT`].
    #[must_use]
    pub fn label_limit(mut self, limit: usize) -> Self {
        self.label_limit = limit;
        self
    }

    /// Sets how many tenants are in use at once, from 1 to [`LIMIT_MAX`]. At the limit, those that were not used since the last
    /// [`Engine::maintain`] leave for new ones. If there is none, the usage of new ones goes to the tenant `~overflow`. Default:
    /// [`TENANT_LIMIT_DEFAULT`].
    #[must_use]
    pub fn tenant_limit(mut self, limit: usize) -> Self {
        self.tenant_limit = limit;
        self
    }

    /// Sets whether buffers of counts are overwritten with zeros before their memory is freed. Default:
    /// `false`.
    #[must_use]
    pub fn zeroize_retired(mut self, zeroize: bool) -> Self {
        self.zeroize_retired = zeroize;
        self
    }

    /// Sets the seed of the hashes of label sets, which is random otherwise.
    ///
    /// With a seed, one thread that records the same gets the same counts even if limits are reached. But an
    /// attacker that knows the seed can prepare label sets that collide.
    #[must_use]
    pub fn hash_seed(mut self, seed: u64) -> Self {
        self.hash_seed = Some(seed);
        self
    }

    /// Builds the engine. Starts no thread and opens no file. Refuses a limit that is outside its range.
    pub fn build(self) -> Result<Engine, EngineError> {
        for (option, limit) in [("label_limit", self.label_limit), ("tenant_limit", self.tenant_limit)] {
            if !(1..=LIMIT_MAX).contains(&limit) {
                let (value, max) = (limit as u64, LIMIT_MAX as u64);
                return Err(EngineError::InvalidOption { option, value, min: 1, max });
            }
        }
        Ok(self.assemble())
    }

    /// Builds the engine from settings that are in range.
    fn assemble(self) -> Engine {
        let limits = Limits {
            label_sets: self.label_limit,
            tenants: self.tenant_limit,
            detached_keys: self.label_limit,
            // Twice the limit: a thread may use all label sets, and write some of them in more than one way.
            cache_entries: self.label_limit.saturating_mul(2).next_power_of_two(),
            hash_seed: self.hash_seed,
        };
        let state = EngineState::new(limits, self.dimensions, self.normalizer, self.zeroize_retired);
        Engine { threaded: ThreadedEngine::new(state) }
    }
}

/// Counts usage per label set, in this process. Once a thread knows a label set, counting takes no lock and
/// allocates nothing. Clones are the same engine.
///
/// Recording never fails, and its functions return nothing. Each has a twin that begins with `try_` and returns an
/// [`Outcome`]. Both count the same.
///
/// ```
/// use ron_accounting_core::{labels, Dimension, Engine, Outcome};
/// let engine = Engine::builder().label_limit(512).build()?;
/// let mut reader = engine.reader();
/// let feed = labels().tenant("acme").method("GET").route("/v1/feed");
/// assert_eq!(engine.try_record(&feed, Dimension::REQUESTS, 1), Outcome::Counted);
///
/// let reading = reader.take();
/// let row = reading.rows().next().unwrap();
/// assert_eq!(row.key.labels(), Some(feed));
/// assert_eq!(row.values[Dimension::REQUESTS.index()], 1);
/// # Ok::<(), ron_accounting_core::EngineError>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    threaded: Arc<ThreadedEngine>,
}

impl Default for Engine {
    /// An engine with the default settings.
    fn default() -> Self {
        Self::builder().assemble()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.threaded.state.fmt(f)
    }
}

impl Engine {
    /// Returns a builder with the default settings.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Adds `n` to one dimension of a label set.
    #[inline]
    pub fn record(&self, labels: &Labels<'_>, dimension: Dimension, n: u64) {
        self.count(labels, &[(dimension, n)]);
    }

    /// Adds to several dimensions of a label set, which is looked up once.
    #[inline]
    pub fn record_each(&self, labels: &Labels<'_>, amounts: &[(Dimension, u64)]) {
        self.count(labels, amounts);
    }

    /// Does what [`Self::record`] does, and returns what became of the usage.
    #[inline]
    #[must_use = "the outcome may be a loss; `record` ignores it"]
    pub fn try_record(&self, labels: &Labels<'_>, dimension: Dimension, n: u64) -> Outcome {
        self.try_record_each(labels, &[(dimension, n)])
    }

    /// Does what [`Self::record_each`] does, and returns what became of the usage.
    ///
    /// An amount of an unknown dimension is left out, and the others are added all the same.
    #[inline]
    #[must_use = "the outcome may be a loss; `record_each` ignores it"]
    pub fn try_record_each(&self, labels: &Labels<'_>, amounts: &[(Dimension, u64)]) -> Outcome {
        let outcome = self.count(labels, amounts);
        self.threaded.state.checked(outcome, amounts, || self.resolve(labels).map(|resolved| resolved.key))
    }

    #[inline]
    fn count(&self, labels: &Labels<'_>, amounts: &[(Dimension, u64)]) -> Outcome {
        match self.threaded.thread() {
            Some(thread) => self.threaded.state.record(thread, labels, amounts),
            None => self.threaded.with_thread(|thread| self.threaded.state.record(thread, labels, amounts)),
        }
    }

    /// Makes a handle for one label set: the fastest way to record. While the handle lives, the label set is
    /// not evicted.
    ///
    /// The outcome says what the handle counts under: the label set, one with a placeholder, or an overflow
    /// row.
    #[must_use]
    pub fn meter(&self, labels: &Labels<'_>) -> (Meter, Outcome) {
        Meter::new(&self.threaded, self.resolve(labels))
    }

    fn resolve(&self, labels: &Labels<'_>) -> Option<Resolved> {
        self.threaded.with_thread(|thread| self.threaded.state.resolve(thread, labels))
    }

    /// Makes a scope for label sets that differ in their tenant alone. The tenant of `labels` is ignored.
    pub fn scope(&self, labels: &Labels<'_>) -> Scope {
        Scope::new(&self.threaded, labels)
    }

    /// Returns the tenant of the raw label `tenant`, for use with accounts. The tenant limit applies when an account is counted.
    pub fn tenant(&self, tenant: &str) -> Tenant {
        self.threaded.state.tenant(tenant)
    }

    /// Adds `n` to one dimension of a tenant's account.
    #[inline]
    pub fn record_account(&self, tenant: &Tenant, account: AccountKey, dimension: Dimension, n: u64) {
        self.count_account(tenant, account, &[(dimension, n)]);
    }

    /// Does what [`Self::record_account`] does, and returns what became of the usage.
    #[inline]
    #[must_use = "the outcome may be a loss; `record_account` ignores it"]
    pub fn try_record_account(
        &self,
        tenant: &Tenant,
        account: AccountKey,
        dimension: Dimension,
        n: u64,
    ) -> Outcome {
        let amounts = &[(dimension, n)];
        let outcome = self.count_account(tenant, account, amounts);
        self.threaded
            .state
            .checked(outcome, amounts, || self.resolve_account(tenant, account).map(|resolved| resolved.key))
    }

    #[inline]
    fn count_account(&self, tenant: &Tenant, account: AccountKey, amounts: &[(Dimension, u64)]) -> Outcome {
        let state = &self.threaded.state;
        match self.threaded.thread() {
            Some(thread) => state.record_account(thread, tenant, account, amounts),
            None => {
                self.threaded.with_thread(|thread| state.record_account(thread, tenant, account, amounts))
            }
        }
    }

    /// Makes a handle for one account. While the handle lives, the account is not evicted.
    ///
    /// The outcome says what the handle counts under: the account, or an overflow row.
    #[must_use]
    pub fn account_meter(&self, tenant: &Tenant, account: AccountKey) -> (Meter, Outcome) {
        Meter::new(&self.threaded, self.resolve_account(tenant, account))
    }

    fn resolve_account(&self, tenant: &Tenant, account: AccountKey) -> Option<Resolved> {
        let resolve = |thread: &ThreadState| self.threaded.state.resolve_account_key(thread, tenant, account);
        self.threaded.with_thread(resolve)
    }

    /// Makes a reader that sees what is counted from now on. Each costs 8 bytes per key and dimension.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.threaded))
    }

    /// Returns the dimensions of this engine.
    pub fn dimensions(&self) -> &Dimensions {
        &self.threaded.state.dimensions
    }

    /// Finds out which keys are in use, evicts those that were unused for more than `idle_calls_max` calls in
    /// a row, and frees the ids of evicted keys without owners and the places of tenants without keys. Call it once per window.
    pub fn maintain(&self, idle_calls_max: u64) {
        self.threaded.state.maintain(idle_calls_max);
    }

    /// Returns how many keys were evicted so far.
    pub fn evictions(&self, reason: EvictionReason) -> u64 {
        self.threaded.state.evictions(reason)
    }

    /// Returns the limits that were reached since the last call, each once, with what reached it first. Call it once per window
    /// to report them.
    pub fn take_limits_reached(&self) -> Vec<LimitReached> {
        self.threaded.state.take_limits_reached()
    }

    /// Returns the engine's figures.
    pub fn stats(&self) -> EngineStats {
        self.threaded.state.stats()
    }

    /// Counts how many distinct values each label has among the live label sets: which label has too many?
    /// Visits every key.
    pub fn cardinality(&self) -> [(Label, usize); 5] {
        self.threaded.state.cardinality()
    }

    /// Returns the key that a raw label set is counted under if it is within the limits. Registers nothing.
    pub fn usage_key(&self, labels: &Labels<'_>) -> UsageKey {
        self.threaded.state.usage_key(labels)
    }

    /// Checks the engine's invariants, and those of the calling thread's caches: for tests, between their
    /// steps.
    #[doc(hidden)]
    pub fn validate(&self) -> Result<(), String> {
        self.threaded.state.validate(self.threaded.thread())
    }
}
