//! The limits of the lanes.

/// Limits and times of [`Lanes`](crate::Lanes). A value of 0 counts as 1, except for `seed`.
///
/// ```
/// use ron_accounting_export::LaneOptions;
///
/// let options = LaneOptions::default().pending_max(200).backoff_ms(10, 500);
/// assert_eq!((options.pending_max, options.backoff_ms_max), (200, 500));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneOptions {
    /// How many slices may be pending over all streams, those in flight included. Those of parked lanes count only
    /// beyond this number, so that what waits for an operator takes no room from the others: see
    /// [`Lanes::room`](crate::Lanes::room).
    pub pending_max: usize,
    /// How many slices one batch may hold, over all streams in it.
    pub batch_max: usize,
    /// How many batches may be out at once.
    pub in_flight_max: usize,
    /// The ceiling of the delay after a first failure, in milliseconds. It doubles with each further one.
    pub backoff_ms_min: u64,
    /// Where that doubling ends. A value below `backoff_ms_min` counts as that one.
    pub backoff_ms_max: u64,
    /// How long a batch may go unanswered, and how long the lanes may go without an acknowledgement before they
    /// call themselves degraded, in milliseconds.
    pub timeout_ms: u64,
    /// Seeds the jitter. Give each process another one, so that not all of them come back at the same moment.
    pub seed: u64,
}

impl Default for LaneOptions {
    /// 1000 pending slices, 2 batches of up to 64, back-off from 50 ms to 2 s, deadline 10 s, seed 0.
    fn default() -> Self {
        Self {
            pending_max: 1000,
            batch_max: 64,
            in_flight_max: 2,
            backoff_ms_min: 50,
            backoff_ms_max: 2000,
            timeout_ms: 10_000,
            seed: 0,
        }
    }
}

impl LaneOptions {
    /// Sets how many slices may be pending.
    #[must_use]
    pub fn pending_max(mut self, slices: usize) -> Self {
        self.pending_max = slices;
        self
    }

    /// Sets how many slices one batch may hold.
    #[must_use]
    pub fn batch_max(mut self, slices: usize) -> Self {
        self.batch_max = slices;
        self
    }

    /// Sets how many batches may be out at once.
    #[must_use]
    pub fn in_flight_max(mut self, batches: usize) -> Self {
        self.in_flight_max = batches;
        self
    }

    /// Sets the first and the last ceiling of the delay between retries, in milliseconds.
    #[must_use]
    pub fn backoff_ms(mut self, min: u64, max: u64) -> Self {
        self.backoff_ms_min = min;
        self.backoff_ms_max = max;
        self
    }

    /// Sets the time for one put, in milliseconds.
    #[must_use]
    pub fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.timeout_ms = timeout_ms;
        self
    }

    /// Sets the seed of the jitter.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The same options with every limit usable.
    pub(crate) fn usable(mut self) -> Self {
        self.pending_max = self.pending_max.max(1);
        self.batch_max = self.batch_max.max(1);
        self.in_flight_max = self.in_flight_max.max(1);
        self.backoff_ms_min = self.backoff_ms_min.max(1);
        self.backoff_ms_max = self.backoff_ms_max.max(self.backoff_ms_min);
        self.timeout_ms = self.timeout_ms.max(1);
        self
    }
}
