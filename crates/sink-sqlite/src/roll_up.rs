//! Compares the roll-up of one slice with the rows in its bytes, in both directions.

use std::cmp::Ordering;

use ron_ledger_wire::{Row, RowKey, Slice};
use rusqlite::{params, Connection, Statement};

use crate::{stored, violation::Stop};

pub(crate) fn prepare(connection: &Connection) -> rusqlite::Result<Statement<'_>> {
    // One row more than the slice has is enough to find that rows were added.
    connection.prepare(
        "SELECT method, route, service, region, namespace, account, increment, row_key
         FROM usage LEFT JOIN row_keys ON row_keys.id = usage.row_key
         WHERE usage.slice = ?1 LIMIT ?2",
    )
}

/// Sorts both sides by key and compares them row by row, so that the first difference can be named.
pub(crate) fn check(statement: &mut Statement<'_>, slice_id: i64, slice: &Slice) -> Result<(), Stop> {
    let limit = i64::try_from(slice.rows.len()).unwrap_or(i64::MAX).saturating_add(1);
    let mut stored_rows = Vec::with_capacity(slice.rows.len());
    let mut rows = statement.query(params![slice_id, limit])?;
    while let Some(row) = rows.next()? {
        let Some(key) = stored::row_key(row, 0)? else {
            let id: i64 = row.get(7)?;
            return Err(Stop::violation(
                "the labels or account of a row in `usage`",
                format!("no row key {id}"),
            ));
        };
        stored_rows.push(Row { key, increment: stored::increment(row, 6)? });
    }
    stored_rows.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    match first_difference(&slice.rows, &stored_rows) {
        Some((expected, found)) => Err(Stop::violation(expected, found)),
        None => Ok(()),
    }
}

fn first_difference(expected: &[Row], found: &[Row]) -> Option<(String, String)> {
    let (mut expected, mut found) = (expected.iter(), found.iter());
    loop {
        let (expected, found) = match (expected.next(), found.next()) {
            (Some(expected), Some(found)) if expected == found => continue,
            (None, None) => return None,
            pair => pair,
        };
        let order = match (expected, found) {
            (Some(expected), Some(found)) => expected.key.cmp(&found.key),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let expected_text = expected.map(describe).unwrap_or_default();
        let found_text = found.map(describe).unwrap_or_default();
        return Some(match order {
            Ordering::Less => (format!("{expected_text} in the roll-up"), "no such row".to_owned()),
            Ordering::Equal => (format!("{expected_text} in the roll-up"), found_text),
            Ordering::Greater => {
                ("no row that the slice has not".to_owned(), format!("{found_text} in the roll-up"))
            }
        });
    }
}

/// Describes a row. Labels are quoted, so that control characters in an edited file reach no terminal.
fn describe(row: &Row) -> String {
    let increment = row.increment;
    match &row.key {
        RowKey::Labels { method, route, service, region } => {
            format!("labels {method:?} {route:?} {service:?} {region:?} = {increment}")
        }
        RowKey::Account { namespace, id } => format!("account {namespace}:{id} = {increment}"),
    }
}
