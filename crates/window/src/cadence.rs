//! Cadences: how time is divided into numbered buckets.

/// A map from times to bucket numbers.
///
/// It is monotone: a later time never has a smaller number. Each bucket is a half-open span: it starts at
/// [`Cadence::start_ms`] of its number and ends where the next one starts.
pub trait Cadence {
    /// Returns the number of the bucket that holds `now_ms`.
    fn bucket(&self, now_ms: u64) -> u64;

    /// Returns when a bucket starts, in Unix milliseconds. Saturates at `u64::MAX`.
    fn start_ms(&self, bucket: u64) -> u64;
}

/// The shortest window, in milliseconds.
pub const WINDOW_MS_MIN: u64 = 10;
/// The longest window, in milliseconds: a day.
pub const WINDOW_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// The default window length, in milliseconds: that of `ACC_WINDOW_MS`.
pub const WINDOW_MS_DEFAULT: u64 = 60_000;

/// A window length outside [`WINDOW_MS_MIN`] to [`WINDOW_MS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("window of {window_ms} ms must be from {WINDOW_MS_MIN} ms to {WINDOW_MS_MAX} ms (a day)")]
pub struct WindowLengthError {
    /// The refused length.
    pub window_ms: u64,
}

/// Buckets of one length, aligned to 1970-01-01T00:00:00Z, so that all processes share their boundaries.
///
/// ```
/// use ron_accounting_window::{Cadence, FixedCadence};
/// let minutes = FixedCadence::new(60_000)?;
/// assert_eq!(minutes.bucket(119_999), 1);
/// assert_eq!(minutes.start_ms(1), 60_000);
/// # Ok::<(), ron_accounting_window::WindowLengthError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedCadence {
    length_ms: u64,
}

impl FixedCadence {
    /// Makes a cadence of buckets of `length_ms`.
    pub const fn new(length_ms: u64) -> Result<Self, WindowLengthError> {
        if length_ms < WINDOW_MS_MIN || length_ms > WINDOW_MS_MAX {
            return Err(WindowLengthError { window_ms: length_ms });
        }
        Ok(Self { length_ms })
    }

    /// Returns the length of a bucket, in milliseconds.
    pub const fn length_ms(&self) -> u64 {
        self.length_ms
    }
}

impl Default for FixedCadence {
    fn default() -> Self {
        Self { length_ms: WINDOW_MS_DEFAULT }
    }
}

impl Cadence for FixedCadence {
    fn bucket(&self, now_ms: u64) -> u64 {
        now_ms / self.length_ms
    }

    fn start_ms(&self, bucket: u64) -> u64 {
        bucket.saturating_mul(self.length_ms)
    }
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_without_cause;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        assert_without_cause(&WindowLengthError { window_ms: 1 });
    }
}
