//! Counters and timers for a pipeline that compresses and encrypts: what it did, and how long each stage took.
//!
//! This pipeline is the host's. It has nothing to do with `ron-accounting-pipeline`.
//!
//! * [`TelemetryCounters`]: frames and bytes. Each worker counts its own, and they are merged at the end.
//! * [`TelemetryTimer`]: the elapsed time of a run and its [`StageTimes`], by [`Stage`]. A [`StageGuard`] times a scope.
//! * [`TelemetrySnapshot`]: both, unchangeable, with ratio and throughput. It can be checked by rules. A [`SanityError`] names a
//!   broken rule.
//! * [`MonotonicClock`] is read by timers: [`InstantClock`], or [`ManualClock`] in tests.
//!
//! ```
//! use ron_accounting_telemetry::{FrameBytes, Stage, TelemetryCounters, TelemetrySnapshot, TelemetryTimer};
//!
//! let mut timer = TelemetryTimer::start();
//! let mut counters = TelemetryCounters::default();
//! counters.add_header(12);
//! let compressed = timer.time(Stage::Compress, || vec![0; 400]);
//! counters.add_encrypt_data(FrameBytes {
//!     plaintext: 1000,
//!     compressed: compressed.len(),
//!     ciphertext: 416,
//!     overhead: 5,
//! });
//! counters.add_terminator(21);
//!
//! let snapshot = TelemetrySnapshot::new(counters, &timer);
//! assert_eq!(snapshot.compression_ratio(), 0.4);
//! assert_eq!(snapshot.bytes_overhead(), 12 + 5 + 21);
//! snapshot.sanity_check()?;
//! # Ok::<(), ron_accounting_telemetry::SanityError>(())
//! ```
//!
//! Field names and rules are in `docs/telemetry.md`. The Python package of the same name has the same fields and rules.
//!
//! # Crate features
//! * **`serde`**: counters, stage times and snapshots can be serialized, with one stable order of fields.

mod clock;
mod counters;
#[cfg(feature = "serde")]
mod record;
mod sanity;
mod snapshot;
mod stage;
mod timer;

pub use clock::{InstantClock, ManualClock, MonotonicClock};
pub use counters::{FrameBytes, TelemetryCounters};
pub use sanity::SanityError;
pub use snapshot::TelemetrySnapshot;
pub use stage::{Stage, StageTimes};
pub use timer::{StageGuard, TelemetryTimer};
