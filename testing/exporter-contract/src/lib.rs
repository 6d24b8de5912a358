//! The contract of `Exporter`, as functions that an implementation runs from its own tests.
//!
//! * [`check`]: runs every case that one open ledger can answer. * [`check_reopening`]: checks what must survive a restart.
//! * [`samples`]: streams, chains and forks to build further cases from.
//!
//! A case that fails panics with its name, what it expected and what it found.
//!
//! ```
//! use ron_accounting_export::memory::MemoryLedger;
//! use ron_accounting_exporter_contract as contract;
//!
//! contract::check(|| Box::new(MemoryLedger::new()));
//! // Storage outlives a process: a directory, a database. Here, another handle is enough.
//! contract::check_reopening(MemoryLedger::new, |storage| Box::new(storage.clone()));
//! ```

mod cases;
mod contract;
mod probe;
pub mod samples;

pub use contract::{case_names, check, check_reopening};
