//! `usage`: sums over a ledger, and the slices behind them.

mod output;

use std::io::Write;

use anyhow::{ensure, Context};
use ron_accounting_ledger::{
    text::{self, EvidenceAnswer, UsageAnswer},
    usage_rows, Column, Ledger, Straddling, TimeZone, UsageQuery,
};
use ron_ledger_wire::Origin;

use self::output::{Output, OutputFormat};
use super::{ledger::LedgerArgument, visiting::Visiting};
use crate::exit::{Exit, Failure};

pub(super) const EXAMPLES: &str = "\
Examples:
  ron-accounting usage
  ron-accounting usage --by tenant,route --dimension requests --since 2015-05-17 --until 2015-05-18
  ron-accounting usage --by tenant,dimension,month --time-zone Europe/Berlin
  ron-accounting usage --by window,dimension --tenant acme --format csv > acme.csv
  ron-accounting usage --by tenant,day --tenant acme --dimension requests --evidence
  ron-accounting usage --ledger /var/lib/meter/usage.db --by dimension --format json";

/// Show the usage in a ledger, summed by any columns.
///
/// Hours, days, weeks (from Monday, as ISO 8601 numbers them) and months are those of --time-zone. A slice is never divided: if
/// one goes across the end of a period, the command fails and names it, unless --straddling start counts it where it starts.
///
/// The window of a row is the start of the span that it was sealed for, in UTC: one window, or several where sealing had
/// to wait for the ledger. A numeric account is shown in the column of routes, as namespace:id. Sums are exact; in JSON, one
/// past 2^53 - 1 is a string. --since and --until take RFC 3339 (2015-05-17T10:05:00Z), a date or a time of the --time-zone
/// (2015-05-17, 2015-05-17T10:05), or a Unix time in seconds or milliseconds.
///
/// Labels may come from strangers. In tables and CSV, characters that control a terminal or the direction of text are escaped;
/// in CSV, a field that a spreadsheet would take for a formula begins with an apostrophe. JSON has every label as it is.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    ledger: LedgerArgument,
    /// The columns to sum by: tenant, method, route, service, region, dimension, window, hour, day, week, month
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', default_value = "tenant,dimension")]
    by: Vec<Column>,
    /// Only the usage of this tenant
    #[arg(long, value_name = "T")]
    tenant: Option<String>,
    /// Only this dimension, such as requests or bytes_out
    #[arg(long, value_name = "D")]
    dimension: Option<String>,
    /// Only what this process counted, as 32 hexadecimal digits
    #[arg(long, value_name = "O")]
    origin: Option<Origin>,
    /// Only this method
    #[arg(long, value_name = "M")]
    method: Option<String>,
    /// Only this route
    #[arg(long, value_name = "R", conflicts_with = "account")]
    route: Option<String>,
    /// Only this service
    #[arg(long, value_name = "S")]
    service: Option<String>,
    /// Only this region
    #[arg(long, value_name = "R")]
    region: Option<String>,
    /// Only this account, as namespace:id
    #[arg(long, value_name = "A", value_parser = text::parse_account)]
    account: Option<(u32, u128)>,
    /// Only windows that start at this time or later
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only windows that start before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The time zone of hours, days, weeks and months, and of dates: UTC, Europe/Berlin, +05:30
    #[arg(long, value_name = "ZONE", default_value_t)]
    time_zone: TimeZone,
    /// What becomes of a slice that goes across the end of an hour, day, week or month: refuse, or start to count it where it
    /// starts
    #[arg(long, value_name = "CHOICE", default_value = "refuse")]
    straddling: Straddling,
    /// Show the slices that each figure was summed from, with their content identifiers
    #[arg(long)]
    evidence: bool,
    /// A table for people, an array of objects, or comma-separated values
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Exit, Failure> {
    let query = query(arguments)?;
    let ledger = arguments.ledger.open_read_only()?;
    if arguments.evidence {
        show_evidence(&ledger, &query, arguments.format, out)?;
    } else {
        show_sums(&ledger, &query, arguments.format, out)?;
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
    let time = |option: &str, text: &Option<String>| -> anyhow::Result<Option<u64>> {
        let parse = |text: &String| text::parse_time(text, &arguments.time_zone);
        text.as_ref().map(|text| parse(text).with_context(|| format!("{option} {text:?}"))).transpose()
    };
    let (since_ms, until_ms) = (time("--since", &arguments.since)?, time("--until", &arguments.until)?);
    if let (Some(since_ms), Some(until_ms)) = (since_ms, until_ms) {
        ensure!(since_ms < until_ms, "--since is not before --until, so no window can match: exchange them");
    }
    let mut query = UsageQuery::by(by.iter().copied());
    query.time_zone = arguments.time_zone.clone();
    query.straddling = arguments.straddling;
    let filter = &mut query.filter;
    filter.origin = arguments.origin;
    filter.tenant.clone_from(&arguments.tenant);
    filter.dimension.clone_from(&arguments.dimension);
    filter.method.clone_from(&arguments.method);
    filter.route.clone_from(&arguments.route);
    filter.service.clone_from(&arguments.service);
    filter.region.clone_from(&arguments.region);
    filter.account = arguments.account;
    (filter.since_ms, filter.until_ms) = (since_ms, until_ms);
    Ok(query)
}

fn show_sums(
    ledger: &dyn Ledger,
    query: &UsageQuery,
    format: OutputFormat,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut answer = UsageAnswer::new(query.clone());
    let mut output = Output::new(format, answer.columns(), out);
    let mut visiting = Visiting::default();
    answer.resume(ledger, &mut |cells, sum| visiting.step(|| output.push(cells, sum)))?;
    visiting.end()?;
    Ok(output.finish()?)
}

/// Shows each slice behind each figure, below the values of the figure's columns.
fn show_evidence(
    ledger: &dyn Ledger,
    query: &UsageQuery,
    format: OutputFormat,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut answer = EvidenceAnswer::new(query.clone());
    let mut output = Output::new(format, answer.columns(), out);
    let mut visiting = Visiting::default();
    answer.resume(ledger, &mut |cells, amount| visiting.step(|| output.push(cells, amount)))?;
    visiting.end()?;
    Ok(output.finish()?)
}

/// Prints a note if a sum adds up different units, such as requests and bytes.
fn warn_of_unlike_units(ledger: &dyn Ledger, query: UsageQuery) -> anyhow::Result<()> {
    if query.by.contains(&Column::Dimension) || query.filter.dimension.is_some() {
        return Ok(());
    }
    let mut dimensions = UsageQuery::by([Column::Dimension]);
    dimensions.filter = query.filter;
    let names: Vec<String> = usage_rows(ledger, &dimensions)?
        .iter()
        .flat_map(|row| &row.values)
        .map(|name| text::visible(&name.to_string()).into_owned())
        .collect();
    if names.len() > 1 {
        eprintln!(
            "note: these sums add up {}, which are different units; add `dimension` to --by, or --dimension",
            names.join(", ")
        );
    }
    Ok(())
}
