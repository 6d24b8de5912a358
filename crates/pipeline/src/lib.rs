//! From a closed window to the ledger's acknowledgement: seal, append, sync, export, acknowledge, delete.
//!
//! * [`Pipeline`] is the protocol, as steps to which time and answers are arguments; [`PipelineOptions`] its limits.
//! * [`Driver`] brings its batches to an `Exporter`, on threads of its own or on the caller's. It has all that waits for the
//!   ledger: [`Driver::seal`], [`Driver::deliver`], [`Closing`].
//! * [`PipelineStats`], [`StreamTotals`] and [`ForgottenTotals`] tell how far things are.
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

// Under `cfg(loom)`, `ron-accounting-core` hides its engine, so everything that uses it is hidden too. The models need the
// exchange alone.
#[cfg(not(loom))]
mod driver;
#[cfg(not(loom))]
mod error;
#[cfg_attr(loom, allow(dead_code))] // What only the driver uses.
mod exchange;
#[cfg(all(feature = "wal", not(loom)))]
mod inspect;
#[cfg(not(loom))]
#[cfg_attr(not(feature = "wal"), allow(dead_code))] // What only a log gives or takes.
mod journal;
#[cfg(all(feature = "wal", not(loom)))]
mod log;
#[cfg(all(test, loom))]
mod models;
#[cfg(not(loom))]
mod options;
#[cfg(not(loom))]
mod pipeline;
#[cfg(not(loom))]
mod stats;

#[cfg(not(loom))]
pub use driver::{is_export_thread, Closing, Driver, ExportThreads, TakeOver};
#[cfg(all(feature = "wal", not(loom)))]
pub use error::RecordError;
#[cfg(not(loom))]
pub use error::{DeliveryError, PipelineError};
#[cfg(all(feature = "wal", not(loom)))]
pub use inspect::{inspect, inspect_storage, LogInspection};
#[cfg(not(loom))]
pub use options::{OnFull, PipelineOptions, SyncPolicy, CHECKPOINT_MS_DEFAULT, STREAMS_MAX_DEFAULT};
#[cfg(not(loom))]
pub use pipeline::Pipeline;
#[cfg(not(loom))]
pub use ron_accounting_window::Clock;
#[cfg(not(loom))]
pub use stats::{ForgottenTotals, LogStats, PipelineStats, StreamTotals};
