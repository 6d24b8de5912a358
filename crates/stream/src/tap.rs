//! The hot path: what a stream does at each call besides moving bytes.
//!
//! A tap owns cells and decides when to look at the clock. It is not generic, so that each kind of stream shares its code, and
//! it is the one who gives the cells back, so that a stream can be taken apart.

use std::sync::Arc;

use crate::{cells::Cells, Counters};

/// The one owner of its cells: counting takes `&mut self`.
#[derive(Debug)]
pub(crate) struct Tap {
    cells: Arc<Cells>,
    /// Counted calls until the next look at the clock.
    calls_left: u32,
    period: u32,
    looked_at_ms: u64,
    slot: usize,
    counters: Counters,
}

impl Tap {
    pub(crate) fn new(counters: Counters) -> Self {
        let (slot, cells) = counters.acquire();
        Self { cells, calls_left: 1, period: 1, looked_at_ms: u64::MAX, slot, counters }
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counts a call that read `bytes`.
    #[inline]
    pub(crate) fn moved_in(&mut self, bytes: usize) {
        self.call();
        self.cells.add_in(bytes as u64);
    }

    /// Counts a call that wrote `bytes`.
    #[inline]
    pub(crate) fn moved_out(&mut self, bytes: usize) {
        self.call();
        self.cells.add_out(bytes as u64);
    }

    /// A call moved nothing, because it failed or would have blocked: the next one may come much later.
    #[cold]
    pub(crate) fn stalled(&mut self) {
        self.calls_left = 1;
    }

    #[inline]
    fn call(&mut self) {
        if self.calls_left > 1 {
            self.calls_left -= 1;
        } else {
            self.look();
        }
    }

    /// Before the bytes of the call are counted: they belong to the minute that is found now.
    #[cold]
    #[inline(never)]
    fn look(&mut self) {
        let now_ms = self.counters.look();
        let same_millisecond = now_ms == self.looked_at_ms;
        self.period = self.counters.attribution().next_period(self.period, same_millisecond);
        self.looked_at_ms = now_ms;
        self.calls_left = self.period;
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.counters.release(self.slot);
    }
}
