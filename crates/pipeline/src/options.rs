//! How a pipeline behaves.

use ron_accounting_export::LaneOptions;
use ron_ledger_wire::ClaimId;

/// What to do at a boundary when there is no room downstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnFull {
    /// Leave the counts where they are. They go out in a slice with a longer span, as soon as there is room.
    #[default]
    Stretch,
    /// Throw the counts away, and count how much that was.
    Shed,
    /// Leave the counts where they are until the caller seals the same window again. For imports, where time does not go
    /// on while the ledger catches up: `Accounting::tick` waits until the ledger has taken enough. The exporter must not
    /// call `tick`, `seal_now` or `shutdown` then.
    Wait,
}

/// When the log is synced. A slice is exported only once it is durable by this policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SyncPolicy {
    /// At each sealing, one sync for all its slices.
    #[default]
    OnSeal,
    /// At most this often, in milliseconds; slices wait for it.
    IntervalMs(u64),
    /// Only where a slice supersedes counts in a checkpoint, which could be counted twice otherwise. When the rest reaches
    /// the disk is up to the operating system, and a power cut may lose slices that the ledger then never gets.
    Never,
}

/// The default of [`PipelineOptions::checkpoint_ms`].
pub const CHECKPOINT_MS_DEFAULT: u64 = 5_000;

/// The default of [`PipelineOptions::streams_max`].
pub const STREAMS_MAX_DEFAULT: usize = 65_536;

/// Options of a [`Pipeline`](crate::Pipeline).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineOptions {
    /// The queues to the ledger.
    pub lanes: LaneOptions,
    /// What to do when they are full.
    pub on_full: OnFull,
    /// When the log is synced.
    pub sync: SyncPolicy,
    /// How often live counts are written to the log, in milliseconds: what a kill can lose. Zero: never.
    pub checkpoint_ms: u64,
    /// The longest random delay between a boundary and its export, in milliseconds, so that not all processes come at
    /// once.
    pub jitter_ms: u64,
    /// How many streams are remembered one by one in memory. Beyond it, those that were not used at the last boundary and of
    /// which the ledger has everything are forgotten, see [`Pipeline::totals`](crate::Pipeline::totals).
    pub streams_max: usize,
    /// Whether counts are overwritten once they are sealed.
    pub zeroize: bool,
    /// The random id of this opening of the log, see `docs/durability.md`. None for slices that several processes may
    /// export, because they all make the same ones.
    pub claim_id: Option<ClaimId>,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        Self {
            lanes: LaneOptions::default(),
            on_full: OnFull::default(),
            sync: SyncPolicy::default(),
            checkpoint_ms: CHECKPOINT_MS_DEFAULT,
            jitter_ms: 0,
            streams_max: STREAMS_MAX_DEFAULT,
            zeroize: false,
            claim_id: None,
        }
    }
}

impl PipelineOptions {
    /// Sets the queues to the ledger.
    #[must_use]
    pub fn lanes(mut self, lanes: LaneOptions) -> Self {
        self.lanes = lanes;
        self
    }

    /// Sets what to do when they are full.
    #[must_use]
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.on_full = on_full;
        self
    }

    /// Sets when the log is synced.
    #[must_use]
    pub fn sync(mut self, sync: SyncPolicy) -> Self {
        self.sync = sync;
        self
    }

    /// Sets how often live counts are written to the log, in milliseconds.
    #[must_use]
    pub fn checkpoint_ms(mut self, ms: u64) -> Self {
        self.checkpoint_ms = ms;
        self
    }

    /// Sets the longest random delay of an export, in milliseconds.
    #[must_use]
    pub fn jitter_ms(mut self, ms: u64) -> Self {
        self.jitter_ms = ms;
        self
    }

    /// Sets how many streams are remembered one by one in memory.
    #[must_use]
    pub fn streams_max(mut self, streams: usize) -> Self {
        self.streams_max = streams;
        self
    }

    /// Sets whether counts are overwritten once they are sealed.
    #[must_use]
    pub fn zeroize(mut self, zeroize: bool) -> Self {
        self.zeroize = zeroize;
        self
    }

    /// Sets the random id of this opening of the log.
    #[must_use]
    pub fn claim_id(mut self, id: Option<ClaimId>) -> Self {
        self.claim_id = id;
        self
    }
}
