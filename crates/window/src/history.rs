//! History: the open window and the last closed ones, as snapshots.

use std::sync::Arc;

use ron_accounting_core::{Dimensions, Engine, Reader, Reading};

use crate::{Ring, Snapshot, Span};

/// Keeps a snapshot of each of the last windows. Its reader is its own, so what it takes is still there for sealing.
#[derive(Debug)]
pub struct History {
    reader: Reader,
    dimensions: Arc<Dimensions>,
    closed: Ring<Option<Arc<Snapshot>>>,
    windows: u64,
    zeroize: bool,
}

impl History {
    /// A history of up to `slices` closed windows, which sees what `engine` counts from now on. With `zeroize`, counts
    /// are overwritten when their window leaves the history (unless somebody still holds the snapshot).
    pub fn new(engine: &Engine, slices: usize, zeroize: bool) -> Self {
        let dimensions = Arc::new(engine.dimensions().clone());
        Self { reader: engine.reader(), dimensions, closed: Ring::new(slices), windows: 0, zeroize }
    }

    /// Closes a window: what was counted since the last call was counted in it.
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
        if let Some(slot) = self.closed.slot_mut(self.windows) {
            *slot = Some(snapshot);
        }
    }

    /// The open window so far.
    pub fn snapshot(&self, window: Span) -> Snapshot {
        let mut reading = Reading::default();
        self.reader.peek(&mut reading);
        Snapshot::new(window, Arc::clone(&self.dimensions), reading)
    }

    /// The last windows that had usage, newest first.
    pub fn closed(&self) -> Vec<Arc<Snapshot>> {
        self.closed.newest_first().filter_map(|(_, snapshot)| snapshot.clone()).collect()
    }

    /// How many windows with usage were closed so far.
    pub const fn windows(&self) -> u64 {
        self.windows
    }
}
