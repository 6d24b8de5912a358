//! The first difference between a ledger and what it accepted.

use std::fmt;

use ron_ledger_wire::{Seq, StreamId};

/// The first difference between a ledger and what it accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct Violation {
    /// The stream; `None` if the difference belongs to no known stream.
    pub stream: Option<StreamId>,
    /// Number of the slice; `None` if the difference belongs to no slice.
    pub seq: Option<Seq>,
    /// What the ledger should hold. It may quote what a stranger wrote: whoever shows it escapes it.
    pub expected: String,
    /// What it holds. It may quote what a stranger wrote: whoever shows it escapes it.
    pub found: String,
}

impl Violation {
    /// Returns a difference that belongs to no known slice.
    pub fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { stream: None, seq: None, expected: expected.into(), found: found.into() }
    }

    /// Adds stream and number, unless the stream is known already.
    pub fn at(mut self, stream: Option<&StreamId>, seq: Option<Seq>) -> Self {
        if self.stream.is_none() {
            self.stream = stream.cloned();
            self.seq = seq;
        }
        self
    }
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
