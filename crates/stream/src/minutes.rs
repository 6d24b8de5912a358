//! The minutes: which bytes of the cells belong to which of them.
//!
//! # Why readings and not a ring per stream
//! Cells only grow. What a minute counted is the difference between two readings of the same cells, so that closing a minute
//! never touches a cell and never stops a stream; and a stream needs no ring, no minute number and no clock at each call.
//!
//! # Invariants
//! 1. `seen` of a slot never exceeds its cells: each byte is in exactly one difference.
//! 2. The newest minute never decreases, but in [`Minutes::reset`].

use std::sync::Arc;

use ron_accounting_window::{Cadence, FixedCadence, Ring};

use crate::{cells::Cells, Snapshot, Totals, MINUTES};

/// The number of the minute that holds `now_ms`.
pub(crate) fn minute_of(now_ms: u64) -> u64 {
    FixedCadence::default().bucket(now_ms)
}

/// Cells, and how much of them is already in the ring.
#[derive(Debug)]
struct Slot {
    cells: Arc<Cells>,
    seen: Totals,
}

/// All cells of the counters, and the ring of minutes.
#[derive(Debug)]
pub(crate) struct Minutes {
    slots: Vec<Slot>,
    /// Slots without an owner. Their cells go on from where they are, so that giving them away loses nothing.
    free: Vec<usize>,
    ring: Ring<Totals>,
}

impl Minutes {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self { slots: Vec::new(), free: Vec::new(), ring: ring_at(minute_of(now_ms)) }
    }

    /// Cells for one owner, and the number to give them back with.
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
        self.free.push(slot);
    }

    /// Closes the newest minute, if `minute` is later: what the cells hold by now belongs to the closed one. Answers the
    /// newest minute.
    pub(crate) fn advance(&mut self, minute: u64) -> u64 {
        if minute > self.ring.newest() {
            self.collect();
            self.ring.advance(minute, drop);
        }
        self.ring.newest()
    }

    /// Forgets what each minute counted, and starts at `minute`, even if that is an earlier one.
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

    /// Puts what the cells gained since the last reading into the newest minute. Answers the sum of all cells.
    fn collect(&mut self) -> Totals {
        let (mut totals, mut gained) = (Totals::default(), Totals::default());
        for slot in &mut self.slots {
            let now = slot.cells.read();
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
