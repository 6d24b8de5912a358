//! The first difference between a ledger and what it accepted, and how the search for it ends.

use std::fmt;

use ron_ledger_wire::{Seq, StreamId};

use crate::error::Fault;

/// The first difference between a ledger and what it accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct Violation {
    /// The stream; `None` if the difference belongs to no known stream.
    pub stream: Option<StreamId>,
    /// Number of the slice; `None` if the difference belongs to no slice.
    pub seq: Option<Seq>,
    /// What the ledger should hold.
    pub expected: String,
    /// What it holds.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.stream, self.seq) {
            (Some(stream), Some(seq)) => write!(f, "stream {stream}, seq {seq}: ")?,
            (Some(stream), None) => write!(f, "stream {stream}: ")?,
            (None, Some(seq)) => write!(f, "seq {seq} of an unknown stream: ")?,
            (None, None) => {}
        }
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

/// Why a verification ends early.
pub(crate) enum Stop {
    Violation(Violation),
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(error.into())
    }
}

impl Stop {
    /// Returns a violation to which a caller adds stream and number.
    pub(crate) fn violation(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Violation(Violation { stream: None, seq: None, expected: expected.into(), found: found.into() })
    }

    /// Adds stream and number, unless the stream is known already. A fault of the file itself becomes a violation.
    pub(crate) fn at(self, stream: Option<&StreamId>, seq: Option<Seq>) -> Self {
        let mut violation = match self {
            Self::Violation(violation) => violation,
            Self::Fault(fault) => match fault.damage() {
                Some(found) => {
                    Violation { stream: None, seq: None, expected: "a readable ledger".to_owned(), found }
                }
                None => return Self::Fault(fault),
            },
        };
        if violation.stream.is_none() {
            violation.stream = stream.cloned();
            violation.seq = seq;
        }
        Self::Violation(violation)
    }
}
