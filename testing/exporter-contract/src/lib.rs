//! The contracts of `Exporter` and of `Ledger`, as functions that an implementation runs from its own tests.
//!
//! * [`check`]: runs every case that one open exporter can answer. * [`check_reopening`]: checks what must survive a restart.
//! * [`check_ledger`]: runs every case of a ledger that can be asked.
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
//! contract::check_ledger(MemoryLedger::new);
//! ```

mod cases;
mod contract;
mod ledger;
mod probe;
pub mod samples;

pub use contract::{case_names, check, check_reopening};
pub use ledger::{check_ledger, ledger_case_names};
