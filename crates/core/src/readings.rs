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

use std::collections::HashMap;

use zeroize::Zeroize;

use crate::{
    cells::{self, Slab},
    key::{overflow_labels, Key, TenantId, UsageKey},
    reading::{KeyTable, Reading, ReadingRow},
    registry::Registry,
    sync::{Arc, RwLock},
    Dimension,
};

/// One reader's view of all keys.
#[derive(Debug, Default)]
struct Sums {
    /// The sums of the last reading, by id and dimension. Absent means zero.
    base: Vec<u64>,
    settled: HashMap<UsageKey, Box<[u64]>>,
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

/// What becomes of a key that is settled past the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    /// Its counts go to its tenant's overflow row.
    Folds,
    /// It is settled all the same: it has an id, of which there is a limit already, and who saw its cells finds the counts.
    Stays,
}

/// Everything that is read and settled under the readings lock.
#[derive(Debug)]
pub(crate) struct Readings {
    pub(crate) slots: Vec<Slot>,
    /// The names in the slots, made anew after a key came or went.
    keys: Option<KeyTable>,
    /// Counts the looks; see `eviction`.
    pub(crate) look: u64,
    /// The look of the last [`Readings::evict_idle`].
    pub(crate) idle_look: u64,
    /// By reader. A place is free for a new one once its reader is gone.
    readers: Vec<Option<Sums>>,
    dimensions: usize,
    stride: usize,
    settled_max: usize,
    zeroize: bool,
    pub(crate) saturations: u64,
    pub(crate) folded: u64,
}

impl Readings {
    pub(crate) fn new(dimensions: usize, settled_max: usize, zeroize: bool) -> Self {
        Self {
            slots: Vec::new(),
            keys: None,
            look: 0,
            idle_look: 0,
            readers: Vec::new(),
            dimensions,
            stride: cells::stride(dimensions),
            settled_max,
            zeroize,
            saturations: 0,
            folded: 0,
        }
    }

    /// Adds a reader that sees what is counted from now on.
    pub(crate) fn add_reader(&mut self, registry: &Registry, slabs: &RwLock<Vec<Slab>>) -> usize {
        self.arrive(registry);
        let cells = self.slots.len() * self.stride;
        let mut base = Vec::with_capacity(cells);
        cells::sum_chunks(&slabs.read(), cells, |_, now| base.extend_from_slice(now));
        let sums = Some(Sums { base, settled: HashMap::new() });
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

    /// Gives the keys that were registered since the last call their slots.
    pub(crate) fn arrive(&mut self, registry: &Registry) {
        for key in registry.take_arrivals() {
            let index = key.id as usize;
            if self.slots.len() <= index {
                self.slots.resize_with(index + 1, Slot::default);
            }
            if let Some(slot) = self.slots.get_mut(index) {
                // A reused id's cells hold what its last key left there.
                *slot = Slot { key: Some(key), activity: slot.activity, last_active: self.look, idle: 0 };
            }
            self.keys = None;
        }
    }

    /// To be called when a key left its slot.
    pub(crate) fn forget_table(&mut self) {
        self.keys = None;
    }

    /// Fills `out` with what `reader` has not taken yet and takes it, as far as `accept` lets a tenant's dimension go.
    pub(crate) fn take(
        &mut self,
        reader: usize,
        slabs: &RwLock<Vec<Slab>>,
        mut accept: impl FnMut(TenantId, Dimension) -> bool,
        out: &mut Reading,
    ) {
        self.peek(reader, slabs, out);
        out.leave(|tenant, dimension| !accept(tenant, dimension));
        self.take_seen(reader, out);
    }

    /// Fills `out` with what `reader` has not taken yet, and takes nothing.
    pub(crate) fn peek(&mut self, reader: usize, slabs: &RwLock<Vec<Slab>>, out: &mut Reading) {
        let slots = &self.slots;
        let names = || slots.iter().map(|slot| slot.key.as_ref().map(|key| key.usage.clone()));
        out.keys = self.keys.get_or_insert_with(|| KeyTable::new(names())).clone();
        out.dimensions = self.dimensions;
        out.values.clear();
        out.departed.clear();
        out.excess.clear();
        let Some(Some(Sums { base, settled })) = self.readers.get_mut(reader) else { return };
        base.resize(slots.len() * self.stride, 0);
        out.values.reserve(base.len());
        cells::sum_chunks(&slabs.read(), base.len(), |first, now| {
            let base = base.get(first..).unwrap_or_default();
            out.values.extend(now.iter().zip(base).map(|(now, base)| now - base));
        });
        // An id may have gone to a key that arrived and counted in the meantime, which is for the next reading to see.
        for id in out.keys.vacant() {
            let first = id * self.stride;
            out.values.iter_mut().skip(first).take(self.stride).for_each(|value| *value = 0);
        }
        if !settled.is_empty() {
            add_settled(settled, self.stride, out);
        }
    }

    /// Takes what was seen: no more, whatever was counted since, and no less, wherever it has gone in the meantime.
    pub(crate) fn take_seen(&mut self, reader: usize, seen: &Reading) {
        let Some(Some(Sums { base, settled })) = self.readers.get_mut(reader) else { return };
        // Nothing was settled since, so what was seen is still in the cells, at its id.
        if settled.is_empty() && seen.departed.is_empty() {
            for (base, seen) in base.iter_mut().zip(&seen.values) {
                *base = base.wrapping_add(*seen);
            }
            return;
        }
        let (slots, stride) = (&self.slots, self.stride);
        let has_its_id = |row: &ReadingRow<'_>| {
            let key = row.id.and_then(|id| slots.get(id as usize)?.key.as_ref());
            key.is_some_and(|key| key.usage.is_same(row.key))
        };
        // First the keys that went since: if their counts were folded, they must be found before those of the overflow row
        // itself are taken.
        let (here, gone): (Vec<_>, Vec<_>) = seen.rows().partition(has_its_id);
        for row in gone {
            let folded = overflow_key(row.key);
            for (index, &value) in row.values.iter().enumerate() {
                let left = value - take_settled(settled, row.key, index, value);
                take_settled(settled, &folded, index, left);
            }
        }
        for row in here {
            for (index, &value) in row.values.iter().enumerate() {
                // What was settled first, since what is in the cells can be settled, but not the other way.
                let mut left = value - take_settled(settled, row.key, index, value);
                let excess = seen.excess(row.key, index);
                if excess > 0 {
                    self.saturations += 1;
                    left = left.wrapping_add(excess);
                }
                let cell = row.id.and_then(|id| base.get_mut(id as usize * stride + index));
                if let Some(base) = cell {
                    *base = base.wrapping_add(left);
                }
            }
        }
        settled.retain(|_, values| values.iter().any(|&value| value != 0));
    }

    /// Adds counts to one reader's settled sums, as if it had not taken them.
    pub(crate) fn restore(&mut self, reader: usize, key: &UsageKey, index: usize, n: u64) {
        let mut row = vec![0; self.dimensions];
        if let Some(value) = row.get_mut(index) {
            *value = n;
            self.settle(reader, key, &row, Past::Folds);
        }
    }

    /// The last reading of a key that nobody owns any more: all that its cells hold is settled for every reader.
    pub(crate) fn settle_key(&mut self, key: &Key, slabs: &RwLock<Vec<Slab>>) {
        let now = self.sum_key(key.id, slabs);
        let first = key.id as usize * self.stride;
        if let Some(slot) = self.slots.get_mut(key.id as usize) {
            slot.activity = wrapping_sum(&now);
        }
        for reader in 0..self.readers.len() {
            let mut row = self.advance(reader, first, &now);
            self.settle(reader, &key.usage, &row, Past::Folds);
            if self.zeroize {
                row.zeroize();
            }
        }
    }

    /// Settles a cell that can't hold `n` more, adds `n`, and starts the cell anew. Called by the cell's writer.
    pub(crate) fn carry(&mut self, slabs: &RwLock<Vec<Slab>>, own: &Slab, key: &Key, index: usize, n: u64) {
        let now = self.sum_key(key.id, slabs);
        let first = key.id as usize * self.stride;
        let saturations = self.saturations;
        for reader in 0..self.readers.len() {
            let mut row = self.advance(reader, first, &now);
            let saturated = row.get_mut(index).map_or(0, |value| add_saturating(value, n));
            self.settle(reader, &key.usage, &row, Past::Stays);
            self.saturations += saturated;
        }
        // However many readers saw it, one addition saturated.
        self.saturations = self.saturations.min(saturations + 1);
        let held = own.clear(key.id, index);
        for base in self.readers.iter_mut().flatten().filter_map(|sums| sums.base.get_mut(first + index)) {
            *base -= held;
        }
    }

    fn sum_key(&self, id: u32, slabs: &RwLock<Vec<Slab>>) -> Vec<u64> {
        let mut now = vec![0; self.dimensions];
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
        now.iter().zip(bases).map(|(&now, base)| now.wrapping_sub(std::mem::replace(base, now))).collect()
    }

    fn settle(&mut self, reader: usize, key: &UsageKey, row: &[u64], past_limit: Past) {
        if row.iter().all(|&value| value == 0) {
            return;
        }
        let (dimensions, settled_max) = (self.dimensions, self.settled_max);
        let Some(Some(sums)) = self.readers.get_mut(reader) else { return };
        let has_room = sums.settled.len() < settled_max || sums.settled.contains_key(key);
        let key = if has_room || past_limit == Past::Stays {
            key.clone()
        } else {
            self.folded += 1;
            overflow_key(key)
        };
        let settled = sums.settled.entry(key).or_insert_with(|| vec![0; dimensions].into());
        for (settled, &value) in settled.iter_mut().zip(row) {
            self.saturations += add_saturating(settled, value);
        }
    }

    /// Compares each key's sums with those of the last look. See `eviction`.
    pub(crate) fn note_activity(&mut self, slabs: &RwLock<Vec<Slab>>) {
        self.look += 1;
        let (look, stride, cells) = (self.look, self.stride, self.slots.len() * self.stride);
        cells::sum_chunks(&slabs.read(), cells, |first, now| {
            for (slot, now) in self.slots.iter_mut().skip(first / stride).zip(now.chunks_exact(stride)) {
                let activity = wrapping_sum(now);
                if slot.activity != activity {
                    slot.activity = activity;
                    slot.last_active = look;
                }
            }
        });
    }
}

/// Adds what is settled to the rows of keys that have an id, and the rest as rows of departed keys.
fn add_settled(settled: &HashMap<UsageKey, Box<[u64]>>, stride: usize, out: &mut Reading) {
    let mut departed: HashMap<_, _> = settled.iter().collect();
    for (key, values) in out.keys.iter().zip(out.values.chunks_mut(stride)) {
        let Some(key) = key else { continue };
        let Some(settled) = departed.remove(key) else { continue };
        for (index, (value, settled)) in values.iter_mut().zip(&**settled).enumerate() {
            let excess = value.saturating_sub(u64::MAX - settled);
            if add_saturating(value, *settled) > 0 {
                out.excess.push((key.clone(), index, excess));
            }
        }
    }
    out.departed.extend(departed.into_iter().map(|(key, values)| (key.clone(), values.clone())));
}

/// Takes up to `n` from what is settled under a key, and returns how much that was.
fn take_settled(settled: &mut HashMap<UsageKey, Box<[u64]>>, key: &UsageKey, index: usize, n: u64) -> u64 {
    let Some(value) = settled.get_mut(key).and_then(|values| values.get_mut(index)) else { return 0 };
    let taken = n.min(*value);
    *value -= taken;
    taken
}

fn overflow_key(key: &UsageKey) -> UsageKey {
    UsageKey::from_labels(key.tenant_id(), &overflow_labels(key.tenant()))
}

fn wrapping_sum(values: &[u64]) -> u64 {
    values.iter().fold(0, |sum, &value| sum.wrapping_add(value))
}

/// Adds in place; 1 if the sum saturated, else 0.
fn add_saturating(sum: &mut u64, n: u64) -> u64 {
    let saturated = sum.checked_add(n).is_none();
    *sum = sum.saturating_add(n);
    u64::from(saturated)
}
