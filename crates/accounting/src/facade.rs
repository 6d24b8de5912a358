//! The façade itself: recording and reading.

use std::sync::Arc;

use ron_accounting_core::{AccountKey, Dimension, Dimensions, Label, Labels, Meter, Reader, Scope, Tenant};
use ron_accounting_window::Snapshot;

use crate::{instance::Instance, threads::Threads, AccError, Readiness, Stats};

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
/// Clones are handles to the same instance. Dropping the last handle seals what was counted, makes it durable, and exports it
/// as far as the ledger takes it within two seconds. [`Accounting::shutdown`] gives it more time and returns the result.
///
/// After a `fork`, the child process must build an instance of its own. Usage that it counts in its parent's instance is never
/// sealed, and [`Accounting::readiness`] and [`Stats::is_forked`] say so.
///
/// # Recording
/// Recording never blocks, never fails and never panics. Its methods return nothing, and each has a twin that begins with `try_`
/// and counts the same. **An error of a `try_` method does not mean that nothing happened**: the usage was counted under a
/// placeholder or an overflow row, as the error says. Do not record it again. There are two exceptions. Of a dimension of another
/// instance, [`AccError::UnknownDimension`], nothing is counted, but in `stats().engine.unknown_dimension`. And what is beyond the
/// highest count, [`AccError::Saturated`], is lost.
#[derive(Clone)]
pub struct Accounting {
    pub(crate) instance: Arc<Instance>,
    threads: Arc<Threads>,
}

impl Accounting {
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

    /// Adds `n` to a dimension. A dimension of another instance is not counted: see [`Self::try_record`].
    #[inline]
    pub fn record(&self, labels: &Labels<'_>, dimension: Dimension, n: u64) {
        self.instance.engine.record(labels, dimension, n);
    }

    /// Adds to several dimensions. The label set is looked up once.
    #[inline]
    pub fn record_each(&self, labels: &Labels<'_>, amounts: &[(Dimension, u64)]) {
        self.instance.engine.record_each(labels, amounts);
    }

    /// Counts a request, and returns an error if it was counted under another name. **It was counted either way.**
    pub fn try_incr_request(&self, labels: &Labels<'_>) -> Result<(), AccError> {
        self.try_record(labels, Dimension::REQUESTS, 1)
    }

    /// Counts received bytes, and returns an error if they were counted under another name. **They were counted either way.**
    pub fn try_add_bytes_in(&self, labels: &Labels<'_>, bytes: u64) -> Result<(), AccError> {
        self.try_record(labels, Dimension::BYTES_IN, bytes)
    }

    /// Counts sent bytes, and returns an error if they were counted under another name. **They were counted either way.**
    pub fn try_add_bytes_out(&self, labels: &Labels<'_>, bytes: u64) -> Result<(), AccError> {
        self.try_record(labels, Dimension::BYTES_OUT, bytes)
    }

    /// Adds `n` to a dimension, and returns an error if it was counted under another name. **It was counted either way, unless
    /// the error is [`AccError::UnknownDimension`].**
    pub fn try_record(&self, labels: &Labels<'_>, dimension: Dimension, n: u64) -> Result<(), AccError> {
        AccError::check(self.instance.engine.try_record(labels, dimension, n))
    }

    /// Adds to several dimensions, and returns an error if they were counted under another name. **They were counted either
    /// way, except those that [`AccError::UnknownDimension`] means.**
    pub fn try_record_each(&self, labels: &Labels<'_>, amounts: &[(Dimension, u64)]) -> Result<(), AccError> {
        AccError::check(self.instance.engine.try_record_each(labels, amounts))
    }

    /// Makes a handle for one label set: the fastest way to record. While the handle lives, the label set is not evicted.
    ///
    /// The handle does not keep the instance alive. Usage that it counts after the last [`Accounting`] is dropped is never
    /// sealed.
    pub fn meter(&self, labels: &Labels<'_>) -> Meter {
        self.instance.engine.meter(labels).0
    }

    /// Makes a handle for one label set, or returns an error if it would count under another name. In this case no handle is
    /// made, and nothing is counted.
    pub fn try_meter(&self, labels: &Labels<'_>) -> Result<Meter, AccError> {
        let (meter, outcome) = self.instance.engine.meter(labels);
        AccError::check(outcome).map(|()| meter)
    }

    /// Makes a scope for label sets that differ in their tenant alone, as a middleware for one route needs it. The tenant of
    /// `labels` is ignored. Recording costs less than half of the full look-up.
    ///
    /// Like a meter, a scope does not keep the instance alive.
    pub fn scope(&self, labels: &Labels<'_>) -> Scope {
        self.instance.engine.scope(labels)
    }

    /// Returns the tenant of the raw label `name`, for use with accounts. The tenant limit applies when an account is counted.
    pub fn tenant(&self, name: &str) -> Tenant {
        self.instance.engine.tenant(name)
    }

    /// Adds `n` to a dimension of a tenant's account: the numeric alternative to a label set.
    #[inline]
    pub fn record_account(&self, tenant: &Tenant, account: AccountKey, dimension: Dimension, n: u64) {
        self.instance.engine.record_account(tenant, account, dimension, n);
    }

    /// Adds `n` to a dimension of a tenant's account, and returns an error if it was counted under another name. **It was
    /// counted either way, unless the error is [`AccError::UnknownDimension`].**
    pub fn try_record_account(
        &self,
        tenant: &Tenant,
        account: AccountKey,
        dimension: Dimension,
        n: u64,
    ) -> Result<(), AccError> {
        AccError::check(self.instance.engine.try_record_account(tenant, account, dimension, n))
    }

    /// Makes a handle for one account. While the handle lives, the account is not evicted. It does not keep the instance
    /// alive.
    pub fn account_meter(&self, tenant: &Tenant, account: AccountKey) -> Meter {
        self.instance.engine.account_meter(tenant, account).0
    }

    /// Makes a handle for one account, or returns an error if it would count under another name. In this case no handle is
    /// made, and nothing is counted.
    pub fn try_account_meter(&self, tenant: &Tenant, account: AccountKey) -> Result<Meter, AccError> {
        let (meter, outcome) = self.instance.engine.account_meter(tenant, account);
        AccError::check(outcome).map(|()| meter)
    }

    /// Returns the dimensions that are counted.
    pub fn dimensions(&self) -> &Dimensions {
        self.instance.engine.dimensions()
    }

    /// Returns the dimension of this name.
    pub fn dimension(&self, name: &str) -> Option<Dimension> {
        self.dimensions().find(name)
    }

    /// Returns the usage of the open window so far. Changes nothing.
    pub fn snapshot(&self) -> Snapshot {
        self.instance.snapshot()
    }

    /// Returns the usage of the open window so far, or an error if it has more than `rows_max` rows.
    pub fn try_snapshot(&self, rows_max: usize) -> Result<Snapshot, AccError> {
        let snapshot = self.snapshot();
        let rows = snapshot.entries().len();
        if rows > rows_max {
            return Err(AccError::SnapshotTooLarge { rows, rows_max });
        }
        Ok(snapshot)
    }

    /// Returns the last windows that had usage, newest first. [`AccountingBuilder::history_windows`] says how many.
    ///
    /// [`AccountingBuilder::history_windows`]: crate::AccountingBuilder::history_windows
    pub fn history(&self) -> Vec<Arc<Snapshot>> {
        self.instance.history()
    }

    /// Closes the open window if its time is over at `now_ms` (Unix milliseconds), and seals it. For instances that were
    /// built with [`manual`] or [`manual_at`]. Others do this by themselves.
    ///
    /// `now_ms` is taken as it is: a jump of it is the caller's decision, and raises no alarm.
    ///
    /// Fails under `OnFull::Wait`, with [`AccError::ExportBusy`], when the ledger does not take what is sealed, or when a
    /// shutdown on another thread takes over. Fails in a fork of the process, with [`AccError::ForkedProcess`].
    ///
    /// [`manual`]: crate::AccountingBuilder::manual
    /// [`manual_at`]: crate::AccountingBuilder::manual_at
    pub fn tick(&self, now_ms: u64) -> Result<(), AccError> {
        self.instance.tick(now_ms)
    }

    /// Accepts the clock as it is now, after a jump forward beyond the limit ([`clock_jump_ms_max`]). The open window closes,
    /// and the window of the new time opens. Without this, a jump that lasts is accepted after an hour.
    ///
    /// Returns `false` if there is nothing to accept, or if the clock jumped backward. In that case set the clock right, or
    /// start the process again.
    ///
    /// [`clock_jump_ms_max`]: crate::AccountingBuilder::clock_jump_ms_max
    pub fn accept_clock(&self) -> bool {
        self.instance.accept_clock()
    }

    /// Returns counters and gauges of all parts.
    pub fn stats(&self) -> Stats {
        self.instance.stats()
    }

    /// Counts how many distinct values each label has among the live label sets. It shows which label has too many.
    pub fn cardinality(&self) -> [(Label, usize); 5] {
        self.instance.engine.cardinality()
    }

    /// Makes a reader of what is counted from now on. It takes each increment once, independently of windows and sealing, and
    /// is what cumulative views such as metrics are made of. Each reader costs 8 bytes per label set and dimension.
    ///
    /// Like a meter, a reader does not keep the instance alive. Do not use one in a fork of the process
    /// ([`Stats::is_forked`]): a lock may be held there for ever.
    pub fn reader(&self) -> Reader {
        self.instance.engine.reader()
    }

    /// Checks whether everything works, and returns what does not.
    pub fn readiness(&self) -> Readiness {
        self.instance.readiness(self.threads.are_ticking())
    }
}

impl std::fmt::Debug for Accounting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounting").field("engine", &self.instance.engine).finish_non_exhaustive()
    }
}
