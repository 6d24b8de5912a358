//! From a closed window to the ledger's acknowledgement: seal, append, sync, export, acknowledge, delete.
//!
//! * [`Pipeline`] is the protocol, as steps to which time and answers are arguments; [`PipelineOptions`] its limits.
//! * [`Driver`] brings its batches to an `Exporter`, on threads of its own or on the caller's.
//! * [`PipelineStats`] and [`StreamTotals`] tell how far things are.
#![cfg_attr(
    feature = "wal",
    doc = "* [`inspect`](fn@inspect) shows what stands in a log, without changing it."
)]
//!
//! This is the only crate that sees log and export together, so that the order in which durability is promised has one
//! home.
//!
//! # Crate features
//! * **`wal`** (default): pipelines over a write-ahead log, which survive a restart.

mod driver;
mod error;
#[cfg(feature = "wal")]
mod inspect;
mod journal;
#[cfg(feature = "wal")]
mod log;
mod options;
mod pipeline;
mod stats;

pub use driver::{Driver, ExportThreads};
pub use error::PipelineError;
#[cfg(feature = "wal")]
pub use inspect::{inspect, LogInspection};
pub use options::{OnFull, PipelineOptions, SyncPolicy, CHECKPOINT_MS_DEFAULT};
pub use pipeline::Pipeline;
pub use stats::{LogStats, PipelineStats, StreamTotals};
