//! One event of a store.

use std::{fmt, sync::OnceLock};

use chrono::{DateTime, Utc};

use super::lanes::Lanes;
use crate::{
    counter::SingleEventCounter,
    sync::{Mutex, MutexGuard},
};

/// An event: its state behind a lock, and lanes once several threads have counted it at the same time.
///
/// It begins with a cache line of its own, so that threads that count different events do not slow each other down.
#[repr(align(64))]
pub(crate) struct Event {
    state: Mutex<State>,
    lanes: OnceLock<Box<Lanes>>,
}

/// What an event's lock protects.
///
/// # Invariants
/// 1. A retired event is not in the map, or is about to be removed from it. A thread that finds one looks up the name again.
///    It has no open reservation, and all its counts are stored.
/// 2. While `base` is not `Merged`, the counter lacks what is stored, so it must not be stored.
pub(crate) struct State {
    pub(crate) counter: SingleEventCounter,
    /// Open reservations.
    pub(crate) pending: u32,
    /// How many changes of the counter there were, and up to which it is stored.
    changes: u64,
    saved: u64,
    pub(crate) base: Base,
    pub(crate) retired: bool,
}

/// Whether an event's counter contains what is stored under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// The storage was not read yet.
    Untried,
    /// The counter contains what is stored, or replaces it.
    Merged,
    /// The storage could not be read.
    Unreadable,
}

impl Event {
    pub(crate) fn new(counter: SingleEventCounter, base: Base) -> Self {
        let state = State { counter, pending: 0, changes: 0, saved: 0, base, retired: false };
        Self { state: Mutex::new(state), lanes: OnceLock::new() }
    }

    /// Locks the event, and adds the counts of its lanes to its counter.
    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        self.collect(&mut state);
        state
    }

    /// Locks the event as [`Event::lock`] does, unless another thread holds the lock.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, State>> {
        let mut state = self.state.try_lock()?;
        self.collect(&mut state);
        Some(state)
    }

    /// Counts the event. Uses this thread's lane if the lock is taken, or if the event has lanes. Returns `false` if the event
    /// is not ready.
    #[inline]
    pub(crate) fn add(&self, now_ms: u64, count: u32) -> bool {
        if let Some(lanes) = self.lanes.get() {
            if lanes.add(now_ms, count) {
                return true;
            }
        } else if let Some(mut state) = self.state.try_lock() {
            return state.add(now_ms, count);
        } else if self.lanes.get_or_init(|| Box::new(Lanes::new())).add(now_ms, count) {
            return true;
        }
        self.lock().add(now_ms, count)
    }

    #[inline]
    fn collect(&self, state: &mut State) {
        if let Some(lanes) = self.lanes.get() {
            lanes.drain(|at_ms, count| {
                // A time before the counter's is from a clock that is behind, and counts as the counter's time.
                state.counter.advance(at_ms);
                state.record(count);
            });
        }
    }

    /// Retires the event, which is locked, unless another thread is counting it. Frees its memory even if a thread has cached
    /// it.
    pub(super) fn retire(&self, state: &mut State) -> bool {
        if self.lanes.get().is_some_and(|lanes| !lanes.close()) {
            return false;
        }
        state.retired = true;
        state.counter = SingleEventCounter::nothing();
        true
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.lanes.get().map_or(0, |_| size_of::<Lanes>())
    }
}

impl State {
    /// Returns whether the event is loaded and not retired.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        !self.retired && self.base != Base::Untried
    }

    /// Counts the event. Returns `false` if it is not ready.
    #[inline]
    fn add(&mut self, now_ms: u64, count: u32) -> bool {
        let ready = self.is_ready();
        if ready {
            self.counter.advance(now_ms);
            self.record(count);
        }
        ready
    }

    /// Checks the invariants, for tests.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if self.retired && (self.pending > 0 || self.is_dirty()) {
            return Err(format!("1: retired with {} reservations and unsaved counts", self.pending));
        }
        if self.base == Base::Untried && !self.counter.is_empty() {
            return Err("2: counts in an event that was not loaded".to_owned());
        }
        self.counter.validate().map_err(|reason| format!("counter: {reason}"))
    }

    #[inline]
    pub(crate) fn record(&mut self, count: u32) {
        self.counter.record(count);
        self.mark_dirty();
    }

    pub(crate) fn record_at(&mut self, count: u32, time: DateTime<Utc>) {
        self.counter.record_at(count, time);
        self.mark_dirty();
    }

    #[inline]
    pub(crate) fn mark_dirty(&mut self) {
        self.changes = self.changes.wrapping_add(1);
    }

    pub(crate) const fn is_dirty(&self) -> bool {
        self.changes != self.saved
    }

    /// Returns the number of the last change, for [`State::mark_saved`] once it is stored.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    pub(crate) fn mark_saved(&mut self, changes: u64) {
        self.saved = self.saved.max(changes);
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").finish_non_exhaustive()
    }
}
