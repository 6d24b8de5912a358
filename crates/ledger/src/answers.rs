//! Short answers as a list.

use std::ops::ControlFlow;

use crate::{Column, Ledger, ReadError, UsageQuery, UsageRow, Value};

/// Returns all groups of an answer, for queries whose answer fits into memory.
pub fn usage_rows<L: Ledger + ?Sized>(ledger: &L, query: &UsageQuery) -> Result<Vec<UsageRow>, ReadError> {
    let mut rows = Vec::new();
    ledger.usage(query, &mut |row| {
        rows.push(row.clone());
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}

/// The sum of one tenant and dimension, over all origins and times.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Total {
    /// Tenant whose usage it is.
    pub tenant: String,
    /// Dimension that was counted.
    pub dimension: String,
    /// The exact sum.
    pub increment: u128,
}

/// Returns the sum of each tenant and dimension, sorted by them.
pub fn totals<L: Ledger + ?Sized>(ledger: &L) -> Result<Vec<Total>, ReadError> {
    let text = |value: Option<&Value>| value.map(ToString::to_string).unwrap_or_default();
    let rows = usage_rows(ledger, &UsageQuery::by([Column::Tenant, Column::Dimension]))?;
    let total = |row: UsageRow| Total {
        tenant: text(row.values.first()),
        dimension: text(row.values.get(1)),
        increment: row.sum,
    };
    Ok(rows.into_iter().map(total).collect())
}
