//! Counts as plain values.

/// The number of minutes in a [`Snapshot`], the open one included.
pub const MINUTES: usize = 60;

/// Bytes counted since the [`Counters`](crate::Counters) were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Totals {
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
}

impl Totals {
    pub(crate) fn saturating_add(self, other: Self) -> Self {
        Self {
            bytes_in: self.bytes_in.saturating_add(other.bytes_in),
            bytes_out: self.bytes_out.saturating_add(other.bytes_out),
        }
    }

    /// Returns whether both counts are at least those of `earlier`.
    pub(crate) const fn contains(self, earlier: Self) -> bool {
        self.bytes_in >= earlier.bytes_in && self.bytes_out >= earlier.bytes_out
    }

    pub(crate) fn saturating_sub(self, earlier: Self) -> Self {
        Self {
            bytes_in: self.bytes_in.saturating_sub(earlier.bytes_in),
            bytes_out: self.bytes_out.saturating_sub(earlier.bytes_out),
        }
    }
}

/// The counts so far: totals, and for each of the last minutes.
///
/// # Order
/// Index 0 is the open minute, which started at `minute_start_ms` and is not over yet. Index `i` is the minute that started
/// `i` minutes earlier. Index 59 is the oldest. Minutes are those of UTC, not spans of sixty seconds before the snapshot.
///
/// # Gaps
/// A minute in which nothing was counted is zero, even if nothing read the clock in that minute.
///
/// # Agreement
/// Totals and minutes of a snapshot are of one moment. Each byte in `total_in` is also in `per_min_in`, unless it is older
/// than the oldest minute, or was counted before [`Counters::reset_minutes`](crate::Counters::reset_minutes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// All bytes read.
    pub total_in: u64,
    /// All bytes written.
    pub total_out: u64,
    /// Bytes read per minute, newest first.
    pub per_min_in: [u64; MINUTES],
    /// Bytes written per minute, newest first.
    pub per_min_out: [u64; MINUTES],
    /// When the minute of index 0 started, in Unix milliseconds.
    pub minute_start_ms: u64,
}

impl From<Snapshot> for Totals {
    fn from(snapshot: Snapshot) -> Self {
        Self { bytes_in: snapshot.total_in, bytes_out: snapshot.total_out }
    }
}
