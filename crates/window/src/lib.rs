//! Windows over the recording engine: what was counted when.
//!
//! * [`Clock`] tells the time of day: [`SystemClock`], or [`ManualClock`] in tests and imports.
//! * [`Cadence`] cuts time into numbered buckets, [`FixedCadence`] into equal ones; [`Ring`] keeps the last of them.
//! * [`SteadyTime`] turns readings of a clock into the time that windows follow, and raises a [`ClockAlarm`] when wall time
//!   jumps.
//! * [`Boundaries`] says when the open window closes, as a [`Span`].
//! * [`History`] keeps a [`Snapshot`] of the open window and of the last closed ones.
//!
//! The crate knows no wire format, starts no thread, and reads no clock by itself.
//!
//! # Crate features
//! * **`history`** (default): [`History`] and [`Snapshot`], and with them the recording engine. Without it, the crate is
//!   clocks, windows and rings alone, with no dependency but the one that derives its errors.
//! * **`serde`**: makes [`Snapshot`] serializable, as a `SnapshotRecord`, which is also how to read one back.

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
