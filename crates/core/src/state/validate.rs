//! Checks of the engine's numbered invariants, for property tests and models to run between their steps.

use super::{EngineState, Readings, ThreadState};

impl EngineState {
    /// Checks the invariants of the registry, the slots, the readers and the cells, and those of the caller's
    /// caches.
    ///
    /// Other threads may go on recording: no key is admitted, removed or given a slot during the check.
    pub(crate) fn validate(&self, thread: Option<&ThreadState>) -> Result<(), String> {
        if let Some(Ok(caches)) = thread.map(|thread| thread.caches.try_borrow()) {
            caches.validate()?;
        }
        let Readings { slots, readers } = &*self.readings.lock();
        self.registry.validate(|ids| {
            slots.validate(ids)?;
            self.tenants.validate(ids.places())?;
            let slabs = self.slabs.read();
            slabs.iter().try_for_each(crate::cells::Slab::validate)?;
            readers.validate(ids, &slabs)
        })
    }
}
