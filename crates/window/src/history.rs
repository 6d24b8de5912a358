//! History: the open window and the last closed ones, as snapshots.

use std::sync::Arc;

use ron_accounting_core::{Dimensions, Engine, Reader, Reading};

use crate::{Ring, Snapshot, Span};

/// Keeps a snapshot of each of the last windows that had usage. It has a reader of its own, so what it takes is still there
/// for sealing.
///
/// ```
/// use ron_accounting_core::{labels, Dimension, Engine};
/// use ron_accounting_window::{History, Span};
///
/// let engine = Engine::default();
/// let mut history = History::new(&engine, 5);
/// engine.record(&labels().tenant("acme"), Dimension::REQUESTS, 3);
/// history.close(Span { start_ms: 0, end_ms: 60_000 });
/// assert_eq!(history.closed()[0].total(Dimension::REQUESTS), 3);
/// ```
#[derive(Debug)]
pub struct History {
    reader: Reader,
    dimensions: Arc<Dimensions>,
    closed: Ring<Option<Arc<Snapshot>>>,
    windows: u64,
    zeroize: bool,
}

impl History {
    /// Makes a history of what `engine` counts from now on. It keeps up to `windows_max` closed windows, at least one.
    pub fn new(engine: &Engine, windows_max: usize) -> Self {
        let dimensions = Arc::new(engine.dimensions().clone());
        let closed = Ring::new(windows_max);
        Self { reader: engine.reader(), dimensions, closed, windows: 0, zeroize: false }
    }

    /// Sets whether counts are overwritten when their window leaves the history. Those of a snapshot that is still used
    /// elsewhere are not. Not so by default.
    #[must_use]
    pub fn zeroize(mut self, zeroize: bool) -> Self {
        self.zeroize = zeroize;
        self
    }

    /// Closes a window: everything that was counted since the last call belongs to it. A window without usage is not kept.
    pub fn close(&mut self, window: Span) {
        let reading = self.reader.take();
        if reading.is_empty() {
            return;
        }
        self.windows += 1;
        let zeroize = self.zeroize;
        self.closed.advance(self.windows, |retired| {
            if let Some(mut snapshot) = retired.filter(|_| zeroize).and_then(Arc::into_inner) {
                snapshot.wipe();
            }
        });
        let snapshot = Arc::new(Snapshot::new(window, Arc::clone(&self.dimensions), reading));
        let slot = self.closed.slot_mut(self.windows);
        debug_assert!(slot.is_some(), "the newest bucket has a slot");
        if let Some(slot) = slot {
            *slot = Some(snapshot);
        }
    }

    /// Returns what was counted in the open window so far.
    pub fn snapshot(&self, window: Span) -> Snapshot {
        let mut reading = Reading::default();
        self.reader.peek(&mut reading);
        Snapshot::new(window, Arc::clone(&self.dimensions), reading)
    }

    /// Returns the last windows that had usage, newest first.
    pub fn closed(&self) -> Vec<Arc<Snapshot>> {
        self.closed.newest_first().filter_map(|(_, snapshot)| snapshot.clone()).collect()
    }

    /// Returns how many windows with usage were closed so far.
    pub const fn windows(&self) -> u64 {
        self.windows
    }
}
