//! The tests of the log, sorted by the question they ask.
// The rig's functions are not `#[test]`s, and all numbers are small.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_possible_truncation)]

mod basic;
mod decay;
mod directory;
mod exhaustive;
mod failing;
mod format_golden;
mod invariants;
mod known_errors;
mod limits;
mod recycled;

mod rig;
