//! The metering node: the binary `ron-accounting` and what it is made of.
//!
//! * [`run`]: the command line, from arguments to exit code.
//! * [`access_log`]: the reader of access logs that `import` meters.
//!
//! Counting, sealing and exporting are the façade's business and storing is the sink's; this crate adds what people and
//! scripts touch: arguments, files, tables and messages. `ron-accounting help` is its manual.

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
