//! The ledger, asked: heads, slices and their exact bytes. Usage and verification have files of their own.

use std::ops::ControlFlow;

use ron_accounting_ledger::{
    AuditedSlice, Evidence, Ledger, ReadError, SliceInfo, SliceName, StoredSlice, UsageFilter, UsageQuery,
    UsageRow, VerifyError,
};
use ron_ledger_wire::{Cid, Head, Seq, StreamId};
use rusqlite::{params, OptionalExtension, Row, Transaction};

use crate::{
    error::{Fault, Unanswered},
    open::SqliteLedger,
    put::{find_stream, FIND_STREAM},
    schema, stored,
};

impl Ledger for SqliteLedger {
    fn heads(&self, after: Option<&StreamId>, limit: usize) -> Result<Vec<Head>, ReadError> {
        self.answer(|transaction| heads(transaction, after, limit))
    }

    fn stream_head(&self, stream: &StreamId) -> Result<Option<Head>, ReadError> {
        self.answer(|transaction| {
            let found = find_stream(&mut transaction.prepare(FIND_STREAM)?, stream)?;
            Ok(found.map(|found| found.head(stream)))
        })
    }

    fn slices(&self, stream: &StreamId, from: Seq, limit: usize) -> Result<Vec<SliceInfo>, ReadError> {
        self.answer(|transaction| slices(transaction, stream, from, limit))
    }

    fn read_slices(
        &self,
        stream: &StreamId,
        from: Seq,
        visit: &mut dyn FnMut(&StoredSlice<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.answer(|transaction| read_slices(transaction, stream, from, visit))
    }

    fn find(&self, cid: &Cid) -> Result<Option<SliceName>, ReadError> {
        self.answer(|transaction| {
            let digest = cid.digest();
            let found = transaction
                .prepare(
                    "SELECT streams.origin, streams.tenant, streams.dimension, slices.seq
                     FROM slices JOIN streams ON streams.id = slices.stream WHERE slices.digest = ?1",
                )?
                .query_row([digest.as_bytes()], |row| Ok(name(row)))
                .optional()?;
            Ok(found.transpose()?)
        })
    }

    fn usage(
        &self,
        query: &UsageQuery,
        visit: &mut dyn FnMut(&UsageRow) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.sum(query, visit)
    }

    fn evidence(
        &self,
        filter: &UsageFilter,
        after: Option<&SliceName>,
        limit: usize,
    ) -> Result<Vec<Evidence>, ReadError> {
        self.slices_behind(filter, after, limit)
    }

    fn audit(
        &self,
        stream: &StreamId,
        visit: &mut dyn FnMut(&AuditedSlice<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.audit_stream(stream, visit)
    }

    fn verify_layout(&self) -> Result<(), VerifyError> {
        self.check_schema()
    }

    fn verify_rest(&self) -> Result<(), VerifyError> {
        self.check_rest()
    }
}

impl SqliteLedger {
    /// Runs `work` on one consistent view of the ledger.
    pub(crate) fn answer<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Unanswered>,
    ) -> Result<T, ReadError> {
        self.read(work).map_err(|unanswered: Unanswered| unanswered.at(self.path()))
    }
}

fn name(row: &Row<'_>) -> Result<SliceName, Fault> {
    Ok(SliceName { stream: stored::stream(row, 0)?, seq: stored::seq(row, 3)? })
}

fn heads(
    transaction: &Transaction<'_>,
    after: Option<&StreamId>,
    limit: usize,
) -> Result<Vec<Head>, Unanswered> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let columns = "SELECT origin, tenant, dimension, next_seq, last_digest FROM streams";
    let order = "ORDER BY origin, tenant, dimension LIMIT ?1";
    let mut statement = match after {
        Some(_) => transaction
            .prepare(&format!("{columns} WHERE (origin, tenant, dimension) > (?2, ?3, ?4) {order}"))?,
        None => transaction.prepare(&format!("{columns} {order}"))?,
    };
    let mut rows = match after {
        Some(after) => {
            let origin = after.origin();
            statement.query(params![limit, origin.as_bytes(), after.tenant(), after.dimension()])?
        }
        None => statement.query([limit])?,
    };
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        let stream = stored::stream(row, 0)?;
        let located = |fault: Fault| Unanswered::from(fault).about(&stream, None);
        let next_seq = stored::seq(row, 3).map_err(located)?;
        let last = stored::digest(row, 4).map_err(located)?;
        heads.push(Head::new(stream, next_seq, Some(last)));
    }
    Ok(heads)
}

fn slices(
    transaction: &Transaction<'_>,
    stream: &StreamId,
    from: Seq,
    limit: usize,
) -> Result<Vec<SliceInfo>, Unanswered> {
    let Some((id, from)) = find_slices(transaction, stream, from)? else { return Ok(Vec::new()) };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let total = if schema::has_totals(transaction)? {
        "LEFT JOIN slice_totals AS t ON t.start_ms = s.start_ms AND t.end_ms = s.end_ms
           AND t.stream = s.stream AND t.slice = s.id"
    } else {
        "LEFT JOIN (SELECT NULL AS total_upper, NULL AS total_lower) AS t ON true"
    };
    let sql = format!(
        "SELECT s.seq, s.digest, s.start_ms, s.end_ms, s.row_count, t.total_upper, t.total_lower, s.id
         FROM slices AS s {total} WHERE s.stream = ?1 AND s.seq >= ?2 ORDER BY s.seq LIMIT ?3"
    );
    let mut amounts = crate::usage::Amounts::prepare(transaction)?;
    let mut statement = transaction.prepare(&sql)?;
    let mut rows = statement.query(params![id, from, limit])?;
    let mut slices = Vec::new();
    while let Some(row) = rows.next()? {
        let total = if stored::is_null(row, 5)? {
            let mut total = 0;
            amounts.each_row(row.get(7)?, |_, increment| total += u128::from(increment))?;
            total
        } else {
            stored::total(row, 5, 6)?
        };
        slices.push(SliceInfo {
            name: SliceName { stream: stream.clone(), seq: stored::seq(row, 0)? },
            digest: stored::digest(row, 1)?,
            start_ms: stored::integer(row, 2)?,
            end_ms: stored::integer(row, 3)?,
            row_count: stored::integer(row, 4)?,
            total,
        });
    }
    Ok(slices)
}

/// Returns the id of a stream, and the stored form of a number; `None` if there can be no slice.
pub(crate) fn find_slices(
    transaction: &Transaction<'_>,
    stream: &StreamId,
    from: Seq,
) -> Result<Option<(i64, i64)>, Fault> {
    let Ok(from) = i64::try_from(from.get()) else { return Ok(None) };
    let sql = "SELECT id FROM streams WHERE origin = ?1 AND tenant = ?2 AND dimension = ?3";
    let origin = stream.origin();
    let id = transaction
        .prepare(sql)?
        .query_row(params![origin.as_bytes(), stream.tenant(), stream.dimension()], |row| row.get(0))
        .optional()?;
    Ok(id.map(|id| (id, from)))
}

fn read_slices(
    transaction: &Transaction<'_>,
    stream: &StreamId,
    from: Seq,
    visit: &mut dyn FnMut(&StoredSlice<'_>) -> ControlFlow<()>,
) -> Result<(), Unanswered> {
    let Some((id, from)) = find_slices(transaction, stream, from)? else { return Ok(()) };
    let mut statement = transaction.prepare(
        "SELECT seq, digest, start_ms, end_ms, bytes FROM slices WHERE stream = ?1 AND seq >= ?2 ORDER BY seq",
    )?;
    let mut rows = statement.query(params![id, from])?;
    while let Some(row) = rows.next()? {
        if visit(&stored_slice(row, stream)?).is_break() {
            break;
        }
    }
    Ok(())
}

/// Reads a slice from five columns: seq, digest, start, end and bytes.
pub(crate) fn stored_slice<'row>(
    row: &'row Row<'_>,
    stream: &'row StreamId,
) -> Result<StoredSlice<'row>, Fault> {
    Ok(StoredSlice {
        stream,
        seq: stored::seq(row, 0)?,
        digest: stored::digest(row, 1)?,
        start_ms: stored::integer(row, 2)?,
        end_ms: stored::integer(row, 3)?,
        bytes: stored::blob(row, 4)?,
    })
}
