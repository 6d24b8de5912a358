//! Ordered, fair and bounded export of sealed slices, as a state machine without I/O.
//!
//! * [`Exporter`]: what a ledger implements; [`Ack`] and [`PutError`], with its [`Cause`], are its answers for each slice. With a
//!   [`Claim`](ron_ledger_wire::Claim) it tells two copies of one log apart.
//! * [`Lanes`]: one ordered queue per stream. It returns the next batch, and updates its queues from each answer. You bring
//!   the clock and the threads. [`LaneOptions`] holds its limits.
//! * [`Batch`], [`BatchId`], [`Completion`], [`FailedPut`], [`NextStep`]: what goes out, and what its answers change.
//! * [`LanesStatus`], [`ParkedLane`], [`LastFailure`], [`Latencies`]: counters and gauges for operators.
//! * [`LaneError`]: why a push was refused.
//! * [`memory`]: a ledger in RAM with faults to inject, for tests.
//!
//! The crate knows no transport, no log and no clock. Time is an argument in Unix milliseconds. The same seed and the same calls
//! give the same batches.
//!
//! ```
//! use ron_accounting_export::{memory::MemoryLedger, Exporter, LaneOptions, Lanes};
//! use ron_ledger_wire::{Origin, Row, RowKey, Seq, Slice, StreamId};
//!
//! let slice = Slice {
//!     stream: StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests"),
//!     seq: Seq::FIRST,
//!     start_ms: 0,
//!     end_ms: 60_000,
//!     previous: None,
//!     rows: vec![Row { key: RowKey::Account { namespace: 1, id: 42 }, increment: 3 }],
//! };
//! let ledger = MemoryLedger::new();
//! let mut lanes = Lanes::new(LaneOptions::default())?;
//! lanes.push(slice.encode()?, 60_000)?;
//!
//! while let Some(batch) = lanes.next_batch(60_000) {
//!     let answers = ledger.put_batch(&batch.slices);
//!     let completion = lanes.complete(batch.id, answers, 60_001);
//!     assert_eq!(completion.acknowledged.len(), 1);
//! }
//! assert!(lanes.is_idle());
//! assert_eq!(ledger.total("acme", "requests"), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backoff;
mod batch;
mod cause;
mod elapsed;
mod error;
mod exporter;
mod lane;
mod lanes;
mod latencies;
pub mod memory;
mod options;
mod schedule;
mod splitmix64;
mod status;

pub use crate::{
    batch::{Batch, BatchId, Completion, FailedPut, NextStep},
    cause::{with_causes, Cause},
    error::{LaneError, PutError},
    exporter::{Ack, Exporter},
    lanes::Lanes,
    latencies::Latencies,
    options::LaneOptions,
    splitmix64::SplitMix64,
    status::{LanesStatus, LastFailure, ParkedLane},
};
