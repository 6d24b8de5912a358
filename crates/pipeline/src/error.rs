//! What can go wrong between a count and the ledger.

use ron_accounting_export::{LaneError, PutError};
use ron_accounting_seal::SealError;
use ron_ledger_wire::StreamId;

/// Errors of the pipeline. None of them loses a count: what could not be done is tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// An option is outside its range.
    #[error("{option} is {value}, must be {min} to {max}")]
    InvalidOption {
        /// The option, by its name in [`PipelineOptions`](crate::PipelineOptions).
        option: &'static str,
        /// The value that was asked for.
        value: u64,
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
    /// An option of the lanes is outside its range.
    #[error(transparent)]
    Lanes(#[from] LaneError),
    /// The log refused or failed. Nothing is exported that is not durable, so counts stay in memory meanwhile.
    #[cfg(feature = "wal")]
    #[error("write-ahead log failed")]
    Log(#[from] ron_accounting_wal::WalError),
    /// There is no room in the log. The counts of these streams stay in their counters.
    #[error(
        "log is full: {streams} streams wait for room; it comes when the ledger takes what is in it, or raise the limit"
    )]
    LogFull {
        /// How many streams wait.
        streams: usize,
    },
    /// The log failed a moment ago and is left alone for a while. What has to be logged stays in memory.
    #[error("write-ahead log is left alone after a failure, until {until_ms} ms")]
    LogPaused {
        /// When the next attempt is made, in Unix milliseconds.
        until_ms: u64,
    },
    /// A record of the log has a valid checksum, but not a form that this version reads. It is kept.
    #[error("log record at {position} is not readable: {reason}; a newer version may have written it")]
    Record {
        /// Where it stands in the log.
        position: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A stream could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The ledger has slices of our origin that our log does not know: the log is an old copy, or another process uses
    /// the same origin. Exporting would fork the stream.
    #[error(
        "ledger is ahead of the log on stream {stream}: it expects slice {ledger}, the log continues with {log}; \
         is the log a restored copy, or in use twice?"
    )]
    LedgerAhead {
        /// The stream.
        stream: StreamId,
        /// The ledger's next seq.
        ledger: u64,
        /// The log's next seq.
        log: u64,
    },
    /// The ledger has less of a stream than it acknowledged, and the log has not all that is missing: the ledger was
    /// restored from an older copy. The stream's next slice is refused as a gap.
    #[error(
        "ledger is behind the log on stream {stream}: it expects slice {ledger}, and had acknowledged all before {log}; \
         was it restored from an older copy?"
    )]
    LedgerBehind {
        /// The stream.
        stream: StreamId,
        /// The ledger's next seq.
        ledger: u64,
        /// The seq before which it had acknowledged all.
        log: u64,
    },
    /// A slice that was recovered follows one that a power cut has taken. Neither was durable, so neither was promised to
    /// anybody or exported; what both counted is recovered from the last checkpoint, as far as that has it.
    #[error("slice {seq} of stream {stream} is dropped: the one before it was lost before it was durable")]
    Orphan {
        /// The stream.
        stream: StreamId,
        /// The slice.
        seq: u64,
    },
    /// A slice that was recovered does not follow what waits before it: slices between them are missing.
    #[error("recovered slice {seq} of stream {stream} cannot be queued: {reason}")]
    Queue {
        /// The stream.
        stream: StreamId,
        /// The slice.
        seq: u64,
        /// What the lane said.
        reason: String,
    },
}

/// Waiting for the ledger has ended before everything was acknowledged. What is left stays where it is: in the counters, in
/// the queues, and in the log if there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The time is over, or the caller gave up.
    #[error("{pending} slices are not acknowledged by the ledger")]
    Busy {
        /// How many slices are sealed and not acknowledged.
        pending: usize,
        /// The latest error of the pipeline, if there was one.
        last_error: Option<String>,
    },
    /// A stream is parked until an operator resumes it. It is the first of them, if there are several.
    #[error("{pending} slices are not acknowledged by the ledger, and stream {stream} is parked")]
    Parked {
        /// How many slices are sealed and not acknowledged.
        pending: usize,
        /// The stream.
        stream: StreamId,
        /// Why the ledger refused it.
        source: PutError,
    },
    /// A stream has more slices than the queues take, and nothing else can leave them.
    #[error("a stream has more slices than the queues take; raise `pending_max`")]
    QueuesTooSmall,
}

impl PipelineError {
    /// The error with its causes, in one line.
    pub fn with_causes(&self) -> String {
        with_causes(self)
    }
}

/// An error with its causes, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
