//! What a reader took or saw.
//!
//! # Why values by id, and not a list of rows
//! A reading of thousands of keys must not touch a reference count for each. The table of names is shared between readings
//! until a key comes or goes; a reading is that table and one block of numbers.

use std::sync::Arc;

use zeroize::Zeroize;

use crate::{cells, Dimension, TenantId, UsageKey};

/// Which key has which id. Readings share one table until a key comes or goes, so a holder of side tables looks for what
/// changed only when [`KeyTable::is_same`] says so.
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
        let vacant = keys.iter().enumerate().filter(|(_, key)| key.is_none()).map(|(id, _)| id).collect();
        Self(Arc::new(Table { keys, vacant }))
    }

    /// The ids that no key has.
    pub(crate) fn vacant(&self) -> &[usize] {
        &self.0.vacant
    }

    /// The key that has an id.
    pub fn get(&self, id: u32) -> Option<&UsageKey> {
        self.0.keys.get(id as usize)?.as_ref()
    }

    /// The keys by id, with gaps where an id is free.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&UsageKey>> {
        self.0.keys.iter().map(Option::as_ref)
    }

    /// Ids in the table, free ones included.
    pub fn len(&self) -> usize {
        self.0.keys.len()
    }

    /// Whether there never was a key.
    pub fn is_empty(&self) -> bool {
        self.0.keys.is_empty()
    }

    /// Whether this is the same table: equal, without a look at the keys.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What a reader took or saw: keys with one count per dimension.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    pub(crate) dimensions: usize,
    pub(crate) keys: KeyTable,
    /// By id, then by dimension, [`cells::stride`] apart.
    pub(crate) values: Vec<u64>,
    /// Keys that have no id any more.
    pub(crate) departed: Vec<(UsageKey, Box<[u64]>)>,
    /// By key and dimension: what was counted beyond the largest count, at which the value stands.
    pub(crate) excess: Vec<(UsageKey, usize, u64)>,
}

/// A row of a [`Reading`].
#[derive(Debug, Clone, Copy)]
pub struct ReadingRow<'a> {
    /// What was counted under.
    pub key: &'a UsageKey,
    /// The key's id, an index for side tables, while it has one. Ids are reused: see [`KeyTable`].
    pub id: Option<u32>,
    /// The counts, by [`Dimension::index`](crate::Dimension::index). At least one is not zero.
    pub values: &'a [u64],
}

impl Reading {
    /// The rows, each key once, in no particular order. Looks at every key.
    pub fn rows(&self) -> Rows<'_> {
        Rows { reading: self, next: 0, left: self.len() }
    }

    /// The rows of keys that have no id any more.
    pub fn departed(&self) -> impl ExactSizeIterator<Item = ReadingRow<'_>> {
        self.departed.iter().map(|(key, values)| ReadingRow { key, id: None, values })
    }

    /// The counts of one of [`Self::departed`], by its position.
    pub fn departed_values(&self, position: usize) -> &[u64] {
        self.departed.get(position).map_or(&[], |(_, values)| values)
    }

    /// The keys that have an id, whether they were used or not.
    pub const fn keys(&self) -> &KeyTable {
        &self.keys
    }

    /// The counts of the key with an id, by dimension. Zeros, or nothing, if it was not used.
    #[inline]
    pub fn values(&self, id: u32) -> &[u64] {
        let first = id as usize * cells::stride(self.dimensions);
        self.values.get(first..first + self.dimensions).unwrap_or_default()
    }

    /// Sets to zero what is to stay with the reader when the rest is taken ([`Reader::take_seen`](crate::Reader::take_seen)).
    pub fn leave(&mut self, mut stays: impl FnMut(TenantId, Dimension) -> bool) {
        let stride = self.stride();
        let Self { dimensions, keys, values, departed, .. } = self;
        let rows =
            values.chunks_mut(stride).zip(keys.iter()).filter_map(|(values, key)| Some((key?, values)));
        for (key, values) in rows.chain(departed.iter_mut().map(|(key, values)| (&*key, &mut **values))) {
            for (index, value) in (0..).zip(values.iter_mut().take(*dimensions)) {
                if *value != 0 && stays(key.tenant_id(), Dimension(index)) {
                    *value = 0;
                }
            }
        }
        departed.retain(|(_, values)| values.iter().any(|&value| value != 0));
        let dimension = |index: usize| Dimension(u16::try_from(index).unwrap_or(u16::MAX));
        self.excess.retain(|(key, index, _)| !stays(key.tenant_id(), dimension(*index)));
    }

    /// What was counted beyond what a value can hold.
    pub(crate) fn excess(&self, key: &UsageKey, dimension: usize) -> u64 {
        let of_cell = |(other, index, _): &&(UsageKey, usize, u64)| *index == dimension && other == key;
        self.excess.iter().find(of_cell).map_or(0, |(.., excess)| *excess)
    }

    /// The counts of one dimension by id.
    pub fn counts(&self, dimension: Dimension) -> Counts<'_> {
        let is_known = dimension.index() < self.dimensions;
        let values = self.values.get(dimension.index()..).filter(|_| is_known);
        Counts { values: values.unwrap_or_default(), stride: self.stride() }
    }

    /// Which dimensions, by index, have a count at all. Looks at every count.
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
            // Several rows at once, which the compiler makes one instruction of.
            let mut lanes = [0; LANES];
            let rows = self.values.chunks_exact(LANES);
            note(rows.remainder());
            for rows in rows {
                lanes.iter_mut().zip(rows).for_each(|(lane, value)| *lane |= value);
            }
            note(&lanes);
        }
        self.departed.iter().for_each(|(_, values)| note(values));
        used.iter().take(self.dimensions).map(|used| *used != 0).collect()
    }

    /// The number of rows. Looks at every key.
    pub fn len(&self) -> usize {
        self.values.chunks(self.stride()).filter(|row| row.iter().any(|&value| value != 0)).count()
            + self.departed.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.departed.is_empty() && self.values.iter().all(|&value| value == 0)
    }

    /// Overwrites all counts with zeros and forgets the rows.
    pub fn wipe(&mut self) {
        // Clears the vector, too.
        self.values.zeroize();
        self.departed.iter_mut().for_each(|(_, values)| values.zeroize());
        self.departed.clear();
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
    /// The count of the key that has an id; zero if there is none.
    #[inline]
    pub fn get(&self, id: u32) -> u64 {
        self.values.get(id as usize * self.stride).copied().unwrap_or_default()
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
        let Reading { dimensions, keys, values, departed, .. } = self.reading;
        let stride = self.reading.stride();
        let ids = values.len() / stride;
        while self.next < ids {
            let index = self.next;
            self.next += 1;
            let values = values.get(index * stride..index * stride + dimensions).unwrap_or_default();
            let id = u32::try_from(index).ok()?;
            if let Some(key) = keys.get(id).filter(|_| values.iter().any(|&value| value != 0)) {
                self.left = self.left.saturating_sub(1);
                return Some(ReadingRow { key, id: Some(id), values });
            }
        }
        let (key, values) = departed.get(self.next - ids)?;
        self.next += 1;
        self.left = self.left.saturating_sub(1);
        Some(ReadingRow { key, id: None, values })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Rows<'_> {}
