//! What all threads of an engine share, and the steps of recording that need it.
//!
//! Each function takes the calling thread's [`ThreadState`] as an argument, so that the loom models run this very code.
//!
//! Lock order: readings, then a registry shard, then ids; tenants and the list of slabs are innermost.

mod record;
mod resolve;

use std::{
    cell::{Cell, RefCell, RefMut},
    collections::HashMap,
};

#[cfg(not(loom))]
use crate::thread_exit::{self, ForgetThread};
use crate::{
    cache::{AccountsCache, Found, LabelsCache},
    cells::{Place, Slab},
    hashing::Hashing,
    key::{Key, TenantId, UsageKey},
    readings::Readings,
    registry::Registry,
    sync::{Arc, AtomicU64, Mutex, Ordering, RwLock},
    Dimension, Dimensions, EngineStats, EvictionReason, Label, Normalizer, Outcome, Reading,
};

/// How often a thread tries to get a place that others keep taking, before it uses the overflow row.
const ADMISSIONS_MAX: usize = 16;

/// Ids per place for a label set. An id that is never used costs nothing.
const IDS_PER_LABEL_SET: usize = 8;

/// The limits of an engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) label_sets: usize,
    pub(crate) tenants: usize,
    pub(crate) settled: usize,
    pub(crate) cache_entries: usize,
    pub(crate) hash_seed: Option<u64>,
}

impl Limits {
    /// Each live key, and evicted ones that somebody still owns: caches of threads that have nothing to do keep them.
    fn limited_ids_max(&self) -> usize {
        self.label_sets.saturating_mul(IDS_PER_LABEL_SET)
    }

    /// As above, and an overflow row per tenant and for the overflow tenant.
    fn ids_max(&self) -> usize {
        self.limited_ids_max().saturating_add(self.tenants).saturating_add(1)
    }
}

pub(crate) struct Shared {
    limits: Limits,
    pub(crate) dimensions: Dimensions,
    normalizer: Box<dyn Normalizer>,
    pub(crate) hashing: Hashing,
    registry: Registry,
    tenants: Mutex<Tenants>,
    slabs: RwLock<Vec<Slab>>,
    readings: Mutex<Readings>,
    /// Grows with each eviction, so that threads know when to purge their caches.
    epoch: AtomicU64,
    counters: Counters,
    /// Who is told when a thread ends.
    #[cfg(not(loom))]
    on_thread_exit: std::sync::OnceLock<std::sync::Weak<dyn ForgetThread>>,
}

/// Events off the hot path.
#[derive(Debug)]
struct Counters {
    evicted_cardinality: AtomicU64,
    evicted_age: AtomicU64,
    overflowed_label_sets: AtomicU64,
    overflowed_tenants: AtomicU64,
    replaced: AtomicU64,
    unknown_dimension: AtomicU64,
}

#[derive(Debug, Default)]
struct Tenants {
    ids: HashMap<Box<str>, TenantId>,
}

/// What one thread owns: its cells, its lookup cache, and room to normalize in.
#[derive(Debug)]
pub(crate) struct ThreadState {
    slab: Slab,
    /// Borrowed only within one call; a normalizer that records on the same engine finds it taken and goes without.
    local: RefCell<Local>,
    /// Whether the engine is told when the thread ends.
    is_watched: Cell<bool>,
}

impl ThreadState {
    /// The cache, to add to; not once the thread is about to end, since what it owned then it would own for ever.
    fn remembering(&self) -> Option<RefMut<'_, Local>> {
        #[cfg(not(loom))]
        if thread_exit::has_ended() {
            return None;
        }
        self.local.try_borrow_mut().ok()
    }

    /// Adds to a cell of a key that the caller owns; `false` if that takes more than an addition.
    #[inline]
    pub(crate) fn add(&self, place: Place, dimension: Dimension, n: u64) -> bool {
        self.slab.row_at(place).is_some_and(|row| row.add(dimension.index(), n).is_ok())
    }

    /// Lets go of all keys.
    pub(crate) fn forget(&self) {
        if let Ok(mut local) = self.local.try_borrow_mut() {
            local.labels.clear();
            local.accounts.clear();
        }
        self.is_watched.set(false);
    }
}

#[derive(Debug)]
struct Local {
    labels: LabelsCache,
    accounts: AccountsCache,
    normalized: [String; 5],
}

/// A key to count under, and what is to be said about it.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) key: Arc<Key>,
    pub(crate) outcome: Outcome,
}

impl Local {
    /// Lets go of keys that were evicted since the last call.
    fn purge_evicted(&mut self, epoch: u64) {
        self.labels.purge_evicted(epoch);
        self.accounts.purge_evicted(epoch);
    }
}

impl Shared {
    pub(crate) fn new(
        limits: Limits,
        dimensions: Dimensions,
        normalizer: Box<dyn Normalizer>,
        zeroize_retired: bool,
    ) -> Self {
        let ids_max = u32::try_from(limits.ids_max()).unwrap_or(u32::MAX);
        Self {
            limits,
            normalizer,
            hashing: Hashing::new(limits.hash_seed),
            registry: Registry::new(limits.label_sets, limits.limited_ids_max(), ids_max),
            tenants: Mutex::new(Tenants::default()),
            slabs: RwLock::new(Vec::new()),
            readings: Mutex::new(Readings::new(dimensions.count(), limits.settled, zeroize_retired)),
            epoch: AtomicU64::new(0),
            counters: Counters {
                evicted_cardinality: AtomicU64::new(0),
                evicted_age: AtomicU64::new(0),
                overflowed_label_sets: AtomicU64::new(0),
                overflowed_tenants: AtomicU64::new(0),
                replaced: AtomicU64::new(0),
                unknown_dimension: AtomicU64::new(0),
            },
            dimensions,
            #[cfg(not(loom))]
            on_thread_exit: std::sync::OnceLock::new(),
        }
    }

    /// The state of a thread that has none yet.
    pub(crate) fn new_thread(&self) -> ThreadState {
        let slab = Slab::new(self.limits.ids_max(), self.dimensions.count());
        self.slabs.write().push(slab.clone());
        let entries_max = self.limits.cache_entries;
        let local = Local {
            labels: LabelsCache::new(entries_max),
            accounts: AccountsCache::new(entries_max),
            normalized: Default::default(),
        };
        ThreadState { slab, local: RefCell::new(local), is_watched: Cell::new(false) }
    }

    /// Has `engine` told when a thread ends that has looked up keys.
    #[cfg(not(loom))]
    pub(crate) fn on_thread_exit(&self, engine: std::sync::Weak<dyn ForgetThread>) {
        // Set once, at construction.
        let _ = self.on_thread_exit.set(engine);
    }

    /// Called on the way to anything that the thread's cache may own.
    fn watch(&self, thread: &ThreadState) {
        #[cfg(not(loom))]
        if let Some(engine) = self.on_thread_exit.get().filter(|_| !thread.is_watched.replace(true)) {
            thread_exit::watch(std::sync::Weak::clone(engine));
        }
        #[cfg(loom)]
        let _ = (self, thread);
    }

    pub(crate) fn remove_reader(&self, reader: usize) {
        self.readings.lock().remove_reader(reader);
    }

    pub(crate) fn add_reader(&self) -> usize {
        self.readings.lock().add_reader(&self.registry, &self.slabs)
    }

    pub(crate) fn take(
        &self,
        reader: usize,
        accept: impl FnMut(TenantId, Dimension) -> bool,
        out: &mut Reading,
    ) {
        let mut readings = self.readings.lock();
        readings.arrive(&self.registry);
        readings.take(reader, &self.slabs, accept, out);
    }

    pub(crate) fn peek(&self, reader: usize, out: &mut Reading) {
        let mut readings = self.readings.lock();
        readings.arrive(&self.registry);
        readings.peek(reader, &self.slabs, out);
    }

    pub(crate) fn take_seen(&self, reader: usize, seen: &Reading) {
        self.readings.lock().take_seen(reader, seen);
    }

    pub(crate) fn restore(&self, reader: usize, key: &UsageKey, dimension: Dimension, n: u64) {
        self.readings.lock().restore(reader, key, dimension.index(), n);
    }

    /// A look at which keys are used, eviction of those that are not, and reuse of ids that nobody owns.
    pub(crate) fn maintain(&self, idle_calls_max: u64) {
        let mut readings = self.readings.lock();
        readings.arrive(&self.registry);
        readings.note_activity(&self.slabs);
        readings.revive_active(&self.registry);
        let evicted = readings.evict_idle(&self.registry, idle_calls_max);
        self.counters.evicted_age.fetch_add(evicted as u64, Ordering::Relaxed);
        self.reclaim(&mut readings, evicted, None);
    }

    pub(crate) fn evictions(&self, reason: EvictionReason) -> u64 {
        match reason {
            EvictionReason::Cardinality => self.counters.evicted_cardinality.load(Ordering::Relaxed),
            EvictionReason::Age => self.counters.evicted_age.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn stats(&self) -> EngineStats {
        let (saturations, folded) = {
            let readings = self.readings.lock();
            (readings.saturations, readings.folded)
        };
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EngineStats {
            label_sets: self.registry.live(),
            ids_in_use: self.registry.ids_in_use(),
            tenants: self.tenants.lock().ids.len(),
            threads: self.slabs.read().len(),
            evicted_cardinality: load(&self.counters.evicted_cardinality),
            evicted_age: load(&self.counters.evicted_age),
            overflowed_label_sets: load(&self.counters.overflowed_label_sets),
            overflowed_tenants: load(&self.counters.overflowed_tenants),
            folded_keys: folded,
            replaced_label_sets: load(&self.counters.replaced),
            unknown_dimension: load(&self.counters.unknown_dimension),
            saturations,
        }
    }

    /// How many values each label has among the live label sets.
    pub(crate) fn cardinality(&self) -> [(Label, usize); 5] {
        let mut values: [std::collections::HashSet<Box<str>>; 5] = Default::default();
        self.registry.for_each_live(|key| {
            if let Some(labels) = key.labels() {
                for (values, value) in values.iter_mut().zip(labels.values()) {
                    if !values.contains(value) {
                        values.insert(value.into());
                    }
                }
            }
        });
        let mut counts = values.iter().map(std::collections::HashSet::len);
        Label::ALL.map(|label| (label, counts.next().unwrap_or_default()))
    }
}

/// A claim on what the thread's cache knows, unless the key was evicted: a meter's key must be live.
fn claim_live(found: Found<'_>) -> Option<Resolved> {
    (!found.key.is_evicted()).then(|| Resolved { key: Arc::clone(found.key), outcome: found.outcome })
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("limits", &self.limits).finish_non_exhaustive()
    }
}
