//! The minutes: which bytes of the cells belong to which minute.
//!
//! # Why readings and not a ring per stream
//! Cells only grow. What a minute counted is the difference between two readings of the same cells. So closing a minute
//! changes no cell and no stream waits for it. A stream needs no ring and no minute number, and need not read the clock at
//! each call.
//!
//! # Invariants
//! 1. `seen` of a slot never exceeds its cells: each byte is in exactly one difference.
//! 2. The newest minute never decreases, except in [`Minutes::reset`].
//! 3. A slot has at most one owner: it is free at most once, and then the stream that had it is gone.

use std::sync::Arc;

use ron_accounting_window::{Cadence, FixedCadence, Ring};

use crate::{cells::Cells, Snapshot, Totals, MINUTES};

/// Returns the number of the minute that holds `now_ms`.
pub(crate) fn minute_of(now_ms: u64) -> u64 {
    FixedCadence::default().bucket(now_ms)
}

/// The cells of a stream, and how much of them is already in the ring.
#[derive(Debug)]
struct Slot {
    cells: Arc<Cells>,
    seen: Totals,
}

/// All cells of the counters, and the ring of minutes.
#[derive(Debug)]
pub(crate) struct Minutes {
    slots: Vec<Slot>,
    /// The indexes of slots without an owner. The next owner adds to the same cells, so no count is lost.
    free: Vec<usize>,
    ring: Ring<Totals>,
}

impl Minutes {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self { slots: Vec::new(), free: Vec::new(), ring: ring_at(minute_of(now_ms)) }
    }

    /// Returns cells for one owner, and the index to release them with.
    pub(crate) fn acquire(&mut self) -> (usize, Arc<Cells>) {
        while let Some(slot) = self.free.pop() {
            if let Some(found) = self.slots.get(slot) {
                return (slot, Arc::clone(&found.cells));
            }
        }
        let cells = Arc::new(Cells::default());
        self.slots.push(Slot { cells: Arc::clone(&cells), seen: Totals::default() });
        (self.slots.len() - 1, cells)
    }

    pub(crate) fn release(&mut self, slot: usize) {
        debug_assert!(slot < self.slots.len() && !self.free.contains(&slot), "3: slot {slot} has no owner");
        self.free.push(slot);
    }

    /// Closes the newest minute if `minute` is later. What the cells hold by now belongs to the closed minute. Returns the
    /// newest minute.
    pub(crate) fn advance(&mut self, minute: u64) -> u64 {
        if minute > self.ring.newest() {
            self.collect();
            self.ring.advance(minute, drop);
        }
        self.ring.newest()
    }

    /// Sets all minutes to zero, and starts at `minute`, even if it is an earlier one.
    pub(crate) fn reset(&mut self, minute: u64) {
        self.collect();
        self.ring = ring_at(minute);
    }

    pub(crate) fn totals(&self) -> Totals {
        self.slots.iter().fold(Totals::default(), |sum, slot| sum.saturating_add(slot.cells.read()))
    }

    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let totals = self.collect();
        let (mut per_min_in, mut per_min_out) = ([0; MINUTES], [0; MINUTES]);
        let columns = per_min_in.iter_mut().zip(&mut per_min_out);
        for ((bytes_in, bytes_out), (_, minute)) in columns.zip(self.ring.newest_first()) {
            (*bytes_in, *bytes_out) = (minute.bytes_in, minute.bytes_out);
        }
        Snapshot {
            total_in: totals.bytes_in,
            total_out: totals.bytes_out,
            per_min_in,
            per_min_out,
            minute_start_ms: FixedCadence::default().start_ms(self.ring.newest()),
        }
    }

    /// Adds what the cells gained since the last reading to the newest minute. Returns the sum of all cells.
    fn collect(&mut self) -> Totals {
        let (mut totals, mut gained) = (Totals::default(), Totals::default());
        for slot in &mut self.slots {
            let now = slot.cells.read();
            debug_assert!(now.contains(slot.seen), "1: a cell decreased");
            gained = gained.saturating_add(now.saturating_sub(slot.seen));
            slot.seen = now;
            totals = totals.saturating_add(now);
        }
        if let Some(minute) = self.ring.slot_mut(self.ring.newest()) {
            *minute = minute.saturating_add(gained);
        }
        totals
    }
}

fn ring_at(minute: u64) -> Ring<Totals> {
    let mut ring = Ring::new(MINUTES);
    ring.advance(minute, drop);
    ring
}
