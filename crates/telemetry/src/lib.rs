//! What a pipeline that compresses and encrypts did, and how long each stage took.
//!
//! * [`TelemetryCounters`]: frames and bytes, counted by each worker for itself and merged at the end.
//! * [`TelemetryTimer`]: the run's elapsed time and its [`StageTimes`], by [`Stage`]; a [`StageGuard`] times a scope.
//! * [`TelemetrySnapshot`]: both, frozen, with ratio and throughput; checked by rules, each of which is a [`SanityError`].
//! * [`MonotonicClock`] is what timers read: [`InstantClock`], or [`ManualClock`] in tests.
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
//! Field names and rules are in `docs/telemetry.md`; the Python package of the same name has the same ones.
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
