//! Time as the engine counts it: clocks, windows, and what was counted in which window.
//!
//! * [`Clock`] is a source of the time of day: [`SystemClock`], or [`ManualClock`] in tests and imports.
//! * [`Cadence`] divides time into numbered buckets, [`FixedCadence`] into equal ones. [`Ring`] keeps the last of them.
//! * [`SteadyTime`] turns readings of a clock into the time that windows follow, and raises a [`ClockAlarm`] when wall time
//!   jumps.
//! * [`Boundaries`] says when the open window closes, as a [`Span`].
//! * [`History`] shows a [`Snapshot`] of the open window and keeps those of the last closed ones.
//!
//! ```text
//!  Clock --reading--> SteadyTime --now_ms--> Boundaries --closed Span--> History::close   the reader of the history
//!                     wall time,              the number of the             |
//!                     unless it jumps         open window never             Ring of Snapshots, the newest windows
//!                                             decreases
//! ```
//!
//! The caller moves the values along the arrows. The crate knows no wire format, starts no thread, and reads no clock by
//! itself.
//!
//! # Crate features
//! * **`history`** (default): [`History`] and [`Snapshot`], and with them the recording engine. Without it, the crate has
//!   clocks, windows and rings, and no dependency but `thiserror`.
//! * **`serde`**: [`Snapshot`] is serialized as a `SnapshotRecord`, and can be read back as one.

mod boundary;
mod cadence;
mod clock;
#[cfg(feature = "history")]
mod history;
#[cfg(feature = "serde")]
mod record;
mod ring;
#[cfg(feature = "history")]
mod snapshot;
mod steady;

pub use boundary::{Boundaries, Span};
pub use cadence::{
    Cadence, FixedCadence, WindowLengthError, WINDOW_MS_DEFAULT, WINDOW_MS_MAX, WINDOW_MS_MIN,
};
pub use clock::{Clock, ClockReading, ManualClock, SystemClock};
#[cfg(feature = "history")]
pub use history::History;
#[cfg(feature = "serde")]
pub use record::{EntryRecord, SnapshotRecord};
pub use ring::Ring;
#[cfg(feature = "history")]
pub use snapshot::{Entry, Snapshot, SNAPSHOT_VERSION};
pub use steady::{
    ClockAlarm, ClockEvent, JumpDirection, Observation, SteadyTime, CLOCK_JUMP_ACCEPTED_AFTER_MS,
    CLOCK_JUMP_MS_MAX_DEFAULT,
};
