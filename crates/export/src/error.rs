//! Refusals: those of a ledger, and those of the lanes.

use std::error::Error as StdError;

use ron_ledger_wire::{ClaimId, Digest, Origin, Rejection, SealedSlice, Seq, StreamId};
use thiserror::Error;

use crate::{
    cause::{with_causes, Cause},
    Ack,
};

/// Why a ledger did not take a slice.
///
/// After a retryable error the lane offers the same slice again. Any other error parks the lane. A slice is never skipped, since
/// that would lose usage.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PutError {
    /// The ledger cannot be reached or could not store. It is unknown whether it stored; a retry finds out.
    #[error("ledger unavailable; the slice is offered again")]
    Unavailable {
        /// What the ledger or its transport said.
        source: Cause,
    },
    /// The ledger takes no more work at this moment.
    #[error("ledger busy; the slice is offered again")]
    Busy,
    /// No answer came within the timeout for one put.
    #[error(
        "no answer before the deadline; the slice is offered again, and if this persists raise `timeout_ms`"
    )]
    Deadline,
    /// The number of answers differs from the number of slices, so that no answer can be assigned to a slice.
    #[error("exporter gave {answered} answers to {offered} slices; all are offered again, the exporter needs a repair")]
    Unanswered {
        /// How many answers it gave.
        answered: usize,
        /// How many slices it was offered.
        offered: usize,
    },
    /// A slice of the same stream that precedes this one in the batch was refused, so this one was not judged.
    #[error("not reached: a slice before it was refused; the slice is offered again behind that one")]
    NotReached,
    /// The history is forked: the ledger holds another slice under the same stream and sequence number.
    #[error(
        "fork: the ledger holds slice {stored} where {offered} was offered; \
         two processes write one stream or one was restored from a copy, an operator must decide"
    )]
    Conflict {
        /// The digest in the ledger.
        stored: Digest,
        /// The digest that was offered.
        offered: Digest,
    },
    /// Slices before this one are missing from the ledger.
    #[error(
        "gap: the ledger expects seq {expected} and was offered {found}; export the missing slices first"
    )]
    Gap {
        /// The sequence number that the ledger takes next.
        expected: Seq,
        /// The sequence number that was offered.
        found: Seq,
    },
    /// Another copy of the log exports under the same origin. Its slices and those of this copy could be taken for duplicates of
    /// each other. See [`ron_ledger_wire::Claim`].
    #[error(
        "another copy of the log exports under origin {origin} (the ledger has opening {current}); \
         stop one of the two and give the other a new log directory"
    )]
    Claimed {
        /// The origin that both use.
        origin: Origin,
        /// The opening that the ledger takes slices from.
        current: ClaimId,
    },
    /// The ledger will never take this slice as it is.
    #[error("ledger refused the slice; the lane is parked until an operator resumes it")]
    Rejected {
        /// What is wrong with it: a [`Rejection`] if the acceptance rule refused it, else a reason of the ledger's own.
        source: Cause,
    },
}

impl PutError {
    /// Returns [`PutError::Unavailable`] with this error or text as its cause.
    pub fn unavailable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Unavailable { source: Cause::new(cause) }
    }

    /// Returns [`PutError::Rejected`] with this error or text as its cause.
    pub fn rejected(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Rejected { source: Cause::new(cause) }
    }

    /// Returns the message with all its causes, in one line.
    #[must_use]
    pub fn with_causes(&self) -> String {
        with_causes(self)
    }

    /// Returns whether the same slice may succeed later without an operator.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. }
            | Self::Busy
            | Self::Deadline
            | Self::Unanswered { .. }
            | Self::NotReached => true,
            Self::Conflict { .. } | Self::Gap { .. } | Self::Claimed { .. } | Self::Rejected { .. } => false,
        }
    }

    /// Returns this error as the answer for every slice of a batch, for a ledger that failed as a whole.
    ///
    /// ```
    /// use ron_accounting_export::PutError;
    /// assert!(PutError::Busy.for_all(&[]).is_empty());
    /// ```
    #[must_use]
    pub fn for_all(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        vec![Err(self.clone()); batch.len()]
    }
}

impl From<Rejection> for PutError {
    fn from(rejection: Rejection) -> Self {
        Self::rejected(rejection)
    }
}

/// Why lanes could not be made, or why a push was refused. Lanes that exist are unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LaneError {
    /// An option is outside its range.
    #[error("{option} is {value}, must be {min} to {max}")]
    InvalidOption {
        /// The option, by its name in [`LaneOptions`](crate::LaneOptions).
        option: &'static str,
        /// The value that was asked for.
        value: u64,
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
    /// The limit on pending slices is reached: [`Lanes::room`](crate::Lanes::room) is 0.
    #[error(
        "{pending_max} slices are pending already; seal this stream later, when the ledger has caught up"
    )]
    Full {
        /// The limit.
        pending_max: usize,
    },
    /// The slice does not follow the last pending one of its stream.
    #[error("{stream} expects seq {expected} and was given {found}; push the slices of a stream in order, each once")]
    OutOfOrder {
        /// The stream.
        stream: StreamId,
        /// The sequence number after the last pending slice.
        expected: Seq,
        /// The sequence number that was given.
        found: Seq,
    },
    /// The slice follows in number, but links to another slice than the last pending one.
    #[error(
        "{stream} seq {seq} links to {}, but the slice before it is {expected}; the chain was sealed twice",
        found.map_or_else(|| "nothing".to_owned(), |digest| digest.to_string())
    )]
    BrokenLink {
        /// The stream.
        stream: StreamId,
        /// The sequence number of the slice given.
        seq: Seq,
        /// The digest of the last pending slice.
        expected: Digest,
        /// The digest that the slice links to.
        found: Option<Digest>,
    },
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;
    use ron_ledger_wire::DecodeError;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let (digest, origin) = (Digest::of(b""), Origin::from_bytes([7; 16]));
        let stream = || StreamId::new(origin, "acme", "requests");
        let malformed: DecodeError = SealedSlice::from_bytes(*b"no slice").unwrap_err();
        assert_errors!(PutError {
            without_cause: {
                Busy => PutError::Busy,
                Deadline => PutError::Deadline,
                Unanswered => PutError::Unanswered { answered: 1, offered: 2 },
                NotReached => PutError::NotReached,
                Conflict => PutError::Conflict { stored: digest, offered: digest },
                Gap => PutError::Gap { expected: Seq::new(1), found: Seq::new(2) },
                Claimed => PutError::Claimed { origin, current: ClaimId::from_bytes([1; 16]) },
            }
            with_cause: {
                Unavailable => PutError::unavailable(std::io::Error::other("connection refused")),
                Rejected => PutError::from(Rejection::Malformed(malformed)),
            }
        });
        assert_errors!(LaneError {
            without_cause: {
                InvalidOption => LaneError::InvalidOption { option: "batch_max", value: 0, min: 1, max: 2 },
                Full => LaneError::Full { pending_max: 1 },
                OutOfOrder => LaneError::OutOfOrder { stream: stream(), expected: Seq::new(1), found: Seq::new(2) },
                BrokenLink => LaneError::BrokenLink { stream: stream(), seq: Seq::new(1), expected: digest, found: None },
            }
            with_cause: {}
        });
    }
}
