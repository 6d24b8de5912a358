//! How a pipeline behaves.

use ron_accounting_export::LaneOptions;
use ron_ledger_wire::ClaimId;

use crate::PipelineError;

/// What to do at a boundary when there is no room downstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnFull {
    /// Leave the counts where they are. They go out in a slice with a longer span, as soon as there is room.
    #[default]
    Stretch,
    /// Throw the counts away, and count how much that was.
    Shed,
    /// Leave the counts where they are until the caller seals the same window again, as
    /// [`Driver::seal`](crate::Driver::seal) does whenever the ledger has taken something. For imports, whose time does not
    /// go on while the ledger catches up. The exporter must not call what seals: in the façade these are `tick`, `seal_now`
    /// and `shutdown`.
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

/// Options of a [`Pipeline`](crate::Pipeline), checked when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineOptions {
    pub(crate) lanes: LaneOptions,
    pub(crate) on_full: OnFull,
    pub(crate) sync: SyncPolicy,
    pub(crate) checkpoint_ms: u64,
    pub(crate) jitter_ms: u64,
    pub(crate) streams_max: usize,
    pub(crate) zeroize: bool,
    pub(crate) claim_id: Option<ClaimId>,
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
    /// Sets the options of the queues to the ledger.
    #[must_use]
    pub fn lanes(mut self, lanes: LaneOptions) -> Self {
        self.lanes = lanes;
        self
    }

    /// Sets what to do at a boundary when the queues are full; default [`OnFull::Stretch`].
    #[must_use]
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.on_full = on_full;
        self
    }

    /// Sets when the log is synced; default [`SyncPolicy::OnSeal`].
    #[must_use]
    pub fn sync(mut self, sync: SyncPolicy) -> Self {
        self.sync = sync;
        self
    }

    /// Sets how often live counts are written to the log, in milliseconds; default [`CHECKPOINT_MS_DEFAULT`]. Counts that are
    /// younger are lost when the process is killed. Zero: never.
    #[must_use]
    pub fn checkpoint_ms(mut self, ms: u64) -> Self {
        self.checkpoint_ms = ms;
        self
    }

    /// Sets the longest random delay between a boundary and its export, in milliseconds; default 0, any value. With it, many
    /// processes with the same boundaries do not reach the ledger at the same moment.
    #[must_use]
    pub fn jitter_ms(mut self, ms: u64) -> Self {
        self.jitter_ms = ms;
        self
    }

    /// Sets how many streams are remembered one by one in memory; default [`STREAMS_MAX_DEFAULT`], at least 1.
    ///
    /// Beyond it, streams that were not used at the last boundary and of which the ledger has everything are forgotten, see
    /// [`Pipeline::totals`](crate::Pipeline::totals).
    #[must_use]
    pub fn streams_max(mut self, streams: usize) -> Self {
        self.streams_max = streams;
        self
    }

    /// Sets whether counts are overwritten once they are sealed; default `false`.
    #[must_use]
    pub fn zeroize(mut self, zeroize: bool) -> Self {
        self.zeroize = zeroize;
        self
    }

    /// Sets the random id of this opening of the log, see `docs/durability.md`; default none. None is right only for slices
    /// that several processes may export, because they all make the same ones.
    #[must_use]
    pub fn claim_id(mut self, id: Option<ClaimId>) -> Self {
        self.claim_id = id;
        self
    }

    /// Refuses the first option that is outside its range. The lanes check theirs.
    pub(crate) fn validate(&self) -> Result<(), PipelineError> {
        if self.streams_max == 0 {
            let (option, max) = ("streams_max", usize::MAX as u64);
            return Err(PipelineError::InvalidOption { option, value: 0, min: 1, max });
        }
        Ok(())
    }
}
