//! A question about usage, from its parameters.

use http::HeaderMap;
use ron_accounting_ledger::{
    text::{parse_account, parse_time, RowFormat},
    Column, Straddling, TimeZone, UsageQuery,
};

use crate::{negotiation::preferred, parameters::Parameters, problem::Problem};

/// The parameters of a question about usage, in the order in which they are documented.
pub(crate) const PARAMETERS: [&str; 14] = [
    "by",
    "tenant",
    "dimension",
    "origin",
    "method",
    "route",
    "service",
    "region",
    "account",
    "since",
    "until",
    "time-zone",
    "straddling",
    "format",
];

/// Takes a query out of the parameters. They are those of the command `usage`.
pub(crate) fn take_query(parameters: &mut Parameters) -> Result<UsageQuery, Problem> {
    let by = parameters.take_parsed("by", columns)?;
    let mut query = UsageQuery::by(by.unwrap_or_else(|| vec![Column::Tenant, Column::Dimension]));
    query.time_zone = parameters.take_parsed("time-zone", str::parse::<TimeZone>)?.unwrap_or_default();
    query.straddling = parameters.take_parsed("straddling", str::parse::<Straddling>)?.unwrap_or_default();
    let zone = query.time_zone.clone();
    let filter = &mut query.filter;
    filter.origin = parameters.take_parsed("origin", str::parse)?;
    filter.tenant = parameters.take("tenant");
    filter.dimension = parameters.take("dimension");
    filter.method = parameters.take("method");
    filter.route = parameters.take("route");
    filter.service = parameters.take("service");
    filter.region = parameters.take("region");
    filter.account = parameters.take_parsed("account", parse_account)?;
    filter.since_ms = parameters.take_parsed("since", |text| parse_time(text, &zone))?;
    filter.until_ms = parameters.take_parsed("until", |text| parse_time(text, &zone))?;
    if filter.route.is_some() && filter.account.is_some() {
        return Err(Problem::invalid(
            "account",
            "a row has a route or an account, never both: leave one out",
        ));
    }
    if let (Some(since_ms), Some(until_ms)) = (filter.since_ms, filter.until_ms) {
        if since_ms >= until_ms {
            return Err(Problem::invalid(
                "since",
                "it is not before `until`, so no window can match: exchange them",
            ));
        }
    }
    Ok(query)
}

fn columns(text: &str) -> Result<Vec<Column>, String> {
    let mut columns = Vec::new();
    for name in text.split(',').filter(|name| !name.is_empty()) {
        let column: Column =
            name.parse().map_err(|error: ron_accounting_ledger::UnknownColumn| error.to_string())?;
        if columns.contains(&column) {
            return Err(format!("it names `{column}` twice: name it once"));
        }
        columns.push(column);
    }
    Ok(columns)
}

/// Takes the format of rows out of the parameters, or out of the `Accept` header.
pub(crate) fn take_format(parameters: &mut Parameters, headers: &HeaderMap) -> Result<RowFormat, Problem> {
    match parameters.take("format").as_deref() {
        Some("json") => Ok(RowFormat::Json),
        Some("csv") => Ok(RowFormat::Csv),
        Some(_) => Err(Problem::invalid("format", "write json or csv")),
        None => match preferred(headers, &["application/json", "text/csv"])? {
            0 => Ok(RowFormat::Json),
            _ => Ok(RowFormat::Csv),
        },
    }
}
