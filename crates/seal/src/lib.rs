//! Sealing: the counts of a window become hash-chained slices.
//!
//! * [`Sealer`] reads the engine at a boundary and encodes the counts of each stream as its next slices.
//! * [`Candidate`] and [`Admission`]: the caller decides about each stream whether it is sealed.
//! * [`Sealed`] is the result: the slices, how many streams wait, and the errors.
//! * [`SealError`] names a stream that could not be encoded. Its counts stay in the engine.
//!
//! Sealing is pure: the same counts, boundaries and heads give the same bytes. The crate reads no clock, keeps no queue
//! and writes no file. It knows nothing of logs and exporters.
//!
//! # What happens at a boundary, in this order
//!
//! ```text
//!  1  Reader::peek        engine -> Reading      counts by key id; nothing is taken yet
//!  2  Layout::update      Reading's key table    new keys are encoded and merged in; most boundaries change nothing
//!  3  Layout::rows        Layout + Reading       TenantRows: a tenant's keys in wire order, with their counts
//!  4  used_streams        TenantRows             UsedStream: one per tenant and dimension that has counts
//!  5  Streams::choose     UsedStream + Chain     Candidate -> the caller returns an Admission
//!  6  Chain::seal_rows    admitted streams       slices: encoded keys are copied, counts are added, digests linked
//!  7  Reading::retain     all others             their counts are removed from the reading ...
//!  8  Reader::take_seen   Reading -> engine      ... so that exactly what is in slices now counts as taken
//! ```
//!
//! If anything fails before step 8, nothing was taken: the counts are sealed at a later boundary.
//!
//! # What owns what
//!
//! ```text
//!  Sealer
//!    Reader      core's; remembers which counts were taken. Only step 8 changes it
//!    Reading     a buffer for the counts of one sealing; empty in between if counts are to be zeroized
//!    Layout      per tenant: its keys, encoded once and kept in wire order from one sealing to the next
//!    Streams     per stream: its Chain
//!      Chain     number and digest for the next slice; since when the stream waits
//! ```
//!
//! A layout is derived from the engine's keys and can be built anew at any time. A chain cannot:
//! a caller that drops the sealer gives the next one its heads, by [`Sealer::continue_from`].

// Under `cfg(loom)`, `ron-accounting-core` hides its engine, and nothing is left to seal.
#![cfg(not(loom))]

mod admission;
mod chain;
mod error;
mod layout;
mod sealer;
mod streams;
mod tenant_keys;
mod used_stream;

pub use admission::{Admission, Candidate};
pub use error::SealError;
pub use sealer::{Sealed, Sealer};
