//! The hot path: what a stream does at each call besides moving bytes.
//!
//! A tap owns cells and decides when to read the clock. It is not generic, so that all kinds of streams share its code. It
//! releases the cells when it is dropped, so that a stream can be taken apart by `into_inner`.

use std::sync::Arc;

use crate::{cells::Cells, Counters};

/// The owner of a stream's cells. Counting takes `&mut self`, so that there is one writer at a time.
#[derive(Debug)]
pub(crate) struct Tap {
    cells: Arc<Cells>,
    /// Calls until the clock is read again.
    calls_left: u32,
    period: u32,
    clock_read_ms: u64,
    slot: usize,
    counters: Counters,
}

impl Tap {
    pub(crate) fn new(counters: Counters) -> Self {
        let (slot, cells) = counters.acquire();
        Self { cells, calls_left: 1, period: 1, clock_read_ms: u64::MAX, slot, counters }
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

    /// Makes the next call read the clock. The last one moved nothing, because it failed or would have blocked, so the next one
    /// may come much later.
    #[cold]
    pub(crate) fn stalled(&mut self) {
        self.calls_left = 1;
    }

    #[inline]
    fn call(&mut self) {
        if self.calls_left > 1 {
            self.calls_left -= 1;
        } else {
            self.read_clock();
        }
    }

    /// Reads the clock, before the bytes of the call are counted: they belong to the current minute.
    #[cold]
    #[inline(never)]
    fn read_clock(&mut self) {
        let now_ms = self.counters.read_clock();
        let same_millisecond = now_ms == self.clock_read_ms;
        self.period = self.counters.attribution().next_period(self.period, same_millisecond);
        self.clock_read_ms = now_ms;
        self.calls_left = self.period;
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.counters.release(self.slot);
    }
}
