//! Counting one event from several threads at once, without waiting for each other.
//!
//! # Why lanes
//! With the lock, a dozen cache lines move from one core to the next. So two threads that count the same event would be slower
//! than one. The first time a thread finds the lock taken, the event gets lanes: words that threads add to without the lock,
//! each to its own. A thread that takes the lock first empties all lanes into the counter.
//!
//! # Invariants
//! 1. Whenever the lock is free, each count is in a lane or in the counter. A reader that holds the lock has all that was
//!    recorded before it took the lock.
//! 2. A lane holds the counts of one second. For another second, the thread takes the lock.
//! 3. The lanes of a retired event are closed, so that no count is added that would never be read.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

use crossbeam_utils::CachePadded;

use crate::sync::AtomicU64;

#[cfg(not(loom))]
const LANES: usize = 8;
#[cfg(loom)]
const LANES: usize = 1;
const EMPTY: u64 = 0;
const CLOSED: u64 = u64::MAX;

/// The lanes of an event. Each word is a Unix second in the high half, and a count in the low half.
///
/// The words are independent of each other and of all other memory, so every access is relaxed.
#[derive(Debug)]
pub(crate) struct Lanes([CachePadded<AtomicU64>; LANES]);

impl Lanes {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| CachePadded::new(AtomicU64::new(EMPTY))))
    }

    /// Adds to this thread's lane. Returns `false` if the caller has to take the lock instead.
    #[inline]
    pub(super) fn add(&self, now_ms: u64, count: u32) -> bool {
        let Some(lane) = self.0.get(thread_number() % LANES) else { return false };
        let Some(second) = u32::try_from(now_ms / 1000).ok().filter(|second| *second < u32::MAX) else {
            return false;
        };
        let mut word = lane.load(Ordering::Relaxed);
        loop {
            let (its_second, its_count) = split(word);
            if word == CLOSED || (word != EMPTY && its_second != second) {
                return false;
            }
            let Some(sum) = its_count.checked_add(count) else { return false };
            let new = u64::from(second) << 32 | u64::from(sum);
            match lane.compare_exchange_weak(word, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(current) => word = current,
            }
        }
    }

    /// Empties all lanes. Calls `take` with each time in milliseconds and its count, the earliest first. The caller holds the
    /// event's lock.
    pub(super) fn drain(&self, mut take: impl FnMut(u64, u32)) {
        let mut words = [EMPTY; LANES];
        for (lane, word) in self.0.iter().zip(&mut words) {
            if !matches!(lane.load(Ordering::Relaxed), EMPTY | CLOSED) {
                *word = lane.swap(EMPTY, Ordering::Relaxed);
            }
        }
        if words.iter().all(|word| *word == EMPTY) {
            return;
        }
        words.sort_unstable();
        for (second, count) in words.into_iter().filter(|word| *word != EMPTY).map(split) {
            take(u64::from(second) * 1000, count);
        }
    }

    /// Closes all lanes if all are empty. Returns whether it did. The caller holds the event's lock.
    pub(super) fn close(&self) -> bool {
        for (index, lane) in self.0.iter().enumerate() {
            if lane.compare_exchange(EMPTY, CLOSED, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                for closed in self.0.iter().take(index) {
                    closed.store(EMPTY, Ordering::Relaxed);
                }
                return false;
            }
        }
        true
    }
}

/// Splits a word into second and count.
#[allow(clippy::cast_possible_truncation)] // Each half has 32 bits.
const fn split(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

/// Returns the number of the calling thread. Threads are numbered as they first call this.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    NUMBER.with(|number| {
        if number.get() == usize::MAX {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed) % (usize::MAX - 1));
        }
        number.get()
    })
}
