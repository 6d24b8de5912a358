//! Answers as rows of text that can be taken in parts.

use std::{collections::BTreeMap, ops::ControlFlow};

use crate::{
    text::format_time, Column, Evidence, Ledger, ReadError, SliceName, UsageFilter, UsageQuery, UsageRow,
    Value,
};

/// How many figures, and how many slices behind one, are asked for at a time.
const PAGE: usize = 10_000;

/// The sums of a query as rows of text, in order. It goes on where it was interrupted.
///
/// A window is shown by its start: rows that differ in the end of their window alone are one row.
#[derive(Debug)]
pub struct UsageAnswer {
    query: UsageQuery,
    last: Option<Vec<Value>>,
    merged: MergedWindows,
}

impl UsageAnswer {
    /// Returns the answer to this query, of which nothing was shown.
    #[must_use]
    pub fn new(query: UsageQuery) -> Self {
        Self { merged: MergedWindows::new(&query.by), last: None, query }
    }

    /// Returns the names of the columns. The sum behind them has the name `inc`.
    #[must_use]
    pub fn columns(&self) -> Vec<&'static str> {
        self.query.by.iter().map(|column| column.name()).collect()
    }

    /// Asks the ledger for the rows that were not shown, and passes their cells and sums to `show` until it breaks. Returns whether
    /// all are shown; else a further call goes on.
    ///
    /// Rows that were held back to become one may follow the one at which `show` broke. Each figure is exact for the moment of the
    /// call that showed it.
    pub fn resume(
        &mut self,
        ledger: &dyn Ledger,
        show: &mut dyn FnMut(Vec<String>, u128) -> ControlFlow<()>,
    ) -> Result<bool, ReadError> {
        let Self { query, last, merged } = self;
        let behind = last.clone();
        let mut is_broken = false;
        ledger.usage(query, &mut |row| {
            if behind.as_ref().is_some_and(|behind| row.values <= *behind) {
                return ControlFlow::Continue(());
            }
            *last = Some(row.values.clone());
            let step = merged.push(row, show);
            is_broken = step.is_break();
            step
        })?;
        if !is_broken {
            // There is nothing left to break off.
            let _ = merged.show_held(show);
        }
        Ok(!is_broken)
    }
}

/// The slices behind each figure of a query as rows of text, in order. It goes on where it was interrupted.
///
/// The cells are those of the figure, then tenant and dimension unless they are among them, then origin, seq and cid. The number is how
/// much of the figure the slice is.
#[derive(Debug)]
pub struct EvidenceAnswer {
    query: UsageQuery,
    /// Columns of the stream that the query has not.
    of_stream: Vec<Column>,
    /// The figure whose slices come next.
    current: Option<UsageRow>,
    /// The slice of it that was shown last.
    after: Option<SliceName>,
}

impl EvidenceAnswer {
    /// Returns the evidence for the figures of this query, of which nothing was shown.
    #[must_use]
    pub fn new(query: UsageQuery) -> Self {
        let of_stream = [Column::Tenant, Column::Dimension];
        let of_stream = of_stream.into_iter().filter(|column| !query.by.contains(column)).collect();
        Self { query, of_stream, current: None, after: None }
    }

    /// Returns the names of the columns. The amount behind them has the name `inc`.
    #[must_use]
    pub fn columns(&self) -> Vec<&'static str> {
        let names = self.query.by.iter().chain(&self.of_stream).map(|column| column.name());
        names.chain(["origin", "seq", "cid"]).collect()
    }

    /// Asks the ledger for the slices that were not shown, and passes their cells and amounts to `show` until it breaks. Returns whether
    /// all are shown; else a further call goes on.
    pub fn resume(
        &mut self,
        ledger: &dyn Ledger,
        show: &mut dyn FnMut(Vec<String>, u128) -> ControlFlow<()>,
    ) -> Result<bool, ReadError> {
        if let Some(row) = self.current.clone() {
            if self.show_slices(ledger, &row, show)?.is_break() {
                return Ok(false);
            }
        }
        // The ledger must not be asked while it passes rows, so rows come in pages too.
        loop {
            let rows = rows_after(ledger, &self.query, self.current.as_ref())?;
            if rows.is_empty() {
                return Ok(true);
            }
            for row in rows {
                self.after = None;
                self.current = Some(row.clone());
                if self.show_slices(ledger, &row, show)?.is_break() {
                    return Ok(false);
                }
            }
        }
    }

    fn show_slices(
        &mut self,
        ledger: &dyn Ledger,
        row: &UsageRow,
        show: &mut dyn FnMut(Vec<String>, u128) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let filter: UsageFilter = self.query.filter_of(row);
        loop {
            let page = ledger.evidence(&filter, self.after.as_ref(), PAGE)?;
            for evidence in &page {
                self.after = Some(evidence.slice.name.clone());
                if show(self.cells(row, evidence), evidence.amount).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if page.len() < PAGE {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }

    fn cells(&self, row: &UsageRow, evidence: &Evidence) -> Vec<String> {
        let name = &evidence.slice.name;
        let mut shown = cells(&row.values);
        shown.extend(self.of_stream.iter().map(|column| match column {
            Column::Tenant => name.stream.tenant().to_owned(),
            _ => name.stream.dimension().to_owned(),
        }));
        shown.extend([name.stream.origin().to_string(), name.seq.to_string(), evidence.cid().to_string()]);
        shown
    }
}

/// Returns the next groups of an answer, in bounded number.
fn rows_after(
    ledger: &dyn Ledger,
    query: &UsageQuery,
    last: Option<&UsageRow>,
) -> Result<Vec<UsageRow>, ReadError> {
    let mut rows = Vec::new();
    ledger.usage(query, &mut |row| {
        if last.map_or(true, |last| row.values > last.values) {
            rows.push(row.clone());
        }
        if rows.len() < PAGE {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(rows)
}

/// Returns the values of a row as text. A window is shown by its start.
fn cells(values: &[Value]) -> Vec<String> {
    values.iter().map(cell).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Window { start_ms, .. } => format_time(*start_ms),
        other => other.to_string(),
    }
}

/// Makes one row of rows that differ in the end of their window alone.
///
/// Rows are sorted, so those with the same columns up to the start of the window come together. They are held until the next ones come.
#[derive(Debug)]
struct MergedWindows {
    /// How many columns there are before the column of windows; `None` without one.
    before_window: Option<usize>,
    /// What the held rows have in common: their values before the window, and its start.
    common: Vec<Value>,
    /// Sums by the values behind the window.
    held: BTreeMap<Vec<Value>, u128>,
}

impl MergedWindows {
    fn new(by: &[Column]) -> Self {
        let before_window = by.iter().position(|column| *column == Column::Window);
        Self { before_window, common: Vec::new(), held: BTreeMap::new() }
    }

    fn push(
        &mut self,
        row: &UsageRow,
        show: &mut dyn FnMut(Vec<String>, u128) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(before_window) = self.before_window else { return show(cells(&row.values), row.sum) };
        let (common, behind) = row.values.split_at((before_window + 1).min(row.values.len()));
        let common: Vec<Value> = common.iter().map(start_alone).collect();
        let mut step = ControlFlow::Continue(());
        if common != self.common {
            step = self.show_held(show);
            self.common = common;
        }
        let sum = self.held.entry(behind.to_vec()).or_default();
        *sum = sum.saturating_add(row.sum);
        step
    }

    fn show_held(&mut self, show: &mut dyn FnMut(Vec<String>, u128) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut step = ControlFlow::Continue(());
        for (behind, sum) in std::mem::take(&mut self.held) {
            let mut shown = cells(&self.common);
            shown.extend(cells(&behind));
            if show(shown, sum).is_break() {
                step = ControlFlow::Break(());
            }
        }
        step
    }
}

fn start_alone(value: &Value) -> Value {
    match value {
        Value::Window { start_ms, .. } => Value::Window { start_ms: *start_ms, end_ms: *start_ms },
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use ron_accounting_export::{memory::MemoryLedger, Exporter};
    use ron_ledger_wire::{Origin, Row, RowKey, SealedSlice, Seq, Slice, StreamId};

    use super::*;

    /// A ledger with slices of one tenant each. Two windows begin at the same time and end at different ones.
    fn ledger() -> MemoryLedger {
        let slice = |tenant: &str, end_ms: u64| -> SealedSlice {
            let rows = ["/a", "/b", "/c"]
                .map(|route| Row { key: RowKey::labels("GET", route, "s", "r"), increment: 2 });
            let stream = StreamId::new(Origin::from_bytes([7; 16]), tenant, "requests");
            let rows = rows.into_iter().collect();
            Slice { stream, seq: Seq::FIRST, start_ms: 60_000, end_ms, previous: None, rows }
                .encode()
                .unwrap()
        };
        let ledger = MemoryLedger::new();
        for answer in ledger.put_batch(&[slice("a", 120_000), slice("b", 180_000), slice("c", 120_000)]) {
            answer.unwrap();
        }
        ledger
    }

    type Rows = Vec<(Vec<String>, u128)>;

    /// Takes an answer in parts of this many rows, or one more.
    fn in_parts(
        part: usize,
        mut resume: impl FnMut(&mut dyn FnMut(Vec<String>, u128) -> ControlFlow<()>) -> Result<bool, ReadError>,
    ) -> Rows {
        let mut rows = Vec::new();
        loop {
            let begin = rows.len();
            let is_complete = resume(&mut |cells, sum| {
                rows.push((cells, sum));
                if rows.len() - begin >= part {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            if is_complete.unwrap() {
                return rows;
            }
        }
    }

    #[test]
    fn an_answer_in_parts_is_the_answer_as_a_whole() {
        let ledger = ledger();
        for by in [
            vec![],
            vec![Column::Tenant, Column::Route],
            vec![Column::Window],
            vec![Column::Window, Column::Route],
            vec![Column::Route, Column::Window, Column::Tenant],
        ] {
            let query = UsageQuery::by(by);
            let usage = |part| {
                let mut answer = UsageAnswer::new(query.clone());
                in_parts(part, |show| answer.resume(&ledger, show))
            };
            let evidence = |part| {
                let mut answer = EvidenceAnswer::new(query.clone());
                in_parts(part, |show| answer.resume(&ledger, show))
            };
            assert_eq!(usage(usize::MAX).iter().map(|(_, sum)| sum).sum::<u128>(), 18);
            assert_eq!(evidence(usize::MAX).iter().map(|(_, sum)| sum).sum::<u128>(), 18);
            for part in 1..6 {
                assert_eq!(usage(part), usage(usize::MAX), "{query:?}");
                assert_eq!(evidence(part), evidence(usize::MAX), "{query:?}");
            }
        }
    }

    #[test]
    fn windows_of_one_start_are_one_row() {
        let ledger = ledger();
        let mut answer = UsageAnswer::new(UsageQuery::by([Column::Window]));
        let rows = in_parts(usize::MAX, |show| answer.resume(&ledger, show));
        assert_eq!(rows, [(vec!["1970-01-01T00:01:00Z".to_owned()], 18)]);
    }
}
