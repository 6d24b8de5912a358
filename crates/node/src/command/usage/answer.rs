//! Rows as they are shown.

use std::{collections::BTreeMap, io};

use ron_accounting_ledger::{Column, UsageRow, Value};

use crate::moment;

/// Returns the values of a row as text. A window is shown by its start.
pub(super) fn cells(values: &[Value]) -> Vec<String> {
    values.iter().map(cell).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Window { start_ms, .. } => moment::format_time(*start_ms),
        other => other.to_string(),
    }
}

/// Makes one row of rows that differ in the end of their window alone.
///
/// Rows are sorted, so those with the same columns up to the start of the window come together. They are held until the next ones come.
#[derive(Debug)]
pub(super) struct MergedWindows {
    /// How many columns there are before the column of windows; `None` without one.
    before_window: Option<usize>,
    /// What the held rows have in common: their values before the window, and its start.
    common: Vec<Value>,
    /// Sums by the values behind the window.
    held: BTreeMap<Vec<Value>, u128>,
}

impl MergedWindows {
    pub(super) fn new(by: &[Column]) -> Self {
        let before_window = by.iter().position(|column| *column == Column::Window);
        Self { before_window, common: Vec::new(), held: BTreeMap::new() }
    }

    pub(super) fn push(
        &mut self,
        row: &UsageRow,
        mut show: impl FnMut(Vec<String>, u128) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(before_window) = self.before_window else { return show(cells(&row.values), row.sum) };
        let (common, behind) = row.values.split_at((before_window + 1).min(row.values.len()));
        let common: Vec<Value> = common.iter().map(start_alone).collect();
        if common != self.common {
            self.show_held(&mut show)?;
            self.common = common;
        }
        let sum = self.held.entry(behind.to_vec()).or_default();
        *sum = sum.saturating_add(row.sum);
        Ok(())
    }

    pub(super) fn finish(
        mut self,
        mut show: impl FnMut(Vec<String>, u128) -> io::Result<()>,
    ) -> io::Result<()> {
        self.show_held(&mut show)
    }

    fn show_held(&mut self, show: &mut dyn FnMut(Vec<String>, u128) -> io::Result<()>) -> io::Result<()> {
        for (behind, sum) in std::mem::take(&mut self.held) {
            let mut shown = cells(&self.common);
            shown.extend(cells(&behind));
            show(shown, sum)?;
        }
        Ok(())
    }
}

fn start_alone(value: &Value) -> Value {
    match value {
        Value::Window { start_ms, .. } => Value::Window { start_ms: *start_ms, end_ms: *start_ms },
        other => other.clone(),
    }
}
