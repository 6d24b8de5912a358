//! Bytes that are known to be a canonical slice, with their digest.
//!
//! Only the encoder and the strict decoder make a [`SealedSlice`], so reading its rows cannot fail.

use std::fmt;
use std::sync::Arc;

use crate::cid::Cid;
use crate::decode;
use crate::digest::Digest;
use crate::error::DecodeError;
use crate::rows::{Rows, RowsFrame};
use crate::seq::Seq;
use crate::slice::Slice;
use crate::stream::StreamId;

/// The canonical bytes of one slice with what is needed to route and acknowledge it. Cloning is a reference count.
///
/// Two sealed slices are equal if their digests are.
#[derive(Clone)]
pub struct SealedSlice(Arc<Contents>);

pub(crate) struct Contents {
    pub(crate) stream: StreamId,
    pub(crate) seq: Seq,
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
    pub(crate) previous: Option<Digest>,
    pub(crate) digest: Digest,
    pub(crate) rows: RowsFrame,
    pub(crate) bytes: SliceBytes,
}

/// The bytes in the buffer of the encoder, so that they need not be copied. They follow a gap that the encoder did not use.
pub(crate) struct SliceBytes {
    buffer: Vec<u8>,
    start: usize,
}

impl SliceBytes {
    pub(crate) const fn new(buffer: Vec<u8>, start: usize) -> Self {
        Self { buffer, start }
    }

    pub(crate) fn get(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }
}

impl SealedSlice {
    pub(crate) fn new(contents: Contents) -> Self {
        Self(Arc::new(contents))
    }

    /// Decodes bytes strictly and hashes them, for slices that come back from a log or a ledger.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, DecodeError> {
        let bytes = bytes.into();
        let frame = decode::frame(&bytes)?;
        Ok(Self::new(Contents {
            stream: frame.stream(),
            seq: frame.seq,
            start_ms: frame.start_ms,
            end_ms: frame.end_ms,
            previous: frame.previous,
            digest: Digest::of(&bytes),
            rows: frame.rows,
            bytes: SliceBytes::new(bytes, 0),
        }))
    }

    /// Returns the stream that the slice belongs to.
    pub fn stream(&self) -> &StreamId {
        &self.0.stream
    }

    /// Returns the number within the stream.
    pub fn seq(&self) -> Seq {
        self.0.seq
    }

    /// Returns the start of the span in Unix milliseconds.
    pub fn start_ms(&self) -> u64 {
        self.0.start_ms
    }

    /// Returns the end of the span in Unix milliseconds, exclusive.
    pub fn end_ms(&self) -> u64 {
        self.0.end_ms
    }

    /// Returns the digest of the slice before this one; `None` for slice 0 alone.
    pub fn previous(&self) -> Option<Digest> {
        self.0.previous
    }

    /// Returns the digest of the bytes.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Returns the digest as a content identifier.
    pub fn cid(&self) -> Cid {
        Cid::from(self.0.digest)
    }

    /// Returns how many rows the slice has, which is at least one.
    pub fn row_count(&self) -> usize {
        self.0.rows.count
    }

    /// Returns the exact sum of all increments.
    pub fn total(&self) -> u128 {
        self.0.rows.total
    }

    /// Returns the canonical bytes. To keep them longer than this value, clone the slice: clones share them.
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes.get()
    }

    /// Returns the rows in order, borrowed. Allocates nothing.
    pub fn rows(&self) -> Rows<'_> {
        Rows::new(self.bytes(), &self.0.rows)
    }

    /// Returns the slice as owned values. Allocates for every label.
    pub fn decode(&self) -> Slice {
        Slice {
            stream: self.0.stream.clone(),
            seq: self.0.seq,
            start_ms: self.0.start_ms,
            end_ms: self.0.end_ms,
            previous: self.0.previous,
            rows: self.rows().into_owned(),
        }
    }
}

impl PartialEq for SealedSlice {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for SealedSlice {}

// Omits the bytes, which may be a megabyte.
impl fmt::Debug for SealedSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSlice")
            .field("stream", &self.0.stream)
            .field("seq", &self.0.seq)
            .field("start_ms", &self.0.start_ms)
            .field("end_ms", &self.0.end_ms)
            .field("previous", &self.0.previous)
            .field("digest", &self.0.digest)
            .field("row_count", &self.0.rows.count)
            .field("total", &self.0.rows.total)
            .field("bytes", &self.bytes().len())
            .finish()
    }
}
