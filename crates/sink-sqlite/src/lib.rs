//! The embedded ledger: slices and a queryable roll-up in one SQLite file.
//!
//! * [`SqliteLedger`]: the file. It is an [`Exporter`](ron_accounting_export::Exporter): what it acknowledges is
//!   durable, and a query shows it.
//! * [`UsageQuery`], [`Column`], [`UsageRow`], [`Value`], [`UnknownColumn`]: sums by any columns, exact to the unit.
//! * [`Total`]: the sum of one tenant and dimension.
//! * [`Verification`], [`VerifyProgress`], [`Violation`], [`VerifyError`]: the proof that slices, links, heads and
//!   roll-up agree.
//! * [`StoredSlice`]: the exact bytes of a slice, for evidence.
//! * [`LogImport`]: a log that was imported, so that it is recognised.
//! * [`LedgerError`]: why a file cannot be opened or read.
//!
//! `docs/sqlite-ledger.md` describes the tables, and the SQL to ask and verify without this crate.
//!
//! Any number of processes may write one file. Claims ([`ron_ledger_wire::Claim`]) tell two copies of one log apart. The crate
//! keeps no balances, decides nothing about usage, and repairs nothing: damage is reported, and the file is left as it is.

mod claim;
mod error;
mod evidence;
mod file_state;
mod imports;
mod migration;
mod open;
mod put;
mod query;
mod roll_up;
mod row_keys;
mod schema;
mod stored;
mod verify;
mod violation;

pub use crate::{
    error::LedgerError,
    evidence::StoredSlice,
    imports::LogImport,
    open::SqliteLedger,
    query::{Column, Total, UnknownColumn, UsageQuery, UsageRow, Value},
    verify::{Verification, VerifyError, VerifyProgress},
    violation::Violation,
};
