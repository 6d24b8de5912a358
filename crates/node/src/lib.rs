//! The metering node: the binary `ron-accounting` and what it is made of.
//!
//! * [`run`]: the command line, from arguments to exit code.
//!
//! The façade counts, seals and exports, and the sink stores. This crate adds arguments, files, tables and messages.
//! `ron-accounting help` is its manual.

mod advice;
mod command;
mod exit;
mod moment;
mod program;
mod progress;
mod signals;
mod table;

pub use program::run;
