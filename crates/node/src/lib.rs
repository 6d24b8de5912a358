//! The metering node: the binary `ron-accounting` and what it is made of.
//!
//! * [`run`]: the command line, from arguments to exit code.
//! * [`access_log`]: the reader of access logs that `import` meters.
//!
//! The façade counts, seals and exports, and the sink stores. This crate adds arguments, files, tables and messages.
//! `ron-accounting help` is its manual.

pub mod access_log;
mod advice;
mod command;
mod csv;
mod exit;
mod moment;
mod program;
mod progress;
mod table;

pub use program::run;
