//! What one thread owns of an engine.

use std::cell::{Cell, RefCell, RefMut};

#[cfg(not(loom))]
use crate::thread_exit;
use crate::{
    cache::{AccountsCache, LabelsCache},
    cells::{FirstCell, Slab},
    Dimension,
};

/// The cells that one thread writes, and its caches.
#[derive(Debug)]
pub(crate) struct ThreadState {
    pub(super) slab: Slab,
    /// Borrowed only within one call. A normalizer that records on the same engine finds it borrowed, and its
    /// call works without a cache.
    pub(super) caches: RefCell<ThreadCaches>,
    /// Whether the engine is told when the thread ends.
    pub(super) is_watched: Cell<bool>,
}

/// The lookup caches of a thread, and the buffers that it normalizes in.
#[derive(Debug)]
pub(super) struct ThreadCaches {
    pub(super) labels: LabelsCache,
    pub(super) accounts: AccountsCache,
    pub(super) normalized: [String; 5],
    /// The generation of the normalizer's output that `labels` is of.
    generation: u64,
}

impl ThreadState {
    pub(super) fn new(slab: Slab, cache_entries_max: usize) -> Self {
        let caches = ThreadCaches {
            labels: LabelsCache::new(cache_entries_max),
            accounts: AccountsCache::new(cache_entries_max),
            normalized: Default::default(),
            generation: 0,
        };
        Self { slab, caches: RefCell::new(caches), is_watched: Cell::new(false) }
    }

    /// Returns the thread's caches for inserting, or `None` once the thread is ending: an entry added then
    /// would never be released.
    pub(super) fn caches_to_fill(&self) -> Option<RefMut<'_, ThreadCaches>> {
        #[cfg(not(loom))]
        if thread_exit::has_ended() {
            return None;
        }
        self.caches.try_borrow_mut().ok()
    }

    /// Adds `n` to a cell of a key that the caller owns. Returns `false`, and adds nothing, if that takes
    /// more than one addition.
    #[inline]
    pub(crate) fn add(&self, first: FirstCell, dimension: Dimension, n: u64) -> bool {
        self.slab.cells_at(first).is_some_and(|cells| cells.add(dimension.index(), n).is_ok())
    }

    /// Releases all keys that the caches own.
    pub(crate) fn forget(&self) {
        if let Ok(mut caches) = self.caches.try_borrow_mut() {
            caches.labels.clear();
            caches.accounts.clear();
        }
        self.is_watched.set(false);
    }
}

impl ThreadCaches {
    /// Releases keys that were evicted since the last call.
    pub(super) fn purge_evicted(&mut self, epoch: u64) {
        self.labels.purge_evicted(epoch);
        self.accounts.purge_evicted(epoch);
    }

    /// Releases all label sets if the normalizer has learned to write some in another way since the last call.
    pub(super) fn purge_renamed(&mut self, generation: u64) {
        if self.generation != generation {
            self.generation = generation;
            self.labels.clear();
        }
    }

    /// Checks the invariants of both caches.
    pub(super) fn validate(&self) -> Result<(), String> {
        self.labels.validate()?;
        self.accounts.validate()
    }
}
