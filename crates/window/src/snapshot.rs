//! Snapshots: a read-only view of one window.

use std::sync::Arc;

use ron_accounting_core::{AccountKey, Dimension, Dimensions, Labels, Reading, ReadingRow};

use crate::Span;

/// The version of the form in which snapshots are serialized.
pub const SNAPSHOT_VERSION: u64 = 1;

/// The usage of one window: the open one so far, or a closed one. Taking it changes nothing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// [`SNAPSHOT_VERSION`].
    pub version: u64,
    /// The window length, in milliseconds.
    pub window_ms: u64,
    /// When the window started, in Unix milliseconds.
    pub start_ms: u64,
    dimensions: Arc<Dimensions>,
    reading: Reading,
}

impl Snapshot {
    pub(crate) fn new(window: Span, dimensions: Arc<Dimensions>, reading: Reading) -> Self {
        let window_ms = window.end_ms - window.start_ms;
        Self { version: SNAPSHOT_VERSION, window_ms, start_ms: window.start_ms, dimensions, reading }
    }

    /// One entry per label set or account that was used in the window, in no particular order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.reading.rows().map(|row| Entry { row, dimensions: &self.dimensions })
    }

    /// The entry of a label set as it was counted: normalized.
    pub fn find(&self, labels: &Labels<'_>) -> Option<Entry<'_>> {
        self.entries().find(|entry| entry.labels() == Some(*labels))
    }

    /// The sum of a dimension over all entries; saturates.
    pub fn total(&self, dimension: Dimension) -> u64 {
        self.entries().fold(0, |sum, entry| sum.saturating_add(entry.count(dimension)))
    }

    /// The dimensions that are counted.
    pub fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    /// Overwrites the counts.
    pub(crate) fn wipe(&mut self) {
        self.reading.wipe();
    }
}

/// The usage of one label set or account in one window.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    row: ReadingRow<'a>,
    dimensions: &'a Dimensions,
}

impl<'a> Entry<'a> {
    /// The tenant.
    pub fn tenant(&self) -> &'a str {
        self.row.key.tenant()
    }

    /// The label set, unless the entry is an account's.
    pub fn labels(&self) -> Option<Labels<'a>> {
        self.row.key.labels()
    }

    /// The account, unless the entry is a label set's.
    pub fn account(&self) -> Option<AccountKey> {
        self.row.key.account()
    }

    /// The count of one dimension; zero if it is of another engine.
    pub fn count(&self, dimension: Dimension) -> u64 {
        self.row.values.get(dimension.index()).copied().unwrap_or_default()
    }

    /// Requests.
    pub fn requests(&self) -> u64 {
        self.count(Dimension::REQUESTS)
    }

    /// Received bytes.
    pub fn bytes_in(&self) -> u64 {
        self.count(Dimension::BYTES_IN)
    }

    /// Sent bytes.
    pub fn bytes_out(&self) -> u64 {
        self.count(Dimension::BYTES_OUT)
    }

    /// The dimensions that are not zero, by name.
    pub fn counts(&self) -> impl Iterator<Item = (&'a str, u64)> {
        self.dimensions.names().zip(self.row.values.iter().copied()).filter(|(_, count)| *count != 0)
    }
}
