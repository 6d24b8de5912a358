//! A record, as its owner sees it.

use std::fmt;

/// The longest body of a record, in bytes: 4 MiB. A longer one is refused with
/// [`WalError::TooLarge`](crate::WalError::TooLarge).
pub const RECORD_BODY_BYTES_MAX: usize = 4 << 20;

/// The owner's tag for a record. The log stores it and gives it no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKind(pub u8);

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a record is. Positions are ordered as the records were appended, and are never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The number of the segment.
    pub segment: u64,
    /// The offset of the record in the segment's file, in bytes.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.segment, self.offset)
    }
}

/// A record read back from the log, in the memory that its segment was read into. Its checksum has been verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Where it is. [`Wal::release`](crate::Wal::release) takes this.
    pub position: Position,
    /// The owner's tag.
    pub kind: RecordKind,
    /// The bytes that were appended.
    pub body: &'a [u8],
}

impl<'a> From<&'a Record> for RecordRef<'a> {
    fn from(record: &'a Record) -> Self {
        Self { position: record.position, kind: record.kind, body: &record.body }
    }
}

impl From<RecordRef<'_>> for Record {
    fn from(record: RecordRef<'_>) -> Self {
        Self { position: record.position, kind: record.kind, body: record.body.to_vec() }
    }
}

/// A record read back from the log. Its checksum has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it is. [`Wal::release`](crate::Wal::release) takes this.
    pub position: Position,
    /// The owner's tag.
    pub kind: RecordKind,
    /// The bytes that were appended.
    pub body: Vec<u8>,
}
