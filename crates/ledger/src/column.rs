//! The columns by which usage can be grouped.

use std::fmt;

use crate::CalendarUnit;

/// A column by which usage can be grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Column {
    /// Tenant whose usage it is.
    Tenant,
    /// Method label; empty for accounts.
    Method,
    /// Route label. For a numeric account, the account, as [`Value::Account`](crate::Value::Account).
    Route,
    /// Service label; empty for accounts.
    Service,
    /// Region label; empty for accounts.
    Region,
    /// Dimension that was counted.
    Dimension,
    /// Span of the slice that the usage came with: one window, or several if sealing had to wait.
    Window,
    /// Hour of the query's time zone.
    Hour,
    /// Day of the query's time zone.
    Day,
    /// Week of the query's time zone, from Monday, as ISO 8601 numbers them.
    Week,
    /// Month of the query's time zone.
    Month,
}

impl Column {
    /// All columns, in the order of a full listing.
    pub const ALL: [Self; 11] = [
        Self::Tenant,
        Self::Method,
        Self::Route,
        Self::Service,
        Self::Region,
        Self::Dimension,
        Self::Window,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
    ];

    /// Returns the column's name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Method => "method",
            Self::Route => "route",
            Self::Service => "service",
            Self::Region => "region",
            Self::Dimension => "dimension",
            Self::Window => "window",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// Returns the calendar unit of the column; `None` if it is no calendar column.
    #[must_use]
    pub const fn calendar_unit(self) -> Option<CalendarUnit> {
        match self {
            Self::Hour => Some(CalendarUnit::Hour),
            Self::Day => Some(CalendarUnit::Day),
            Self::Week => Some(CalendarUnit::Week),
            Self::Month => Some(CalendarUnit::Month),
            _ => None,
        }
    }

    /// Returns whether the column is one of rows, which one slice may have several of.
    #[must_use]
    pub const fn is_label(self) -> bool {
        matches!(self, Self::Method | Self::Route | Self::Service | Self::Region)
    }

    /// Returns whether the column depends on the tenant or the dimension.
    #[must_use]
    pub const fn is_of_stream(self) -> bool {
        matches!(self, Self::Tenant | Self::Dimension)
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
#[error(
    "no column `{}`: choose from tenant, method, route, service, region, dimension, window, hour, day, week, month",
    _0.escape_debug()
)]
pub struct UnknownColumn(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_names_parse_and_others_are_listed() {
        for column in Column::ALL {
            assert_eq!(column.name().parse(), Ok(column));
        }
        let error = "tenants".parse::<Column>().unwrap_err().to_string();
        for column in Column::ALL {
            assert!(error.contains(column.name()), "{error}");
        }
    }
}
