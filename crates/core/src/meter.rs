//! Meters: handles that own one key.

use std::{fmt, sync::Arc};

use crate::{
    cells::FirstCell,
    key::{Key, UsageKey},
    state::Resolved,
    threaded_engine::ThreadedEngine,
    Dimension, Outcome,
};

/// Records under one label set or account without looking it up.
///
/// Clones are cheap, and threads may share a meter: each thread writes its own cells. The key is not evicted
/// while a meter of it lives.
///
/// ```
/// use ron_accounting_core::{labels, Dimension, Engine};
/// let engine = Engine::default();
/// let (meter, _) = engine.meter(&labels().tenant("acme").route("/v1/feed"));
/// meter.incr_request();
/// meter.record(Dimension::BYTES_OUT, 512);
/// ```
pub struct Meter {
    engine: Arc<ThreadedEngine>,
    /// `None` only if the engine had not even an overflow row, which its limits rule out.
    key: Option<Arc<Key>>,
    /// Where the key's cells begin, so that recording need not read the key.
    first_cell: FirstCell,
}

impl Meter {
    pub(crate) fn new(engine: &Arc<ThreadedEngine>, resolved: Option<Resolved>) -> (Self, Outcome) {
        debug_assert!(resolved.is_some(), "every tenant has an id reserved for its overflow row");
        let (key, outcome) = match resolved {
            Some(Resolved { key, outcome }) => {
                key.pin();
                (Some(key), outcome)
            }
            None => (None, Outcome::Lost),
        };
        let dimensions = engine.state.dimensions.count();
        let first_cell = key.as_ref().map_or(FirstCell::NONE, |key| FirstCell::new(key.id, dimensions));
        (Self { engine: Arc::clone(engine), key, first_cell }, outcome)
    }

    /// Adds one request.
    #[inline]
    pub fn incr_request(&self) {
        self.record(Dimension::REQUESTS, 1);
    }

    /// Adds received bytes.
    #[inline]
    pub fn add_bytes_in(&self, bytes: u64) {
        self.record(Dimension::BYTES_IN, bytes);
    }

    /// Adds sent bytes.
    #[inline]
    pub fn add_bytes_out(&self, bytes: u64) {
        self.record(Dimension::BYTES_OUT, bytes);
    }

    /// Adds `n` to a dimension. If the dimension belongs to another engine, nothing is counted but
    /// [`EngineStats::unknown_dimension`](crate::EngineStats::unknown_dimension).
    #[inline]
    pub fn record(&self, dimension: Dimension, n: u64) {
        self.count(dimension, n);
    }

    /// Does what [`Self::record`] does, and returns what became of the usage.
    #[inline]
    #[must_use = "the outcome may be a loss; `record` ignores it"]
    pub fn try_record(&self, dimension: Dimension, n: u64) -> Outcome {
        let outcome = self.count(dimension, n);
        self.engine.state.checked(outcome, &[(dimension, n)], || self.key.clone())
    }

    #[inline]
    fn count(&self, dimension: Dimension, n: u64) -> Outcome {
        match self.engine.thread() {
            Some(thread) if thread.add(self.first_cell, dimension, n) => Outcome::Counted,
            _ => self.record_slowly(dimension, n),
        }
    }

    #[cold]
    #[inline(never)]
    fn record_slowly(&self, dimension: Dimension, n: u64) -> Outcome {
        let Some(key) = &self.key else { return Outcome::Lost };
        let state = &self.engine.state;
        self.engine.with_thread(|thread| state.add_to_key(thread, key, dimension, n))
    }

    /// Returns the key that the meter counts under.
    pub fn key(&self) -> Option<&UsageKey> {
        self.key.as_deref().map(|key| &key.usage)
    }
}

impl Clone for Meter {
    fn clone(&self) -> Self {
        if let Some(key) = &self.key {
            key.pin();
        }
        Self { engine: Arc::clone(&self.engine), key: self.key.clone(), first_cell: self.first_cell }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            key.unpin();
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("key", &self.key()).finish_non_exhaustive()
    }
}
