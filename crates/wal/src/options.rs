//! The limits of a log.

use crate::format::{SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
use crate::WalError;

/// How many segments a full log has, if nothing else is asked for and the limits below allow it.
const SEGMENTS_SUGGESTED: u64 = 32;
const SUGGESTED_LEAST: u64 = 4 << 20;
const SUGGESTED_MOST: u64 = 8 << 20;

/// Limits of a log, checked when it is opened, before a byte is written. A limit outside its range is
/// [`WalError::InvalidOption`].
///
/// ```
/// use ron_accounting_wal::WalOptions;
/// let options = WalOptions::default().segment_bytes(1 << 20).max_bytes(64 << 20).max_age_ms(86_400_000);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalOptions {
    /// `None`: what the size of the log suggests.
    segment_bytes: Option<u64>,
    pub(crate) max_bytes: u64,
    pub(crate) max_entries: u64,
    pub(crate) max_age_ms: Option<u64>,
    pub(crate) reserved_bytes: u64,
    pub(crate) recycle: bool,
}

impl Default for WalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: None,
            max_bytes: 512 << 20,
            max_entries: 1_000_000,
            max_age_ms: None,
            reserved_bytes: 0,
            recycle: true,
        }
    }
}

impl WalOptions {
    /// Sets the preallocated size of a segment, from 8 KiB to 256 MiB; default a 32nd of `max_bytes`, but 4 MiB to 8 MiB.
    ///
    /// A single record that is larger gets a segment of its own. Larger segments cost fewer syncs, and more disk space for
    /// each segment that cannot be deleted yet.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = Some(bytes);
        self
    }

    /// Sets how many bytes the files of the log may have together, preallocation included; default 512 MiB, at least one
    /// segment. [`Wal::append_reserved`](crate::Wal::append_reserved) may go two segments beyond.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets how many records the segments that are not retired yet may have; default one million, at least 1.
    #[must_use]
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.max_entries = entries;
        self
    }

    /// Sets how old the oldest segment that is still needed may be, in milliseconds, before new records are refused; default no
    /// limit.
    #[must_use]
    pub fn max_age_ms(mut self, age_ms: impl Into<Option<u64>>) -> Self {
        self.max_age_ms = age_ms.into();
        self
    }

    /// Sets how many bytes at the end of each segment are kept for [`Wal::append_reserved`](crate::Wal::append_reserved);
    /// default 0, at most a quarter of a segment.
    ///
    /// With it, the owner can still write the records that release others when the disk is full.
    #[must_use]
    pub fn reserved_bytes(mut self, bytes: u64) -> Self {
        self.reserved_bytes = bytes;
        self
    }

    /// Sets whether the file of a retired segment is kept and used again for the next one; default true.
    ///
    /// A sync into such a file costs about half on file systems that note which blocks were never written, such as ext4 and
    /// XFS. Its bytes count towards `max_bytes`, as those of the next segment.
    #[must_use]
    pub fn recycle(mut self, recycle: bool) -> Self {
        self.recycle = recycle;
        self
    }

    /// Returns how many bytes the files of the log may have together.
    pub const fn bytes_limit(&self) -> u64 {
        self.max_bytes
    }

    /// Returns how many bytes one segment has, unless a record needs more.
    pub const fn segment_length(&self) -> u64 {
        match (self.segment_bytes, self.max_bytes / SEGMENTS_SUGGESTED) {
            (Some(bytes), _) => bytes,
            (None, ..=SUGGESTED_LEAST) => SUGGESTED_LEAST,
            (None, SUGGESTED_MOST..) => SUGGESTED_MOST,
            (None, suggested) => suggested,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), WalError> {
        let check = |option, value, min, max| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(WalError::InvalidOption { option, value, min, max })
            }
        };
        let segment_bytes = self.segment_length();
        check("segment_bytes", segment_bytes, SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX)?;
        check("max_bytes", self.max_bytes, segment_bytes, u64::MAX / 2)?;
        check("reserved_bytes", self.reserved_bytes, 0, segment_bytes / 4)?;
        check("max_entries", self.max_entries, 1, u64::MAX)
    }
}
