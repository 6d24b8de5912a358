//! The limits of the lanes.

use crate::LaneError;

/// Limits and times of [`Lanes`](crate::Lanes), checked by [`Lanes::new`](crate::Lanes::new).
///
/// ```
/// use ron_accounting_export::{LaneError, LaneOptions, Lanes};
///
/// let options = LaneOptions::default().pending_max(200).backoff_ms(10, 500);
/// assert!(Lanes::new(options.clone()).is_ok());
/// let refused = Lanes::new(options.batch_max(0)).unwrap_err();
/// assert!(matches!(refused, LaneError::InvalidOption { option: "batch_max", value: 0, min: 1, .. }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneOptions {
    pub(crate) pending_max: usize,
    pub(crate) batch_max: usize,
    pub(crate) in_flight_max: usize,
    pub(crate) backoff_ms_min: u64,
    pub(crate) backoff_ms_max: u64,
    pub(crate) timeout_ms: u64,
    pub(crate) seed: u64,
}

impl Default for LaneOptions {
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
    /// Sets how many slices may be pending over all streams, those in flight included; default 1000, at least 1.
    ///
    /// Slices of parked lanes count only beyond this number, so that lanes that wait for an operator do not hold up the
    /// others: see [`Lanes::room`](crate::Lanes::room).
    #[must_use]
    pub fn pending_max(mut self, slices: usize) -> Self {
        self.pending_max = slices;
        self
    }

    /// Sets how many slices one batch may hold, over all streams in it; default 64, at least 1.
    #[must_use]
    pub fn batch_max(mut self, slices: usize) -> Self {
        self.batch_max = slices;
        self
    }

    /// Sets how many batches may be out at once; default 2, at least 1.
    #[must_use]
    pub fn in_flight_max(mut self, batches: usize) -> Self {
        self.in_flight_max = batches;
        self
    }

    /// Sets the ceiling of the random delay between retries, in milliseconds; default 50 and 2000.
    ///
    /// It is `min` after a first failure and doubles with each further one, up to `max`. `min` is at least 1, and `max` is
    /// at least `min`.
    #[must_use]
    pub fn backoff_ms(mut self, min: u64, max: u64) -> Self {
        self.backoff_ms_min = min;
        self.backoff_ms_max = max;
        self
    }

    /// Sets how long a batch may go unanswered, in milliseconds; default 10,000, at least 1. The lanes call themselves
    /// degraded when they get no acknowledgement for as long.
    #[must_use]
    pub fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.timeout_ms = timeout_ms;
        self
    }

    /// Sets the seed of the random delays; default 0, any value. Processes with different seeds do not retry at the same
    /// moment.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Refuses the first option that is outside its range.
    pub(crate) fn validate(&self) -> Result<(), LaneError> {
        let options = [
            ("pending_max", self.pending_max as u64, 1),
            ("batch_max", self.batch_max as u64, 1),
            ("in_flight_max", self.in_flight_max as u64, 1),
            ("backoff_ms_min", self.backoff_ms_min, 1),
            ("backoff_ms_max", self.backoff_ms_max, self.backoff_ms_min),
            ("timeout_ms", self.timeout_ms, 1),
        ];
        let refused = options.into_iter().find(|(_, value, min)| value < min);
        refused.map_or(Ok(()), |(option, value, min)| {
            Err(LaneError::InvalidOption { option, value, min, max: u64::MAX })
        })
    }
}
