//! Boundaries: when a window closes. A closed window is never opened again.

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
/// The window number never decreases. A clock that steps back leaves the open window open. A clock that jumps forward closes
/// it once and opens the window of its new time. No windows are opened in between.
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

    /// Returns the window that closes now, and opens the window that holds `now_ms`. Returns `None` if the open window is not
    /// over.
    pub fn advance(&mut self, now_ms: u64) -> Option<Span> {
        let now = self.cadence.bucket(now_ms);
        if now <= self.open {
            return None;
        }
        let closed = self.open();
        self.open = now;
        debug_assert!(closed.end_ms <= self.open().start_ms, "windows overlap");
        Some(closed)
    }

    /// Returns the open window.
    pub fn open(&self) -> Span {
        Span {
            start_ms: self.cadence.start_ms(self.open),
            end_ms: self.cadence.start_ms(self.open.saturating_add(1)),
        }
    }

    /// Returns the number of the open window: how many windows there were since 1970.
    pub const fn open_number(&self) -> u64 {
        self.open
    }

    /// Returns the window length, in milliseconds.
    pub const fn window_ms(&self) -> u64 {
        self.cadence.length_ms()
    }
}
