//! Readers: the only way counts leave the engine.

use std::{fmt, sync::Arc};

use crate::{engine::Inner, Dimension, Reading, TenantId, UsageKey};

/// Sees each increment exactly once, in the reading that first takes it.
///
/// Readers are independent: one may take at each window boundary while another takes a tenant's counts only when there is
/// room downstream.
pub struct Reader {
    engine: Arc<Inner>,
    index: usize,
}

impl Reader {
    pub(crate) fn new(engine: Arc<Inner>) -> Self {
        let index = engine.shared.add_reader();
        Self { engine, index }
    }

    /// Takes all that was counted since it was last taken.
    pub fn take(&mut self) -> Reading {
        let mut reading = Reading::default();
        self.peek(&mut reading);
        self.take_seen(&reading);
        reading
    }

    /// Takes what `accept` lets go, tenant by tenant and dimension by dimension; the rest stays for a later reading.
    /// `reading` is overwritten, its memory reused.
    ///
    /// `accept` is asked more than once about the same, and must answer alike. It is called under a lock: it must not use
    /// the engine.
    pub fn take_if(&mut self, accept: impl FnMut(TenantId, Dimension) -> bool, reading: &mut Reading) {
        self.engine.shared.take(self.index, accept, reading);
    }

    /// Shows what has not been taken yet, without taking it. `reading` is overwritten, its memory reused.
    pub fn peek(&self, reading: &mut Reading) {
        self.engine.shared.peek(self.index, reading);
    }

    /// Takes what [`Self::peek`] showed this reader, and nothing that was counted since: for who must decide what to do with
    /// counts before they are gone. Counts that were set to zero with [`Reading::leave`] stay.
    ///
    /// `seen` must be what the last call of `peek` filled, with no other taking in between.
    pub fn take_seen(&mut self, seen: &Reading) {
        self.engine.shared.take_seen(self.index, seen);
    }

    /// Adds counts that this reader will take as if they had just been recorded: what a restart recovered.
    pub fn restore(&mut self, key: &UsageKey, dimension: Dimension, n: u64) {
        self.engine.shared.restore(self.index, key, dimension, n);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.engine.shared.remove_reader(self.index);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("index", &self.index).finish_non_exhaustive()
    }
}
