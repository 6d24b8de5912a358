//! A thread's own lookup cache: from what callers write to a key, without a lock.
//!
//! The entries stand in one array, found by an index of places, so that an entry costs its own size and not that of a
//! table's free room. Beyond the limit the entries are replaced in turn.

use hashbrown::HashTable;

use crate::{
    key::{AccountKey, Key, TenantId},
    name::{Lengths, Name},
    scope::FixedLabels,
    sync::Arc,
    Labels, Outcome,
};

/// A raw label set longer than this is normalized each time and not remembered.
const RAW_BYTES_MAX: usize = 1024;
/// All remembered raw label sets of a thread together.
const RAW_BYTES_TOTAL_MAX: usize = 512 * 1024;

/// What a cache remembers: a key, and what it was found by.
pub(crate) trait Entry {
    fn hash(&self) -> u64;
    fn key(&self) -> &Arc<Key>;
}

/// A bounded map from hashes to entries.
#[derive(Debug)]
pub(crate) struct Cache<E> {
    /// Places in `entries`.
    index: HashTable<u32>,
    entries: Vec<E>,
    entries_max: usize,
    /// Which entry of a full cache goes next.
    turn: usize,
    /// The eviction epoch that this cache was last purged for.
    epoch: u64,
}

impl<E: Entry> Cache<E> {
    fn new(entries_max: usize) -> Self {
        let entries_max = entries_max.clamp(1, u32::MAX as usize);
        Self { index: HashTable::new(), entries: Vec::new(), entries_max, turn: 0, epoch: 0 }
    }

    /// The entry of this hash that `is` the one, and its place.
    #[inline]
    fn find(&self, hash: u64, is: impl Fn(&E) -> bool) -> Option<(u32, &E)> {
        let at = |place: u32| self.entries.get(place as usize);
        let is_at = |place: &u32| at(*place).is_some_and(|entry| entry.hash() == hash && is(entry));
        let place = *self.index.find(hash, is_at)?;
        Some((place, at(place)?))
    }

    /// Adds an entry, and returns the one that had to go for it.
    fn insert(&mut self, entry: E) -> Option<E> {
        if self.entries.len() < self.entries_max {
            self.push(entry);
            return None;
        }
        let victim = self.turn % self.entries.len();
        self.turn = self.turn.wrapping_add(1);
        let replaced = std::mem::replace(self.entries.get_mut(victim)?, entry);
        let is_victim = |place: &u32| *place as usize == victim;
        if let Ok(place) = self.index.find_entry(replaced.hash(), is_victim) {
            place.remove();
        }
        self.index_entry(victim);
        Some(replaced)
    }

    fn push(&mut self, entry: E) {
        self.entries.push(entry);
        self.index_entry(self.entries.len() - 1);
    }

    fn index_entry(&mut self, place: usize) {
        let Self { index, entries, .. } = self;
        let hash = |place: usize| entries.get(place).map_or(0, Entry::hash);
        if let Ok(narrow) = u32::try_from(place) {
            index.insert_unique(hash(place), narrow, |place| hash(*place as usize));
        }
    }

    /// Lets go of evicted keys, if there was an eviction since the last call. `true` if it went through the entries.
    fn purge_evicted(&mut self, epoch: u64) -> bool {
        let is_due = self.epoch != epoch;
        if is_due {
            self.epoch = epoch;
            self.retain(|entry| !entry.key().is_evicted());
        }
        is_due
    }

    /// Lets go of everything, and of the memory.
    fn clear(&mut self) {
        self.index = HashTable::new();
        self.entries = Vec::new();
    }

    fn retain(&mut self, keep: impl Fn(&E) -> bool) {
        let before = self.entries.len();
        self.entries.retain(keep);
        if self.entries.len() < before {
            self.index.clear();
            (0..self.entries.len()).for_each(|place| self.index_entry(place));
        }
    }
}

/// A raw label set and what it resolved to.
#[derive(Debug)]
pub(crate) struct LabelsEntry {
    hash: u64,
    /// What callers write; the key's own name where that is the same.
    raw: Name,
    key: Arc<Key>,
    /// The scope that was found to have the same labels beside the tenant.
    scope: Option<Arc<FixedLabels>>,
    id: u32,
    outcome: Outcome,
}

impl Entry for LabelsEntry {
    #[inline]
    fn hash(&self) -> u64 {
        self.hash
    }

    fn key(&self) -> &Arc<Key> {
        &self.key
    }
}

impl LabelsEntry {
    #[inline]
    pub(crate) const fn found(&self) -> Found<'_> {
        Found { key: &self.key, id: self.id, outcome: self.outcome }
    }

    /// What the raw labels take beside the key's own name.
    fn raw_bytes(&self) -> usize {
        if self.raw.is_same(self.key.usage.name()) {
            0
        } else {
            self.raw.bytes()
        }
    }
}

/// What a cache knows: the key, with its id beside it so that the key itself need not be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) key: &'a Arc<Key>,
    pub(crate) id: u32,
    pub(crate) outcome: Outcome,
}

/// Raw label sets. Normalization is paid once per raw label set and thread.
#[derive(Debug)]
pub(crate) struct LabelsCache {
    cache: Cache<LabelsEntry>,
    raw_bytes: usize,
    /// The place of the entry that was found last: calls for one label set often follow each other.
    last: std::cell::Cell<u32>,
}

impl LabelsCache {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { cache: Cache::new(entries_max), raw_bytes: 0, last: std::cell::Cell::new(0) }
    }

    /// What the last look-up found, if this is the same label set again. Needs no hash.
    #[inline]
    pub(crate) fn find_again(&self, labels: &Labels<'_>, lengths: Lengths) -> Option<Found<'_>> {
        let entry = self.cache.entries.get(self.last.get() as usize)?;
        entry.raw.is(labels, lengths).then(|| entry.found())
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, labels: &Labels<'_>, lengths: Lengths) -> Option<Found<'_>> {
        let (place, entry) = self.cache.find(hash, |entry| entry.raw.is(labels, lengths))?;
        self.last.set(place);
        Some(entry.found())
    }

    /// Finds what a scope's tenant resolved to, if that was through this scope before.
    #[inline]
    pub(crate) fn find_scoped(&self, hash: u64, tenant: &str, scope: &Arc<FixedLabels>) -> Option<Found<'_>> {
        let is_known =
            |entry: &LabelsEntry| entry.scope.as_ref().is_some_and(|known| Arc::ptr_eq(known, scope));
        let (_, entry) = self.cache.find(hash, |entry| is_known(entry) && entry.raw.is_of_tenant(tenant))?;
        Some(entry.found())
    }

    /// Remembers that a label set is one of a scope's. A scope that lives no longer makes room.
    pub(crate) fn note_scope(&mut self, hash: u64, labels: &Labels<'_>, scope: &Arc<FixedLabels>) {
        let Some(lengths) = Lengths::of(labels) else { return };
        let Some((place, _)) = self.cache.find(hash, |entry| entry.raw.is(labels, lengths)) else { return };
        if let Some(entry) = self.cache.entries.get_mut(place as usize) {
            if !entry.scope.as_ref().is_some_and(|known| Arc::strong_count(known) > 1) {
                entry.scope = Some(Arc::clone(scope));
            }
        }
    }

    /// Remembers what a raw label set resolved to.
    pub(crate) fn insert(&mut self, hash: u64, key: Arc<Key>, raw: &Labels<'_>, outcome: Outcome) {
        let raw = if key.usage.labels() == Some(*raw) {
            key.usage.name().clone()
        } else {
            let bytes: usize = raw.values().iter().map(|value| value.len()).sum();
            if bytes > RAW_BYTES_MAX {
                return;
            }
            if self.raw_bytes + bytes > RAW_BYTES_TOTAL_MAX {
                self.cache.retain(|entry| entry.raw_bytes() == 0);
                self.raw_bytes = 0;
            }
            self.raw_bytes += bytes;
            Name::of_labels(key.usage.tenant_id(), raw)
        };
        let id = key.id;
        if let Some(replaced) = self.cache.insert(LabelsEntry { hash, raw, key, scope: None, id, outcome }) {
            self.raw_bytes -= replaced.raw_bytes();
        }
    }

    pub(crate) fn purge_evicted(&mut self, epoch: u64) {
        if self.cache.purge_evicted(epoch) {
            self.raw_bytes = self.cache.entries.iter().map(LabelsEntry::raw_bytes).sum();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.cache.clear();
        self.raw_bytes = 0;
    }
}

/// An account and its key.
#[derive(Debug)]
pub(crate) struct AccountEntry {
    account: AccountKey,
    hash: u64,
    key: Arc<Key>,
    tenant: TenantId,
    id: u32,
}

impl Entry for AccountEntry {
    #[inline]
    fn hash(&self) -> u64 {
        self.hash
    }

    fn key(&self) -> &Arc<Key> {
        &self.key
    }
}

/// Accounts by tenant.
#[derive(Debug)]
pub(crate) struct AccountsCache(Cache<AccountEntry>);

impl AccountsCache {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self(Cache::new(entries_max))
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, tenant: TenantId, account: AccountKey) -> Option<Found<'_>> {
        let is = |entry: &AccountEntry| entry.account == account && entry.tenant == tenant;
        let (_, entry) = self.0.find(hash, is)?;
        Some(Found { key: &entry.key, id: entry.id, outcome: Outcome::Counted })
    }

    pub(crate) fn insert(&mut self, hash: u64, key: Arc<Key>, tenant: TenantId, account: AccountKey) {
        let id = key.id;
        self.0.insert(AccountEntry { account, hash, key, tenant, id });
    }

    pub(crate) fn purge_evicted(&mut self, epoch: u64) {
        self.0.purge_evicted(epoch);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
