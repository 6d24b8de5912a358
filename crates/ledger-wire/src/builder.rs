//! The streaming encoder: it takes rows one by one and returns canonical bytes.
//!
//! # Why the frame is written last
//! The count of rows precedes the rows and takes as few bytes as it can. So its width is unknown until the last row is in.
//! The buffer begins with a gap as long as the longest frame. At the end the frame is written into the end of the gap, directly
//! before the first row, and the rest of the gap stays unused. No row moves.
//!
//! # Invariants
//! 1. What `finish` returns decodes strictly, because each rule is checked when a value is pushed.
//! 2. `slice_bytes` of the buffer never exceeds `bytes_max`.
//! 3. A refused row leaves the builder unchanged.
//! 4. The buffer begins with the gap, and the last key lies inside of it, directly before the last increment.
//!
//! Debug builds check them after each row (`validate`).

use std::{cmp::Ordering, ops::Range};

use crate::digest::Digest;
use crate::encode::{self, Major};
use crate::error::EncodeError;
use crate::layout::{Field, ROW_ITEMS, SLICE_BYTES_LEAST, SLICE_BYTES_MAX, TEXT_BYTES_MAX, WIRE_VERSION};
use crate::rows::{self, RowsFrame};
use crate::sealed::{Contents, SealedSlice, SliceBytes};
use crate::seq::Seq;
use crate::sorted_keys::SortedKeys;
use crate::stream::StreamId;

/// The longest head of the array of rows.
const ROWS_HEAD_BYTES_MAX: usize = 5;

/// Encodes one slice from rows that arrive in order.
///
/// ```
/// use ron_ledger_wire::{encode_account_key, EncodeError, Origin, Seq, SliceBuilder, StreamId};
///
/// let stream = StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests");
/// let mut builder = SliceBuilder::new(&stream, Seq::FIRST, 0, 60_000, None)?;
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
    seq: Seq,
    start_ms: u64,
    end_ms: u64,
    previous: Option<Digest>,
    /// Everything before the head of the rows.
    prefix: Vec<u8>,
    /// Everything after the rows.
    suffix: Vec<u8>,
    /// A gap for prefix and head, then the rows.
    buffer: Vec<u8>,
    last_key: Range<usize>,
    row_count: usize,
    total: u128,
    bytes_max: usize,
}

impl SliceBuilder {
    /// Begins the slice with number `seq` for the span from `start_ms` to `end_ms` (Unix milliseconds, end
    /// exclusive). `previous` is the digest of the slice before it; `None` for slice 0 alone.
    ///
    /// Refuses an empty span, a link that does not fit `seq`, and a tenant or dimension that is too long.
    pub fn new(
        stream: &StreamId,
        seq: Seq,
        start_ms: u64,
        end_ms: u64,
        previous: Option<Digest>,
    ) -> Result<Self, EncodeError> {
        for (field, text) in [(Field::Tenant, stream.tenant()), (Field::Dimension, stream.dimension())] {
            if text.len() > TEXT_BYTES_MAX {
                return Err(EncodeError::TextTooLong { field: field.name(), bytes: text.len() });
            }
        }
        if start_ms >= end_ms {
            return Err(EncodeError::EmptyWindow { start_ms, end_ms });
        }
        match (seq.is_first(), previous) {
            (true, Some(_)) => return Err(EncodeError::GenesisLink),
            (false, None) => return Err(EncodeError::MissingLink { seq }),
            _ => {}
        }

        let mut prefix = Vec::with_capacity(80);
        encode::head(Major::Map, Field::ALL.len() as u64, &mut prefix);
        let name = |field: Field, out: &mut Vec<u8>| encode::text(field.name(), out);
        name(Field::Version, &mut prefix);
        encode::unsigned(WIRE_VERSION, &mut prefix);
        name(Field::Seq, &mut prefix);
        encode::unsigned(seq.get(), &mut prefix);
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
            bytes_max: SLICE_BYTES_MAX,
        })
    }

    /// Limits the slice to fewer bytes than the format allows, for a log that cannot hold a whole MiB.
    ///
    /// Values are clamped to [`SLICE_BYTES_LEAST`], so that the longest row always fits, and to [`SLICE_BYTES_MAX`].
    #[must_use]
    pub fn bytes_max(mut self, bytes: usize) -> Self {
        self.bytes_max = bytes.clamp(SLICE_BYTES_LEAST, SLICE_BYTES_MAX);
        self
    }

    /// Adds a row. `key` is what [`encode_row_key`](crate::encode_row_key) wrote, and greater than the key before it.
    ///
    /// Refuses a key that is not canonical, out of order or repeated, and an increment of zero. Returns
    /// [`EncodeError::Full`] if the row does not fit. Then finish this slice and push the row to the next one, where it fits.
    pub fn push_encoded(&mut self, key: &[u8], increment: u64) -> Result<(), EncodeError> {
        let row = self.row_count;
        if increment == 0 {
            return Err(EncodeError::ZeroIncrement { row });
        }
        rows::check_key(key).map_err(EncodeError::InvalidKey)?;
        self.check_order(key)?;
        let row_bytes = encode::head_bytes(ROW_ITEMS) + key.len() + encode::head_bytes(increment);
        if self.slice_bytes(self.buffer.len() + row_bytes, row + 1) > self.bytes_max {
            return Err(EncodeError::Full);
        }
        encode::head(Major::Array, ROW_ITEMS, &mut self.buffer);
        self.buffer.extend_from_slice(key);
        self.last_key = self.buffer.len() - key.len()..self.buffer.len();
        encode::unsigned(increment, &mut self.buffer);
        self.row_count += 1;
        self.total += u128::from(increment);
        debug_assert_eq!(self.validate(), Ok(()));
        Ok(())
    }

    /// Adds rows of keys that were checked before, as index and increment, in ascending order of the index.
    ///
    /// A row costs a copy of its key and the few bytes of its increment. Keys are not checked again.
    ///
    /// Returns the row that did not fit, which is the last that was taken from `rows`. Then finish this slice, and push that row
    /// and the remaining ones to the next. Refuses an increment of zero and a row out of order, as
    /// [`push_encoded`](Self::push_encoded) does.
    pub fn push_sorted(
        &mut self,
        keys: &SortedKeys,
        rows: impl IntoIterator<Item = (usize, u64)>,
    ) -> Result<Option<(usize, u64)>, EncodeError> {
        let most = keys.bytes() + keys.len() * encode::UNSIGNED_BYTES_MAX;
        let all_fit =
            self.slice_bytes(self.buffer.len() + most, self.row_count + keys.len()) <= self.bytes_max;
        self.buffer.reserve(most.min(self.bytes_max) + self.suffix.len());
        // Locals, because the compiler would have to store fields of `self` after each row.
        let mut buffer = std::mem::take(&mut self.buffer);
        let (mut last, mut last_key) = (None, self.last_key.clone());
        let (mut row_count, mut total) = (self.row_count, self.total);
        let mut rows = rows.into_iter();
        let result = loop {
            let Some((index, increment)) = rows.next() else { break Ok(None) };
            let order = match last {
                Some(last) => index.cmp(&last),
                // The first row may follow a row of other keys.
                None if row_count == 0 => Ordering::Greater,
                None => keys.get(index).cmp(&buffer.get(last_key.clone())),
            };
            let Some(row) = keys.row(index).filter(|_| order == Ordering::Greater) else {
                break Err(match order {
                    Ordering::Equal => EncodeError::DuplicateRow { row: row_count },
                    _ => EncodeError::UnsortedRows { row: row_count },
                });
            };
            if increment == 0 {
                break Err(EncodeError::ZeroIncrement { row: row_count });
            }
            if !all_fit {
                let end = buffer.len() + row.len() + encode::head_bytes(increment);
                if self.slice_bytes(end, row_count + 1) > self.bytes_max {
                    break Ok(Some((index, increment)));
                }
            }
            last = Some(index);
            last_key = buffer.len() + encode::head_bytes(ROW_ITEMS)..buffer.len() + row.len();
            buffer.extend_from_slice(row);
            encode::unsigned(increment, &mut buffer);
            row_count += 1;
            total += u128::from(increment);
        };
        self.buffer = buffer;
        self.last_key = last_key;
        (self.row_count, self.total) = (row_count, total);
        debug_assert_eq!(self.validate(), Ok(()));
        result
    }

    fn check_order(&self, key: &[u8]) -> Result<(), EncodeError> {
        let row = self.row_count;
        if row == 0 {
            return Ok(());
        }
        match self.buffer.get(self.last_key.clone()).unwrap_or_default().cmp(key) {
            Ordering::Less => Ok(()),
            Ordering::Equal => Err(EncodeError::DuplicateRow { row }),
            Ordering::Greater => Err(EncodeError::UnsortedRows { row }),
        }
    }

    /// Returns whether no row has been pushed.
    pub fn is_empty(&self) -> bool {
        self.row_count == 0
    }

    /// Returns how many rows were pushed so far.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// Completes the slice and hashes it, which is one pass of BLAKE3.
    ///
    /// Refuses a slice without rows. Ask [`is_empty`](Self::is_empty) first.
    pub fn finish(mut self) -> Result<SealedSlice, EncodeError> {
        if self.is_empty() {
            return Err(EncodeError::NoRows);
        }
        let gap = self.gap_bytes();
        let rows_bytes = self.buffer.len() - gap;
        encode::head(Major::Array, self.row_count as u64, &mut self.prefix);
        let unused = gap - self.prefix.len();
        self.buffer[unused..gap].copy_from_slice(&self.prefix);
        self.buffer.extend_from_slice(&self.suffix);

        // A slice may wait for hours in a queue, and unused capacity must not wait with it.
        if self.buffer.capacity() - self.buffer.len() > self.buffer.len() / 4 {
            self.buffer.shrink_to_fit();
        }

        let bytes = SliceBytes::new(self.buffer, unused);
        debug_assert!(
            bytes.get().len() <= SLICE_BYTES_MAX,
            "push_encoded let {} bytes in",
            bytes.get().len()
        );
        let range = self.prefix.len()..self.prefix.len() + rows_bytes;
        Ok(SealedSlice::new(Contents {
            digest: Digest::of(bytes.get()),
            stream: self.stream,
            seq: self.seq,
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            previous: self.previous,
            rows: RowsFrame { range, count: self.row_count, total: self.total },
            bytes,
        }))
    }

    /// Returns the length of the gap in front of the rows.
    fn gap_bytes(&self) -> usize {
        self.prefix.len() + ROWS_HEAD_BYTES_MAX
    }

    /// Checks the invariants that hold between two rows, but for the strict decoding, which tests check.
    fn validate(&self) -> Result<(), String> {
        let bytes = self.slice_bytes(self.buffer.len(), self.row_count);
        if self.row_count > 0 && bytes > self.bytes_max {
            return Err(format!("2: {bytes} bytes, of at most {}", self.bytes_max));
        }
        let has_rows = self.buffer.len() > self.gap_bytes();
        let has_last_key = self.last_key.end <= self.buffer.len() && !self.last_key.is_empty();
        if (has_rows, has_last_key) != (self.row_count > 0, self.row_count > 0) {
            let (rows, key) = (self.row_count, &self.last_key);
            return Err(format!("4: {rows} rows in {} bytes, the last key at {key:?}", self.buffer.len()));
        }
        Ok(())
    }

    /// Returns the length of the slice, if the buffer had this length and this many rows.
    fn slice_bytes(&self, buffer: usize, rows: usize) -> usize {
        buffer - ROWS_HEAD_BYTES_MAX + encode::head_bytes(rows as u64) + self.suffix.len()
    }
}
