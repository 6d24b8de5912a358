//! Rows, borrowed from a slice's bytes. They are read once to be checked, and again to be used.
//!
//! Both passes share one function, so the second pass finds what the first one checked.

use std::cmp::Ordering;
use std::ops::Range;

use crate::error::{DecodeError, DecodeErrorKind as Kind};
use crate::layout::{ACCOUNT_ID_BYTES, ACCOUNT_ITEMS, LABELS_ITEMS, ROW_BYTES_MIN, ROW_ITEMS};
use crate::reader::Reader;
use crate::slice::{Row, RowKey};

/// A row, borrowed from a slice's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowRef<'a> {
    /// What the usage is attributed to.
    pub key: RowKeyRef<'a>,
    /// How much, never zero.
    pub increment: u64,
}

/// The borrowed form of a [`RowKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKeyRef<'a> {
    /// A label set, without its tenant, which the stream has.
    Labels {
        /// Method of the request.
        method: &'a str,
        /// Template of the route.
        route: &'a str,
        /// Service that counted.
        service: &'a str,
        /// Region in which it runs.
        region: &'a str,
    },
    /// A numeric account.
    Account {
        /// Namespace of the id.
        namespace: u32,
        /// The account's number within the namespace.
        id: u128,
    },
}

impl RowRef<'_> {
    /// Returns the row as owned values.
    pub fn to_row(&self) -> Row {
        Row { key: self.key.to_key(), increment: self.increment }
    }
}

impl RowKeyRef<'_> {
    /// Returns the key as owned values.
    pub fn to_key(&self) -> RowKey {
        match *self {
            Self::Labels { method, route, service, region } => RowKey::labels(method, route, service, region),
            Self::Account { namespace, id } => RowKey::Account { namespace, id },
        }
    }
}

/// The rows of a slice in wire order, from [`SealedSlice::rows`](crate::SealedSlice::rows).
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    reader: Reader<'a>,
    next: usize,
    count: usize,
}

impl<'a> Rows<'a> {
    /// Returns the rows of a slice. `rows` must have been found in these `bytes`.
    pub(crate) fn new(bytes: &'a [u8], rows: &RowsFrame) -> Self {
        let rows_bytes = bytes.get(rows.range.clone()).unwrap_or_default();
        debug_assert_eq!(rows_bytes.len(), rows.range.len(), "the rows were found in other bytes");
        Self { reader: Reader::new(rows_bytes), next: 0, count: rows.count }
    }

    /// Returns each row together with the encoded form of its key, as [`encode_row_key`](crate::encode_row_key) writes it.
    pub fn with_encoded_keys(mut self) -> impl Iterator<Item = (&'a [u8], RowRef<'a>)> {
        std::iter::from_fn(move || self.next_row())
    }

    fn next_row(&mut self) -> Option<(&'a [u8], RowRef<'a>)> {
        if self.next == self.count {
            return None;
        }
        let row = read_row(&mut self.reader, self.next);
        debug_assert!(row.is_ok(), "row {} was valid when the slice was sealed: {row:?}", self.next);
        self.next += 1;
        row.ok().map(|(row, key)| (key, row))
    }

    /// Returns the rows as owned values. `collect` would reserve more than it needs.
    pub(crate) fn into_owned(self) -> Vec<Row> {
        let mut rows = Vec::with_capacity(self.len());
        rows.extend(self.map(|row| row.to_row()));
        rows
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = RowRef<'a>;

    fn next(&mut self) -> Option<RowRef<'a>> {
        self.next_row().map(|(_, row)| row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.count - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Rows<'_> {}
impl std::iter::FusedIterator for Rows<'_> {}

/// The range of the rows in the bytes, their count and their sum.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowsFrame {
    pub(crate) range: Range<usize>,
    pub(crate) count: usize,
    pub(crate) total: u128,
}

impl RowsFrame {
    /// Reads the rows. There must be at least one, and each key must be greater than the one before it.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let head_offset = reader.offset();
        let announced = reader.array("the rows")?;
        let needed = announced.saturating_mul(ROW_BYTES_MIN as u64);
        let left = reader.left();
        let count = match usize::try_from(announced) {
            Ok(0) => return Err(DecodeError::new(head_offset, Kind::NoRows)),
            Ok(count) if needed <= left as u64 => count,
            _ => return Err(DecodeError::new(head_offset, Kind::Truncated { needed, left })),
        };

        let start = reader.offset();
        let mut total = 0_u128;
        let mut last_key: &[u8] = &[];
        for row in 0..count {
            let offset = reader.offset();
            let (content, key) = read_row(reader, row)?;
            match last_key.cmp(key) {
                Ordering::Less => {}
                Ordering::Equal => return Err(DecodeError::new(offset, Kind::DuplicateRow { row })),
                Ordering::Greater => return Err(DecodeError::new(offset, Kind::UnsortedRows { row })),
            }
            last_key = key;
            total += u128::from(content.increment);
        }
        Ok(Self { range: start..reader.offset(), count, total })
    }
}

/// Checks that `bytes` are exactly the canonical form of a key.
pub(crate) fn check_key(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    read_key(&mut reader)?;
    reader.end()
}

/// Reads a row and returns it with the encoded form of its key. `row` is its index, for errors.
fn read_row<'a>(reader: &mut Reader<'a>, row: usize) -> Result<(RowRef<'a>, &'a [u8]), DecodeError> {
    let offset = reader.offset();
    let items = reader.array("a row")?;
    if items != ROW_ITEMS {
        return Err(DecodeError::new(offset, Kind::RowLength { items }));
    }
    let before_key = reader.clone();
    let key = read_key(reader)?;
    let encoded_key = reader.read_since(&before_key);
    let increment_offset = reader.offset();
    let increment = reader.unsigned()?;
    if increment == 0 {
        return Err(DecodeError::new(increment_offset, Kind::ZeroIncrement { row }));
    }
    Ok((RowRef { key, increment }, encoded_key))
}

fn read_key<'a>(reader: &mut Reader<'a>) -> Result<RowKeyRef<'a>, DecodeError> {
    let offset = reader.offset();
    match reader.array("a key")? {
        LABELS_ITEMS => Ok(RowKeyRef::Labels {
            method: reader.text()?,
            route: reader.text()?,
            service: reader.text()?,
            region: reader.text()?,
        }),
        ACCOUNT_ITEMS => {
            let offset = reader.offset();
            let value = reader.unsigned()?;
            let namespace = u32::try_from(value)
                .map_err(|_| DecodeError::new(offset, Kind::NamespaceTooLarge { value }))?;
            let id = reader.byte_string::<ACCOUNT_ID_BYTES>(|bytes| Kind::AccountIdLength { bytes })?;
            Ok(RowKeyRef::Account { namespace, id: u128::from_be_bytes(id) })
        }
        items => Err(DecodeError::new(offset, Kind::KeyLength { items })),
    }
}
