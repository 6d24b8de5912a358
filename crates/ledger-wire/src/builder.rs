//! The streaming encoder: rows go in one by one, canonical bytes come out.
//!
//! # Why the frame is written last
//! The count of rows stands before the rows and is as short as it can be, so its width is unknown until the last
//! row is in. The buffer starts with room for everything before the rows at its longest. At the end the frame is
//! written so that it touches the first row, and what is left of the room stays unused. No row moves.
//!
//! # Invariants
//! 1. What `finish` returns decodes strictly: each rule is checked when the value comes in.
//! 2. `slice_bytes` of what is in the buffer never exceeds `bytes_max`.
//! 3. A refused row leaves the builder as it was.

use std::{cmp::Ordering, ops::Range};

use crate::digest::Digest;
use crate::encode::{self, Major};
use crate::error::EncodeError;
use crate::layout::{Field, MAX_SLICE_BYTES, MAX_TEXT_BYTES, ROW_ITEMS, SLICE_BYTES_LEAST, WIRE_VERSION};
use crate::rows::{self, RowsFrame};
use crate::sealed::{Contents, SealedSlice, SliceBytes};
use crate::sorted_keys::SortedKeys;
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
    bytes_max: usize,
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
            bytes_max: MAX_SLICE_BYTES,
        })
    }

    /// Ends the slice earlier than the format demands, for a log that cannot hold a whole MiB. A value below
    /// [`SLICE_BYTES_LEAST`] counts as that, so that the longest row always fits; one above [`MAX_SLICE_BYTES`] as that.
    #[must_use]
    pub fn bytes_max(mut self, bytes: usize) -> Self {
        self.bytes_max = bytes.clamp(SLICE_BYTES_LEAST, MAX_SLICE_BYTES);
        self
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
        Ok(())
    }

    /// Adds rows of keys that were checked before: index and increment, in ascending order of the index. Costs a copy of the
    /// key, the increment's few bytes, and no look at the key.
    ///
    /// Answers the row that did not fit, which is the last that was taken from `rows`: finish, and push it and the rest to
    /// the next slice. Refuses, like [`push_encoded`](Self::push_encoded), an increment of zero and a row out of order.
    pub fn push_sorted(
        &mut self,
        keys: &SortedKeys,
        rows: impl IntoIterator<Item = (usize, u64)>,
    ) -> Result<Option<(usize, u64)>, EncodeError> {
        let most = keys.bytes() + keys.len() * encode::UNSIGNED_BYTES_MAX;
        let all_fit =
            self.slice_bytes(self.buffer.len() + most, self.row_count + keys.len()) <= self.bytes_max;
        self.buffer.reserve(most.min(self.bytes_max) + self.suffix.len());
        // What changes with each row is kept out of `self`, where the compiler would have to store it for each.
        let mut buffer = std::mem::take(&mut self.buffer);
        let (mut last, mut last_key) = (None, self.last_key.clone());
        let (mut row_count, mut total) = (self.row_count, self.total);
        let mut rows = rows.into_iter();
        let result = loop {
            let Some((index, increment)) = rows.next() else { break Ok(None) };
            let order = match last {
                Some(last) => index.cmp(&last),
                // The first may follow a row of other keys.
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

    /// Whether no row has been pushed.
    pub fn is_empty(&self) -> bool {
        self.row_count == 0
    }

    /// Rows pushed so far.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// Puts the slice together and hashes it: one pass of BLAKE3.
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

        // A slice may wait for long, and what was reserved for it must not wait with it.
        if self.buffer.capacity() - self.buffer.len() > self.buffer.len() / 4 {
            self.buffer.shrink_to_fit();
        }

        let bytes = SliceBytes::new(self.buffer, unused);
        debug_assert!(
            bytes.get().len() <= MAX_SLICE_BYTES,
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

    /// Length of the slice with so many bytes in the buffer, which are so many rows.
    fn slice_bytes(&self, buffer: usize, rows: usize) -> usize {
        buffer - ROWS_HEAD_BYTES_MAX + encode::head_bytes(rows as u64) + self.suffix.len()
    }
}
