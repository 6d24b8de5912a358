//! The tests of the pipeline, sorted by the question they ask.
// The rig's functions are not `#[test]`s.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Without a log there is no other life to prepare.
#![cfg_attr(not(feature = "wal"), allow(dead_code))]

mod basic;
mod driver;
mod forgetting;

#[cfg(feature = "wal")]
mod checkpoint;
#[cfg(feature = "wal")]
mod durability;
#[cfg(feature = "wal")]
mod faults;
#[cfg(feature = "wal")]
mod formats;
#[cfg(feature = "wal")]
mod inspection;
#[cfg(feature = "wal")]
mod invariants;
#[cfg(feature = "wal")]
mod large;
#[cfg(feature = "wal")]
mod limits;
#[cfg(feature = "wal")]
mod power;
#[cfg(feature = "wal")]
mod restart;

mod node;
mod waiting;
mod witness;
