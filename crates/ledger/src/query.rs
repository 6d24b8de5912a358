//! Questions about usage, and the rows of their answers.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{Column, Period, TimeZone, UsageFilter};

/// What to sum, and by which columns. The default is the sum of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageQuery {
    /// The columns to group by. There is one group for each distinct combination, and groups are sorted by these columns in this
    /// order. Without any column there is one sum, or no row if nothing matches. A sum over several dimensions adds unlike units.
    pub by: Vec<Column>,
    /// Which usage is summed.
    pub filter: UsageFilter,
    /// The time zone of the calendar columns. UTC by default.
    pub time_zone: TimeZone,
    /// What becomes of a slice that calendar columns would have to divide.
    pub straddling: Straddling,
}

impl UsageQuery {
    /// Returns a query that sums everything by these columns.
    #[must_use]
    pub fn by(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { by: columns.into_iter().collect(), ..Self::default() }
    }

    /// Returns whether one slice may belong to several groups, so that its total is not enough.
    #[must_use]
    pub fn needs_rows(&self) -> bool {
        self.filter.needs_rows() || self.by.iter().any(|column| column.is_label())
    }

    /// Returns whether slices that go across `since_ms` or `until_ms` are an error, so that those that begin before `since_ms` have
    /// to be read too.
    #[must_use]
    pub fn checks_edges(&self) -> bool {
        self.straddling == Straddling::Refuse && self.by.iter().any(|column| column.calendar_unit().is_some())
    }

    /// Returns the filter that selects what the row of an answer to this query was summed from.
    #[must_use]
    pub fn filter_of(&self, row: &UsageRow) -> UsageFilter {
        let mut filter = self.filter.clone();
        for (column, value) in self.by.iter().zip(&row.values) {
            match (column, value) {
                (Column::Tenant, Value::Text(text)) => filter.tenant = Some(text.to_string()),
                (Column::Dimension, Value::Text(text)) => filter.dimension = Some(text.to_string()),
                (Column::Method, Value::Text(text)) => filter.method = Some(text.to_string()),
                (Column::Route, Value::Text(text)) => filter.route = Some(text.to_string()),
                (Column::Service, Value::Text(text)) => filter.service = Some(text.to_string()),
                (Column::Region, Value::Text(text)) => filter.region = Some(text.to_string()),
                (_, Value::Account { namespace, id }) => filter.account = Some((*namespace, *id)),
                (_, Value::Window { start_ms, end_ms }) => filter.window = Some((*start_ms, *end_ms)),
                (_, Value::Period(period)) => {
                    let (start_ms, end_ms) = (period.start_ms(), period.end_ms());
                    filter.since_ms = Some(filter.since_ms.map_or(start_ms, |since| since.max(start_ms)));
                    filter.until_ms = Some(filter.until_ms.map_or(end_ms, |until| until.min(end_ms)));
                }
                // No other column has a text.
                (_, Value::Text(_)) => {}
            }
        }
        filter
    }
}

/// What becomes of a slice whose span has the boundary of a calendar period inside, or that of the asked time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Straddling {
    /// The query fails and names the slice, so that each figure that it gives is exact.
    #[default]
    Refuse,
    /// The slice counts as a whole in the period in which its span starts.
    ByStart,
}

impl FromStr for Straddling {
    type Err = UnknownStraddling;

    fn from_str(name: &str) -> Result<Self, UnknownStraddling> {
        match name {
            "refuse" => Ok(Self::Refuse),
            "start" => Ok(Self::ByStart),
            _ => Err(UnknownStraddling(name.to_owned())),
        }
    }
}

/// The error for a name that is no [`Straddling`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such choice `{}`: choose `refuse` or `start`", _0.escape_debug())]
pub struct UnknownStraddling(String);

/// One group and its sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The values of this group, one for each column of the query, in its order.
    pub values: Vec<Value>,
    /// The exact sum, in units of the dimension.
    pub sum: u128,
}

/// The value of a column in a group. Values of one column are sorted by this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Value {
    /// A label, a tenant or a dimension. It is displayed as it is: whoever shows it escapes it.
    Text(Arc<str>),
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
    /// An hour, day, week or month.
    Period(Period),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Account { namespace, id } => write!(f, "{namespace}:{id}"),
            Self::Window { start_ms, end_ms } => write!(f, "{start_ms}..{end_ms}"),
            Self::Period(period) => period.fmt(f),
        }
    }
}
