//! A thread's own lookup caches: from what callers write to a key, without a lock.
//!
//! The entries are in one array, and a hash table holds their indexes. So the free slots of the table cost
//! four bytes each, and not the size of an entry. When the array is full, new entries replace old ones in
//! turn.
//!
//! # Invariants
//! 1. The table holds the index of each entry once, under the entry's hash.
//! 2. An entry owns its key, and its id is that of the key.
//! 3. `raw_bytes` is what the raw labels of all entries take in addition to the keys' own names.

use hashbrown::HashTable;

use crate::{
    fixed_labels::FixedLabels,
    key::{Key, KeyId},
    name::{Lengths, Name},
    sync::Arc,
    tenant::{AccountKey, TenantId},
    Labels, Outcome,
};

/// The longest raw label set that is remembered, in bytes. A longer one is normalized on each call.
const RAW_BYTES_MAX: usize = 1024;
const _: () = assert!(RAW_BYTES_MAX <= Lengths::LABEL_MAX, "a name must hold what is remembered");
/// The most bytes of all remembered raw label sets of a thread.
const RAW_BYTES_TOTAL_MAX: usize = 512 * 1024;

/// What a cache remembers: a key, and what callers wrote for it.
trait CacheEntry {
    fn hash(&self) -> u64;
    fn key(&self) -> &Arc<Key>;
    fn id(&self) -> KeyId;
}

/// A bounded map from hashes to entries.
#[derive(Debug)]
struct Cache<E> {
    /// Indexes of `entries`, by hash.
    table: HashTable<u32>,
    entries: Vec<E>,
    entries_max: usize,
    /// The number of replacements so far, which says what a full cache replaces next.
    replacements: usize,
    /// The eviction epoch in which this cache was last purged.
    epoch: u64,
}

impl<E: CacheEntry> Cache<E> {
    fn new(entries_max: usize) -> Self {
        let entries_max = entries_max.clamp(1, u32::MAX as usize);
        Self { table: HashTable::new(), entries: Vec::new(), entries_max, replacements: 0, epoch: 0 }
    }

    /// Finds the entry with this hash for which `is` holds. Returns its index and the entry.
    #[inline]
    fn find(&self, hash: u64, is: impl Fn(&E) -> bool) -> Option<(u32, &E)> {
        let at = |index: u32| self.entries.get(index as usize);
        let is_at = |index: &u32| at(*index).is_some_and(|entry| entry.hash() == hash && is(entry));
        let index = *self.table.find(hash, is_at)?;
        Some((index, at(index)?))
    }

    /// Adds an entry. Returns the one that it replaces if the cache is full.
    fn insert(&mut self, entry: E) -> Option<E> {
        if self.entries.len() < self.entries_max {
            self.push(entry);
            return None;
        }
        let victim = self.replacements % self.entries.len();
        self.replacements = self.replacements.wrapping_add(1);
        let replaced = std::mem::replace(self.entries.get_mut(victim)?, entry);
        let is_victim = |index: &u32| *index as usize == victim;
        let indexed = self.table.find_entry(replaced.hash(), is_victim);
        debug_assert!(indexed.is_ok(), "each entry is in the table");
        if let Ok(index) = indexed {
            index.remove();
        }
        self.add_to_table(victim);
        Some(replaced)
    }

    fn push(&mut self, entry: E) {
        self.entries.push(entry);
        self.add_to_table(self.entries.len() - 1);
    }

    fn add_to_table(&mut self, index: usize) {
        let Self { table, entries, .. } = self;
        let hash = |index: usize| entries.get(index).map_or(0, CacheEntry::hash);
        debug_assert!(index < entries.len() && u32::try_from(index).is_ok(), "entries are limited");
        if let Ok(narrow) = u32::try_from(index) {
            table.insert_unique(hash(index), narrow, |index| hash(*index as usize));
        }
    }

    /// Releases evicted keys, if there was an eviction since the last call. Returns whether there was.
    fn purge_evicted(&mut self, epoch: u64) -> bool {
        let is_due = self.epoch != epoch;
        if is_due {
            self.epoch = epoch;
            self.retain(|entry| !entry.key().is_evicted());
        }
        is_due
    }

    /// Releases all keys and the memory.
    fn clear(&mut self) {
        self.table = HashTable::new();
        self.entries = Vec::new();
    }

    fn retain(&mut self, keep: impl Fn(&E) -> bool) {
        let before = self.entries.len();
        self.entries.retain(keep);
        if self.entries.len() < before {
            self.table.clear();
            (0..self.entries.len()).for_each(|index| self.add_to_table(index));
        }
    }

    fn validate(&self) -> Result<(), String> {
        if self.table.len() != self.entries.len() || self.entries.len() > self.entries_max {
            return Err(format!("{} entries, {} in the table", self.entries.len(), self.table.len()));
        }
        for (index, entry) in self.entries.iter().enumerate() {
            if self.table.find(entry.hash(), |known| *known as usize == index).is_none() {
                return Err(format!("entry {index} is not in the table"));
            }
            if entry.id() != entry.key().id {
                return Err(format!("entry {index} has {:?} and a key of {:?}", entry.id(), entry.key().id));
            }
        }
        Ok(())
    }
}

/// A raw label set and what it resolved to.
#[derive(Debug)]
struct LabelsEntry {
    hash: u64,
    /// What callers write, or the key's own name where that is the same.
    raw: Name,
    key: Arc<Key>,
    /// A scope whose fixed labels are known to be those of `raw`.
    scope: Option<Arc<FixedLabels>>,
    id: KeyId,
    outcome: Outcome,
}

impl CacheEntry for LabelsEntry {
    #[inline]
    fn hash(&self) -> u64 {
        self.hash
    }

    fn key(&self) -> &Arc<Key> {
        &self.key
    }

    fn id(&self) -> KeyId {
        self.id
    }
}

impl LabelsEntry {
    #[inline]
    const fn cached(&self) -> CachedKey<'_> {
        CachedKey { key: &self.key, id: self.id, outcome: self.outcome }
    }

    /// Returns how many bytes the raw labels take in addition to the key's own name.
    fn raw_bytes(&self) -> usize {
        if self.raw.is_same(self.key.usage.name()) {
            0
        } else {
            self.raw.bytes()
        }
    }
}

/// A key that a cache owns. Its id is stored with it, so that recording need not read the key itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CachedKey<'a> {
    pub(crate) key: &'a Arc<Key>,
    pub(crate) id: KeyId,
    pub(crate) outcome: Outcome,
}

/// Raw label sets. Normalization is paid once per raw label set and thread.
#[derive(Debug)]
pub(crate) struct LabelsCache {
    cache: Cache<LabelsEntry>,
    raw_bytes: usize,
    /// The index of the entry that was found last: calls for one label set often follow each other.
    found_last: std::cell::Cell<u32>,
}

impl LabelsCache {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { cache: Cache::new(entries_max), raw_bytes: 0, found_last: std::cell::Cell::new(0) }
    }

    /// Returns what the last call of [`Self::find`] found, if this is the same label set again. Needs no
    /// hash.
    #[inline]
    pub(crate) fn find_again(&self, labels: &Labels<'_>, lengths: Lengths) -> Option<CachedKey<'_>> {
        let entry = self.cache.entries.get(self.found_last.get() as usize)?;
        entry.raw.is(labels, lengths).then(|| entry.cached())
    }

    /// Finds what a raw label set resolved to.
    #[inline]
    pub(crate) fn find(&self, hash: u64, labels: &Labels<'_>, lengths: Lengths) -> Option<CachedKey<'_>> {
        let (index, entry) = self.cache.find(hash, |entry| entry.raw.is(labels, lengths))?;
        self.found_last.set(index);
        Some(entry.cached())
    }

    /// Finds what a tenant of a scope resolved to, if [`Self::note_scope`] was called for both.
    #[inline]
    pub(crate) fn find_scoped(
        &self,
        hash: u64,
        tenant: &str,
        scope: &Arc<FixedLabels>,
    ) -> Option<CachedKey<'_>> {
        let is_known =
            |entry: &LabelsEntry| entry.scope.as_ref().is_some_and(|known| Arc::ptr_eq(known, scope));
        let (_, entry) = self.cache.find(hash, |entry| is_known(entry) && entry.raw.is_of_tenant(tenant))?;
        Some(entry.cached())
    }

    /// Remembers that the labels of a scope and a tenant are this label set. An entry remembers one scope as
    /// long as it lives.
    pub(crate) fn note_scope(&mut self, hash: u64, labels: &Labels<'_>, scope: &Arc<FixedLabels>) {
        let Some(lengths) = Lengths::of(labels) else { return };
        let Some((index, _)) = self.cache.find(hash, |entry| entry.raw.is(labels, lengths)) else { return };
        if let Some(entry) = self.cache.entries.get_mut(index as usize) {
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
            Name::of_labels(key.usage.tenant_entry(), raw)
        };
        let id = key.id;
        if let Some(replaced) = self.cache.insert(LabelsEntry { hash, raw, key, scope: None, id, outcome }) {
            self.raw_bytes -= replaced.raw_bytes();
        }
    }

    /// Releases keys that were evicted since the last call.
    pub(crate) fn purge_evicted(&mut self, epoch: u64) {
        if self.cache.purge_evicted(epoch) {
            self.raw_bytes = self.cache.entries.iter().map(LabelsEntry::raw_bytes).sum();
        }
    }

    /// Releases all keys.
    pub(crate) fn clear(&mut self) {
        self.cache.clear();
        self.raw_bytes = 0;
    }

    /// Checks the invariants.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let raw_bytes: usize = self.cache.entries.iter().map(LabelsEntry::raw_bytes).sum();
        if raw_bytes != self.raw_bytes || raw_bytes > RAW_BYTES_TOTAL_MAX {
            return Err(format!("raw labels take {raw_bytes} bytes, not {}", self.raw_bytes));
        }
        self.cache.validate()
    }
}

/// An account and its key.
#[derive(Debug)]
struct AccountEntry {
    account: AccountKey,
    hash: u64,
    key: Arc<Key>,
    tenant: TenantId,
    id: KeyId,
}

impl CacheEntry for AccountEntry {
    #[inline]
    fn hash(&self) -> u64 {
        self.hash
    }

    fn key(&self) -> &Arc<Key> {
        &self.key
    }

    fn id(&self) -> KeyId {
        self.id
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
    pub(crate) fn find(&self, hash: u64, tenant: TenantId, account: AccountKey) -> Option<CachedKey<'_>> {
        let is = |entry: &AccountEntry| entry.account == account && entry.tenant == tenant;
        let (_, entry) = self.0.find(hash, is)?;
        Some(CachedKey { key: &entry.key, id: entry.id, outcome: Outcome::Counted })
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

    pub(crate) fn validate(&self) -> Result<(), String> {
        self.0.validate()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
