//! `ron_accounting_telemetry` for Python: the classes of the Rust crate with the same fields and values.
//!
//! Each class wraps the Rust value and computes nothing by itself. Dictionaries go through the serialized form of the Rust
//! crate, so that their names, order and values are the same by construction; attributes are written out, and a test
//! compares them with what Rust dumps. The type stubs in `python/` are the reference for users.

// Methods have the shapes that PyO3 calls, and their documentation becomes docstrings, which have no markup.
#![allow(
    clippy::doc_markdown,
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    clippy::wrong_self_convention
)]

mod counters;
mod dictionary;
mod errors;
mod module;
mod snapshot;
mod stage;
mod stage_times;
mod timer;
