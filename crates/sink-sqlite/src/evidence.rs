//! Reads back what was stored: exact bytes and heads.

use std::ops::ControlFlow;

use ron_ledger_wire::{Cid, Digest, Head, Seq, StreamId};

use crate::{
    error::{Fault, LedgerError},
    open::SqliteLedger,
    stored,
};

/// A slice as the ledger has it, borrowed during a visit.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct StoredSlice<'a> {
    /// The stream that the slice was stored for.
    pub stream: &'a StreamId,
    /// Number within the stream.
    pub seq: Seq,
    /// Digest under which the slice was accepted. It is not computed again: evidence shows what is in the file, and a check
    /// finds the difference.
    pub digest: Digest,
    /// The digest as a content identifier.
    pub cid: Cid,
    /// Start of the span in Unix milliseconds.
    pub start_ms: u64,
    /// End of the span in Unix milliseconds, exclusive.
    pub end_ms: u64,
    /// The exact bytes.
    pub bytes: &'a [u8],
}

impl SqliteLedger {
    /// Passes each slice to `visit` until it returns `Break`. Streams are sorted by origin, tenant and dimension, and the slices of
    /// each by number.
    ///
    /// All slices come from one consistent view. One slice is held in memory. Nothing is checked, see
    /// [`SqliteLedger::verify`]. `visit` must not call this ledger: the call would wait for the end of the visit, so for itself.
    pub fn slices(
        &self,
        mut visit: impl FnMut(&StoredSlice<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.read(|transaction| {
            let mut streams = transaction.prepare(STREAMS)?;
            let mut slices = transaction.prepare(
                "SELECT seq, digest, start_ms, end_ms, bytes FROM slices WHERE stream = ?1 ORDER BY seq",
            )?;
            let mut streams = streams.query([])?;
            while let Some(row) = streams.next()? {
                let stream = stored::stream(row, 1)?;
                let mut slices = slices.query([row.get::<_, i64>(0)?])?;
                while let Some(row) = slices.next()? {
                    let digest = stored::digest(row, 1)?;
                    let slice = StoredSlice {
                        stream: &stream,
                        seq: stored::seq(row, 0)?,
                        digest,
                        cid: Cid::from(digest),
                        start_ms: stored::integer(row, 2)?,
                        end_ms: stored::integer(row, 3)?,
                        bytes: stored::blob(row, 4)?,
                    };
                    if visit(&slice).is_break() {
                        return Ok(());
                    }
                }
            }
            Ok(())
        })
        .map_err(|fault: Fault| fault.at(self.path()))
    }

    /// Returns the head of every stream, sorted by origin, tenant and dimension.
    pub fn heads(&self) -> Result<Vec<Head>, LedgerError> {
        self.read(|transaction| {
            let mut heads = Vec::new();
            let mut statement = transaction.prepare(STREAMS)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let last = stored::digest(row, 5)?;
                heads.push(Head::new(stored::stream(row, 1)?, stored::seq(row, 4)?, Some(last)));
            }
            Ok(heads)
        })
        .map_err(|fault: Fault| fault.at(self.path()))
    }
}

/// Selects id, stream, next seq and last digest, in the order in which streams are shown.
pub(crate) const STREAMS: &str = "SELECT id, origin, tenant, dimension, next_seq, last_digest FROM streams
  ORDER BY origin, tenant, dimension";
