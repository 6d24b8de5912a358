//! Admission: a caller's decision about each stream that has counts.

use ron_ledger_wire::{Seq, StreamId};

/// A stream with counts, and what its slices would take.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Candidate<'a> {
    /// The stream.
    pub stream: &'a StreamId,
    /// How many slices its counts fill, at the most.
    pub slices: usize,
    /// How many bytes of rows they hold, at the most.
    pub row_bytes: usize,
    /// The start of the first window whose counts had to wait, by [`Admission::Wait`] or because they could not be encoded.
    /// `None` if the stream does not wait.
    pub waits_since_ms: Option<u64>,
    /// The number of its next slice. 0 if no slice was sealed or continued, or if its head was forgotten.
    pub next_seq: Seq,
}

/// What becomes of a stream's counts at a sealing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// They become slices.
    Seal,
    /// They stay in the engine, and the stream's next slice begins with this window at the latest.
    Wait,
    /// They stay in the engine, as if there had been no sealing.
    Skip,
}
