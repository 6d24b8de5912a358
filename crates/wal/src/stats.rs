//! Gauges and counters.

/// The state of a log, from [`Wal::stats`](crate::Wal::stats).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalStats {
    /// The bytes that the log's files take, as the storage reports their lengths: its segments and the spare.
    pub bytes: u64,
    /// Of those, the bytes of the spare: the file of a retired segment, kept for the next one.
    pub spare_bytes: u64,
    /// The segments, the active one included.
    pub segments: usize,
    /// The records in them, released or not.
    pub records: u64,
    /// The records that are not released.
    pub unreleased: u64,
    /// Torn tails found when the log was opened.
    pub torn_tails: u64,
    /// Damaged segments found when the log was opened.
    pub corrupt_segments: u64,
    /// Damaged files that were set aside and are kept for inspection.
    pub set_aside: usize,
    /// Poisoned segments that still exist.
    pub poisoned: usize,
    /// Syncs of a segment or of the directory that failed since the log was opened.
    pub sync_failures: u64,
    /// The last error, with its cause.
    pub last_error: Option<String>,
}

/// What one segment takes, from [`Wal::usage`](crate::Wal::usage).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentUsage {
    /// The number of the segment.
    pub number: u64,
    /// The length of its file when the log last changed or measured it, preallocation included.
    pub bytes: u64,
    /// The number of its records, released or not.
    pub records: u64,
    /// The number of its records that are not released.
    pub unreleased: usize,
    /// Whether a sync of it failed.
    pub is_poisoned: bool,
    /// Whether records are appended to it.
    pub is_active: bool,
}
