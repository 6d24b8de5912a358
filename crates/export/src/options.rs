//! The limits of the lanes.

/// The limits and times of [`Lanes`](crate::Lanes). 0 counts as 1, except for `seed`.
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
    /// The most slices that may be pending over all streams, those in flight included. Slices of parked and stalled lanes count
    /// only beyond this number, see [`Lanes::room`](crate::Lanes::room).
    pub pending_max: usize,
    /// The most slices in one batch, over all its streams.
    pub batch_max: usize,
    /// The most batches that may be out at once.
    pub in_flight_max: usize,
    /// The ceiling of the delay after a first failure, in milliseconds. It doubles with each further failure.
    pub backoff_ms_min: u64,
    /// The highest ceiling of the delay, in milliseconds. A value below `backoff_ms_min` counts as `backoff_ms_min`.
    pub backoff_ms_max: u64,
    /// The time in milliseconds after which a batch without answers has failed. After the same time without any acknowledgement
    /// the lanes are degraded.
    pub timeout_ms: u64,
    /// The seed of the jitter. Give each process another one, so that they do not all retry at the same time.
    pub seed: u64,
}

impl Default for LaneOptions {
    /// Returns 1000 pending slices, 2 batches of up to 64, back-off from 50 ms to 2 s, timeout 10 s, seed 0.
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
    /// Sets the most slices that may be pending.
    #[must_use]
    pub fn pending_max(mut self, slices: usize) -> Self {
        self.pending_max = slices;
        self
    }

    /// Sets the most slices in one batch.
    #[must_use]
    pub fn batch_max(mut self, slices: usize) -> Self {
        self.batch_max = slices;
        self
    }

    /// Sets the most batches that may be out at once.
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

    /// Sets the timeout of one put, in milliseconds.
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

    /// Returns the options with each value in its range.
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
