//! Sealing: what a window counted becomes hash-chained slices.
//!
//! * [`Sealer`] reads the engine at a boundary and encodes each stream's counts as its next slices.
//! * [`Candidate`] and [`Admission`]: the caller decides which streams are sealed, with their needs at hand.
//! * [`Sealed`] is what came of one boundary: the slices, and the streams that had to wait.
//! * [`SealError`]: a stream that could not be sealed; its counts stay.
//!
//! Sealing is pure: the same counts, boundaries and heads give the same bytes. The crate reads no clock, keeps no queue
//! and writes no file; it knows nothing of logs and exporters.

// Under `cfg(loom)`, `ron-accounting-core` hides its engine, and nothing is left to seal.
#![cfg(not(loom))]

mod error;
mod layout;
mod sealer;
mod streams;

pub use error::SealError;
pub use sealer::{Admission, Candidate, Sealed, Sealer};
