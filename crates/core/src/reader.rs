//! Readers: the only way to get counts out of the engine.

use std::{fmt, sync::Arc};

use crate::{readers::ReaderId, threaded_engine::ThreadedEngine, Dimension, Reading, TenantId, UsageKey};

/// Takes counts, each increment exactly once.
///
/// Readers are independent: each takes every increment that was counted since it was made. One may take at
/// each window boundary, while another takes a tenant's counts only when they can be processed.
pub struct Reader {
    engine: Arc<ThreadedEngine>,
    id: ReaderId,
}

impl Reader {
    pub(crate) fn new(engine: Arc<ThreadedEngine>) -> Self {
        let id = engine.state.add_reader();
        Self { engine, id }
    }

    /// Makes tenants keep their place until this reader has taken their counts. For a reader whose counts must stay with their
    /// tenant however long they wait, as long as it does take them.
    ///
    /// Other readers keep the counts of tenants that have left, as far as the limits allow. Beyond, they find them in the
    /// overflow row of the tenant `~overflow`.
    #[must_use]
    pub fn hold_tenants(self) -> Self {
        self.engine.state.hold_tenants(self.id);
        self
    }

    /// Takes all counts that this reader has not taken yet.
    pub fn take(&mut self) -> Reading {
        let mut reading = Reading::default();
        self.peek(&mut reading);
        self.take_seen(&reading);
        reading
    }

    /// Takes the counts of the tenants and dimensions for which `accept` returns `true`. The others remain
    /// for a later reading. `reading` is overwritten, its memory reused.
    ///
    /// `accept` is called more than once with the same arguments, and must return the same. It is called
    /// under a lock: it must not use the engine.
    pub fn take_if(&mut self, accept: impl FnMut(TenantId, Dimension) -> bool, reading: &mut Reading) {
        self.engine.state.take(self.id, accept, reading);
    }

    /// Fills `reading` with the counts that this reader has not taken yet, and takes nothing. `reading` is
    /// overwritten, its memory reused.
    pub fn peek(&self, reading: &mut Reading) {
        self.engine.state.peek(self.id, reading);
    }

    /// Removes exactly the counts that the last [`Self::peek`] returned. Use the pair when counts may go only
    /// after something else, such as encoding them, has succeeded. [`Reading::retain`] narrows down what is
    /// removed.
    ///
    /// `seen` must be what the last call of `peek` filled. Nothing else may have been taken in between.
    pub fn take_seen(&mut self, seen: &Reading) {
        self.engine.state.take_seen(self.id, seen);
    }

    /// Adds counts that this reader will take as if they had just been recorded. For counts that a restart
    /// recovered.
    pub fn restore(&mut self, key: &UsageKey, dimension: Dimension, n: u64) {
        self.engine.state.restore(self.id, key, dimension, n);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.engine.state.remove_reader(self.id);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("id", &self.id).finish_non_exhaustive()
    }
}
