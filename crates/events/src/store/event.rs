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
/// It begins with a cache line of its own, so that threads which count neighbours do not slow each other down.
#[repr(align(64))]
pub(crate) struct Event {
    state: Mutex<State>,
    lanes: OnceLock<Box<Lanes>>,
}

/// What an event's lock guards.
///
/// # Invariants
/// 1. A retired event is in no map, or about to leave it: whoever finds it looks its name up again. It has no open
///    reservation and nothing that is not stored.
/// 2. While `base` is not `Merged`, the counter lacks what is stored, and nothing may be stored over it.
pub(crate) struct State {
    pub(crate) counter: SingleEventCounter,
    /// Open reservations.
    pub(crate) pending: u32,
    /// How often the counter was changed, and up to which change it is stored.
    changes: u64,
    saved: u64,
    pub(crate) base: Base,
    pub(crate) retired: bool,
}

/// How an event's counter stands to what is stored under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// Nobody has read the storage yet.
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

    /// Locks the event, with all that was counted in it.
    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        self.collect(&mut state);
        state
    }

    /// Locks the event unless someone else has it.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, State>> {
        let mut state = self.state.try_lock()?;
        self.collect(&mut state);
        Some(state)
    }

    /// Counts the event, in this thread's lane if the lock is taken now or has been before. False if the event is not
    /// ready for it.
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
                // A time before the counter's is that of a clock which is behind, and counts as now.
                state.counter.advance(at_ms);
                state.record(count);
            });
        }
    }

    /// Retires the event, which is locked, unless someone is counting it. Its memory is given back even if a thread
    /// remembers it.
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
    /// Whether the event can be used as it is.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        !self.retired && self.base != Base::Untried
    }

    /// Counts the event if it is ready for it.
    #[inline]
    fn add(&mut self, now_ms: u64, count: u32) -> bool {
        let ready = self.is_ready();
        if ready {
            self.counter.advance(now_ms);
            self.record(count);
        }
        ready
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

    /// The number of the last change, to be handed to [`State::mark_saved`] once it is stored.
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
