//! What verification needs of a file: slices beside the rows and totals that queries sum, and what belongs to no slice.
//!
//! SQLite checks its own structure last, because the walk can say which slice is damaged, and SQLite often cannot.

use std::ops::ControlFlow;

use ron_accounting_ledger::{AuditedSlice, ReadError, VerifyError, Violation};
use ron_ledger_wire::{Row, Seq, Slice, StreamId};
use rusqlite::{params, OptionalExtension, Statement, ToSql, Transaction};

use crate::{
    ask::{find_slices, stored_slice},
    error::{Fault, Unanswered},
    open::SqliteLedger,
    schema, stored,
};

impl SqliteLedger {
    pub(crate) fn audit_stream(
        &self,
        stream: &StreamId,
        visit: &mut dyn FnMut(&AuditedSlice<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.answer(|transaction| audit(transaction, stream, visit))
    }

    pub(crate) fn check_schema(&self) -> Result<(), VerifyError> {
        match self.answer(|transaction| Ok(schema::difference(transaction)?))? {
            Some((expected, found)) => Err(Violation::new(expected, found).into()),
            None => Ok(()),
        }
    }

    pub(crate) fn check_rest(&self) -> Result<(), VerifyError> {
        for check in [slice_without_stream, usage_without_slice, total_without_slice, broken_structure] {
            if let Some(violation) = self.answer(|transaction| Ok(check(transaction)?))? {
                return Err(violation.into());
            }
        }
        Ok(())
    }
}

fn audit(
    transaction: &Transaction<'_>,
    stream: &StreamId,
    visit: &mut dyn FnMut(&AuditedSlice<'_>) -> ControlFlow<()>,
) -> Result<(), Unanswered> {
    let Some((stream_id, first)) = find_slices(transaction, stream, Seq::FIRST)? else { return Ok(()) };
    let mut slices = transaction.prepare(
        "SELECT seq, digest, start_ms, end_ms, bytes, row_count, id FROM slices
         WHERE stream = ?1 AND seq >= ?2 ORDER BY seq",
    )?;
    let mut find_total = if schema::has_totals(transaction)? {
        Some(transaction.prepare(
            "SELECT total_upper, total_lower FROM slice_totals
             WHERE start_ms = ?1 AND end_ms = ?2 AND stream = ?3 AND slice = ?4",
        )?)
    } else {
        None
    };
    // One row more than the slice has is enough to find that rows were added.
    let mut find_rows = transaction.prepare(
        "SELECT method, route, service, region, namespace, account, increment, row_key
         FROM usage LEFT JOIN row_keys ON row_keys.id = usage.row_key
         WHERE usage.slice = ?1 LIMIT ?2",
    )?;
    let mut slices = slices.query(params![stream_id, first])?;
    let mut roll_up = Vec::new();
    while let Some(row) = slices.next()? {
        let slice = stored_slice(row, stream)?;
        let row_count = stored::integer(row, 5)?;
        let id: i64 = row.get(6)?;
        let located = |fault: Fault| Unanswered::from(fault).about(stream, Some(slice.seq));
        let total = match &mut find_total {
            Some(find) => {
                let span =
                    params![stored::signed(slice.start_ms), stored::signed(slice.end_ms), stream_id, id];
                total(find, span).map_err(located)?
            }
            None => None,
        };
        let unknown_key = read_roll_up(&mut find_rows, id, row_count, &mut roll_up).map_err(located)?;
        let missing = match unknown_key {
            Some(key) => {
                Some(Violation::new("the labels or account of a row in `usage`", format!("no row key {key}")))
            }
            None if find_total.is_some() && total.is_none() => {
                Some(Violation::new("a row in `slice_totals` for the slice and its span", "no such row"))
            }
            None => None,
        };
        let audited = AuditedSlice {
            slice,
            row_count: Some(row_count),
            total,
            rows: Some(&roll_up),
            missing: missing.as_ref(),
        };
        if visit(&audited).is_break() {
            break;
        }
    }
    Ok(())
}

fn total(find: &mut Statement<'_>, span: &[&dyn ToSql]) -> Result<Option<u128>, Fault> {
    let mut rows = find.query(span)?;
    rows.next()?.map(|row| stored::total(row, 0, 1)).transpose()
}

/// Reads the rows of a slice that queries sum, sorted by key. Returns the id of a key that does not exist, if a row has one.
fn read_roll_up(
    find: &mut Statement<'_>,
    slice: i64,
    row_count: u64,
    roll_up: &mut Vec<Row>,
) -> Result<Option<i64>, Fault> {
    let limit = i64::try_from(row_count).unwrap_or(i64::MAX).saturating_add(1);
    roll_up.clear();
    let mut rows = find.query(params![slice, limit])?;
    while let Some(row) = rows.next()? {
        let Some(key) = stored::row_key(row, 0)? else {
            return Ok(Some(row.get(7)?));
        };
        roll_up.push(Row { key, increment: stored::increment(row, 6)? });
    }
    roll_up.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    Ok(None)
}

/// Finds a slice that the walk along the streams does not reach.
fn slice_without_stream(transaction: &Transaction<'_>) -> Result<Option<Violation>, Fault> {
    let mut slices = transaction.prepare(
        "SELECT slices.seq, slices.bytes FROM slices LEFT JOIN streams ON streams.id = slices.stream
         WHERE streams.id IS NULL ORDER BY slices.stream, slices.seq LIMIT 1",
    )?;
    let mut slices = slices.query([])?;
    let Some(row) = slices.next()? else { return Ok(None) };
    let stream = Slice::decode(stored::blob(row, 1)?).ok().map(|slice| slice.stream);
    let violation = Violation::new("a row in `streams` for the slice", "no such row");
    Ok(Some(violation.at(stream.as_ref(), Some(stored::seq(row, 0)?))))
}

fn usage_without_slice(transaction: &Transaction<'_>) -> Result<Option<Violation>, Fault> {
    let found: Option<i64> = transaction
        .query_row(
            "SELECT usage.slice FROM usage LEFT JOIN slices ON slices.id = usage.slice
             WHERE slices.id IS NULL LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(found.map(|id| {
        Violation::new(
            "rows of stored slices only",
            format!("a row in `usage` of slice id {id}, which does not exist"),
        )
    }))
}

fn total_without_slice(transaction: &Transaction<'_>) -> Result<Option<Violation>, Fault> {
    if !schema::has_totals(transaction)? {
        return Ok(None);
    }
    let found: Option<i64> = transaction
        .query_row(
            "SELECT t.slice FROM slice_totals AS t LEFT JOIN slices AS s
               ON s.id = t.slice AND s.stream = t.stream AND s.start_ms = t.start_ms AND s.end_ms = t.end_ms
             WHERE s.id IS NULL LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(found.map(|id| {
        Violation::new(
            "totals of stored slices only",
            format!("a row in `slice_totals` of slice id {id}, which does not exist or has another span"),
        )
    }))
}

fn broken_structure(transaction: &Transaction<'_>) -> Result<Option<Violation>, Fault> {
    // Not `quick_check`, because queries use indexes, which only `integrity_check` compares.
    let answer: String = transaction.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((answer != "ok").then(|| Violation::new("a sound SQLite file", answer)))
}
