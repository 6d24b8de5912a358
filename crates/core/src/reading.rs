//! Readings: the counts that a reader took or peeked at.
//!
//! # Why values by id, and not a list of rows
//! A reading of thousands of keys must not change a reference count for each. So a reading is one block of
//! numbers and a table of names, and readings share the table until a key comes or goes.

use std::sync::Arc;

use zeroize::Zeroize;

use crate::{
    cells,
    key::{KeyId, UsageKey},
    tenant::TenantId,
    Dimension,
};

/// Which key has which id.
///
/// Readings share one table until a key comes or goes. So callers that keep tables of their own by id need to
/// look for changes only when [`KeyTable::is_same`] returns `false`.
#[derive(Debug, Clone, Default)]
pub struct KeyTable(Arc<Table>);

#[derive(Debug, Default)]
struct Table {
    keys: Box<[Option<UsageKey>]>,
    vacant: Box<[usize]>,
}

impl KeyTable {
    pub(crate) fn new(keys: impl Iterator<Item = Option<UsageKey>>) -> Self {
        let keys: Box<[_]> = keys.collect();
        let vacant =
            keys.iter().enumerate().filter(|(_, key)| key.is_none()).map(|(index, _)| index).collect();
        Self(Arc::new(Table { keys, vacant }))
    }

    /// Returns the indexes of the ids that no key has.
    pub(crate) fn vacant(&self) -> &[usize] {
        &self.0.vacant
    }

    /// Returns the key that has an id.
    pub fn get(&self, id: KeyId) -> Option<&UsageKey> {
        self.0.keys.get(id.index())?.as_ref()
    }

    /// Returns the keys in the order of their ids, and `None` where an id is free.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&UsageKey>> {
        self.0.keys.iter().map(Option::as_ref)
    }

    /// Returns how many ids are in the table, free ones included.
    pub fn len(&self) -> usize {
        self.0.keys.len()
    }

    /// Returns whether there is no id in the table: no key was ever registered.
    pub fn is_empty(&self) -> bool {
        self.0.keys.is_empty()
    }

    /// Returns whether this is the same table. Compares no keys.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The counts that a reader took or peeked at, by key and dimension.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    pub(crate) dimensions: usize,
    pub(crate) keys: KeyTable,
    /// By id, then by dimension, [`cells::stride`] apart.
    pub(crate) values: Vec<u64>,
    /// The rows of keys that have no id any more, because it was freed.
    pub(crate) without_id: Vec<(UsageKey, Box<[u64]>)>,
    /// By key and dimension: what was counted beyond 2^64 - 1, which is then the value.
    pub(crate) excess: Vec<(UsageKey, usize, u64)>,
}

/// A row of a [`Reading`].
#[derive(Debug, Clone, Copy)]
pub struct ReadingRow<'a> {
    /// The key that was counted under.
    pub key: &'a UsageKey,
    /// The key's id, or `None` if it was freed. Ids are reused: see [`KeyTable`].
    pub id: Option<KeyId>,
    /// The counts, by [`Dimension::index`](crate::Dimension::index). At least one is not zero.
    pub values: &'a [u64],
}

impl Reading {
    /// Returns the rows, each key once, in no particular order. Visits every key.
    pub fn rows(&self) -> Rows<'_> {
        Rows { reading: self, next: 0, left: self.len() }
    }

    /// Returns the rows of keys without an id: it was freed before their counts were taken.
    pub fn rows_without_id(&self) -> impl ExactSizeIterator<Item = ReadingRow<'_>> {
        self.without_id.iter().map(|(key, values)| ReadingRow { key, id: None, values })
    }

    /// Returns the counts of one of [`Self::rows_without_id`], by its index among them.
    pub fn values_without_id(&self, index: usize) -> &[u64] {
        self.without_id.get(index).map_or(&[], |(_, values)| values)
    }

    /// Returns the keys that have an id, with or without counts.
    pub const fn keys(&self) -> &KeyTable {
        &self.keys
    }

    /// Returns the counts of the key with an id, by dimension. They are zero, or absent, if there are none.
    #[inline]
    pub fn values(&self, id: KeyId) -> &[u64] {
        let first = id.index() * cells::stride(self.dimensions);
        self.values.get(first..first + self.dimensions).unwrap_or_default()
    }

    /// Keeps the counts for which `accept` returns `true`, and sets the others to zero.
    ///
    /// Of a reading that was peeked at, [`Reader::take_seen`](crate::Reader::take_seen) then takes the kept
    /// counts only. The others remain with the reader.
    pub fn retain(&mut self, mut accept: impl FnMut(TenantId, Dimension) -> bool) {
        let stride = self.stride();
        let Self { dimensions, keys, values, without_id, .. } = self;
        let rows =
            values.chunks_mut(stride).zip(keys.iter()).filter_map(|(values, key)| Some((key?, values)));
        for (key, values) in rows.chain(without_id.iter_mut().map(|(key, values)| (&*key, &mut **values))) {
            for (index, value) in (0..).zip(values.iter_mut().take(*dimensions)) {
                if *value != 0 && !accept(key.tenant_id(), Dimension(index)) {
                    *value = 0;
                }
            }
        }
        without_id.retain(|(_, values)| values.iter().any(|&value| value != 0));
        let dimension = |index: usize| Dimension(u16::try_from(index).unwrap_or(u16::MAX));
        self.excess.retain(|(key, index, _)| accept(key.tenant_id(), dimension(*index)));
    }

    /// Returns what was counted beyond 2^64 - 1.
    pub(crate) fn excess(&self, key: &UsageKey, dimension: usize) -> u64 {
        let of_cell = |(other, index, _): &&(UsageKey, usize, u64)| *index == dimension && other == key;
        self.excess.iter().find(of_cell).map_or(0, |(.., excess)| *excess)
    }

    /// Returns the counts of one dimension by id.
    pub fn counts(&self, dimension: Dimension) -> Counts<'_> {
        let is_known = dimension.index() < self.dimensions;
        let values = self.values.get(dimension.index()..).filter(|_| is_known);
        Counts { values: values.unwrap_or_default(), stride: self.stride() }
    }

    /// Returns for each dimension, by index, whether it has a count that is not zero. Visits every count.
    pub fn used_dimensions(&self) -> Vec<bool> {
        const LANES: usize = 8;
        let stride = self.stride();
        let mut used = vec![0_u64; stride];
        let mut note = |rows: &[u64]| {
            for row in rows.chunks(stride) {
                used.iter_mut().zip(row).for_each(|(used, value)| *used |= value);
            }
        };
        if stride > LANES {
            note(&self.values);
        } else {
            // Several rows at once, so that the compiler uses vector instructions.
            let mut lanes = [0; LANES];
            let rows = self.values.chunks_exact(LANES);
            note(rows.remainder());
            for rows in rows {
                lanes.iter_mut().zip(rows).for_each(|(lane, value)| *lane |= value);
            }
            note(&lanes);
        }
        self.without_id.iter().for_each(|(_, values)| note(values));
        used.iter().take(self.dimensions).map(|used| *used != 0).collect()
    }

    /// Returns the number of rows. Visits every key.
    pub fn len(&self) -> usize {
        self.values.chunks(self.stride()).filter(|row| row.iter().any(|&value| value != 0)).count()
            + self.without_id.len()
    }

    /// Returns whether all counts are zero.
    pub fn is_empty(&self) -> bool {
        self.without_id.is_empty() && self.values.iter().all(|&value| value == 0)
    }

    /// Overwrites all counts with zeros and removes the rows.
    pub fn wipe(&mut self) {
        // This empties the vector as well.
        self.values.zeroize();
        self.without_id.iter_mut().for_each(|(_, values)| values.zeroize());
        self.without_id.clear();
        self.excess.clear();
    }

    fn stride(&self) -> usize {
        cells::stride(self.dimensions).max(1)
    }
}

/// The counts of one dimension of a [`Reading`], by id.
#[derive(Debug, Clone, Copy)]
pub struct Counts<'a> {
    values: &'a [u64],
    stride: usize,
}

impl Counts<'_> {
    /// Returns the count of the key that has an id. Zero if there is none.
    #[inline]
    pub fn get(&self, id: KeyId) -> u64 {
        self.values.get(id.index() * self.stride).copied().unwrap_or_default()
    }
}

/// The rows of a [`Reading`].
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    reading: &'a Reading,
    next: usize,
    left: usize,
}

impl<'a> Iterator for Rows<'a> {
    type Item = ReadingRow<'a>;

    fn next(&mut self) -> Option<ReadingRow<'a>> {
        let Reading { dimensions, keys, values, without_id, .. } = self.reading;
        let stride = self.reading.stride();
        let ids = values.len() / stride;
        while self.next < ids {
            let index = self.next;
            self.next += 1;
            let values = values.get(index * stride..index * stride + dimensions).unwrap_or_default();
            let id = KeyId::new(u32::try_from(index).ok()?);
            if let Some(key) = keys.get(id).filter(|_| values.iter().any(|&value| value != 0)) {
                self.left = self.left.saturating_sub(1);
                return Some(ReadingRow { key, id: Some(id), values });
            }
        }
        let (key, values) = without_id.get(self.next - ids)?;
        self.next += 1;
        self.left = self.left.saturating_sub(1);
        Some(ReadingRow { key, id: None, values })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Rows<'_> {}
