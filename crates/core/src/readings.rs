//! Readings: what was counted since a reader last looked, for every key, in exactly one reading.
//!
//! # Cumulative cells, differential readers
//! Cells only grow. A reader keeps the sums that it saw last (its *base*), and what it takes is the difference to the
//! sums of now. Two readings of one cell are ordered by the cell's own modification order, so each increment is in one
//! difference and no other, and the writer never notices.
//!
//! # What is settled
//! Counts leave the cells for a reader's own *settled* sums when their key's id is about to be reused, when a cell reached
//! its end, and when counts are restored after a restart. The next reading takes both. Settled keys are limited; past the
//! limit a key's counts go to its tenant's overflow row, so that totals stay right.
//!
//! # Invariants
//! 1. For each reader and key: recorded = taken + settled + (sum of cells - base).
//! 2. `base` of an id that is free equals the sum of its cells. So a new owner starts from zero.

use std::{collections::HashMap, sync::Arc as StdArc};

use zeroize::Zeroize;

use crate::{
    cells::Slab,
    key::{overflow_labels, Key, TenantId, UsageKey},
    registry::Registry,
    sync::{Arc, RwLock},
    Dimension,
};

/// What a reader took or saw: keys with one count per dimension.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    stride: usize,
    keys: Vec<(StdArc<UsageKey>, Option<u32>)>,
    values: Vec<u64>,
}

/// A row of a [`Reading`].
#[derive(Debug, Clone, Copy)]
pub struct ReadingRow<'a> {
    /// What was counted under.
    pub key: &'a StdArc<UsageKey>,
    /// The key's id, an index for side tables, while it has one. Ids are reused: compare the key by pointer.
    pub id: Option<u32>,
    /// The counts, by [`Dimension::index`]. At least one is not zero.
    pub values: &'a [u64],
}

impl Reading {
    /// The rows, each key once, in no particular order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = ReadingRow<'_>> {
        let values = self.values.chunks_exact(self.stride.max(1));
        self.keys.iter().zip(values).map(|((key, id), values)| ReadingRow { key, id: *id, values })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Overwrites all counts with zeros and forgets the rows.
    pub fn wipe(&mut self) {
        self.values.zeroize();
        self.keys.clear();
    }

    fn clear(&mut self, stride: usize) {
        self.stride = stride;
        self.keys.clear();
        self.values.clear();
    }

    fn push(&mut self, key: &StdArc<UsageKey>, id: Option<u32>, values: &[u64]) {
        if values.iter().any(|&value| value != 0) {
            self.keys.push((StdArc::clone(key), id));
            self.values.extend_from_slice(values);
        }
    }
}

/// One reader's view of all keys.
#[derive(Debug, Default)]
struct Sums {
    /// The sums of the last reading, by id and dimension. Absent means zero.
    base: Vec<u64>,
    settled: HashMap<StdArc<UsageKey>, Box<[u64]>>,
}

/// A key's place in the readings.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) key: Option<Arc<Key>>,
    /// The sum of the key's cells at the last look; another sum means that it was used.
    pub(crate) activity: u64,
    /// The look at which the key was last seen to be used, or arrived.
    pub(crate) last_active: u64,
    /// How many calls of `evict_idle` found the key unused since the call before.
    pub(crate) idle: u64,
}

/// Everything that is read and settled under the readings lock.
#[derive(Debug)]
pub(crate) struct Readings {
    pub(crate) slots: Vec<Slot>,
    /// Counts the looks; see `eviction`.
    pub(crate) look: u64,
    /// The look of the last [`Readings::evict_idle`].
    pub(crate) idle_look: u64,
    /// By reader. A place is free for a new one once its reader is gone.
    readers: Vec<Option<Sums>>,
    /// The sums of all slabs, as of the last [`Readings::refresh`].
    sums: Vec<u64>,
    row: Vec<u64>,
    stride: usize,
    settled_max: usize,
    zeroize: bool,
    pub(crate) saturations: u64,
    pub(crate) folded: u64,
}

impl Readings {
    pub(crate) fn new(stride: usize, settled_max: usize, zeroize: bool) -> Self {
        Self {
            slots: Vec::new(),
            look: 0,
            idle_look: 0,
            readers: Vec::new(),
            sums: Vec::new(),
            row: vec![0; stride],
            stride,
            settled_max,
            zeroize,
            saturations: 0,
            folded: 0,
        }
    }

    /// Adds a reader that sees what is counted from now on.
    pub(crate) fn add_reader(&mut self, registry: &Registry, slabs: &RwLock<Vec<Arc<Slab>>>) -> usize {
        self.refresh(registry, slabs);
        let sums = Some(Sums { base: self.sums.clone(), settled: HashMap::new() });
        if let Some(free) = self.readers.iter().position(Option::is_none) {
            self.readers.splice(free..=free, [sums]);
            return free;
        }
        self.readers.push(sums);
        self.readers.len() - 1
    }

    /// Forgets a reader.
    pub(crate) fn remove_reader(&mut self, reader: usize) {
        let removed = self.readers.get_mut(reader).and_then(Option::take);
        if let Some(mut sums) = removed.filter(|_| self.zeroize) {
            sums.base.zeroize();
            sums.settled.values_mut().for_each(Zeroize::zeroize);
        }
    }

    /// Takes the keys that arrived and sums all cells.
    pub(crate) fn refresh(&mut self, registry: &Registry, slabs: &RwLock<Vec<Arc<Slab>>>) {
        for key in registry.take_arrivals() {
            let index = key.id as usize;
            if self.slots.len() <= index {
                self.slots.resize_with(index + 1, Slot::default);
            }
            let activity = self.activity(index);
            if let Some(slot) = self.slots.get_mut(index) {
                *slot = Slot { key: Some(key), activity, last_active: self.look, idle: 0 };
            }
        }
        self.sums.clear();
        self.sums.resize(self.slots.len() * self.stride, 0);
        for slab in slabs.read().iter() {
            slab.sum_all(&mut self.sums);
        }
    }

    /// Fills `out` with what `reader` has not taken yet and takes it, as far as `accept` lets a tenant's dimension go.
    pub(crate) fn take(
        &mut self,
        reader: usize,
        mut accept: impl FnMut(TenantId, Dimension) -> bool,
        out: &mut Reading,
    ) {
        let (stride, zeroize) = (self.stride, self.zeroize);
        out.clear(stride);
        let Some(Some(sums)) = self.readers.get_mut(reader) else { return };
        sums.base.resize(self.sums.len(), 0);
        let bases = sums.base.chunks_exact_mut(stride);
        for ((slot, now), base) in self.slots.iter().zip(self.sums.chunks_exact(stride)).zip(bases) {
            let Some(key) = &slot.key else { continue };
            let mut settled = if sums.settled.is_empty() { None } else { sums.settled.get_mut(&key.usage) };
            if now == &*base && settled.is_none() {
                continue;
            }
            for (index, value) in self.row.iter_mut().enumerate() {
                *value = 0;
                if !accept(key.usage.tenant_id(), dimension(index)) {
                    continue;
                }
                if let (Some(&now), Some(base)) = (now.get(index), base.get_mut(index)) {
                    *value = now - std::mem::replace(base, now);
                }
                if let Some(settled) = settled.as_mut().and_then(|settled| settled.get_mut(index)) {
                    self.saturations += add_saturating(value, std::mem::take(settled));
                }
            }
            out.push(&key.usage, Some(key.id), &self.row);
        }
        for (key, settled) in &mut sums.settled {
            for (index, value) in self.row.iter_mut().enumerate() {
                let take = accept(key.tenant_id(), dimension(index));
                *value = settled.get_mut(index).filter(|_| take).map_or(0, std::mem::take);
            }
            out.push(key, None, &self.row);
        }
        sums.settled.retain(|_, values| values.iter().any(|&value| value != 0));
        if zeroize {
            self.row.zeroize();
            self.row.resize(stride, 0);
        }
    }

    /// Fills `out` with what `reader` has not taken yet, and takes nothing.
    pub(crate) fn peek(&self, reader: usize, out: &mut Reading) {
        out.clear(self.stride);
        let Some(Some(sums)) = self.readers.get(reader) else { return };
        let mut settled_only: HashMap<_, _> = sums.settled.iter().collect();
        let mut row = vec![0; self.stride];
        for (slot, (index, now)) in self.slots.iter().zip(self.sums.chunks_exact(self.stride).enumerate()) {
            let Some(key) = &slot.key else { continue };
            let base = sums.base.get(index * self.stride..).unwrap_or_default();
            let settled = settled_only.remove(&key.usage).map_or(&[][..], |settled| settled);
            for (index, (value, now)) in row.iter_mut().zip(now).enumerate() {
                let settled = settled.get(index).copied().unwrap_or_default();
                *value = (now - base.get(index).copied().unwrap_or_default()).saturating_add(settled);
            }
            out.push(&key.usage, Some(key.id), &row);
        }
        for (key, settled) in settled_only {
            out.push(key, None, settled);
        }
        if self.zeroize {
            row.zeroize();
        }
    }

    /// Adds counts to one reader's settled sums, as if it had not taken them.
    pub(crate) fn restore(&mut self, reader: usize, key: UsageKey, index: usize, n: u64) {
        let mut row = vec![0; self.stride];
        if let Some(value) = row.get_mut(index) {
            *value = n;
            self.settle(reader, &StdArc::new(key), &row);
        }
    }

    /// The last reading of a key that nobody owns any more: all that its cells hold is settled for every reader.
    pub(crate) fn settle_key(&mut self, key: &Key, slabs: &RwLock<Vec<Arc<Slab>>>) {
        let now = self.sum_key(key.id, slabs);
        let first = key.id as usize * self.stride;
        for reader in 0..self.readers.len() {
            let mut row = self.advance(reader, first, &now);
            self.settle(reader, &key.usage, &row);
            if self.zeroize {
                row.zeroize();
            }
        }
    }

    /// Settles a cell that can't hold `n` more, adds `n`, and starts the cell anew. Called by the cell's writer.
    pub(crate) fn carry(
        &mut self,
        slabs: &RwLock<Vec<Arc<Slab>>>,
        own: &Slab,
        key: &Key,
        index: usize,
        n: u64,
    ) {
        let now = self.sum_key(key.id, slabs);
        let first = key.id as usize * self.stride;
        let saturations = self.saturations;
        for reader in 0..self.readers.len() {
            let mut row = self.advance(reader, first, &now);
            let saturated = row.get_mut(index).map_or(0, |value| add_saturating(value, n));
            self.settle(reader, &key.usage, &row);
            self.saturations += saturated;
        }
        // However many readers saw it, one addition saturated.
        self.saturations = self.saturations.min(saturations + 1);
        let held = own.clear(key.id, index);
        for base in self.readers.iter_mut().flatten().filter_map(|sums| sums.base.get_mut(first + index)) {
            *base -= held;
        }
    }

    fn sum_key(&self, id: u32, slabs: &RwLock<Vec<Arc<Slab>>>) -> Vec<u64> {
        let mut now = vec![0; self.stride];
        for slab in slabs.read().iter() {
            slab.sum_key(id, &mut now);
        }
        now
    }

    /// Moves a reader's base of one key to `now` and returns the difference.
    fn advance(&mut self, reader: usize, first: usize, now: &[u64]) -> Vec<u64> {
        let Some(Some(sums)) = self.readers.get_mut(reader) else { return Vec::new() };
        if sums.base.len() < first + now.len() {
            sums.base.resize(first + now.len(), 0);
        }
        let bases = sums.base.iter_mut().skip(first);
        now.iter().zip(bases).map(|(&now, base)| now - std::mem::replace(base, now)).collect()
    }

    fn settle(&mut self, reader: usize, key: &StdArc<UsageKey>, row: &[u64]) {
        if row.iter().all(|&value| value == 0) {
            return;
        }
        let (stride, settled_max) = (self.stride, self.settled_max);
        let Some(Some(sums)) = self.readers.get_mut(reader) else { return };
        let key = if sums.settled.len() < settled_max || sums.settled.contains_key(key) {
            StdArc::clone(key)
        } else {
            self.folded += 1;
            StdArc::new(UsageKey::from_labels(key.tenant_id(), &overflow_labels(key.tenant())))
        };
        let settled = sums.settled.entry(key).or_insert_with(|| vec![0; stride].into());
        for (settled, &value) in settled.iter_mut().zip(row) {
            self.saturations += add_saturating(settled, value);
        }
    }

    fn activity(&self, index: usize) -> u64 {
        let sums = self.sums.iter().skip(index * self.stride).take(self.stride);
        sums.fold(0, |sum, &value| sum.wrapping_add(value))
    }

    /// Compares each key's sums with those of the last look. See `eviction`.
    pub(crate) fn note_activity(&mut self) {
        self.look += 1;
        for (slot, now) in self.slots.iter_mut().zip(self.sums.chunks_exact(self.stride)) {
            let activity = now.iter().fold(0_u64, |sum, &value| sum.wrapping_add(value));
            if slot.activity != activity {
                slot.activity = activity;
                slot.last_active = self.look;
            }
        }
    }
}

/// Adds in place; 1 if the sum saturated, else 0.
fn add_saturating(sum: &mut u64, n: u64) -> u64 {
    let saturated = sum.checked_add(n).is_none();
    *sum = sum.saturating_add(n);
    u64::from(saturated)
}

fn dimension(index: usize) -> Dimension {
    Dimension(u16::try_from(index).unwrap_or(u16::MAX))
}
