//! A cache per thread of the events that it used lately.
//!
//! Without it, threads that count the same event would contend for the lock of its shard just to find the event. An event in
//! the cache may have been retired meanwhile. The event itself says whether it was.

use std::{cell::RefCell, sync::Arc};

use super::event::Event;

const SLOTS: usize = 64;

thread_local! {
    static SLOTS_OF_THREAD: RefCell<[Slot; SLOTS]> = const { RefCell::new([const { Slot::EMPTY }; SLOTS]) };
}

struct Slot {
    known: Option<Known>,
    /// The hash of the last name that was looked up here and not found. The event is cached when it is looked up once more, so
    /// that a walk over many events does not evict one that is used all the time.
    wanted: u64,
}

struct Known {
    store: u64,
    hash: u64,
    name: Arc<str>,
    event: Arc<Event>,
}

impl Slot {
    const EMPTY: Self = Self { known: None, wanted: 0 };
}

/// Calls `use_it` with an event, if this thread has cached it.
#[inline]
pub(super) fn find<R>(
    store: u64,
    hash: u64,
    name: &str,
    use_it: impl FnOnce(&Event) -> Option<R>,
) -> Option<R> {
    let use_slot = |slots: &RefCell<[Slot; SLOTS]>| {
        let slots = slots.try_borrow().ok()?;
        let known = slots.get(index(hash))?.known.as_ref()?;
        if known.hash == hash && known.store == store && *known.name == *name {
            return use_it(&known.event);
        }
        None
    };
    SLOTS_OF_THREAD.try_with(use_slot).ok().flatten()
}

/// Caches an event if it is looked up for the second time in succession.
pub(super) fn remember(store: u64, hash: u64, name: &Arc<str>, event: &Arc<Event>) {
    let fill_slot = |slots: &RefCell<[Slot; SLOTS]>| {
        let mut slots = slots.try_borrow_mut().ok()?;
        let slot = slots.get_mut(index(hash))?;
        if slot.known.is_some() && slot.wanted != hash {
            slot.wanted = hash;
            return None;
        }
        let known = Known { store, hash, name: name.clone(), event: event.clone() };
        // Dropped after the slots are released: it may be the last owner of an event.
        slot.known.replace(known)
    };
    drop(SLOTS_OF_THREAD.try_with(fill_slot));
}

#[allow(clippy::cast_possible_truncation)] // The low bits are used.
fn index(hash: u64) -> usize {
    hash as usize % SLOTS
}
