//! The virtual clock, and the windows that it closes.

use ron_accounting_window::{
    Boundaries, ClockReading, FixedCadence, Span, SteadyTime, CLOCK_JUMP_MS_MAX_DEFAULT,
};

/// When each story begins, in Unix milliseconds.
pub(crate) const START_MS: u64 = 1_700_000_000_000;

/// A clock that moves on command.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    now_ms: u64,
    /// Time that has passed, which no jump changes.
    elapsed_ms: u64,
    steady: SteadyTime,
    boundaries: Boundaries,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self::at(START_MS)
    }

    fn at(now_ms: u64) -> Self {
        let reading = ClockReading { wall_ms: now_ms, elapsed_ms: 0 };
        Self {
            now_ms,
            elapsed_ms: 0,
            steady: SteadyTime::new(CLOCK_JUMP_MS_MAX_DEFAULT, reading),
            boundaries: Boundaries::new(FixedCadence::default(), now_ms),
        }
    }

    /// The clock as a process sees it that starts now.
    pub(crate) fn restarted(&self) -> Self {
        Self::at(self.now_ms)
    }

    pub(crate) const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    pub(crate) fn open(&self) -> Span {
        self.boundaries.open()
    }

    pub(crate) fn jump(&mut self, by_ms: i64) {
        self.now_ms = self.now_ms.saturating_add_signed(by_ms).max(1);
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.now_ms = self.now_ms.saturating_add(ms);
        self.elapsed_ms = self.elapsed_ms.saturating_add(ms);
    }

    /// Lets a window's length pass, and closes the open window if its end is reached, as the facade's ticker does: by steady
    /// time.
    pub(crate) fn tick(&mut self) -> Option<Span> {
        self.pass(self.boundaries.window_ms());
        let reading = ClockReading { wall_ms: self.now_ms, elapsed_ms: self.elapsed_ms };
        let now_ms = self.steady.observe(reading).now_ms;
        self.boundaries.advance(now_ms)
    }

    /// Lets time go on to the end of the open window, if it has not, and closes it.
    pub(crate) fn close(&mut self) -> Span {
        let open = self.open();
        self.now_ms = self.now_ms.max(open.end_ms);
        self.boundaries.advance(self.now_ms).unwrap_or(open)
    }
}
