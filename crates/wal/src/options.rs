//! The limits of a log.

use crate::format::{SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
use crate::WalError;

/// How many segments a full log has by default, unless its segments would be shorter or longer than the limits below.
const SEGMENTS_DEFAULT: u64 = 32;
const SEGMENT_BYTES_DEFAULT_MIN: u64 = 4 << 20;
const SEGMENT_BYTES_DEFAULT_MAX: u64 = 8 << 20;

/// How large a log and its segments may become. Limits are checked before a byte is written. The values themselves are
/// checked when the log is opened: one outside its range is [`WalError::InvalidOption`].
///
/// The limits are named `max_bytes` and so on, and not the other way round as elsewhere, because operators know them by
/// these names.
///
/// ```
/// use ron_accounting_wal::WalOptions;
/// let options = WalOptions::default().segment_bytes(1 << 20).max_bytes(64 << 20).max_age_ms(86_400_000);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalOptions {
    /// `None`: derived from `bytes_max`.
    segment_bytes: Option<u64>,
    pub(crate) bytes_max: u64,
    pub(crate) records_max: u64,
    pub(crate) age_ms_max: Option<u64>,
    pub(crate) reserved_bytes: u64,
    pub(crate) recycle: bool,
}

impl Default for WalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: None,
            bytes_max: 512 << 20,
            records_max: 1_000_000,
            age_ms_max: None,
            reserved_bytes: 0,
            recycle: true,
        }
    }
}

impl WalOptions {
    /// Sets the preallocated size of a segment, from 8 KiB to 256 MiB. The default is a 32nd of `max_bytes`, but at least
    /// 4 MiB and at most 8 MiB. A single record that is larger gets a segment of its own. Larger segments cost fewer syncs.
    /// Smaller ones free disk space sooner, since a segment is deleted as a whole.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = Some(bytes);
        self
    }

    /// Sets how many bytes the files of the log may take together, preallocation included. The default is 512 MiB, the least
    /// value is one segment. [`Wal::append_reserved`](crate::Wal::append_reserved) may go two segments beyond.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// Sets how many records there may be in segments that are not retired yet. The default is one million, the least value
    /// is 1.
    #[must_use]
    pub fn max_entries(mut self, records: u64) -> Self {
        self.records_max = records;
        self
    }

    /// Sets how old the oldest segment that is still needed may be, in milliseconds. Once it is older, new records are
    /// refused. By default there is no limit.
    #[must_use]
    pub fn max_age_ms(mut self, age_ms: impl Into<Option<u64>>) -> Self {
        self.age_ms_max = age_ms.into();
        self
    }

    /// Sets how many bytes at the end of each segment are kept for
    /// [`Wal::append_reserved`](crate::Wal::append_reserved). With them, the owner can still write what it needs to release
    /// records if the disk has no space for another segment. The default is 0, the greatest value a quarter of a segment.
    #[must_use]
    pub fn reserved_bytes(mut self, bytes: u64) -> Self {
        self.reserved_bytes = bytes;
        self
    }

    /// Sets whether the file of a retired segment is kept and used again for the next one. The default is `true`. A sync into
    /// such a file costs about half on file systems that record which blocks were never written, such as ext4 and XFS. Its
    /// bytes count against `max_bytes`, as those of the next segment.
    #[must_use]
    pub fn recycle(mut self, recycle: bool) -> Self {
        self.recycle = recycle;
        self
    }

    /// Returns how many bytes the files of the log may take together.
    pub const fn bytes_limit(&self) -> u64 {
        self.bytes_max
    }

    /// Returns how many bytes a segment has, unless a record needs more.
    pub const fn segment_length(&self) -> u64 {
        match (self.segment_bytes, self.bytes_max / SEGMENTS_DEFAULT) {
            (Some(bytes), _) => bytes,
            (None, ..=SEGMENT_BYTES_DEFAULT_MIN) => SEGMENT_BYTES_DEFAULT_MIN,
            (None, SEGMENT_BYTES_DEFAULT_MAX..) => SEGMENT_BYTES_DEFAULT_MAX,
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
        check("max_bytes", self.bytes_max, segment_bytes, u64::MAX / 2)?;
        check("reserved_bytes", self.reserved_bytes, 0, segment_bytes / 4)?;
        check("max_entries", self.records_max, 1, u64::MAX)
    }
}
