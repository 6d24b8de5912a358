//! Usage metering in-process. Counts requests, bytes and other units per label set at nanosecond cost, window by window, and
//! exports them exactly once in effect.
//!
//! ```
//! use ron_accounting::{Accounting, labels};
//!
//! fn main() -> anyhow::Result<()> {
//!     let acc = Accounting::new_default(); // amnesia-aware defaults (env-driven)
//!     let l = labels()
//!         .tenant("t-123")
//!         .method("GET")
//!         .route("/v1/objects/:id") // templated, not raw ID
//!         .service("omnigate")
//!         .region("iad");
//!
//!     acc.incr_request(&l);
//!     acc.add_bytes_in(&l, 32 * 1024);
//!     acc.add_bytes_out(&l, 4096);
//!
//!     let snap = acc.snapshot();
//!     // ship `snap` to a channel or service that exports to ron-ledger
//!     assert!(snap.entries().len() >= 1);
//!     Ok(())
//! }
//! ```
//!
//! # Where things are
//! * [`Accounting`] is the façade. [`AccountingBuilder`] and the environment configure it. [`AccError`] lists its errors.
//! * [`counters`]: label sets, dimensions, meters, and the outcome of a recording.
//! * [`window`]: clocks, windows and snapshots.
//! * [`normalize`]: normalizes each label before it is counted.
//! * [`export`]: snapshots in transit, slices, ledgers.
#![cfg_attr(
    feature = "ledger-wire",
    doc = "* [`accounting`]: the numeric façade, with accounts instead of label sets."
)]
#![cfg_attr(feature = "wal", doc = "* [`wal`]: inspects a write-ahead log.")]
//! * [`Stats`] and [`Readiness`]: counters and gauges, and which parts work.
#![cfg_attr(
    all(doc, not(doctest)),
    doc = "* [`_documentation`]: architecture, durability, formats and settings."
)]
//!
//! # Crate features
//! * **`micronode`**: recording and windows alone. Of this workspace, only `ron-accounting-core` and `ron-accounting-window` are
//!   used.
//! * **`macronode`**: everything up to a ledger: `normalize`, `ledger-wire`, `export`, `wal`.
//! * **`normalize`** (default): route templating and label hygiene. Without it, only length and characters are checked.
//! * **`openapi`**: lists of routes can be OpenAPI 3 documents. Enables `normalize`.
//! * **`serde`** (default), **`export-serde`**: snapshots can be serialized.
//! * **`parking_lot`** (default): the engine uses its locks.
//! * **`ledger-wire`**: sealed slices and the numeric `accounting::Recorder`.
//! * **`export`**: a pipeline to a ledger, from memory.
//! * **`wal`**: a write-ahead log, so that slices survive a restart.

mod builder;
#[cfg(feature = "serde")]
mod compatibility;
mod conversion;
mod environment;
mod error;
#[cfg(feature = "export")]
mod export_builder;
#[cfg(feature = "export")]
mod export_facade;
#[cfg(feature = "export")]
mod export_settings;
#[cfg_attr(not(feature = "export"), path = "without_export.rs")]
mod exporting;
mod facade;
mod home_process;
mod host_normalizer;
mod instance;
mod limit_warnings;
#[cfg(feature = "ledger-wire")]
mod origin;
#[cfg(feature = "ledger-wire")]
mod recorder;
#[cfg(feature = "normalize")]
mod routes;
mod row_histogram;
mod settings;
mod start;
mod stats;
mod steady_clock;
mod threads;
mod ticker;
mod turn;

pub use builder::AccountingBuilder;
pub use error::AccError;
pub use facade::Accounting;
pub use ron_accounting_core::{labels, Dimension, Dimensions, Labels, Meter, Scope};
#[cfg(feature = "export")]
pub use ron_accounting_pipeline::OnFull;
pub use ron_accounting_window::Snapshot;
pub use row_histogram::RowHistogram;
#[cfg(feature = "export")]
pub use stats::UsageTotals;
pub use stats::{Readiness, Stats};

/// Label sets, accounts, dimensions, meters and readers.
pub mod counters {
    pub use ron_accounting_core::{
        labels, AccountKey, Dimension, DimensionError, Dimensions, EngineStats, EvictionReason, KeyId,
        KeyTable, Label, Labels, Meter, Outcome, Overflow, Reader, Reading, ReadingRow, Scope, Tenant,
        TenantId, UsageKey,
    };
}

/// Clocks, windows and snapshots.
pub mod window {
    pub use ron_accounting_window::{
        Boundaries, Cadence, Clock, ClockAlarm, ClockReading, Entry, FixedCadence, JumpDirection,
        ManualClock, Ring, Snapshot, Span, SystemClock, WindowLengthError,
    };
}

/// Normalizes each label before it is counted.
pub mod normalize {
    pub use ron_accounting_core::{
        CharacterNormalizer, Normalizer, Reason, Verdict, INVALID, LABEL_BYTES_MAX, OVERFLOW, REDACTED,
    };
    #[cfg(feature = "normalize")]
    pub use ron_accounting_normalize::{
        BuildError, LearnedPosition, LearnerStats, PersonalData, RouteLearner, RouteLearnerBuilder,
        RouteList, RouteListError, RouteNormalizer, RouteNormalizerBuilder, Unmatched,
    };
}

/// Snapshots in transit, slices, and ledgers.
pub mod export {
    #[cfg(feature = "serde")]
    pub use crate::compatibility::check_version;
    #[cfg(feature = "export")]
    pub use ron_accounting_export::{memory::MemoryLedger, Ack, Exporter, LanesStatus, ParkedLane, PutError};
    #[cfg(feature = "export")]
    pub use ron_accounting_pipeline::{LogStats, PipelineStats, SyncPolicy};
    pub use ron_accounting_window::{Entry, Snapshot, SNAPSHOT_VERSION};
    #[cfg(feature = "serde")]
    pub use ron_accounting_window::{EntryRecord, SnapshotRecord};
    #[cfg(feature = "ledger-wire")]
    pub use ron_ledger_wire::{Digest, Head, Origin, SealedSlice, Seq, Slice, StreamId};
}

/// The numeric façade: accounts instead of label sets.
#[cfg(feature = "ledger-wire")]
pub mod accounting {
    pub use ron_accounting_core::{AccountKey, Dimension};
    pub use ron_ledger_wire::{Row, RowKey};

    pub use crate::recorder::Recorder;
}

/// Inspects a write-ahead log.
#[cfg(feature = "wal")]
pub mod wal {
    pub use ron_accounting_pipeline::{inspect, LogInspection, PipelineError};
    pub use ron_accounting_wal::{Damage, DamageKind, SegmentInspection, SegmentState};
}

/// Architecture, durability, formats and settings, page by page.
#[cfg(all(doc, not(doctest)))]
#[path = "documentation.rs"]
pub mod _documentation;

/// The programs of the README, compiled and run with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
