//! The embedded ledger: slices and a queryable roll-up in one SQLite file.
//!
//! * [`SqliteLedger`]: the file. It is an [`Exporter`](ron_accounting_export::Exporter): what it acknowledges is
//!   durable, and a query shows it.
//! * [`UsageQuery`], [`Column`], [`UsageRow`], [`Value`], [`UnknownColumn`]: sums by any columns, exact to the unit;
//!   [`Total`]: all that is held per tenant and dimension.
//! * [`Verification`], [`VerifyProgress`], [`Violation`], [`VerifyError`]: the proof that slices, links, heads and
//!   roll-up agree.
//! * [`StoredSlice`]: the exact bytes, for evidence.
//! * [`LedgerError`]: why a file cannot be opened or read.
//!
//! Any number of processes may write one file, and two copies of one log are told apart by their claims
//! ([`ron_ledger_wire::Claim`]). The crate holds no balances, decides nothing about usage and repairs nothing: a damaged
//! ledger is named, never mended.

mod claim;
mod error;
mod evidence;
mod file_state;
mod migration;
mod open;
mod put;
mod query;
mod roll_up;
mod row_keys;
mod schema;
mod stored;
mod verify;

pub use crate::{
    error::LedgerError,
    evidence::StoredSlice,
    open::SqliteLedger,
    query::{Column, Total, UnknownColumn, UsageQuery, UsageRow, Value},
    verify::{Verification, VerifyError, VerifyProgress, Violation},
};
