//! Boundaries: when a window closes, once and for good.

use crate::{Cadence, FixedCadence};

/// A span of whole windows, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The start, inclusive.
    pub start_ms: u64,
    /// The end, exclusive.
    pub end_ms: u64,
}

/// Watches the clock for the end of the open window.
///
/// The window number never decreases. A clock that steps back leaves the open window open; one that jumps forward closes
/// it once and opens the window of now, with nothing in between.
///
/// ```
/// use ron_accounting_window::{Boundaries, FixedCadence, Span};
/// let mut boundaries = Boundaries::new(FixedCadence::default(), 30_000);
/// assert_eq!(boundaries.advance(59_999), None);
/// assert_eq!(boundaries.advance(60_000), Some(Span { start_ms: 0, end_ms: 60_000 }));
/// assert_eq!(boundaries.advance(10), None);
/// assert_eq!(boundaries.open().start_ms, 60_000);
/// ```
#[derive(Debug, Clone)]
pub struct Boundaries {
    cadence: FixedCadence,
    open: u64,
}

impl Boundaries {
    /// Opens the window that holds `now_ms`.
    pub fn new(cadence: FixedCadence, now_ms: u64) -> Self {
        Self { cadence, open: cadence.bucket(now_ms) }
    }

    /// The window that closes now, if one does.
    pub fn advance(&mut self, now_ms: u64) -> Option<Span> {
        let now = self.cadence.bucket(now_ms);
        if now <= self.open {
            return None;
        }
        let closed = self.open();
        self.open = now;
        Some(closed)
    }

    /// The open window.
    pub fn open(&self) -> Span {
        Span {
            start_ms: self.cadence.start_ms(self.open),
            end_ms: self.cadence.start_ms(self.open.saturating_add(1)),
        }
    }

    /// The number of the open window: windows since 1970.
    pub const fn open_number(&self) -> u64 {
        self.open
    }

    /// The window length, in milliseconds.
    pub const fn window_ms(&self) -> u64 {
        self.cadence.length_ms()
    }
}
