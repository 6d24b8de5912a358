//! The embedded ledger: slices and a queryable roll-up in one SQLite file.
//!
//! * [`SqliteLedger`]: the file. It is an [`Exporter`](ron_accounting_export::Exporter): what it acknowledges is
//!   durable, and a query shows it. It is a [`Ledger`](ron_accounting_ledger::Ledger): it can be asked for usage, slices and all that
//!   verification needs.
//! * [`LogImport`]: a log that was imported, so that it is recognised.
//! * [`LedgerError`]: why a file cannot be opened or read.
//!
//! `docs/sqlite-ledger.md` describes the tables, and the SQL to ask and verify without this crate.
//!
//! Any number of processes may write one file. Claims ([`ron_ledger_wire::Claim`]) tell two copies of one log apart. The crate
//! keeps no balances, decides nothing about usage, and repairs nothing: damage is reported, and the file is left as it is.

mod ask;
mod claim;
mod error;
mod evidence;
mod file_state;
mod imports;
mod migration;
mod names;
mod open;
mod put;
mod row_keys;
mod schema;
mod stored;
mod usage;
mod verify;

pub use crate::{error::LedgerError, imports::LogImport, open::SqliteLedger};
