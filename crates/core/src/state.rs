//! What all threads of an engine share. Its steps are in the directory `state`:
//!
//! * `record.rs`: from a call to a cell, the hot path.
//! * `resolve.rs`: from a label set that the thread does not know to a key.
//! * `read.rs`: readers, maintenance and figures.
//! * `thread.rs`: what one thread owns.
//! * `validate.rs`: the invariants, as checks for tests.
//!
//! Every function that needs a [`ThreadState`] takes it as an argument, so that the loom models run this very
//! code.
//!
//! Lock order: readings, then a registry shard, then ids. Tenants and the list of slabs are innermost.

mod read;
mod record;
mod resolve;
mod thread;
mod validate;

pub(crate) use self::thread::ThreadState;
#[cfg(not(loom))]
use crate::thread_exit::{self, ForgetThread};
use crate::{
    cells::Slab,
    hashing::Hashing,
    key::Key,
    key_slots::KeySlots,
    limit::LimitNotes,
    readers::Readers,
    registry::{Maxima, Registry},
    sync::{Arc, AtomicBool, AtomicU64, Mutex, RwLock},
    tenants::Tenants,
    Dimensions, Normalizer, Outcome,
};

/// Ids available per live label set; the surplus covers evicted keys that idle threads still hold. An id that
/// is never used costs nothing.
const IDS_PER_LABEL_SET: usize = 8;

/// The limits of an engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Live label sets and accounts.
    pub(crate) label_sets: usize,
    /// Tenants with a place, the overflow tenant not included.
    pub(crate) tenants: usize,
    /// Keys whose counts a reader keeps outside of the cells.
    pub(crate) detached_keys: usize,
    /// Entries of each cache of a thread.
    pub(crate) cache_entries: usize,
    pub(crate) hash_seed: Option<u64>,
}

impl Limits {
    /// Returns how many ids there are for keys that count against the label limit, evicted ones included.
    fn limited_ids_max(&self) -> usize {
        self.label_sets.saturating_mul(IDS_PER_LABEL_SET)
    }

    /// Returns how many ids there are at all: the above, and one overflow row per tenant with a place and for the
    /// overflow tenant.
    fn ids_max(&self) -> usize {
        self.limited_ids_max().saturating_add(self.tenants).saturating_add(1)
    }
}

/// The state that all threads of one engine share.
pub(crate) struct EngineState {
    limits: Limits,
    pub(crate) dimensions: Dimensions,
    normalizer: Box<dyn Normalizer>,
    pub(crate) hashing: Hashing,
    registry: Registry,
    pub(crate) tenants: Tenants,
    /// The slab of each thread that ever recorded.
    slabs: RwLock<Vec<Slab>>,
    readings: Mutex<Readings>,
    /// Grows with each eviction, so that threads know when to purge their caches.
    eviction_epoch: AtomicU64,
    /// Whether a reader has a count to take from which the highest one is near.
    has_high_count: AtomicBool,
    counters: EngineCounters,
    limits_reached: LimitNotes,
    /// Is called when a thread ends that has looked up keys.
    #[cfg(not(loom))]
    thread_exit_observer: std::sync::OnceLock<std::sync::Weak<dyn ForgetThread>>,
}

/// What is read and changed under the readings lock. Both are indexed by key id, and an id is freed only
/// together with the last reading of its cells, so that one lock holds both.
#[derive(Debug)]
struct Readings {
    slots: KeySlots,
    readers: Readers,
}

/// How often each event off the hot path happened.
#[derive(Debug)]
struct EngineCounters {
    evicted_cardinality: AtomicU64,
    evicted_age: AtomicU64,
    evicted_tenants: AtomicU64,
    overflowed_label_sets: AtomicU64,
    overflowed_tenants: AtomicU64,
    replaced: AtomicU64,
    normalizer_panics: AtomicU64,
    unknown_dimension: AtomicU64,
}

/// A key to count under, owned by the caller, and the outcome to report.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) key: Arc<Key>,
    pub(crate) outcome: Outcome,
}

impl EngineState {
    pub(crate) fn new(
        limits: Limits,
        dimensions: Dimensions,
        normalizer: Box<dyn Normalizer>,
        zeroize_retired: bool,
    ) -> Self {
        let ids_max = u32::try_from(limits.ids_max()).unwrap_or(u32::MAX);
        let stride = crate::cells::stride(dimensions.count());
        let tenants = Tenants::new();
        let detached = (limits.detached_keys, limits.tenants);
        let readers = Readers::new(dimensions.count(), detached, tenants.overflow(), zeroize_retired);
        let maxima = Maxima {
            live: limits.label_sets,
            limited: limits.limited_ids_max(),
            tenants: limits.tenants,
            ids: ids_max,
        };
        Self {
            limits,
            normalizer,
            hashing: Hashing::new(limits.hash_seed),
            registry: Registry::new(maxima),
            tenants,
            slabs: RwLock::new(Vec::new()),
            readings: Mutex::new(Readings { slots: KeySlots::new(stride), readers }),
            eviction_epoch: AtomicU64::new(0),
            has_high_count: AtomicBool::new(false),
            limits_reached: LimitNotes::default(),
            counters: EngineCounters {
                evicted_cardinality: AtomicU64::new(0),
                evicted_age: AtomicU64::new(0),
                evicted_tenants: AtomicU64::new(0),
                overflowed_label_sets: AtomicU64::new(0),
                overflowed_tenants: AtomicU64::new(0),
                replaced: AtomicU64::new(0),
                normalizer_panics: AtomicU64::new(0),
                unknown_dimension: AtomicU64::new(0),
            },
            dimensions,
            #[cfg(not(loom))]
            thread_exit_observer: std::sync::OnceLock::new(),
        }
    }

    /// Makes the state of a thread that has none yet.
    pub(crate) fn new_thread(&self) -> ThreadState {
        let slab = Slab::new(self.limits.ids_max(), self.dimensions.count());
        self.slabs.write().push(slab.clone());
        ThreadState::new(slab, self.limits.cache_entries)
    }

    /// Makes the engine call `observer` when a thread ends that has looked up keys.
    #[cfg(not(loom))]
    pub(crate) fn set_thread_exit_observer(&self, observer: std::sync::Weak<dyn ForgetThread>) {
        let set = self.thread_exit_observer.set(observer);
        debug_assert!(set.is_ok(), "the observer is set once, at construction");
    }

    /// Sees to it that the thread's keys are released when it ends. To be called before its cache may own
    /// any.
    fn watch(&self, thread: &ThreadState) {
        #[cfg(not(loom))]
        if let Some(observer) = self.thread_exit_observer.get().filter(|_| !thread.is_watched.replace(true)) {
            thread_exit::watch(std::sync::Weak::clone(observer));
        }
        #[cfg(loom)]
        let _ = (self, &thread.is_watched);
    }
}

impl std::fmt::Debug for EngineState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("limits", &self.limits).finish_non_exhaustive()
    }
}
