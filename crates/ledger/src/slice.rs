//! Slices as a ledger has them: what is known of one, its bytes, and what is kept beside them.

use std::fmt;

use ron_ledger_wire::{Cid, Digest, Row, Seq, StreamId};

use crate::Violation;

/// The name of a slice in a ledger: its stream and its number. Names are sorted by stream, then by number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SliceName {
    /// The stream.
    pub stream: StreamId,
    /// Number within the stream.
    pub seq: Seq,
}

/// Writes the stream and the number. Control characters are escaped.
impl fmt::Display for SliceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} seq {}", self.stream, self.seq)
    }
}

/// What a ledger knows of a slice without reading its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceInfo {
    /// Stream and number.
    pub name: SliceName,
    /// Digest under which the slice was accepted.
    pub digest: Digest,
    /// Start of the span in Unix milliseconds.
    pub start_ms: u64,
    /// End of the span in Unix milliseconds, exclusive.
    pub end_ms: u64,
    /// How many rows the slice has.
    pub row_count: u64,
    /// The exact sum of all increments.
    pub total: u128,
}

impl SliceInfo {
    /// Returns the digest as a content identifier.
    #[must_use]
    pub fn cid(&self) -> Cid {
        Cid::from(self.digest)
    }
}

/// A slice with its bytes as the ledger has them, borrowed during a visit.
#[derive(Debug, Clone, Copy)]
pub struct StoredSlice<'a> {
    /// The stream that the slice was stored for.
    pub stream: &'a StreamId,
    /// Number within the stream.
    pub seq: Seq,
    /// Digest under which the slice was accepted. It is not computed again.
    pub digest: Digest,
    /// Start of the span in Unix milliseconds.
    pub start_ms: u64,
    /// End of the span in Unix milliseconds, exclusive.
    pub end_ms: u64,
    /// The exact bytes.
    pub bytes: &'a [u8],
}

impl StoredSlice<'_> {
    /// Returns the digest as a content identifier.
    #[must_use]
    pub fn cid(&self) -> Cid {
        Cid::from(self.digest)
    }

    /// Returns stream and number.
    #[must_use]
    pub fn name(&self) -> SliceName {
        SliceName { stream: self.stream.clone(), seq: self.seq }
    }

    /// Copies the slice with its bytes.
    #[must_use]
    pub fn to_copy(&self) -> SliceCopy {
        SliceCopy {
            name: self.name(),
            digest: self.digest,
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            bytes: self.bytes.to_vec(),
        }
    }
}

/// A copy of a slice as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceCopy {
    /// Stream and number.
    pub name: SliceName,
    /// Digest under which the slice was accepted. It is not computed again.
    pub digest: Digest,
    /// Start of the span in Unix milliseconds.
    pub start_ms: u64,
    /// End of the span in Unix milliseconds, exclusive.
    pub end_ms: u64,
    /// The exact bytes.
    pub bytes: Vec<u8>,
}

impl SliceCopy {
    /// Returns the slice as a visitor of the ledger sees it.
    #[must_use]
    pub fn as_stored(&self) -> StoredSlice<'_> {
        StoredSlice {
            stream: &self.name.stream,
            seq: self.name.seq,
            digest: self.digest,
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            bytes: &self.bytes,
        }
    }

    /// Returns the digest as a content identifier.
    #[must_use]
    pub fn cid(&self) -> Cid {
        Cid::from(self.digest)
    }
}

/// A slice with all that the ledger keeps of it, borrowed during a verification.
#[derive(Debug, Clone, Copy)]
pub struct AuditedSlice<'a> {
    /// The slice and its bytes.
    pub slice: StoredSlice<'a>,
    /// How many rows the ledger counts; `None` if it keeps no such number.
    pub row_count: Option<u64>,
    /// The sum of all increments that the ledger's queries use; `None` if it keeps none.
    pub total: Option<u128>,
    /// The rows that the ledger's queries sum, sorted by key; `None` if they read the bytes. At most one row more than the bytes
    /// have is needed.
    pub rows: Option<&'a [Row]>,
    /// What is missing of all this, as far as only the ledger can tell. It is reported if the bytes are sound.
    pub missing: Option<&'a Violation>,
}

impl<'a> AuditedSlice<'a> {
    /// Returns a slice of a ledger that keeps nothing beside the bytes.
    #[must_use]
    pub const fn without_roll_up(slice: StoredSlice<'a>) -> Self {
        Self { slice, row_count: None, total: None, rows: None, missing: None }
    }
}
