//! The contract of `Exporter`, as functions that an implementation runs from its own tests.
//!
//! * [`check`]: every case that one open ledger can answer. * [`check_reopening`]: what must survive a restart.
//! * [`samples`]: streams, chains and forks to build further cases from.
//!
//! A case that fails panics with its name, what it expected and what it found.
//!
//! ```
//! use ron_accounting_export::memory::MemoryLedger;
//! use ron_accounting_exporter_contract as contract;
//!
//! contract::check(|| Box::new(MemoryLedger::new()));
//! // A place is what outlives a process: a directory, a database. Here, another handle will do.
//! contract::check_reopening(MemoryLedger::new, |place| Box::new(place.clone()));
//! ```

mod cases;
mod contract;
mod probe;
pub mod samples;

pub use contract::{case_names, check, check_reopening};
