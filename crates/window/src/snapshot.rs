//! Snapshots: a read-only view of one window.

use std::sync::Arc;

use ron_accounting_core::{AccountKey, Dimension, Dimensions, Labels, Reading, ReadingRow};

use crate::Span;

/// The version of the format in which snapshots are serialized.
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

    /// Returns an entry for each label set or account that was used in the window, in no particular order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.reading.rows().map(|row| Entry { row, dimensions: &self.dimensions })
    }

    /// Returns the entry of a label set. The labels have to be normalized, as they were counted.
    pub fn find(&self, labels: &Labels<'_>) -> Option<Entry<'_>> {
        self.entries().find(|entry| entry.labels() == Some(*labels))
    }

    /// Returns the sum of a dimension over all entries. Saturates.
    pub fn total(&self, dimension: Dimension) -> u64 {
        self.entries().fold(0, |sum, entry| sum.saturating_add(entry.count(dimension)))
    }

    /// Returns the dimensions of the engine.
    pub fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    /// Overwrites the counts, and removes the entries.
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
    /// Returns the tenant.
    pub fn tenant(&self) -> &'a str {
        self.row.key.tenant()
    }

    /// Returns the label set, or `None` if the entry is an account's.
    pub fn labels(&self) -> Option<Labels<'a>> {
        self.row.key.labels()
    }

    /// Returns the account, or `None` if the entry is a label set's.
    pub fn account(&self) -> Option<AccountKey> {
        self.row.key.account()
    }

    /// Returns the count of one dimension. Zero if the dimension is of another engine.
    pub fn count(&self, dimension: Dimension) -> u64 {
        self.row.values.get(dimension.index()).copied().unwrap_or_default()
    }

    /// Returns the count of requests.
    pub fn requests(&self) -> u64 {
        self.count(Dimension::REQUESTS)
    }

    /// Returns the count of received bytes.
    pub fn bytes_in(&self) -> u64 {
        self.count(Dimension::BYTES_IN)
    }

    /// Returns the count of sent bytes.
    pub fn bytes_out(&self) -> u64 {
        self.count(Dimension::BYTES_OUT)
    }

    /// Returns the counts that are not zero, by the name of their dimension.
    pub fn counts(&self) -> impl Iterator<Item = (&'a str, u64)> {
        self.dimensions.names().zip(self.row.values.iter().copied()).filter(|(_, count)| *count != 0)
    }
}
