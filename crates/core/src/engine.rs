//! The engine: recording and reading behind one handle that is cheap to clone.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use crossbeam_utils::CachePadded;
use thread_local::ThreadLocal;

use crate::{
    key::{AccountKey, TenantId, UsageKey},
    shared::{Limits, Shared, ThreadState},
    sync::Mutex,
    thread_exit::{self, ForgetThread},
    CharacterNormalizer, Dimension, Dimensions, EngineStats, EvictionReason, Label, Labels, Meter,
    Normalizer, Outcome, Reader, Scope,
};

/// The default of [`EngineBuilder::label_limit`]: `ACC_LABEL_LIMIT`.
pub const LABEL_LIMIT_DEFAULT: usize = 2048;
/// The default of [`EngineBuilder::tenant_limit`].
pub const TENANT_LIMIT_DEFAULT: usize = 8192;
/// The highest limit that an engine takes, for label sets and for tenants.
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
    /// What is counted.
    #[must_use]
    pub fn dimensions(mut self, dimensions: Dimensions) -> Self {
        self.dimensions = dimensions;
        self
    }

    /// The door that labels go through. Default: [`CharacterNormalizer`].
    #[must_use]
    pub fn normalizer(mut self, normalizer: impl Normalizer) -> Self {
        self.normalizer = Box::new(normalizer);
        self
    }

    /// How many label sets and accounts are live at once, from 1 to [`LIMIT_MAX`]; the least recently used go beyond.
    #[must_use]
    pub fn label_limit(mut self, limit: usize) -> Self {
        self.label_limit = limit.clamp(1, LIMIT_MAX);
        self
    }

    /// How many tenants are ever told apart, from 1 to [`LIMIT_MAX`]; later ones share the tenant `~overflow`.
    #[must_use]
    pub fn tenant_limit(mut self, limit: usize) -> Self {
        self.tenant_limit = limit.clamp(1, LIMIT_MAX);
        self
    }

    /// Whether buffers of counts are overwritten before they are given back.
    #[must_use]
    pub fn zeroize_retired(mut self, zeroize: bool) -> Self {
        self.zeroize_retired = zeroize;
        self
    }

    /// The seed of the hashes of label sets, which is random otherwise. With a seed, one thread that records the same gets
    /// the same counts even where limits are reached; who knows the seed can prepare label sets that collide.
    #[must_use]
    pub fn hash_seed(mut self, seed: u64) -> Self {
        self.hash_seed = Some(seed);
        self
    }

    /// Builds the engine. Starts no thread and opens no file.
    pub fn build(self) -> Engine {
        let limits = Limits {
            label_sets: self.label_limit,
            tenants: self.tenant_limit,
            settled: self.label_limit,
            // Twice the limit, so that a thread that uses all label sets seldom has one replaced.
            cache_entries: self.label_limit.saturating_mul(2).next_power_of_two(),
            hash_seed: self.hash_seed,
        };
        let shared = Shared::new(limits, self.dimensions, self.normalizer, self.zeroize_retired);
        let inner = Arc::new(Inner { shared, threads: ThreadLocal::new(), late: Mutex::new(None) });
        let watcher: Weak<Inner> = Arc::downgrade(&inner);
        inner.shared.on_thread_exit(watcher);
        Engine { inner }
    }
}

/// Counts usage per label set, in this process, without a lock or an allocation once a thread knows the label set.
///
/// ```
/// use ron_accounting_core::{labels, Dimension, Engine, Outcome};
/// let engine = Engine::builder().build();
/// let mut reader = engine.reader();
/// let feed = labels().tenant("acme").method("GET").route("/v1/feed");
/// assert_eq!(engine.record(&feed, Dimension::REQUESTS, 1), Outcome::Counted);
///
/// let reading = reader.take();
/// let row = reading.rows().next().unwrap();
/// assert_eq!(row.key.labels(), Some(feed));
/// assert_eq!(row.values[Dimension::REQUESTS.index()], 1);
/// ```
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) shared: Shared,
    /// Padded, since threads write what they own on each call, and their states stand side by side.
    threads: ThreadLocal<CachePadded<ThreadState>>,
    /// The state of all threads that record after their end, from destructors of thread-local values.
    late: Mutex<Option<ThreadState>>,
}

impl Inner {
    /// The calling thread's state, unless it has none yet, or none any more.
    #[inline]
    pub(crate) fn thread(&self) -> Option<&ThreadState> {
        self.threads.get().map(|thread| &**thread)
    }

    /// Works with the calling thread's state, which is made if need be. Recording tries [`Self::thread`] first: what a
    /// closure captures is written to memory, which costs more than an increment.
    #[cold]
    #[inline(never)]
    pub(crate) fn with_thread<T>(&self, work: impl FnOnce(&ThreadState) -> T) -> T {
        if thread_exit::has_ended() && self.threads.get().is_none() {
            return work(self.late.lock().get_or_insert_with(|| self.shared.new_thread()));
        }
        work(self.threads.get_or(|| CachePadded::new(self.shared.new_thread())))
    }
}

impl ForgetThread for Inner {
    fn forget_thread(&self) {
        if let Some(thread) = self.threads.get() {
            thread.forget();
        }
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.shared.fmt(f)
    }
}

impl Engine {
    /// Starts to build an engine.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Adds `n` to one dimension of a label set.
    #[inline]
    pub fn record(&self, labels: &Labels<'_>, dimension: Dimension, n: u64) -> Outcome {
        self.record_each(labels, &[(dimension, n)])
    }

    /// Adds to several dimensions of a label set, which is looked up once.
    #[inline]
    pub fn record_each(&self, labels: &Labels<'_>, amounts: &[(Dimension, u64)]) -> Outcome {
        match self.inner.thread() {
            Some(thread) => self.inner.shared.record(thread, labels, amounts),
            None => self.inner.with_thread(|thread| self.inner.shared.record(thread, labels, amounts)),
        }
    }

    /// A handle for one label set: the fastest way to record. While it lives, the label set is not evicted.
    pub fn meter(&self, labels: &Labels<'_>) -> (Meter, Outcome) {
        let resolved = self.inner.with_thread(|thread| self.inner.shared.resolve(thread, labels));
        Meter::new(&self.inner, resolved)
    }

    /// A scope for label sets that differ in their tenant alone; the tenant of `labels` is ignored.
    pub fn scope(&self, labels: &Labels<'_>) -> Scope {
        Scope::new(&self.inner, labels)
    }

    /// The tenant that usage of `tenant` is counted under, for use with accounts.
    pub fn tenant(&self, tenant: &str) -> Tenant {
        let (id, name) = self.inner.shared.admit_tenant(tenant);
        Tenant { id, name }
    }

    /// Adds `n` to one dimension of a tenant's account.
    #[inline]
    pub fn record_account(
        &self,
        tenant: &Tenant,
        account: AccountKey,
        dimension: Dimension,
        n: u64,
    ) -> Outcome {
        let tenant = (tenant.id, &*tenant.name);
        let amounts = &[(dimension, n)];
        let shared = &self.inner.shared;
        match self.inner.thread() {
            Some(thread) => shared.record_account(thread, tenant, account, amounts),
            None => self.inner.with_thread(|thread| shared.record_account(thread, tenant, account, amounts)),
        }
    }

    /// A handle for one account. While it lives, the account is not evicted.
    pub fn account_meter(&self, tenant: &Tenant, account: AccountKey) -> (Meter, Outcome) {
        let tenant = (tenant.id, &*tenant.name);
        let resolve = |thread: &ThreadState| self.inner.shared.resolve_account_key(thread, tenant, account);
        Meter::new(&self.inner, self.inner.with_thread(resolve))
    }

    /// A reader that sees what is counted from now on. Each costs 8 bytes per key and dimension.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.inner))
    }

    /// The dimensions of this engine.
    pub fn dimensions(&self) -> &Dimensions {
        &self.inner.shared.dimensions
    }

    /// Finds out which keys are in use, evicts those that were idle for more than `idle_calls_max` calls, and reuses
    /// what nobody owns. To be called once per window.
    pub fn maintain(&self, idle_calls_max: u64) {
        self.inner.shared.maintain(idle_calls_max);
    }

    /// Keys evicted so far.
    pub fn evictions(&self, reason: EvictionReason) -> u64 {
        self.inner.shared.evictions(reason)
    }

    /// How the engine is doing.
    pub fn stats(&self) -> EngineStats {
        self.inner.shared.stats()
    }

    /// How many distinct values each label has among the live label sets: which label blew up? Visits every key.
    pub fn cardinality(&self) -> [(Label, usize); 5] {
        self.inner.shared.cardinality()
    }

    /// The key that a raw label set would be counted under.
    pub fn usage_key(&self, labels: &Labels<'_>) -> UsageKey {
        self.inner.shared.usage_key(labels)
    }
}

/// A tenant of one engine, admitted within its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    id: TenantId,
    name: Box<str>,
}

impl Tenant {
    /// The tenant's number.
    pub const fn id(&self) -> TenantId {
        self.id
    }

    /// The name that usage is counted under: normalized, or `~overflow` past the tenant limit.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key of one of its accounts.
    pub fn usage_key(&self, account: AccountKey) -> UsageKey {
        UsageKey::from_account(self.id, &self.name, account)
    }
}
