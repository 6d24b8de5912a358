//! Converts between columns and types. Each value from a file is checked, because the file may have been edited.

use ron_ledger_wire::{Digest, Origin, RowKey, Seq, StreamId};
use rusqlite::{types::ValueRef, Row};

use crate::error::{Fault, Refusal};

/// Converts a number for SQLite, or returns why its slice is refused.
pub(crate) fn integer_to_stored(column: &'static str, value: u64) -> Result<i64, Refusal> {
    i64::try_from(value).map_err(|_| Refusal::TooLarge { column, value })
}

/// Reads an integer, such as the id of a row. This is most of what a query does, so it takes the shortest way.
#[inline]
pub(crate) fn id(row: &Row<'_>, column: usize) -> Result<i64, Fault> {
    match row.get_ref(column)? {
        ValueRef::Integer(value) => Ok(value),
        other => {
            Err(Fault::Stored(format!("a value of type {} where an integer is expected", other.data_type())))
        }
    }
}

/// Reads a number that is never negative.
#[inline]
pub(crate) fn integer(row: &Row<'_>, column: usize) -> Result<u64, Fault> {
    let value = id(row, column)?;
    u64::try_from(value).map_err(|_| Fault::Stored(format!("a number of {value} where none is below zero")))
}

pub(crate) fn seq(row: &Row<'_>, column: usize) -> Result<Seq, Fault> {
    integer(row, column).map(Seq::new)
}

/// Returns the bit pattern that the column of increments holds.
#[allow(clippy::cast_possible_wrap)] // The wrap is the storage format, see the module `schema`.
pub(crate) fn increment_to_stored(increment: u64) -> i64 {
    increment as i64
}

pub(crate) fn increment(row: &Row<'_>, column: usize) -> Result<u64, Fault> {
    Ok(u64::from_ne_bytes(id(row, column)?.to_ne_bytes()))
}

/// Returns a number as SQLite has it, for numbers that came from there.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Returns the upper and the lower part of a total, which is `upper * 2^32 + lower`.
pub(crate) fn total_to_stored(total: u128) -> Result<(i64, i64), Refusal> {
    let lower = total & u128::from(u32::MAX);
    let parts = i64::try_from(total >> 32).ok().zip(i64::try_from(lower).ok());
    parts.ok_or(Refusal::TooLarge { column: "total", value: u64::MAX })
}

/// Reads a total from two columns, its upper and its lower part.
pub(crate) fn total(row: &Row<'_>, upper: usize, lower: usize) -> Result<u128, Fault> {
    Ok((u128::from(integer(row, upper)?) << 32) + u128::from(integer(row, lower)?))
}

pub(crate) fn is_null(row: &Row<'_>, column: usize) -> Result<bool, Fault> {
    Ok(row.get_ref(column)? == ValueRef::Null)
}

pub(crate) fn digest(row: &Row<'_>, column: usize) -> Result<Digest, Fault> {
    bytes(row, column, "a digest").map(Digest::from_bytes)
}

/// Reads a stream from three columns: origin, tenant, dimension.
pub(crate) fn stream(row: &Row<'_>, first: usize) -> Result<StreamId, Fault> {
    let origin = Origin::from_bytes(bytes(row, first, "an origin")?);
    Ok(StreamId::new(origin, text(row, first + 1)?, text(row, first + 2)?))
}

/// Reads a row key from six columns: method, route, service, region, namespace, account. `None` if they are all null.
pub(crate) fn row_key(row: &Row<'_>, first: usize) -> Result<Option<RowKey>, Fault> {
    if let Some((namespace, id)) = account(row, first + 4)? {
        return Ok(Some(RowKey::account(namespace, id)));
    }
    if row.get_ref(first)? == ValueRef::Null {
        return Ok(None);
    }
    let label = |index: usize| text(row, first + index);
    Ok(Some(RowKey::labels(label(0)?, label(1)?, label(2)?, label(3)?)))
}

/// Reads an account from two columns: namespace and id. `None` for a label set.
pub(crate) fn account(row: &Row<'_>, first: usize) -> Result<Option<(u32, u128)>, Fault> {
    if row.get_ref(first)? == ValueRef::Null {
        return Ok(None);
    }
    Ok(Some((row.get(first)?, u128::from_be_bytes(bytes(row, first + 1, "an account id")?))))
}

pub(crate) fn text<'row>(row: &'row Row<'_>, column: usize) -> Result<&'row str, Fault> {
    row.get_ref(column)?.as_str().map_err(|error| Fault::Stored(format!("a text column: {error}")))
}

pub(crate) fn blob<'row>(row: &'row Row<'_>, column: usize) -> Result<&'row [u8], Fault> {
    row.get_ref(column)?.as_blob().map_err(|error| Fault::Stored(format!("a column of bytes: {error}")))
}

pub(crate) fn bytes<const N: usize>(row: &Row<'_>, column: usize, what: &str) -> Result<[u8; N], Fault> {
    let found = blob(row, column)?;
    found
        .try_into()
        .map_err(|_| Fault::Stored(format!("{what} of {} bytes where {N} are expected", found.len())))
}
