//! Meters: a resolved handle for one key.

use std::{fmt, sync::Arc};

use crate::{
    cells::Place,
    engine::Inner,
    key::{Key, UsageKey},
    shared::Resolved,
    Dimension, Outcome,
};

/// Records under one label set or account without looking it up.
///
/// Clones are cheap and may be shared between threads; each thread writes cells of its own. The key is not evicted while
/// a meter of it lives.
///
/// ```
/// use ron_accounting_core::{labels, Dimension, Engine};
/// let engine = Engine::default();
/// let (meter, _) = engine.meter(&labels().tenant("acme").route("/v1/feed"));
/// meter.incr_request();
/// meter.record(Dimension::BYTES_OUT, 512);
/// ```
pub struct Meter {
    engine: Arc<Inner>,
    /// Absent only if the engine could not even give an overflow row.
    key: Option<Arc<Key>>,
    /// Where the key's cells are, so that recording need not read the key.
    place: Place,
}

impl Meter {
    pub(crate) fn new(engine: &Arc<Inner>, resolved: Option<Resolved>) -> (Self, Outcome) {
        let (key, outcome) = match resolved {
            Some(Resolved { key, outcome }) => {
                key.pin();
                (Some(key), outcome)
            }
            None => (None, Outcome::Lost),
        };
        let dimensions = engine.shared.dimensions.count();
        let place = key.as_ref().map_or(Place::NOWHERE, |key| Place::new(key.id, dimensions));
        (Self { engine: Arc::clone(engine), key, place }, outcome)
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

    /// Adds `n` to a dimension.
    #[inline]
    pub fn record(&self, dimension: Dimension, n: u64) -> Outcome {
        match self.engine.thread() {
            Some(thread) if thread.add(self.place, dimension, n) => Outcome::Counted,
            _ => self.record_slowly(dimension, n),
        }
    }

    #[cold]
    #[inline(never)]
    fn record_slowly(&self, dimension: Dimension, n: u64) -> Outcome {
        let Some(key) = &self.key else { return Outcome::Lost };
        let shared = &self.engine.shared;
        self.engine.with_thread(|thread| shared.add_to_key(thread, key, dimension, n))
    }

    /// What the meter counts under.
    pub fn key(&self) -> Option<&UsageKey> {
        self.key.as_deref().map(|key| &key.usage)
    }
}

impl Clone for Meter {
    fn clone(&self) -> Self {
        if let Some(key) = &self.key {
            key.pin();
        }
        Self { engine: Arc::clone(&self.engine), key: self.key.clone(), place: self.place }
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
