//! How the room of a log is shared out.
//!
//! | for | of `max_bytes` | why |
//! | --- | --- | --- |
//! | slices that the ledger has not | 1/2 | an outage must leave room for checkpoints and heads |
//! | of those, one stream's | 1/3 | a stream that is refused or that floods the log leaves room for the others |
//! | checkpoints | 1/2 | |
//! | of those, one stream's | 1/3 | its next slices need as much again before the checkpoint can go |
//! | heads | 1/8 | beyond it, heads that the ledger can be asked for are dropped |
//!
//! The shares bound what is needed. What is garbage beside it is bounded by `max_bytes` itself: a log that reaches it
//! copies what is needed out of the segment with the most garbage.

use ron_accounting_wal::{WalError, WalOptions};
use ron_ledger_wire::{SLICE_BYTES_LEAST, SLICE_BYTES_MAX};

/// What a record takes beside its body.
pub(super) const RECORD_BYTES: u64 = 24;
/// What a segment takes beside its records: two headers and a footer.
pub(super) const SEGMENT_BYTES: u64 = 4160 + 48;
/// What a slice takes beside its rows, names of the usual length assumed.
const FRAME_BYTES: u64 = 256;
/// Segments into which a log is divided at least, so that one can be copied while the others stay.
const SEGMENTS_LEAST: u64 = 8;
/// The smallest segment of a log.
const SEGMENT_BYTES_LEAST: u64 = 8 << 10;
/// The smallest log: six of the smallest segments.
pub(super) const LOG_BYTES_LEAST: u64 = 6 * SEGMENT_BYTES_LEAST;

/// The shares, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budgets {
    pub(super) slices: u64,
    pub(super) slices_of_stream: u64,
    pub(super) checkpoints: u64,
    pub(super) checkpoint_of_stream: u64,
    pub(super) heads: u64,
    /// The longest slice that is sealed.
    pub(super) slice_bytes_max: usize,
    segment: u64,
    log: u64,
}

impl Budgets {
    pub(super) fn new(options: &WalOptions) -> Self {
        let log = options.bytes_limit();
        let slice_bytes_max = usize::try_from(log / 6).unwrap_or(usize::MAX);
        Self {
            slices: log / 2,
            slices_of_stream: log / 3,
            checkpoints: log / 2,
            checkpoint_of_stream: log / 3,
            heads: log / 8,
            slice_bytes_max: slice_bytes_max.clamp(SLICE_BYTES_LEAST, SLICE_BYTES_MAX),
            segment: options.segment_length(),
            log,
        }
    }

    /// What a slice takes in the log, at the most.
    pub(super) fn slices_bytes(row_bytes: usize, slices: usize) -> u64 {
        row_bytes as u64 + slices as u64 * (FRAME_BYTES + RECORD_BYTES)
    }

    /// What records take of the disk, with their part of what a segment takes by itself.
    pub(super) fn bytes_in_segments(&self, bytes: u64) -> u64 {
        let room = self.segment.saturating_sub(SEGMENT_BYTES).max(1);
        let in_segments = u128::from(bytes) * u128::from(self.segment) / u128::from(room);
        u64::try_from(in_segments).unwrap_or(u64::MAX)
    }

    /// Whether a checkpoint of these parts leaves room for the slices that supersede it: until they are durable, both are
    /// there.
    pub(super) fn admits_checkpoint(&self, parts: impl Iterator<Item = u64> + Clone) -> bool {
        let of_part = |bytes: u64| {
            let in_record = bytes + RECORD_BYTES + 24;
            let needs_own_segment = in_record + SEGMENT_BYTES > self.segment;
            in_record + if needs_own_segment { SEGMENT_BYTES } else { 0 }
        };
        let bytes: u64 = parts.clone().sum();
        let on_disk: u64 = parts.map(of_part).sum();
        bytes <= self.checkpoint_of_stream && 2 * on_disk <= self.log
    }
}

/// The options that a log of this size works with: segments that are small enough beside it.
pub(super) fn usable(options: WalOptions) -> Result<WalOptions, WalError> {
    let log = options.bytes_limit();
    if log < LOG_BYTES_LEAST {
        let (min, max) = (LOG_BYTES_LEAST, u64::MAX / 2);
        return Err(WalError::InvalidOption { option: "max_bytes", value: log, min, max });
    }
    let segment = options.segment_length().min((log / SEGMENTS_LEAST).max(SEGMENT_BYTES_LEAST));
    Ok(options.segment_bytes(segment).reserved_bytes(segment / 8))
}
