//! The façade itself: recording and reading.

use std::sync::Arc;

use ron_accounting_core::{AccountKey, Dimension, Dimensions, Label, Labels, Meter, Scope, Tenant};
use ron_accounting_window::Snapshot;

use crate::{builder::AccountingBuilder, instance::Instance, threads::Threads, AccError, Readiness, Stats};

/// Counts usage per label set in this process, window by window, and exports it if a ledger or a log is configured.
///
/// ```
/// use ron_accounting::{Accounting, labels};
///
/// fn main() -> anyhow::Result<()> {
///     let acc = Accounting::new_default();
///     let l = labels()
///         .tenant("acme")
///         .method("GET")
///         .route("/v1/feed")
///         .service("omnigate")
///         .region("iad");
///
///     acc.incr_request(&l);
///     acc.add_bytes_out(&l, 1024);
///
///     let snap = acc.snapshot();
///     println!("window={}ms entries={}", snap.window_ms, snap.entries().len());
///     Ok(())
/// }
/// ```
///
/// Clones are handles to the same instance. Recording never blocks, never fails and never panics. When the last handle is
/// dropped, what was counted is sealed, made durable, and exported as far as the ledger takes it within two seconds;
/// [`Accounting::shutdown`] gives it more time and tells the result.
///
/// After a `fork`, the child must build an instance of its own. What it counts in its parent's is never sealed, and
/// [`Accounting::readiness`] and [`Stats::is_forked`] say so.
#[derive(Clone)]
pub struct Accounting {
    pub(crate) instance: Arc<Instance>,
    threads: Arc<Threads>,
}

impl Accounting {
    /// Starts to build an instance.
    pub fn builder() -> AccountingBuilder {
        AccountingBuilder::default()
    }

    /// An instance with the settings of the environment. Never fails: a setting that cannot be used has its default, a log
    /// that cannot be opened is left out, and a warning through `tracing` says so. See [`Accounting::from_env`] for the
    /// strict form.
    pub fn new_default() -> Self {
        Self::builder().variables_or_defaults(|variable| std::env::var_os(variable)).build_or_degrade()
    }

    /// An instance with the settings of the environment.
    pub fn from_env() -> Result<Self, AccError> {
        Self::builder().env()?.build()
    }

    pub(crate) fn new(instance: Arc<Instance>, threads: Threads) -> Self {
        Self { instance, threads: Arc::new(threads) }
    }

    #[cfg(feature = "export")]
    pub(crate) fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Counts a request.
    #[inline]
    pub fn incr_request(&self, labels: &Labels<'_>) {
        self.instance.engine.record(labels, Dimension::REQUESTS, 1);
    }

    /// Counts received bytes.
    #[inline]
    pub fn add_bytes_in(&self, labels: &Labels<'_>, bytes: u64) {
        self.instance.engine.record(labels, Dimension::BYTES_IN, bytes);
    }

    /// Counts sent bytes.
    #[inline]
    pub fn add_bytes_out(&self, labels: &Labels<'_>, bytes: u64) {
        self.instance.engine.record(labels, Dimension::BYTES_OUT, bytes);
    }

    /// Adds `n` to a dimension.
    #[inline]
    pub fn record(&self, labels: &Labels<'_>, dimension: Dimension, n: u64) {
        self.instance.engine.record(labels, dimension, n);
    }

    /// Adds to several dimensions; the label set is looked up once.
    #[inline]
    pub fn record_each(&self, labels: &Labels<'_>, amounts: &[(Dimension, u64)]) {
        self.instance.engine.record_each(labels, amounts);
    }

    /// Like [`Self::incr_request`], and reports if the request was counted under another name.
    pub fn try_incr_request(&self, labels: &Labels<'_>) -> Result<(), AccError> {
        self.try_record(labels, Dimension::REQUESTS, 1)
    }

    /// Like [`Self::add_bytes_in`], and reports if the bytes were counted under another name.
    pub fn try_add_bytes_in(&self, labels: &Labels<'_>, bytes: u64) -> Result<(), AccError> {
        self.try_record(labels, Dimension::BYTES_IN, bytes)
    }

    /// Like [`Self::add_bytes_out`], and reports if the bytes were counted under another name.
    pub fn try_add_bytes_out(&self, labels: &Labels<'_>, bytes: u64) -> Result<(), AccError> {
        self.try_record(labels, Dimension::BYTES_OUT, bytes)
    }

    /// Like [`Self::record`], and reports if `n` was counted under another name, or not at all. What is counted is the same.
    pub fn try_record(&self, labels: &Labels<'_>, dimension: Dimension, n: u64) -> Result<(), AccError> {
        AccError::check(self.instance.engine.record(labels, dimension, n))
    }

    /// Like [`Self::record_each`], and reports like [`Self::try_record`].
    pub fn try_record_each(&self, labels: &Labels<'_>, amounts: &[(Dimension, u64)]) -> Result<(), AccError> {
        AccError::check(self.instance.engine.record_each(labels, amounts))
    }

    /// A handle for one label set: the fastest way to record. While it lives, the label set is not evicted. It does not keep
    /// the instance alive: what it counts after the last [`Accounting`] is gone, nobody seals.
    pub fn meter(&self, labels: &Labels<'_>) -> Meter {
        self.instance.engine.meter(labels).0
    }

    /// Like [`Self::meter`], and refuses a handle that would count under another name.
    pub fn try_meter(&self, labels: &Labels<'_>) -> Result<Meter, AccError> {
        let (meter, outcome) = self.instance.engine.meter(labels);
        AccError::check(outcome).map(|()| meter)
    }

    /// A scope for label sets that differ in their tenant alone; the tenant of `labels` is ignored. Half the cost of the full
    /// look-up, or less: what a middleware for one route wants. Like a meter, it does not keep the instance alive.
    pub fn scope(&self, labels: &Labels<'_>) -> Scope {
        self.instance.engine.scope(labels)
    }

    /// A tenant, for use with accounts.
    pub fn tenant(&self, name: &str) -> Tenant {
        self.instance.engine.tenant(name)
    }

    /// Adds `n` to a dimension of a tenant's account: the numeric alternative to a label set.
    #[inline]
    pub fn record_account(&self, tenant: &Tenant, account: AccountKey, dimension: Dimension, n: u64) {
        self.instance.engine.record_account(tenant, account, dimension, n);
    }

    /// Like [`Self::record_account`], and reports like [`Self::try_record`].
    pub fn try_record_account(
        &self,
        tenant: &Tenant,
        account: AccountKey,
        dimension: Dimension,
        n: u64,
    ) -> Result<(), AccError> {
        AccError::check(self.instance.engine.record_account(tenant, account, dimension, n))
    }

    /// A handle for one account. While it lives, the account is not evicted.
    pub fn account_meter(&self, tenant: &Tenant, account: AccountKey) -> Meter {
        self.instance.engine.account_meter(tenant, account).0
    }

    /// The dimensions that are counted.
    pub fn dimensions(&self) -> &Dimensions {
        self.instance.engine.dimensions()
    }

    /// A dimension by its name.
    pub fn dimension(&self, name: &str) -> Option<Dimension> {
        self.dimensions().find(name)
    }

    /// The usage of the open window so far. Changes nothing.
    pub fn snapshot(&self) -> Snapshot {
        self.instance.snapshot()
    }

    /// Like [`Self::snapshot`], but refuses one of more than `rows_max` rows.
    pub fn try_snapshot(&self, rows_max: usize) -> Result<Snapshot, AccError> {
        let snapshot = self.snapshot();
        let rows = snapshot.entries().len();
        if rows > rows_max {
            return Err(AccError::SnapshotTooLarge { rows, rows_max });
        }
        Ok(snapshot)
    }

    /// The last windows that had usage, newest first: `ACC_SLICES` of them.
    pub fn history(&self) -> Vec<Arc<Snapshot>> {
        self.instance.history()
    }

    /// Closes the open window if its time is over at `now_ms` (Unix milliseconds), and seals it. For instances that were
    /// built with [`AccountingBuilder::manual`]; others do this by themselves.
    ///
    /// `now_ms` is taken as it is: a jump of it is the caller's decision, and no alarm.
    ///
    /// Fails under `OnFull::Wait`, with [`AccError::ExportBusy`], when the ledger does not take what is sealed, or when a
    /// shutdown on another thread needs the turn; and in a fork of the process, with [`AccError::ForkedProcess`].
    pub fn tick(&self, now_ms: u64) -> Result<(), AccError> {
        self.instance.tick(now_ms)
    }

    /// Accepts the clock as it is now, after a jump forward beyond the limit ([`AccountingBuilder::clock_jump_ms_max`]): the
    /// open window closes, and the one of now opens. Without this, a jump that lasts is accepted after an hour. False if there
    /// is nothing to accept, or if the clock jumped backward: set it right, or start the process again.
    pub fn accept_clock(&self) -> bool {
        self.instance.accept_clock()
    }

    /// How it is doing.
    pub fn stats(&self) -> Stats {
        self.instance.stats()
    }

    /// How many distinct values each label has among the live label sets: which label blew up?
    pub fn cardinality(&self) -> [(Label, usize); 5] {
        self.instance.engine.cardinality()
    }

    /// Whether everything works, and what does not.
    pub fn readiness(&self) -> Readiness {
        self.instance.readiness(self.threads.are_ticking())
    }
}

impl std::fmt::Debug for Accounting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounting").field("engine", &self.instance.engine).finish_non_exhaustive()
    }
}
