//! Reading back what was stored: exact bytes and heads.

use std::ops::ControlFlow;

use ron_ledger_wire::{Cid, Digest, Head, StreamId};

use crate::{
    error::{Fault, LedgerError},
    open::SqliteLedger,
    stored,
};

/// A slice as the ledger stored it, borrowed while it is visited.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct StoredSlice<'a> {
    /// The stream that it was stored for.
    pub stream: &'a StreamId,
    /// Its number within the stream.
    pub seq: u64,
    /// The digest that it was accepted under. It is not computed again: evidence shows what is in the file, and
    /// whoever checks finds the difference.
    pub digest: Digest,
    /// The same as a content identifier.
    pub cid: Cid,
    /// Start of its span in Unix milliseconds.
    pub start_ms: u64,
    /// End of its span in Unix milliseconds, exclusive.
    pub end_ms: u64,
    /// Its exact bytes.
    pub bytes: &'a [u8],
}

impl SqliteLedger {
    /// Shows every slice to `visit`, stream by stream (by origin, tenant, dimension) and each in order of seq, in one
    /// consistent view, until it breaks. Holds one slice in memory. Nothing is checked: see [`SqliteLedger::verify`].
    ///
    /// `visit` must not call this ledger, which waits until the visit is over.
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
                        seq: stored::integer(row, 0)?,
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

    /// The head of every stream, by origin, tenant and dimension.
    pub fn heads(&self) -> Result<Vec<Head>, LedgerError> {
        self.read(|transaction| {
            let mut heads = Vec::new();
            let mut statement = transaction.prepare(STREAMS)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let last = stored::digest(row, 5)?;
                heads.push(Head::new(stored::stream(row, 1)?, stored::integer(row, 4)?, Some(last)));
            }
            Ok(heads)
        })
        .map_err(|fault: Fault| fault.at(self.path()))
    }
}

/// Id, stream, next seq and last digest, in the one order in which streams are shown.
pub(crate) const STREAMS: &str = "SELECT id, origin, tenant, dimension, next_seq, last_digest FROM streams
  ORDER BY origin, tenant, dimension";
