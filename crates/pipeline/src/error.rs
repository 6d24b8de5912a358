//! What can go wrong between a count and the ledger.

use std::{error::Error, sync::Arc};

use ron_accounting_export::{with_causes, LaneError, PutError};
use ron_accounting_seal::SealError;
use ron_ledger_wire::{Seq, StreamId};

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
    #[cfg(feature = "wal")]
    #[error("log record at {position} is not readable; a newer version may have written it")]
    Record {
        /// Position of the record in the log.
        position: String,
        /// What is wrong with it.
        source: RecordError,
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
        ledger: Seq,
        /// The log's next seq.
        log: Seq,
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
        ledger: Seq,
        /// The seq before which it had acknowledged all.
        log: Seq,
    },
    /// A slice that was recovered follows one that a power cut has taken. Neither was durable, so neither was promised to
    /// anybody or exported; what both counted is recovered from the last checkpoint, as far as that has it.
    #[error("slice {seq} of stream {stream} is dropped: the one before it was lost before it was durable")]
    Orphan {
        /// The stream.
        stream: StreamId,
        /// The slice.
        seq: Seq,
    },
    /// A slice that was recovered does not follow what waits before it: slices between them are missing.
    #[error("recovered slice {seq} of stream {stream} cannot be queued")]
    Queue {
        /// The stream.
        stream: StreamId,
        /// The slice.
        seq: Seq,
        /// Why it does not follow.
        source: LaneError,
    },
}

/// Why a record of the log is not readable, although its checksum is valid.
#[cfg(feature = "wal")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The body is shorter than the numbers that it begins with.
    #[error("it is cut short")]
    CutShort,
    /// The body is not the CBOR of its kind of record.
    #[error("its body has another form than its kind")]
    Cbor(#[source] Box<dyn Error + Send + Sync>),
    /// The bytes of a slice are not a canonical slice.
    #[error("its slice is not canonical")]
    Slice(#[from] ron_ledger_wire::DecodeError),
    /// A slice is not one of the group that it names.
    #[error("slice {seq} is not in its group {first} to {last}")]
    OutsideGroup {
        /// Number of the slice.
        seq: Seq,
        /// First number of the group.
        first: Seq,
        /// Last number of the group.
        last: Seq,
    },
    /// A part of a checkpoint has a number that its checkpoint does not have.
    #[error("it is part {part} of {parts}")]
    NoSuchPart {
        /// Number of the part, from 0.
        part: u64,
        /// How many parts the checkpoint has.
        parts: u64,
    },
    /// A newer build wrote the payload.
    #[error("it has payload version {version}")]
    NewerPayload {
        /// The version found.
        version: u32,
    },
    /// No record of this kind is known.
    #[error("it has kind {kind}")]
    UnknownKind {
        /// The kind found.
        kind: ron_accounting_wal::RecordKind,
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
        source: Option<Arc<dyn Error + Send + Sync>>,
    },
    /// A stream is parked until an operator resumes it. It is the first of them, if there are several.
    #[error("stream {stream} is parked until an operator resumes it")]
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
    /// Returns the error with its causes, in one line.
    pub fn with_causes(&self) -> String {
        with_causes(self)
    }
}

impl DeliveryError {
    /// Returns the error with its causes, in one line.
    pub fn with_causes(&self) -> String {
        with_causes(self)
    }
}

#[cfg(all(test, feature = "wal"))]
mod tests {
    use std::collections::BTreeMap;

    use ron_accounting_core::Engine;
    use ron_accounting_error_contract::assert_errors;
    use ron_accounting_seal::Sealer;
    use ron_accounting_wal::{RecordKind, WalError};
    use ron_accounting_window::Span;
    use ron_ledger_wire::{Origin, SealedSlice};

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let stream = || StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests");
        let malformed = SealedSlice::from_bytes(*b"no slice").unwrap_err();
        assert_errors!(RecordError {
            without_cause: {
                CutShort => RecordError::CutShort,
                OutsideGroup => RecordError::OutsideGroup { seq: Seq::new(3), first: Seq::new(1), last: Seq::new(2) },
                NoSuchPart => RecordError::NoSuchPart { part: 2, parts: 2 },
                NewerPayload => RecordError::NewerPayload { version: 3 },
                UnknownKind => RecordError::UnknownKind { kind: RecordKind(77) },
            }
            with_cause: {
                Cbor => RecordError::Cbor("it ends early".into()),
                Slice => RecordError::from(malformed),
            }
        });
        let no_key = BTreeMap::from([(b"no key".to_vec(), 1)]);
        let window = Span { start_ms: 0, end_ms: 60_000 };
        let mut sealer = Sealer::new(&Engine::default(), stream().origin());
        let refused_stream = sealer.seal_recovered(&stream(), window, &no_key).unwrap_err();
        assert_errors!(PipelineError {
            without_cause: {
                InvalidOption => PipelineError::InvalidOption { option: "streams_max", value: 0, min: 1, max: 9 },
                Lanes => PipelineError::from(LaneError::InvalidOption {
                    option: "batch_max",
                    value: 0,
                    min: 1,
                    max: 9,
                }),
                LogFull => PipelineError::LogFull { streams: 1 },
                LogPaused => PipelineError::LogPaused { until_ms: 1 },
                LedgerAhead => PipelineError::LedgerAhead { stream: stream(), ledger: Seq::new(2), log: Seq::new(1) },
                LedgerBehind => PipelineError::LedgerBehind { stream: stream(), ledger: Seq::new(1), log: Seq::new(2) },
                Orphan => PipelineError::Orphan { stream: stream(), seq: Seq::new(1) },
            }
            with_cause: {
                Log => PipelineError::Log(WalError::Io {
                    operation: "write",
                    file: "00000000000000000007.wal".to_owned(),
                    source: std::io::Error::other("disk on fire"),
                }),
                Record => PipelineError::Record { position: "7:4160".to_owned(), source: RecordError::CutShort },
                Seal => PipelineError::from(refused_stream),
                Queue => PipelineError::Queue {
                    stream: stream(),
                    seq: Seq::new(3),
                    source: LaneError::OutOfOrder { stream: stream(), expected: Seq::new(1), found: Seq::new(3) },
                },
            }
        });
        assert_errors!(DeliveryError {
            without_cause: {
                QueuesTooSmall => DeliveryError::QueuesTooSmall,
            }
            with_cause: {
                Busy => DeliveryError::Busy { pending: 1, source: Some(Arc::new(RecordError::CutShort)) },
                Parked => DeliveryError::Parked {
                    pending: 1,
                    stream: stream(),
                    source: PutError::rejected("no such customer"),
                },
            }
        });
    }
}
