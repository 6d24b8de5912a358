//! The streaming encoder: rows go in one by one, canonical bytes come out.
//!
//! # Why the frame is written last
//! The count of rows stands before the rows and is as short as it can be, so its width is unknown until the last
//! row is in. The buffer starts with room for everything before the rows at its longest. At the end the frame is
//! written so that it touches the first row, and what is left of the room is not copied out. No row moves twice.
//!
//! # Invariants
//! 1. What `finish` returns decodes strictly: each rule is checked when the value comes in.
//! 2. `sealed_bytes(0, 0)` never exceeds `MAX_SLICE_BYTES`.
//! 3. A refused row leaves the builder as it was.

use std::ops::Range;
use std::sync::Arc;

use crate::digest::Digest;
use crate::encode::{self, Major};
use crate::error::EncodeError;
use crate::layout::{Field, MAX_SLICE_BYTES, MAX_TEXT_BYTES, ROW_ITEMS, WIRE_VERSION};
use crate::rows::{self, RowsFrame};
use crate::sealed::{Contents, SealedSlice};
use crate::stream::StreamId;

/// The longest head of the array of rows.
const ROWS_HEAD_BYTES_MAX: usize = 5;

/// Encodes one slice from rows that arrive in order.
///
/// ```
/// use ron_ledger_wire::{encode_account_key, EncodeError, Origin, SliceBuilder, StreamId};
///
/// let stream = StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests");
/// let mut builder = SliceBuilder::new(&stream, 0, 0, 60_000, None)?;
/// let mut key = Vec::new();
/// encode_account_key(1, 42, &mut key);
/// builder.push_encoded(&key, 5)?;
/// assert_eq!(builder.push_encoded(&key, 5), Err(EncodeError::DuplicateRow { row: 1 }));
///
/// let sealed = builder.finish()?;
/// assert_eq!((sealed.row_count(), sealed.total()), (1, 5));
/// # Ok::<(), EncodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SliceBuilder {
    stream: StreamId,
    seq: u64,
    start_ms: u64,
    end_ms: u64,
    previous: Option<Digest>,
    /// Everything before the head of the rows.
    prefix: Vec<u8>,
    /// Everything after the rows.
    suffix: Vec<u8>,
    /// Room for prefix and head, then the rows.
    buffer: Vec<u8>,
    last_key: Range<usize>,
    row_count: usize,
    total: u128,
}

impl SliceBuilder {
    /// Begins the slice with number `seq` for the span from `start_ms` to `end_ms` (Unix milliseconds, end
    /// exclusive). `previous` is the digest of the slice before it, `None` for slice 0 alone.
    ///
    /// Refuses an empty span, a link that does not go with `seq`, and a tenant or dimension that is too long.
    pub fn new(
        stream: &StreamId,
        seq: u64,
        start_ms: u64,
        end_ms: u64,
        previous: Option<Digest>,
    ) -> Result<Self, EncodeError> {
        for (field, text) in [(Field::Tenant, stream.tenant()), (Field::Dimension, stream.dimension())] {
            if text.len() > MAX_TEXT_BYTES {
                return Err(EncodeError::TextTooLong { field: field.name(), bytes: text.len() });
            }
        }
        if start_ms >= end_ms {
            return Err(EncodeError::EmptyWindow { start_ms, end_ms });
        }
        match (seq, previous) {
            (0, Some(_)) => return Err(EncodeError::GenesisLink),
            (1.., None) => return Err(EncodeError::MissingLink { seq }),
            _ => {}
        }

        let mut prefix = Vec::with_capacity(80);
        encode::head(Major::Map, Field::ALL.len() as u64, &mut prefix);
        let name = |field: Field, out: &mut Vec<u8>| encode::text(field.name(), out);
        name(Field::Version, &mut prefix);
        encode::unsigned(WIRE_VERSION, &mut prefix);
        name(Field::Seq, &mut prefix);
        encode::unsigned(seq, &mut prefix);
        name(Field::Previous, &mut prefix);
        encode::link(previous.as_ref(), &mut prefix);
        name(Field::Rows, &mut prefix);

        let mut suffix = Vec::with_capacity(96 + stream.tenant().len() + stream.dimension().len());
        name(Field::End, &mut suffix);
        encode::unsigned(end_ms, &mut suffix);
        name(Field::Origin, &mut suffix);
        encode::byte_string(stream.origin().as_bytes(), &mut suffix);
        name(Field::Tenant, &mut suffix);
        encode::text(stream.tenant(), &mut suffix);
        name(Field::Start, &mut suffix);
        encode::unsigned(start_ms, &mut suffix);
        name(Field::Dimension, &mut suffix);
        encode::text(stream.dimension(), &mut suffix);

        let buffer = vec![0; prefix.len() + ROWS_HEAD_BYTES_MAX];
        Ok(Self {
            stream: stream.clone(),
            seq,
            start_ms,
            end_ms,
            previous,
            prefix,
            suffix,
            buffer,
            last_key: 0..0,
            row_count: 0,
            total: 0,
        })
    }

    /// Adds a row. `key` is what [`encode_row_key`](crate::encode_row_key) wrote, and greater than the key before.
    ///
    /// Refuses a key that is not canonical, out of order or repeated, and an increment of zero. Answers
    /// [`EncodeError::Full`] when the row does not fit: finish, and push it to the next slice, where it does.
    pub fn push_encoded(&mut self, key: &[u8], increment: u64) -> Result<(), EncodeError> {
        let row = self.row_count;
        if increment == 0 {
            return Err(EncodeError::ZeroIncrement { row });
        }
        rows::check_key(key).map_err(EncodeError::InvalidKey)?;
        if row > 0 {
            let last_key = self.buffer.get(self.last_key.clone()).unwrap_or_default();
            match last_key.cmp(key) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Err(EncodeError::DuplicateRow { row }),
                std::cmp::Ordering::Greater => return Err(EncodeError::UnsortedRows { row }),
            }
        }
        let row_bytes = encode::head_bytes(ROW_ITEMS) + key.len() + encode::head_bytes(increment);
        if self.sealed_bytes(row_bytes, 1) > MAX_SLICE_BYTES {
            return Err(EncodeError::Full);
        }

        encode::head(Major::Array, ROW_ITEMS, &mut self.buffer);
        let key_start = self.buffer.len();
        self.buffer.extend_from_slice(key);
        self.last_key = key_start..self.buffer.len();
        encode::unsigned(increment, &mut self.buffer);
        self.row_count += 1;
        self.total += u128::from(increment);
        Ok(())
    }

    /// Whether no row has been pushed.
    pub fn is_empty(&self) -> bool {
        self.row_count == 0
    }

    /// Rows pushed so far.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// Puts the slice together and hashes it: one copy of the bytes and one pass of BLAKE3.
    ///
    /// Refuses a slice without rows; ask [`is_empty`](Self::is_empty) first.
    pub fn finish(mut self) -> Result<SealedSlice, EncodeError> {
        if self.is_empty() {
            return Err(EncodeError::NoRows);
        }
        let room = self.prefix.len() + ROWS_HEAD_BYTES_MAX;
        let rows_bytes = self.buffer.len() - room;
        encode::head(Major::Array, self.row_count as u64, &mut self.prefix);
        let unused = room - self.prefix.len();
        self.buffer[unused..room].copy_from_slice(&self.prefix);
        self.buffer.extend_from_slice(&self.suffix);

        let bytes: Arc<[u8]> = Arc::from(&self.buffer[unused..]);
        debug_assert!(bytes.len() <= MAX_SLICE_BYTES, "push_encoded let {} bytes in", bytes.len());
        let range = self.prefix.len()..self.prefix.len() + rows_bytes;
        Ok(SealedSlice::new(Contents {
            digest: Digest::of(&bytes),
            stream: self.stream,
            seq: self.seq,
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            previous: self.previous,
            rows: RowsFrame { range, count: self.row_count, total: self.total },
            bytes,
        }))
    }

    /// Length of the slice with `rows` more rows of `bytes` in all.
    fn sealed_bytes(&self, bytes: usize, rows: usize) -> usize {
        self.buffer.len() - ROWS_HEAD_BYTES_MAX
            + encode::head_bytes((self.row_count + rows) as u64)
            + bytes
            + self.suffix.len()
    }
}
