//! A thread's own lookup cache: from a raw label set or account to its key, without a lock.
//!
//! Four-way buckets in one array, grown while there is room and replaced in turn after that. The cache keys are *raw*
//! labels, so normalization is paid once per raw label set and thread; where raw and normalized labels are the same, the
//! entry stores no copy.

use crate::{
    key::{Key, LabelText, Wanted},
    sync::Arc,
    Labels, Outcome,
};

const WAYS: usize = 4;
const BUCKETS_MIN: usize = 16;

/// A raw label set longer than this is normalized each time and not remembered.
const RAW_BYTES_MAX: usize = 1024;
/// All remembered raw label sets of a thread together.
const RAW_BYTES_TOTAL_MAX: usize = 512 * 1024;

#[derive(Debug)]
struct Entry {
    hash: u64,
    key: Arc<Key>,
    /// The raw labels, where they differ from the key's.
    raw: Option<Box<LabelText>>,
    outcome: Outcome,
}

#[derive(Debug)]
pub(crate) struct Cache {
    ways: Vec<Option<Entry>>,
    entries_max: usize,
    /// Which way of a full bucket goes next.
    turn: usize,
    raw_bytes: usize,
    /// The eviction epoch that this cache was last purged for.
    epoch: u64,
}

impl Cache {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            ways: Vec::new(),
            entries_max: entries_max.max(BUCKETS_MIN * WAYS),
            turn: 0,
            raw_bytes: 0,
            epoch: 0,
        }
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, wanted: &Wanted<'_>) -> Option<(&Arc<Key>, Outcome)> {
        let first = self.first_way(hash);
        self.ways
            .get(first..first + WAYS)?
            .iter()
            .flatten()
            .find_map(|entry| (entry.hash == hash && entry.is(wanted)).then_some((&entry.key, entry.outcome)))
    }

    /// Remembers what a raw label set (or, with `raw` absent, the key's own name) resolved to.
    pub(crate) fn insert(&mut self, hash: u64, key: Arc<Key>, raw: Option<&Labels<'_>>, outcome: Outcome) {
        let raw = match raw {
            Some(raw) => {
                let bytes: usize = raw.values().iter().map(|value| value.len()).sum();
                if bytes > RAW_BYTES_MAX {
                    return;
                }
                if self.raw_bytes + bytes > RAW_BYTES_TOTAL_MAX {
                    self.forget_raw();
                }
                self.raw_bytes += bytes;
                Some(Box::new(LabelText::new(raw)))
            }
            None => None,
        };
        let entry = Entry { hash, key, raw, outcome };
        if self.ways.is_empty() {
            self.resize(BUCKETS_MIN);
        }
        while self.bucket_is_full(hash) && self.ways.len() * 2 <= self.entries_max {
            self.resize(self.ways.len() / WAYS * 2);
        }
        let first = self.first_way(hash);
        let turn = self.turn % WAYS;
        let Some(bucket) = self.ways.get_mut(first..first + WAYS) else { return };
        let free = bucket.iter().position(Option::is_none);
        if free.is_none() {
            self.turn = self.turn.wrapping_add(1);
        }
        if let Some(way) = bucket.get_mut(free.unwrap_or(turn)) {
            if let Some(replaced) = way.replace(entry) {
                self.raw_bytes -= replaced.raw_bytes();
            }
        }
    }

    /// Lets go of evicted keys, if there was an eviction since the last call.
    pub(crate) fn purge_evicted(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.retain(|entry| !entry.key.is_evicted());
        }
    }

    /// Lets go of everything, and of the memory.
    pub(crate) fn clear(&mut self) {
        self.ways = Vec::new();
        self.raw_bytes = 0;
    }

    fn forget_raw(&mut self) {
        self.retain(|entry| entry.raw.is_none());
    }

    fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        for way in &mut self.ways {
            if way.as_ref().is_some_and(|entry| !keep(entry)) {
                self.raw_bytes -= way.take().map_or(0, |entry| entry.raw_bytes());
            }
        }
    }

    fn resize(&mut self, buckets: usize) {
        let mut ways = Vec::new();
        ways.resize_with(buckets * WAYS, || None);
        for entry in std::mem::replace(&mut self.ways, ways).into_iter().flatten() {
            let first = self.first_way(entry.hash);
            let free = self.ways.iter_mut().skip(first).take(WAYS).find(|way| way.is_none());
            // A bucket splits in two when the array doubles, so there is always a free way.
            if let Some(way) = free {
                *way = Some(entry);
            }
        }
    }

    fn bucket_is_full(&self, hash: u64) -> bool {
        let first = self.first_way(hash);
        self.ways.iter().skip(first).take(WAYS).all(Option::is_some)
    }

    #[inline]
    fn first_way(&self, hash: u64) -> usize {
        // The number of buckets is a power of two, or zero while the cache is empty: then no way is found anywhere.
        #[allow(clippy::cast_possible_truncation)]
        let bucket = hash as usize & (self.ways.len() / WAYS).saturating_sub(1);
        bucket * WAYS
    }
}

impl Entry {
    #[inline]
    fn is(&self, wanted: &Wanted<'_>) -> bool {
        match (&self.raw, wanted) {
            (Some(raw), Wanted::Labels(labels)) => raw.is(labels),
            (Some(_), Wanted::Account(..)) => false,
            (None, wanted) => self.key.usage.is(wanted),
        }
    }

    fn raw_bytes(&self) -> usize {
        self.raw.as_ref().map_or(0, |raw| raw.bytes())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{
        key::{TenantId, UsageKey},
        labels,
    };

    fn key(hash: u64, route: &str) -> Arc<Key> {
        Arc::new(Key::new(0, hash, UsageKey::from_labels(TenantId(0), &labels().route(route))))
    }

    /// Inserts keys whose hashes fill the buckets evenly, each under its own name.
    fn filled(cache: &mut Cache, count: u64) -> Vec<Arc<Key>> {
        let keys: Vec<_> = (0..count).map(|hash| key(hash, &hash.to_string())).collect();
        for key in &keys {
            cache.insert(key.hash, Arc::clone(key), None, Outcome::Counted);
        }
        keys
    }

    fn knows(cache: &Cache, key: &Key) -> bool {
        let wanted = Wanted::Labels(key.usage.labels().unwrap_or_default());
        cache.find(key.hash, &wanted).is_some_and(|(found, _)| found.hash == key.hash)
    }

    #[test]
    fn nothing_is_forgotten_while_there_is_room_to_grow() {
        let mut cache = Cache::new(1024);
        let keys = filled(&mut cache, 1024);
        assert!(keys.iter().all(|key| knows(&cache, key)));
        assert_eq!(cache.ways.len(), 1024);
    }

    #[test]
    fn a_full_cache_replaces_in_turn_and_keeps_its_size() {
        let mut cache = Cache::new(64);
        let keys = filled(&mut cache, 10_000);
        assert_eq!((cache.ways.len(), cache.ways.iter().flatten().count()), (64, 64));
        assert!(keys.iter().rev().take(16).all(|key| knows(&cache, key)));
    }

    #[test]
    fn a_hash_alone_is_no_match() {
        let mut cache = Cache::new(64);
        cache.insert(7, key(7, "a"), None, Outcome::Counted);
        cache.insert(7, key(7, "b"), Some(&labels().route("B")), Outcome::Counted);
        let find = |wanted: &Wanted<'_>| cache.find(7, wanted).map(|(key, _)| Arc::clone(&key.usage));
        for (raw, counted) in [("a", "a"), ("B", "b")] {
            let found = find(&Wanted::Labels(labels().route(raw))).unwrap();
            assert_eq!(found.labels(), Some(labels().route(counted)));
        }
        let others = [
            labels().route("b"),
            labels().route("a").tenant("x"),
            labels().route("a").method("x"),
            labels().route("a").service("x"),
            labels().route("a").region("x"),
            labels().service("a"),
        ];
        assert!(others.iter().all(|other| find(&Wanted::Labels(*other)).is_none()));
        let account = crate::AccountKey { ns: 0, id: 0 };
        assert!(find(&Wanted::Account(TenantId(0), account)).is_none());
    }

    #[test]
    fn remembered_raw_labels_are_bounded() {
        let mut cache = Cache::new(4096);
        let shared = key(0, "a");
        let mut most = 0;
        for n in 0..4096 {
            let raw = format!("{n:01024}");
            cache.insert(n, Arc::clone(&shared), Some(&labels().route(&raw)), Outcome::Counted);
            let held: usize = cache.ways.iter().flatten().map(Entry::raw_bytes).sum();
            assert_eq!(held, cache.raw_bytes);
            most = most.max(held);
        }
        assert_eq!(most, RAW_BYTES_TOTAL_MAX);
        let held = cache.raw_bytes;
        cache.insert(0, shared, Some(&labels().route(&"x".repeat(RAW_BYTES_MAX + 1))), Outcome::Counted);
        assert_eq!(cache.raw_bytes, held, "too long to be remembered");
    }

    #[test]
    fn evicted_keys_are_let_go_once_per_epoch() {
        let mut cache = Cache::new(64);
        let keys = filled(&mut cache, 2);
        keys[0].set_evicted(true);
        cache.purge_evicted(1);
        assert_eq!(keys.iter().map(|key| knows(&cache, key)).collect::<Vec<_>>(), [false, true]);
        keys[1].set_evicted(true);
        cache.purge_evicted(1);
        assert!(knows(&cache, &keys[1]));
        cache.purge_evicted(2);
        assert!(!knows(&cache, &keys[1]));
        assert!(keys.iter().all(|key| Arc::strong_count(key) == 1));
    }
}
