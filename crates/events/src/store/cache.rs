//! Which events a thread has used lately.
//!
//! Two threads that count the same event would meet at the lock of its shard, only to read where it is. So each thread
//! remembers some events. What it remembers may be retired by now; the event's own lock tells.

use std::{cell::RefCell, sync::Arc};

use super::event::Event;

const SLOTS: usize = 64;

thread_local! {
    static SLOTS_OF_THREAD: RefCell<[Slot; SLOTS]> = const { RefCell::new([const { Slot::EMPTY }; SLOTS]) };
}

struct Slot {
    known: Option<Known>,
    /// The last name that was looked for here and not found. It moves in when it is looked for once more, so that a walk
    /// over many events does not drive out one that is used all the time.
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

/// Runs `use_it` on an event that this thread remembers.
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

/// Remembers an event, if it is looked for the second time in a row.
pub(super) fn remember(store: u64, hash: u64, name: &Arc<str>, event: &Arc<Event>) {
    let fill_slot = |slots: &RefCell<[Slot; SLOTS]>| {
        let mut slots = slots.try_borrow_mut().ok()?;
        let slot = slots.get_mut(index(hash))?;
        if slot.known.is_some() && slot.wanted != hash {
            slot.wanted = hash;
            return None;
        }
        let known = Known { store, hash, name: name.clone(), event: event.clone() };
        // Dropped after the slots are given back: it may be an event's last owner.
        slot.known.replace(known)
    };
    drop(SLOTS_OF_THREAD.try_with(fill_slot));
}

#[allow(clippy::cast_possible_truncation)] // The low bits are wanted.
fn index(hash: u64) -> usize {
    hash as usize % SLOTS
}
