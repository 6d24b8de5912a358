//! The cells in which one stream counts.
//!
//! # Why each stream has its own
//! A single writer needs no atomic read-modify-write: it loads, adds and stores, in a cache line that no other core writes.
//! If streams shared a counter, its cache line would move between cores at every call.
//!
//! # Invariants
//! 1. [`Cells::add_in`] and [`Cells::add_out`] are called only by the owner of the cells, see [`crate::tap`].
//! 2. A cell never decreases. It saturates.
//!
//! All accesses are relaxed: a cell orders no other memory, and each cell is coherent by itself.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::Totals;

/// The counts of one stream. Aligned to two cache lines, since processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Cells {
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Cells {
    #[inline]
    pub(crate) fn add_in(&self, bytes: u64) {
        add_as_owner(&self.bytes_in, bytes);
    }

    #[inline]
    pub(crate) fn add_out(&self, bytes: u64) {
        add_as_owner(&self.bytes_out, bytes);
    }

    /// Adds to cells that have no owner.
    pub(crate) fn add_in_shared(&self, bytes: u64) {
        add_shared(&self.bytes_in, bytes);
    }

    /// Adds to cells that have no owner.
    pub(crate) fn add_out_shared(&self, bytes: u64) {
        add_shared(&self.bytes_out, bytes);
    }

    pub(crate) fn read(&self) -> Totals {
        Totals { bytes_in: self.bytes_in.load(Relaxed), bytes_out: self.bytes_out.load(Relaxed) }
    }
}

#[inline]
fn add_as_owner(cell: &AtomicU64, bytes: u64) {
    cell.store(cell.load(Relaxed).saturating_add(bytes), Relaxed);
}

fn add_shared(cell: &AtomicU64, bytes: u64) {
    // This cannot fail: the closure always returns a value.
    let _ = cell.fetch_update(Relaxed, Relaxed, |count| Some(count.saturating_add(bytes)));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test of the public interface could not move enough bytes through a stream.
    #[test]
    fn cells_saturate() {
        let cells = Cells::default();
        for _ in 0..2 {
            cells.add_in(u64::MAX - 1);
            cells.add_out(u64::MAX - 1);
        }
        assert_eq!(cells.read(), Totals { bytes_in: u64::MAX, bytes_out: u64::MAX });
    }
}
