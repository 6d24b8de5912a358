//! `ron_accounting_telemetry` for Python: the classes of the Rust crate with the same fields and values.
//!
//! Each class wraps the Rust value and computes nothing by itself. Dictionaries are made of the serialized form of the Rust
//! crate, so their names, order and values are the same. Attributes are written by hand, and a test compares them with what
//! Rust writes. The type stubs in `python/` are the reference for users.

// PyO3 prescribes the signatures of methods. Their documentation becomes docstrings, which have no markup. Properties are
// described by nouns, as is usual in Python.
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
