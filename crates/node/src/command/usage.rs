//! `usage`: sums over a ledger.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use anyhow::{ensure, Context};
use clap::ValueEnum;
use ron_accounting_sqlite::{Column, SqliteLedger, UsageQuery, UsageRow, Value};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::ledger::LedgerArgument;
use crate::{
    csv,
    exit::{Exit, Failure},
    moment,
    table::{Side, Table},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  ron-accounting usage
  ron-accounting usage --by tenant,route --dimension requests --since 2015-05-17 --until 2015-05-18
  ron-accounting usage --by window,dimension --tenant acme --format csv > acme.csv
  ron-accounting usage --ledger /var/lib/meter/usage.db --by dimension --format json";

/// Show the usage in a ledger, summed by any columns.
///
/// The window of a row is the start of the span that it was sealed for, in UTC: one window, or several where sealing had
/// to wait for the ledger. A numeric account is shown in the column of routes, as namespace:id. Sums are exact; one past
/// 2^64 - 1 is an error. --since and --until take RFC 3339 (2015-05-17T10:05:00Z), a date (midnight UTC), or a Unix time
/// in seconds or milliseconds.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    ledger: LedgerArgument,
    /// The columns to sum by: tenant, method, route, service, region, dimension, window
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', default_value = "tenant,dimension")]
    by: Vec<Column>,
    /// Only the usage of this tenant
    #[arg(long, value_name = "T")]
    tenant: Option<String>,
    /// Only this dimension, such as requests or bytes_out
    #[arg(long, value_name = "D")]
    dimension: Option<String>,
    /// Only windows that start at this time or later
    #[arg(long, value_name = "TIME", value_parser = moment::parse_time)]
    since: Option<u64>,
    /// Only windows that start before this time
    #[arg(long, value_name = "TIME", value_parser = moment::parse_time)]
    until: Option<u64>,
    /// A table for people, an array of objects, or comma-separated values
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum OutputFormat {
    #[default]
    Table,
    Json,
    Csv,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Exit, Failure> {
    let query = query(arguments)?;
    let ledger = arguments.ledger.open_read_only()?;
    let rows = rows(ledger.usage(&query)?)?;
    match arguments.format {
        OutputFormat::Table => write_table(&query.by, rows, out)?,
        OutputFormat::Json => write_json(&query.by, &rows, out)?,
        OutputFormat::Csv => write_csv(&query.by, &rows, out)?,
    }
    warn_of_unlike_units(&ledger, query)?;
    Ok(Exit::Done)
}

fn query(arguments: &Arguments) -> anyhow::Result<UsageQuery> {
    let by = &arguments.by;
    for (index, column) in by.iter().enumerate() {
        ensure!(
            !by.iter().take(index).any(|earlier| earlier == column),
            "--by names `{column}` twice: name it once"
        );
    }
    if let (Some(since), Some(until)) = (arguments.since, arguments.until) {
        ensure!(since < until, "--since is not before --until, so no window can match: exchange them");
    }
    Ok(UsageQuery {
        by: by.clone(),
        tenant: arguments.tenant.clone(),
        dimension: arguments.dimension.clone(),
        since_ms: arguments.since,
        until_ms: arguments.until,
    })
}

/// A row as it is shown: a cell for each column of the query, and the sum.
#[derive(Debug)]
struct ShownRow {
    cells: Vec<String>,
    increment: u64,
}

/// Makes cells of columns. A window is shown by its start, so rows that differ in its end alone become one.
fn rows(usage: Vec<UsageRow>) -> anyhow::Result<Vec<ShownRow>> {
    let mut rows: Vec<ShownRow> = Vec::with_capacity(usage.len());
    let mut indexes: HashMap<Vec<String>, usize> = HashMap::new();
    for row in usage {
        let has_window = row.columns.iter().any(|(column, _)| *column == Column::Window);
        let cells: Vec<String> = row.columns.into_iter().map(|(_, value)| cell(value)).collect();
        if has_window {
            let index = *indexes.entry(cells.clone()).or_insert(rows.len());
            if let Some(earlier) = rows.get_mut(index) {
                earlier.increment = earlier.increment.checked_add(row.increment).with_context(|| {
                    format!("the sum of {} is past {}: ask for smaller groups", cells.join(", "), u64::MAX)
                })?;
                continue;
            }
        }
        rows.push(ShownRow { cells, increment: row.increment });
    }
    Ok(rows)
}

fn cell(value: Value) -> String {
    match value {
        Value::Text(text) => text,
        Value::Window { start_ms, .. } => moment::format_time(start_ms),
        other => other.to_string(),
    }
}

fn write_table(by: &[Column], rows: Vec<ShownRow>, out: &mut dyn Write) -> io::Result<()> {
    let columns = by.iter().map(|column| (column.name(), Side::Left));
    let mut table = Table::new(columns.chain([("inc", Side::Right)]));
    for row in rows {
        table.push(row.cells.into_iter().chain([row.increment.to_string()]));
    }
    table.write(out)
}

fn write_csv(by: &[Column], rows: &[ShownRow], out: &mut dyn Write) -> io::Result<()> {
    csv::write_line(out, by.iter().map(|column| column.name()).chain(["inc"]))?;
    for row in rows {
        let increment = row.increment.to_string();
        csv::write_line(out, row.cells.iter().map(String::as_str).chain([increment.as_str()]))?;
    }
    Ok(())
}

/// Writes an array with one object per line, so that large results stay readable.
fn write_json(by: &[Column], rows: &[ShownRow], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"[")?;
    for (index, row) in rows.iter().enumerate() {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &JsonRow { by, row })?;
    }
    out.write_all(if rows.is_empty() { b"]\n" } else { b"\n]\n" })
}

struct JsonRow<'a> {
    by: &'a [Column],
    row: &'a ShownRow,
}

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.by.len() + 1))?;
        for (column, cell) in self.by.iter().zip(&self.row.cells) {
            object.serialize_entry(column.name(), cell)?;
        }
        object.serialize_entry("inc", &self.row.increment)?;
        object.end()
    }
}

/// Prints a note if a sum adds up different units, such as requests and bytes.
fn warn_of_unlike_units(ledger: &SqliteLedger, query: UsageQuery) -> anyhow::Result<()> {
    if query.by.contains(&Column::Dimension) || query.dimension.is_some() {
        return Ok(());
    }
    let dimensions = ledger.usage(&UsageQuery { by: vec![Column::Dimension], ..query })?;
    let names: Vec<String> =
        dimensions.iter().flat_map(|row| &row.columns).map(|(_, name)| name.to_string()).collect();
    if names.len() > 1 {
        eprintln!(
            "note: these sums add up {}, which are different units; add `dimension` to --by, or --dimension",
            names.join(", ")
        );
    }
    Ok(())
}
