//! The node as its users meet it: the real binary, real files, and answers computed by somebody else.

// Everything in here runs in tests, where a panic is the report.
#![allow(clippy::unwrap_used)]

mod binary;
mod demo;
mod import;
mod import_again;
mod import_follow;
mod import_formats;
mod import_grown;
mod import_routes;
mod import_skips;
mod import_tenants;
mod known_errors;
mod refusals;
mod sample_log;
mod serve;
mod slices;
mod system_sqlite;
mod usage;
mod verify;
mod wal_inspect;
