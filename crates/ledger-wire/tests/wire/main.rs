//! The crate's tests, sorted by the question they ask. One binary, since they share slices and strategies.

// A helper of a test may fail as a test does, and casts here are of small numbers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_possible_truncation)]

mod acceptance; // may these bytes follow that head?
mod basic; // does it work?
mod deviations; // every way to write a slice wrongly (data, shared with the vectors)
mod format_golden; // does the page on the format tell the truth?
mod golden; // the golden slices (data, shared with the vectors)
mod independent; // does somebody else's codec agree?
mod invariants; // can input break a promise?
mod known_errors; // does each deviation have its own error?
mod limits; // what happens at the edges?
mod sorted_keys; // does what was checked once give the same slices?
mod strategies; // slices at random
mod vectors; // are the golden files still what the code writes?
