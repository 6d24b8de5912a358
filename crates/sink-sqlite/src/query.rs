//! Queries of usage: sums over the roll-up, grouped and filtered.
//!
//! The statement is put together from fixed pieces, one per [`Column`]. Values of callers are bound as parameters, and are never
//! part of the text.

use std::fmt;

use rusqlite::{named_params, Row};

use crate::{
    error::{Fault, LedgerError},
    open::SqliteLedger,
    stored,
};

/// A column by which usage can be grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Column {
    /// Tenant whose usage it is.
    Tenant,
    /// Method label; empty for accounts.
    Method,
    /// Route label. For a numeric account, the account, as [`Value::Account`].
    Route,
    /// Service label; empty for accounts.
    Service,
    /// Region label; empty for accounts.
    Region,
    /// Dimension that was counted.
    Dimension,
    /// Span of the slice that the usage came with: one window, or several if sealing had to wait.
    Window,
}

impl Column {
    /// All columns, in the order of a full listing.
    pub const ALL: [Self; 7] =
        [Self::Tenant, Self::Method, Self::Route, Self::Service, Self::Region, Self::Dimension, Self::Window];

    /// Returns the column's name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Method => "method",
            Self::Route => "route",
            Self::Service => "service",
            Self::Region => "region",
            Self::Dimension => "dimension",
            Self::Window => "window",
        }
    }

    /// Returns the expressions to select and to group by. An account has null labels, which count as empty.
    const fn expressions(self) -> &'static [&'static str] {
        match self {
            Self::Tenant => &["streams.tenant"],
            Self::Method => &["ifnull(row_keys.method, '')"],
            Self::Route => &["row_keys.namespace", "row_keys.account", "ifnull(row_keys.route, '')"],
            Self::Service => &["ifnull(row_keys.service, '')"],
            Self::Region => &["ifnull(row_keys.region, '')"],
            Self::Dimension => &["streams.dimension"],
            Self::Window => &["slices.start_ms", "slices.end_ms"],
        }
    }

    const fn is_label(self) -> bool {
        matches!(self, Self::Method | Self::Route | Self::Service | Self::Region)
    }

    fn value(self, row: &Row<'_>, first: usize) -> Result<Value, Fault> {
        Ok(match self {
            Self::Window => Value::Window {
                start_ms: stored::integer(row, first)?,
                end_ms: stored::integer(row, first + 1)?,
            },
            Self::Route => match stored::account(row, first)? {
                Some((namespace, id)) => Value::Account { namespace, id },
                None => Value::Text(stored::text(row, first + 2)?.to_owned()),
            },
            _ => Value::Text(stored::text(row, first)?.to_owned()),
        })
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Column {
    type Err = UnknownColumn;

    fn from_str(name: &str) -> Result<Self, UnknownColumn> {
        Self::ALL
            .into_iter()
            .find(|column| column.name() == name)
            .ok_or_else(|| UnknownColumn(name.to_owned()))
    }
}

/// The error for a name that is no [`Column`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no column `{0}`: choose from tenant, method, route, service, region, dimension, window")]
pub struct UnknownColumn(String);

/// A selection of usage and its grouping. The default is the sum of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// The columns to group by. There is one group for each distinct combination, and groups are sorted by these columns in this
    /// order. Without any column there is one sum, or no row if nothing matches. A sum over several dimensions adds unlike units.
    pub by: Vec<Column>,
    /// Selects only this tenant.
    pub tenant: Option<String>,
    /// Selects only this dimension.
    pub dimension: Option<String>,
    /// Selects only windows that start at or after this time, in Unix milliseconds.
    pub since_ms: Option<u64>,
    /// Selects only windows that start before this time, in Unix milliseconds.
    pub until_ms: Option<u64>,
}

/// One group and its sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The columns of the query, in its order, with the values of this group.
    pub columns: Vec<(Column, Value)>,
    /// The exact sum, in units of the dimension.
    pub increment: u64,
}

/// The value of a column in a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Value {
    /// A label, a tenant or a dimension.
    Text(String),
    /// A numeric account, in the column of routes. It is displayed as `namespace:id`, both decimal.
    Account {
        /// Namespace of the id.
        namespace: u32,
        /// The id.
        id: u128,
    },
    /// A span in Unix milliseconds, end exclusive. It is displayed as `start..end`.
    Window {
        /// Start.
        start_ms: u64,
        /// End, exclusive.
        end_ms: u64,
    },
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Account { namespace, id } => write!(f, "{namespace}:{id}"),
            Self::Window { start_ms, end_ms } => write!(f, "{start_ms}..{end_ms}"),
        }
    }
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

impl SqliteLedger {
    /// Sums usage by the columns of the query. Groups are sorted by their columns, accounts after labels.
    ///
    /// Fails with [`LedgerError::SumOverflow`] if a sum is above `u64::MAX`. Reads the roll-up of every slice in the selected
    /// time, at about a million rows per second. The groups are held in memory.
    pub fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, LedgerError> {
        let mut usage = Vec::new();
        self.sum(query, |columns, sum| {
            let Ok(increment) = u64::try_from(sum) else {
                return Err(Fault::Final(LedgerError::SumOverflow { group: describe(&columns), sum }));
            };
            usage.push(UsageRow { columns, increment });
            Ok(())
        })?;
        Ok(usage)
    }

    /// Returns the sum of each tenant and dimension, sorted by them. The sums cannot overflow.
    pub fn totals(&self) -> Result<Vec<Total>, LedgerError> {
        let query = UsageQuery { by: vec![Column::Tenant, Column::Dimension], ..UsageQuery::default() };
        let mut totals = Vec::new();
        self.sum(&query, |columns, increment| {
            let mut texts = columns.into_iter().map(|(_, value)| value.to_string());
            let (tenant, dimension) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
            totals.push(Total { tenant, dimension, increment });
            Ok(())
        })?;
        Ok(totals)
    }

    fn sum(
        &self,
        query: &UsageQuery,
        mut group: impl FnMut(Vec<(Column, Value)>, u128) -> Result<(), Fault>,
    ) -> Result<(), LedgerError> {
        // No window starts at or past `i64::MAX`, so a bound beyond it selects the same windows.
        let bound = |time_ms: u64| i64::try_from(time_ms).unwrap_or(i64::MAX);
        self.read(|transaction| {
            let mut statement = transaction.prepare(&statement(&query.by))?;
            let mut rows = statement.query(named_params! {
                ":tenant": query.tenant,
                ":dimension": query.dimension,
                ":since": query.since_ms.map_or(0, bound),
                ":until": query.until_ms.map_or(i64::MAX, bound),
            })?;
            while let Some(row) = rows.next()? {
                let sum = (u128::from(stored::integer(row, 0)?) << 32) + u128::from(stored::integer(row, 1)?);
                let mut first = 2;
                let mut columns = Vec::with_capacity(query.by.len());
                for &column in &query.by {
                    columns.push((column, column.value(row, first)?));
                    first += column.expressions().len();
                }
                group(columns, sum)?;
            }
            Ok(())
        })
        .map_err(|fault: Fault| fault.at(self.path()))
    }
}

/// Returns a statement that selects the sums of upper and lower halves, then the expressions of the columns.
fn statement(by: &[Column]) -> String {
    let expressions: Vec<&str> = by.iter().flat_map(|column| column.expressions()).copied().collect();
    let mut sql =
        String::from("SELECT sum((usage.increment >> 32) & 4294967295), sum(usage.increment & 4294967295)");
    for expression in &expressions {
        sql.push_str(", ");
        sql.push_str(expression);
    }
    sql.push_str(
        " FROM slices JOIN streams ON streams.id = slices.stream JOIN usage ON usage.slice = slices.id",
    );
    if by.iter().any(|column| column.is_label()) {
        sql.push_str(" JOIN row_keys ON row_keys.id = usage.row_key");
    }
    sql.push_str(
        " WHERE slices.start_ms >= :since AND slices.start_ms < :until
          AND (:tenant IS NULL OR streams.tenant = :tenant)
          AND (:dimension IS NULL OR streams.dimension = :dimension)",
    );
    if expressions.is_empty() {
        // Without a group, SQL returns one row of nulls if nothing matches.
        sql.push_str(" HAVING count(*) > 0");
    } else {
        let list = expressions.join(", ");
        sql.push_str(" GROUP BY ");
        sql.push_str(&list);
        sql.push_str(" ORDER BY ");
        sql.push_str(&list);
    }
    sql
}

fn describe(columns: &[(Column, Value)]) -> String {
    if columns.is_empty() {
        return "everything".to_owned();
    }
    columns.iter().map(|(column, value)| format!("{column}={value}")).collect::<Vec<_>>().join(", ")
}
