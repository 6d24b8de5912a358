//! Tests of the SQLite ledger, a module per question.

#![allow(clippy::unwrap_used)] // A test fails by a panic, and so do the functions that it calls.

mod contract;
mod crash;
mod evidence;
mod formats;
mod imports;
mod known_errors;
mod limits;
mod migration;
mod read_only;
mod samples;
mod tampering;
mod usage;
