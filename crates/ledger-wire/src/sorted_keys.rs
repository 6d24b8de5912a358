//! Keys that were checked once, for an encoder that writes the same rows window after window.
//!
//! The key of a row must be canonical and greater than the key before it. Both depend only on the keys, so an encoder that seals
//! the same keys every window can check them once.
//!
//! # Invariants
//! 1. Keys are canonical, and each is greater than the one before it.
//! 2. `bounds` is empty, or has one entry more than there are rows, ascends, and ends with the length of `bytes`.
//!
//! [`SortedKeys::validate`] checks them.

use std::{cmp::Ordering, ops::Range};

use crate::encode::{self, Major};
use crate::error::EncodeError;
use crate::layout::ROW_ITEMS;
use crate::rows;

/// Encoded keys, canonical, ascending and unique, as [`SliceBuilder::push_sorted`](crate::SliceBuilder::push_sorted) takes
/// them.
///
/// ```
/// use ron_ledger_wire::{encode_account_key, SortedKeys};
/// let mut keys = SortedKeys::default();
/// for id in [1, 2] {
///     let mut key = Vec::new();
///     encode_account_key(7, id, &mut key);
///     keys.push(&key)?;
/// }
/// assert_eq!(keys.len(), 2);
/// assert!(keys.push(b"not a key").is_err());
/// # Ok::<(), ron_ledger_wire::EncodeError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct SortedKeys {
    /// The head of the row's array, then the key, for each row: one copy writes both.
    bytes: Vec<u8>,
    /// The offset where each row begins, then the offset where the last one ends. Empty while there is no row.
    bounds: Vec<usize>,
}

/// The side that a key of [`SortedKeys::merged`] comes from, with its index there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeSource {
    /// One of the keys that were kept.
    Kept(usize),
    /// One of the keys that were added.
    Added(usize),
}

impl SortedKeys {
    /// Adds a key. It must be what [`encode_row_key`](crate::encode_row_key) wrote, and greater than the last key.
    pub fn push(&mut self, key: &[u8]) -> Result<(), EncodeError> {
        rows::check_key(key).map_err(EncodeError::InvalidKey)?;
        self.check_order(key)?;
        let mut head = Vec::with_capacity(1);
        encode::head(Major::Array, ROW_ITEMS, &mut head);
        self.push_row(&head, key);
        Ok(())
    }

    /// Returns how many keys there are.
    pub fn len(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// Returns whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.bounds.is_empty()
    }

    /// Returns the bytes of all keys, plus one byte for each.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the encoded key at `index`.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.row(index)?.get(encode::head_bytes(ROW_ITEMS)..)
    }

    /// Merges these keys, as far as `keep` returns true for their index, with those of `added`.
    ///
    /// Calls `report` with the source of each key of the result, in order. Only the order of keys is checked again.
    pub fn merged(
        &self,
        keep: impl Fn(usize) -> bool,
        added: &Self,
        mut report: impl FnMut(MergeSource),
    ) -> Result<Self, EncodeError> {
        let mut merged =
            Self { bytes: Vec::with_capacity(self.bytes.len() + added.bytes.len()), bounds: Vec::new() };
        let mut kept = (0..self.len()).filter(|index| keep(*index)).peekable();
        let mut new = (0..added.len()).peekable();
        loop {
            let of_kept = kept.peek().and_then(|index| self.row(*index));
            let of_new = new.peek().and_then(|index| added.row(*index));
            let (row, source) = match (of_kept, of_new) {
                (Some(row), other) if !other.is_some_and(|other| other < row) => {
                    (row, kept.next().map(MergeSource::Kept))
                }
                (_, Some(row)) => (row, new.next().map(MergeSource::Added)),
                _ => return Ok(merged),
            };
            merged.check_order(row.get(encode::head_bytes(ROW_ITEMS)..).unwrap_or_default())?;
            merged.push_row(&[], row);
            source.into_iter().for_each(&mut report);
        }
    }

    #[inline]
    fn range(&self, index: usize) -> Option<Range<usize>> {
        let [start, end] = *self.bounds.get(index..)?.first_chunk()?;
        Some(start..end)
    }

    /// Adds a row to the bytes.
    fn push_row(&mut self, head: &[u8], key: &[u8]) {
        self.bytes.extend_from_slice(head);
        self.bytes.extend_from_slice(key);
        if self.bounds.is_empty() {
            self.bounds.push(0);
        }
        self.bounds.push(self.bytes.len());
    }

    /// Returns the head of the row and the key.
    #[inline]
    pub(crate) fn row(&self, index: usize) -> Option<&[u8]> {
        self.bytes.get(self.range(index)?)
    }

    /// Checks the invariants. `Err` says which one does not hold. Costs a pass over all keys.
    pub fn validate(&self) -> Result<(), String> {
        let is_ascending = self.bounds.iter().zip(self.bounds.iter().skip(1)).all(|(start, end)| start < end);
        let ends_well = self.bounds.last().map_or(self.bytes.is_empty(), |end| *end == self.bytes.len());
        if !is_ascending || !ends_well || self.bounds.len() == 1 {
            return Err(format!("2: the bounds are {:?}, of {} bytes", self.bounds, self.bytes.len()));
        }
        let mut last_key: &[u8] = &[];
        for index in 0..self.len() {
            let key = self.get(index).unwrap_or_default();
            rows::check_key(key).map_err(|error| format!("1: key {index} is not canonical: {error}"))?;
            if key <= last_key {
                return Err(format!("1: key {index} is not greater than the one before it"));
            }
            last_key = key;
        }
        Ok(())
    }

    fn check_order(&self, key: &[u8]) -> Result<(), EncodeError> {
        let row = self.len();
        let last = row.checked_sub(1).and_then(|last| self.get(last));
        match last.map_or(Ordering::Less, |last| last.cmp(key)) {
            Ordering::Less => Ok(()),
            Ordering::Equal => Err(EncodeError::DuplicateRow { row }),
            Ordering::Greater => Err(EncodeError::UnsortedRows { row }),
        }
    }
}
