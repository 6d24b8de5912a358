//! Sums usage: over the totals of slices where they are enough, over rows where labels are asked for.
//!
//! Slices come in the order of their spans. What belongs to the same time is added up by ids first, so that names are looked up and
//! groups are compared once for many rows.

use std::ops::ControlFlow;

use foldhash::HashMap;
use ron_accounting_ledger::{sum_usage, ReadError, UsageFilter, UsageQuery, UsageRow, UsageSums};
use ron_ledger_wire::Seq;
use rusqlite::{named_params, Row, Statement, Transaction};

use crate::{
    error::{Fault, Unanswered},
    names::Names,
    open::SqliteLedger,
    schema, stored,
};

/// The most sums by ids that are kept at a time.
const SUMS_MAX: usize = 1 << 16;

impl SqliteLedger {
    pub(crate) fn sum(
        &self,
        query: &UsageQuery,
        visit: &mut dyn FnMut(&UsageRow) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.read(|transaction| sum_usage(query, |sums| scan(transaction, query, sums), visit))
            .map_err(|unanswered: Unanswered| unanswered.at(self.path()))
    }
}

fn scan(
    transaction: &Transaction<'_>,
    query: &UsageQuery,
    sums: &mut UsageSums<'_>,
) -> Result<(), Unanswered> {
    let needs_rows = query.needs_rows();
    let mut gathered = Gathered {
        by_ids: HashMap::default(),
        names: Names::new(transaction, &query.filter)?,
        has_streams: query.by.iter().any(|column| column.is_of_stream()),
    };
    let mut amounts = Amounts::prepare(transaction)?;
    // The span of the last slice, and whether the query selects it: many slices have the same.
    let mut last: Option<((u64, u64), bool)> = None;
    each_slice(transaction, &query.filter, query.checks_edges(), |slice| {
        if !gathered.names.selects_stream(slice.stream)? {
            return Ok(());
        }
        let span = (slice.start_ms, slice.end_ms);
        let is_selected = match last {
            Some((last_span, is_selected)) if last_span == span => is_selected,
            _ => {
                if !sums.continues(slice.start_ms, slice.end_ms) {
                    gathered.add_to(sums)?;
                }
                let is_selected = match sums.begin(slice.start_ms, slice.end_ms) {
                    Ok(is_selected) => is_selected,
                    Err(error) => {
                        let stream = gathered.names.stream(slice.stream)?;
                        return Err(error.of(&stream, seq_of(transaction, slice.id)?).into());
                    }
                };
                last = Some((span, is_selected));
                is_selected
            }
        };
        if !is_selected {
            return Ok(());
        }
        let stream = if gathered.has_streams { slice.stream } else { 0 };
        if needs_rows {
            amounts.each_row(slice.id, |row_key, increment| {
                *gathered.by_ids.entry((stream, row_key)).or_default() += u128::from(increment);
            })?;
        } else {
            *gathered.by_ids.entry((stream, 0)).or_default() += amounts.total(slice)?;
        }
        if gathered.by_ids.len() > SUMS_MAX {
            gathered.add_to(sums)?;
        }
        Ok(())
    })?;
    gathered.add_to(sums)
}

/// The sums since the columns of time changed, by ids of stream and row key. An id of 0 stands for all.
struct Gathered<'conn, 'query> {
    by_ids: HashMap<(i64, i64), u128>,
    names: Names<'conn, 'query>,
    has_streams: bool,
}

impl Gathered<'_, '_> {
    fn add_to(&mut self, sums: &mut UsageSums<'_>) -> Result<(), Unanswered> {
        let needs_rows = sums.query().needs_rows();
        for ((stream, row_key), amount) in self.by_ids.drain() {
            let stream = if self.has_streams { Some(self.names.stream(stream)?) } else { None };
            let key = if needs_rows { Some(self.names.row_key(row_key)?.as_ref()) } else { None };
            if key.as_ref().is_none_or(|key| sums.query().filter.selects_row(key)) {
                sums.add(stream.as_ref(), key.as_ref(), amount);
            }
        }
        Ok(())
    }
}

/// A slice as queries see it, by ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SliceTotal {
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
    pub(crate) stream: i64,
    pub(crate) id: i64,
    /// `None` in a file of an older schema.
    total: Option<u128>,
}

/// Passes each slice to `visit` that the times of the filter may select, in the order of spans.
///
/// With `crossing`, slices that go across `since_ms` come too.
pub(crate) fn each_slice(
    transaction: &Transaction<'_>,
    filter: &UsageFilter,
    crossing: bool,
    mut visit: impl FnMut(&SliceTotal) -> Result<(), Unanswered>,
) -> Result<(), Unanswered> {
    // No window starts at or past `i64::MAX`, so a bound beyond it selects the same windows.
    let bound = |time_ms: u64| i64::try_from(time_ms).unwrap_or(i64::MAX);
    let (since, until) = (filter.since_ms.map_or(0, bound), filter.until_ms.map_or(i64::MAX, bound));
    let (start, until) = match filter.window {
        Some((start_ms, _)) => (since.max(bound(start_ms)), until.min(bound(start_ms.saturating_add(1)))),
        None => (since, until),
    };
    let has_totals = schema::has_totals(transaction)?;
    let (columns, order) = if has_totals {
        ("start_ms, end_ms, stream, slice, total_lower, total_upper FROM slice_totals", "")
    } else {
        ("start_ms, end_ms, stream, id FROM slices", "ORDER BY start_ms, end_ms")
    };
    // A condition costs something in each row, so the second form is for those alone who need it.
    let from = if crossing && since > 0 { "end_ms > :start" } else { "start_ms >= :start" };
    let sql = format!("SELECT {columns} WHERE {from} AND start_ms < :until {order}");
    let mut statement = transaction.prepare(&sql)?;
    let mut rows = statement.query(named_params! { ":start": start, ":until": until })?;
    while let Some(row) = rows.next()? {
        visit(&SliceTotal::read(row, has_totals)?)?;
    }
    Ok(())
}

impl SliceTotal {
    fn read(row: &Row<'_>, has_totals: bool) -> Result<Self, Fault> {
        Ok(Self {
            start_ms: stored::integer(row, 0)?,
            end_ms: stored::integer(row, 1)?,
            stream: stored::id(row, 2)?,
            id: stored::id(row, 3)?,
            total: if has_totals { Some(stored::total(row, 5, 4)?) } else { None },
        })
    }
}

/// What was counted in a slice.
pub(crate) struct Amounts<'conn> {
    rows: Statement<'conn>,
}

impl<'conn> Amounts<'conn> {
    pub(crate) fn prepare(transaction: &'conn Transaction<'_>) -> rusqlite::Result<Self> {
        let sql = "SELECT row_key, increment FROM usage WHERE slice = ?1";
        Ok(Self { rows: transaction.prepare(sql)? })
    }

    /// Passes the id of the key and the increment of each row of a slice to `visit`.
    pub(crate) fn each_row(&mut self, slice: i64, mut visit: impl FnMut(i64, u64)) -> Result<(), Fault> {
        let mut rows = self.rows.query([slice])?;
        while let Some(row) = rows.next()? {
            visit(stored::id(row, 0)?, stored::increment(row, 1)?);
        }
        Ok(())
    }

    /// Returns the sum of all increments of a slice.
    pub(crate) fn total(&mut self, slice: &SliceTotal) -> Result<u128, Fault> {
        if let Some(total) = slice.total {
            return Ok(total);
        }
        let mut total = 0;
        self.each_row(slice.id, |_, increment| total += u128::from(increment))?;
        Ok(total)
    }
}

fn seq_of(transaction: &Transaction<'_>, slice: i64) -> Result<Seq, Fault> {
    let mut statement = transaction.prepare("SELECT seq FROM slices WHERE id = ?1")?;
    let mut rows = statement.query([slice])?;
    match rows.next()? {
        Some(row) => stored::seq(row, 0),
        None => Err(Fault::Stored(format!("a total of slice id {slice}, which does not exist"))),
    }
}
