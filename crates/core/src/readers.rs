//! Readers: what each has not taken yet, for every key, so that each increment is in exactly one reading.
//!
//! # Cumulative cells, differential readers
//! Cells only grow. A reader keeps the sums that it took last (its *base*), and what it takes next is the
//! difference to the current sums. Two readings of one cell are ordered by the cell's own modification order,
//! so each increment is in one difference and no other, and the writer never notices.
//!
//! # Detached counts
//! Some counts must leave the cells before every reader has taken them: the key's id is about to be reused,
//! or a cell is full. They are *detached*: added to a map that each reader has in addition to its base. Counts that a
//! restart recovered start there. The next reading takes both. The map is limited; past the limit, the counts
//! of a key go to its tenant's overflow row, so that totals stay right.
//!
//! # Who holds tenants
//! A reader may *hold* the tenants of which it has counts to take: they keep their place until it took them. So the tenants in
//! its map are limited, too. Other readers put counts of tenants that are too many into the overflow row of all tenants.
//!
//! # Invariants
//! 1. For each reader and key: recorded = taken + detached + (sum of cells - base). So the base never exceeds
//!    the sum.
//! 2. The base of a free id equals the sum of its cells, so that the next key of this id starts from zero.
//! 3. A detached row has a count that is not zero.

mod detached;

use std::collections::{HashMap, HashSet};

use zeroize::Zeroize;

pub(crate) use self::detached::Detached;
use self::detached::{
    add_detached, add_saturating, overflow_key, take_detached, AtLimit, DetachCounters, DetachLimits,
    DetachedRows, HIGH_COUNT,
};
use crate::{
    cells::{self, Slab},
    key::{overflow_labels, Key, KeyId, UsageKey},
    key_slots::KeySlots,
    reading::{KeyTable, Reading, ReadingRow},
    registry::Ids,
    sync::RwLock,
    tenant::{TenantId, TenantRef},
    Dimension, OVERFLOW,
};

/// Which reader of an engine. The number is used again once its reader is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReaderId(usize);

/// What one reader has taken of the cells, and what it has not taken of the rest.
#[derive(Debug, Default)]
struct ReaderSums {
    /// The sums of the last reading, by id and dimension. Absent means zero.
    base: Vec<u64>,
    detached: DetachedRows,
    /// Whether tenants keep their place until this reader has taken their counts.
    holds_tenants: bool,
}

/// All readers of an engine.
#[derive(Debug)]
pub(crate) struct Readers {
    /// `None` where the reader is gone.
    by_id: Vec<Option<ReaderSums>>,
    limits: DetachLimits,
    stride: usize,
    zeroize: bool,
    /// The row that takes the usage of tenants without a place.
    last_resort: UsageKey,
    counters: DetachCounters,
}

impl Readers {
    pub(crate) fn new(
        dimensions: usize,
        (detached_keys_max, tenants_max): (usize, usize),
        overflow: &TenantRef,
        zeroize: bool,
    ) -> Self {
        Self {
            by_id: Vec::new(),
            limits: DetachLimits { dimensions, keys_max: detached_keys_max, tenants_max },
            stride: cells::stride(dimensions),
            zeroize,
            last_resort: UsageKey::from_labels(overflow, &overflow_labels(OVERFLOW)),
            counters: DetachCounters::default(),
        }
    }

    /// Returns how many additions reached 2^64 - 1 and stayed there.
    pub(crate) const fn saturations(&self) -> u64 {
        self.counters.saturations
    }

    /// Returns how many keys had counts go to an overflow row because too many were detached at once.
    pub(crate) const fn folded_keys(&self) -> u64 {
        self.counters.folded_keys
    }

    /// Adds a reader that sees what is counted from now on. `slots` is how many ids have a slot.
    pub(crate) fn add(&mut self, slots: usize, slabs: &RwLock<Vec<Slab>>) -> ReaderId {
        let cells = slots * self.stride;
        let mut base = Vec::with_capacity(cells);
        cells::sum_chunks(&slabs.read(), cells, |_, now| base.extend_from_slice(now));
        let sums = Some(ReaderSums { base, detached: HashMap::new(), holds_tenants: false });
        if let Some(free) = self.by_id.iter().position(Option::is_none) {
            self.by_id.splice(free..=free, [sums]);
            return ReaderId(free);
        }
        self.by_id.push(sums);
        ReaderId(self.by_id.len() - 1)
    }

    /// Removes a reader. What it has not taken is dropped.
    pub(crate) fn remove(&mut self, reader: ReaderId) {
        let removed = self.by_id.get_mut(reader.0).and_then(Option::take);
        debug_assert!(removed.is_some(), "{reader:?} is removed twice");
        if let Some(mut sums) = removed.filter(|_| self.zeroize) {
            sums.base.zeroize();
            sums.detached.values_mut().for_each(Zeroize::zeroize);
        }
    }

    /// Makes a reader hold the tenants of which it has counts to take.
    pub(crate) fn hold_tenants(&mut self, reader: ReaderId) {
        if let Some(sums) = sums_of(&mut self.by_id, reader) {
            sums.holds_tenants = true;
        }
    }

    /// Returns the tenants that readers hold.
    pub(crate) fn held_tenants(&self, slots: &KeySlots, slabs: &RwLock<Vec<Slab>>) -> HashSet<TenantId> {
        let holders: Vec<_> = self.by_id.iter().flatten().filter(|sums| sums.holds_tenants).collect();
        let mut held = HashSet::new();
        if holders.is_empty() {
            return held;
        }
        held.extend(holders.iter().flat_map(|sums| sums.detached.keys()).map(UsageKey::tenant_id));
        cells::sum_chunks(&slabs.read(), slots.count() * self.stride, |first, now| {
            for sums in &holders {
                let base = sums.base.get(first..).unwrap_or_default().iter().chain(std::iter::repeat(&0));
                let untaken = now.iter().zip(base).enumerate().filter(|(_, (now, base))| now != base);
                for (cell, _) in untaken {
                    let id = u32::try_from((first + cell) / self.stride).unwrap_or(u32::MAX);
                    held.extend(slots.get(KeyId::new(id)).map(|key| key.usage.tenant_id()));
                }
            }
        });
        held
    }

    /// Returns whether a reader has so much to take of a key that the highest count is passed.
    pub(crate) fn is_saturated(&self, key: &Key, dimension: usize, slabs: &RwLock<Vec<Slab>>) -> bool {
        let sum = self.sum_key(key.id, slabs).get(dimension).copied().unwrap_or_default();
        self.by_id.iter().flatten().any(|sums| {
            let base = sums.base.get(key.id.index() * self.stride + dimension).copied().unwrap_or_default();
            let detached = sums.detached.get(&key.usage).and_then(|row| row.get(dimension)).copied();
            detached.unwrap_or_default().checked_add(sum.saturating_sub(base)).is_none()
        })
    }

    /// Returns whether a reader has a high count to take. Visits each detached one.
    pub(crate) fn has_high_count(&self) -> bool {
        let detached = self.by_id.iter().flatten().flat_map(|sums| sums.detached.values());
        detached.flat_map(|row| row.iter()).any(|count| *count >= HIGH_COUNT)
    }

    /// Returns what saturated first, and what was folded first, since the last call.
    pub(crate) fn take_firsts(&mut self) -> (Option<(UsageKey, Dimension)>, Option<UsageKey>) {
        let dimension = |index: usize| Dimension(u16::try_from(index).unwrap_or(u16::MAX));
        let saturated = self.counters.first_saturated.take();
        (saturated.map(|(key, index)| (key, dimension(index))), self.counters.first_folded.take())
    }

    /// Fills `out` with what `reader` has not taken yet, and takes nothing.
    pub(crate) fn peek(
        &mut self,
        reader: ReaderId,
        keys: &KeyTable,
        slabs: &RwLock<Vec<Slab>>,
        out: &mut Reading,
    ) {
        out.keys = keys.clone();
        out.dimensions = self.limits.dimensions;
        out.values.clear();
        out.without_id.clear();
        out.excess.clear();
        let Some(ReaderSums { base, detached, .. }) = sums_of(&mut self.by_id, reader) else { return };
        base.resize(keys.len() * self.stride, 0);
        out.values.reserve(base.len());
        cells::sum_chunks(&slabs.read(), base.len(), |first, now| {
            let base = base.get(first..).unwrap_or_default();
            out.values.extend(now.iter().zip(base).map(|(now, base)| now - base));
        });
        // A free id may have gone to a key that was registered and counted in the meantime. Its counts are
        // for the next reading, whose table names the key.
        for index in out.keys.vacant() {
            let first = index * self.stride;
            out.values.iter_mut().skip(first).take(self.stride).for_each(|value| *value = 0);
        }
        if !detached.is_empty() {
            add_detached(detached, self.stride, out);
        }
    }

    /// Takes the counts that `seen` holds: no more, whatever was counted since, and no less, wherever they
    /// are by now.
    pub(crate) fn take_seen(&mut self, reader: ReaderId, slots: &KeySlots, seen: &Reading) {
        let Some(ReaderSums { base, detached, .. }) = sums_of(&mut self.by_id, reader) else { return };
        // Nothing was detached since, so what was seen is still in the cells of the same ids.
        if detached.is_empty() && seen.without_id.is_empty() {
            for (base, seen) in base.iter_mut().zip(&seen.values) {
                *base = base.wrapping_add(*seen);
            }
            return;
        }
        let has_its_id = |row: &ReadingRow<'_>| {
            let key = row.id.and_then(|id| slots.get(id));
            key.is_some_and(|key| key.usage.is_same(row.key))
        };
        // Keys without their id first. If their counts were folded, they must be found in the overflow row
        // before the counts of that row itself are taken.
        let (present, gone): (Vec<_>, Vec<_>) = seen.rows().partition(has_its_id);
        for row in gone {
            let folded = overflow_key(row.key);
            for (index, &value) in row.values.iter().enumerate() {
                let mut left = value;
                for key in [row.key, &folded, &self.last_resort] {
                    left -= take_detached(detached, key, index, left);
                }
            }
        }
        for row in present {
            for (index, &value) in row.values.iter().enumerate() {
                // Detached counts first: what is in the cells can still be detached, but never goes back.
                let mut left = value - take_detached(detached, row.key, index, value);
                let excess = seen.excess(row.key, index);
                if excess > 0 {
                    self.counters.saturated(row.key, index, 1);
                    left = left.wrapping_add(excess);
                }
                let base = row.id.and_then(|id| base.get_mut(id.index() * self.stride + index));
                debug_assert!(base.is_some(), "peek made room for the base of each id");
                if let Some(base) = base {
                    *base = base.wrapping_add(left);
                }
            }
        }
        detached.retain(|_, values| values.iter().any(|&value| value != 0));
    }

    /// Adds counts that one reader has yet to take, as if they had just been recorded.
    pub(crate) fn restore(&mut self, reader: ReaderId, key: &UsageKey, dimension: usize, n: u64) -> Detached {
        let mut row = vec![0; self.limits.dimensions];
        if let Some(value) = row.get_mut(dimension) {
            *value = n;
        }
        let Some(sums) = sums_of(&mut self.by_id, reader) else { return Detached::default() };
        sums.detach(key, &row, AtLimit::Fold, (self.limits, &self.last_resort), &mut self.counters)
    }

    /// Reads the cells of a key for the last time: detaches what each reader has not taken, and returns the
    /// sums of the cells. The key must have no owner any more.
    pub(crate) fn detach_key(&mut self, key: &Key, slabs: &RwLock<Vec<Slab>>) -> (Vec<u64>, Detached) {
        let now = self.sum_key(key.id, slabs);
        let first = key.id.index() * self.stride;
        let mut detached = Detached::default();
        for sums in self.by_id.iter_mut().flatten() {
            let mut row = sums.advance(first, &now);
            let last_resort = &self.last_resort;
            detached.add(sums.detach(
                &key.usage,
                &row,
                AtLimit::Fold,
                (self.limits, last_resort),
                &mut self.counters,
            ));
            if self.zeroize {
                row.zeroize();
            }
        }
        (now, detached)
    }

    /// Detaches a cell that would overflow by `n` more, together with `n`, and sets the cell to zero. Only the
    /// owner of the slab may call it.
    pub(crate) fn empty_full_cell(
        &mut self,
        slabs: &RwLock<Vec<Slab>>,
        own: &Slab,
        key: &Key,
        dimension: usize,
        n: u64,
    ) -> Detached {
        let now = self.sum_key(key.id, slabs);
        let first = key.id.index() * self.stride;
        let saturations = self.counters.saturations;
        let mut detached = Detached::default();
        for sums in self.by_id.iter_mut().flatten() {
            let mut row = sums.advance(first, &now);
            let saturated = row.get_mut(dimension).map_or(0, |value| add_saturating(value, n));
            let last_resort = &self.last_resort;
            detached.add(sums.detach(
                &key.usage,
                &row,
                AtLimit::Keep,
                (self.limits, last_resort),
                &mut self.counters,
            ));
            self.counters.saturated(&key.usage, dimension, saturated);
        }
        detached.is_saturated = self.counters.saturations > saturations;
        // Each reader counted it, but it was one addition that saturated.
        self.counters.saturations = self.counters.saturations.min(saturations + 1);
        let held = own.clear(key.id, dimension);
        for sums in self.by_id.iter_mut().flatten() {
            if let Some(base) = sums.base.get_mut(first + dimension) {
                *base -= held;
            }
        }
        detached
    }

    /// Checks the invariants, as far as they can be seen from outside of the threads that record.
    pub(crate) fn validate(&self, ids: &Ids, slabs: &[Slab]) -> Result<(), String> {
        for (reader, sums) in self.by_id.iter().enumerate() {
            let Some(ReaderSums { base, detached, .. }) = sums else { continue };
            let mut now = Vec::with_capacity(base.len());
            cells::sum_chunks(slabs, base.len(), |_, sums| now.extend_from_slice(sums));
            if let Some(cell) = base.iter().zip(&now).position(|(base, now)| base > now) {
                return Err(format!("reader {reader} took more of cell {cell} than was counted"));
            }
            for id in ids.free() {
                let first = id.index() * self.stride;
                let mut now = vec![0; self.limits.dimensions];
                for slab in slabs {
                    slab.sum_key(*id, &mut now);
                }
                let base = base.iter().skip(first).chain(std::iter::repeat(&0));
                if now.iter().zip(base).any(|(now, base)| now != base) {
                    return Err(format!("reader {reader} has not taken all of {id:?}, which is free"));
                }
            }
            let is_row = |row: &[u64]| row.len() == self.limits.dimensions && row.iter().any(|n| *n != 0);
            if let Some((key, row)) = detached.iter().find(|(_, row)| !is_row(row)) {
                return Err(format!("reader {reader} has a detached row {row:?} of {key:?}"));
            }
        }
        Ok(())
    }

    fn sum_key(&self, id: KeyId, slabs: &RwLock<Vec<Slab>>) -> Vec<u64> {
        let mut now = vec![0; self.limits.dimensions];
        for slab in slabs.read().iter() {
            slab.sum_key(id, &mut now);
        }
        now
    }
}

impl ReaderSums {
    /// Moves the base of one key to `now` and returns the difference.
    fn advance(&mut self, first: usize, now: &[u64]) -> Vec<u64> {
        if self.base.len() < first + now.len() {
            self.base.resize(first + now.len(), 0);
        }
        let bases = self.base.iter_mut().skip(first);
        now.iter().zip(bases).map(|(&now, base)| now.wrapping_sub(std::mem::replace(base, now))).collect()
    }
}

/// Returns the sums of a reader. A [`ReaderId`] is used only while its reader lives, so there always are
/// some.
fn sums_of(readers: &mut [Option<ReaderSums>], reader: ReaderId) -> Option<&mut ReaderSums> {
    let sums = readers.get_mut(reader.0).and_then(Option::as_mut);
    debug_assert!(sums.is_some(), "{reader:?} is gone");
    sums
}
