//! Two kinds of refusal: a ledger's answer to a slice, and the lanes' answer to a push.

use ron_ledger_wire::{ClaimId, Digest, Origin, Rejection, SealedSlice, StreamId};
use thiserror::Error;

use crate::Ack;

/// Why a ledger did not take a slice.
///
/// A retryable error passes with time, and the lane offers the same slice again. Any other parks the lane: the
/// slice is never skipped, since a slice that is skipped is usage that is lost.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PutError {
    /// The ledger cannot be reached or could not store. Whether it stored is unknown; a retry finds out.
    #[error("ledger unavailable ({reason}); the slice is offered again")]
    Unavailable {
        /// What the ledger or its transport said.
        reason: String,
    },
    /// The ledger has no room for more work at this moment.
    #[error("ledger busy; the slice is offered again")]
    Busy,
    /// No answer came within the time for one put.
    #[error(
        "no answer before the deadline; the slice is offered again, and if this persists raise `timeout_ms`"
    )]
    Deadline,
    /// The exporter gave another number of answers than it was offered slices, so none can be assigned.
    #[error("exporter gave {answered} answers to {offered} slices; all are offered again, the exporter needs a repair")]
    Unanswered {
        /// How many answers it gave.
        answered: usize,
        /// How many slices it was offered.
        offered: usize,
    },
    /// A slice of the same stream stood before this one in the batch and was refused, so this one was not looked at.
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
        expected: u64,
        /// The one that was offered.
        found: u64,
    },
    /// Another copy of the log exports under the same origin, so that what this one counts could be taken for what that
    /// one has counted. See [`ron_ledger_wire::Claim`].
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
    #[error("ledger refused the slice ({reason}); the lane is parked until an operator resumes it")]
    Rejected {
        /// What is wrong with it.
        reason: String,
    },
}

impl PutError {
    /// True when the same slice may succeed later without anybody's help.
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

    /// The same answer for every slice of a batch, for when the ledger failed as a whole.
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
        Self::Rejected { reason: rejection.to_string() }
    }
}

/// Why lanes could not be made, or did not take a slice in. Lanes that exist are unchanged.
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
    /// [`Lanes::room`](crate::Lanes::room) is 0: as many slices are pending as may be.
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
        expected: u64,
        /// The one given.
        found: u64,
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
        seq: u64,
        /// The digest of the last pending slice.
        expected: Digest,
        /// The digest that the slice links to.
        found: Option<Digest>,
    },
}
