//! Counts the bytes that go through a stream: totals, and the last sixty minutes.
//!
//! * [`CountingStream`] wraps anything that reads or writes, and counts the bytes that were really moved.
//! * [`Counters`] holds the counts. Any number of streams and threads share it, and it takes counts from elsewhere, too.
//! * [`Snapshot`] is what was counted: totals, and a count per minute. [`Totals`] holds the totals alone.
//! * [`Progress`] returns what was counted since the last time, each byte once, for another counter.
//! * [`Attribution`] says how exactly bytes are assigned to minutes, and what that costs.
//! * [`Clock`], [`SystemClock`], [`ManualClock`]: the source of the time, from `ron-accounting-window`.
//! * [`prometheus`] writes snapshots in Prometheus' text format.
//!
//! ```
//! use std::io::{self, Read, Write};
//! use ron_accounting_stream::{Counters, CountingStream};
//!
//! let counters = Counters::new();
//! let mut source = CountingStream::new("twelve bytes".as_bytes(), counters.clone());
//! let mut target = CountingStream::new(Vec::new(), counters.clone());
//! io::copy(&mut source, &mut target)?;
//!
//! let snapshot = counters.snapshot();
//! assert_eq!((snapshot.total_in, snapshot.total_out), (12, 12));
//! assert_eq!(snapshot.per_min_in.iter().sum::<u64>(), 12);
//! # Ok::<(), io::Error>(())
//! ```
//!
//! The rules of counting, and when a byte belongs to which minute, are in `docs/streams.md`.
//!
//! # Crate features
//! * **`tokio`**: [`CountingStream`] over `AsyncRead`, `AsyncBufRead`, `AsyncWrite` and `AsyncSeek`.

#[cfg(feature = "tokio")]
mod asynchronous;
mod attribution;
mod cells;
mod counters;
mod minutes;
mod progress;
pub mod prometheus;
mod snapshot;
mod stream;
mod tap;

pub use attribution::{Attribution, CALLS_BETWEEN_CLOCK_READS_MAX};
pub use counters::{Counters, CountersBuilder};
pub use progress::Progress;
pub use ron_accounting_window::{Clock, ClockReading, ManualClock, SystemClock};
pub use snapshot::{Snapshot, Totals, MINUTES};
pub use stream::CountingStream;
