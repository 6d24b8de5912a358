//! What recording, reading and sealing cost, measured beside the libraries that one could pick instead and beside the
//! floor of each path: the least work that could do the job.
//!
//! * [`race`]: the method. Contestants take turns in many short rounds, and what counts is the median of the ratios
//!   within a round. [`crew`] does the same with several threads.
//! * [`label_sets`]: what is recorded, and in which order.
//! * [`slices`]: what is sealed.
//! * [`contestants`]: this workspace, its peers and plain maps behind one interface.
//! * [`middlewares`]: HTTP services that are counted, and the requests that they get.
//! * [`durability`]: the log, its recovery, the ledger, questions to it and the export, beside the disk.
//! * [`access_logs`]: a made-up public log in every format. [`import`]: whole imports of it, beside `GoAccess`.
//! * [`paths`]: one file per group of figures. [`operations`]: each operation alone.
//! * [`growth`]: how cost grows, as plots.
//! * [`figures`]: what comes of it, for `cargo xtask bench`, which prints it and compares it with the targets.
//!
//! The programs in `src/bin/` run the paths; the benches in `benches/` are for work on a single function.
// A measurement that cannot be set up has no result. Counts become floating point where nanoseconds are computed.
#![allow(clippy::expect_used, clippy::cast_precision_loss)]

pub mod access_logs;
pub mod contestants;
pub mod crew;
pub mod durability;
pub mod figures;
pub mod growth;
pub mod import;
pub mod label_sets;
pub mod middlewares;
pub mod operations;
pub mod paths;
pub mod race;
pub mod slices;
