//! Random slices, and a model that adds their rows by hand.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{tz, Timestamp};
use ron_accounting_export::SplitMix64;
use ron_accounting_ledger::{CalendarUnit, Column, UsageFilter, UsageQuery, UsageRow, Value};
use ron_ledger_wire::{Origin, Row, RowKey, SealedSlice, Seq, Slice, StreamId};

pub(crate) const MINUTE_MS: u64 = 60_000;
pub(crate) const HOUR_MS: u64 = 60 * MINUTE_MS;

/// 2015-05-17 22:00 UTC, a Sunday: a day ends soon, and a week.
pub(crate) const EVENING_MS: u64 = 1_431_900_000_000;

/// Names that something on the way might take for something else.
const TENANTS: [&str; 5] = ["acme", "Acme", "' OR 1=1 --", "a\u{0}b", "\u{202e}%_\n\u{1b}[2J"];
const METHODS: [&str; 3] = ["GET", "PUT", ""];
const ROUTES: [&str; 4] = ["/v1/objects/:id", "7:1", "", "=1+1,\"\u{e9}\""];
const REGIONS: [&str; 2] = ["eu", "us"];

pub(crate) fn streams() -> Vec<StreamId> {
    let mut streams = Vec::new();
    for origin in [9, 7] {
        for tenant in TENANTS {
            for dimension in ["requests", "bytes_in"] {
                streams.push(StreamId::new(Origin::from_bytes([origin; 16]), tenant, dimension));
            }
        }
    }
    streams
}

/// Returns slices of several streams, in an order in which a ledger may store them. Each spans one to three times `window_ms`, and
/// begins at or behind `start_ms`.
pub(crate) fn random_slices(
    dice: &mut SplitMix64,
    count: u64,
    start_ms: u64,
    window_ms: u64,
) -> Vec<SealedSlice> {
    let streams = streams();
    let mut ends: BTreeMap<StreamId, (SealedSlice, u64)> = BTreeMap::new();
    let mut slices = Vec::new();
    for _ in 0..count {
        let stream = pick(dice, &streams);
        let (seq, previous, last_end) = match ends.get(&stream) {
            Some((last, end_ms)) => (last.seq().next(), Some(last.digest()), *end_ms),
            None => (Seq::FIRST, None, start_ms),
        };
        let start_ms = last_end + window_ms * dice.below(20);
        let end_ms = start_ms + window_ms * (1 + dice.below(3));
        let rows = random_rows(dice);
        let slice = Slice { stream: stream.clone(), seq, start_ms, end_ms, previous, rows };
        let sealed = sealed(&slice);
        ends.insert(stream, (sealed.clone(), end_ms));
        slices.push(sealed);
    }
    slices
}

fn random_rows(dice: &mut SplitMix64) -> Vec<Row> {
    let mut rows: BTreeMap<RowKey, u64> = BTreeMap::new();
    for _ in 0..=dice.below(6) {
        let key = if dice.below(3) == 0 {
            RowKey::account(7, u128::from(dice.below(2)) << 70 | 1)
        } else {
            RowKey::labels(pick(dice, &METHODS), pick(dice, &ROUTES), "gateway", pick(dice, &REGIONS))
        };
        rows.insert(key, 1 + dice.below(u64::MAX / 1000));
    }
    rows.into_iter().map(|(key, increment)| Row { key, increment }).collect()
}

pub(crate) fn sealed(slice: &Slice) -> SealedSlice {
    slice.encode().unwrap_or_else(|error| panic!("a sample slice is always valid: {error}"))
}

pub(crate) fn pick<T: Clone>(dice: &mut SplitMix64, of: &[T]) -> T {
    let index = usize::try_from(dice.below(of.len() as u64)).unwrap_or(0);
    of.get(index).cloned().unwrap_or_else(|| panic!("nothing to pick from"))
}

/// Returns some of the columns, each at most once, in any order.
pub(crate) fn random_columns(dice: &mut SplitMix64, of: &[Column]) -> Vec<Column> {
    let mut columns: Vec<Column> = of.iter().copied().filter(|_| dice.below(2) == 0).collect();
    for index in 1..columns.len() {
        let other = usize::try_from(dice.below(index as u64 + 1)).unwrap_or(0);
        columns.swap(index, other);
    }
    columns
}

/// Returns a filter that selects by some fields, among values of which most exist.
pub(crate) fn random_filter(dice: &mut SplitMix64, start_ms: u64, window_ms: u64) -> UsageFilter {
    let mut filter = UsageFilter::default();
    let rarely = |dice: &mut SplitMix64| dice.below(4) == 0;
    if rarely(dice) {
        filter.origin = Some(Origin::from_bytes([7; 16]));
    }
    if rarely(dice) {
        filter.tenant = Some(pick(dice, &TENANTS).to_owned());
    }
    if rarely(dice) {
        filter.dimension = Some(pick(dice, &["requests", "bytes_in", "bytes"]).to_owned());
    }
    if rarely(dice) {
        filter.method = Some(pick(dice, &METHODS).to_owned());
    }
    match dice.below(8) {
        0 => filter.route = Some(pick(dice, &ROUTES).to_owned()),
        1 => filter.account = Some((7, u128::from(dice.below(2)) << 70 | 1)),
        2 => filter.region = Some(pick(dice, &REGIONS).to_owned()),
        3 => filter.service = Some(pick(dice, &["gateway", ""]).to_owned()),
        _ => {}
    }
    if rarely(dice) {
        filter.since_ms = Some(start_ms + window_ms * dice.below(60));
    }
    if rarely(dice) {
        filter.until_ms = Some(start_ms + window_ms * (20 + dice.below(100)));
    }
    filter
}

/// The slices of a ledger, decoded.
pub(crate) struct Model(Vec<(Slice, SealedSlice)>);

/// What the model says of a query.
pub(crate) struct Expected {
    /// Sums by the texts of the columns.
    pub(crate) groups: BTreeMap<Vec<String>, u128>,
    /// The slices that would have to be divided.
    pub(crate) straddling: BTreeSet<(StreamId, Seq)>,
}

impl Model {
    pub(crate) fn of(slices: &[SealedSlice]) -> Self {
        Self(slices.iter().map(|slice| (slice.decode(), slice.clone())).collect())
    }

    pub(crate) fn sum(&self, query: &UsageQuery) -> Expected {
        let mut expected = Expected { groups: BTreeMap::new(), straddling: BTreeSet::new() };
        for (slice, _) in &self.0 {
            if !has_stream(&query.filter, &slice.stream) {
                continue;
            }
            if is_divided(query, slice) {
                expected.straddling.insert((slice.stream.clone(), slice.seq));
            }
            if !has_span(&query.filter, slice) {
                continue;
            }
            for row in slice.rows.iter().filter(|row| has_key(&query.filter, &row.key)) {
                let texts = query.by.iter().map(|column| text(*column, query, slice, &row.key)).collect();
                *expected.groups.entry(texts).or_default() += u128::from(row.increment);
            }
        }
        expected
    }

    /// Returns the slices behind a figure, with how much of it each is, sorted.
    pub(crate) fn evidence(&self, filter: &UsageFilter) -> Vec<(SealedSlice, u128)> {
        let mut evidence = Vec::new();
        for (slice, sealed) in &self.0 {
            if has_stream(filter, &slice.stream) && has_span(filter, slice) {
                let rows = slice.rows.iter().filter(|row| has_key(filter, &row.key));
                let amount: u128 = rows.map(|row| u128::from(row.increment)).sum();
                if amount > 0 {
                    evidence.push((sealed.clone(), amount));
                }
            }
        }
        evidence
            .sort_by(|(one, _), (other, _)| (one.stream(), one.seq()).cmp(&(other.stream(), other.seq())));
        evidence
    }
}

/// Returns the groups of an answer by the texts of their values, as the model has them.
pub(crate) fn groups(rows: &[UsageRow]) -> BTreeMap<Vec<String>, u128> {
    let text = |value: &Value| match value {
        Value::Account { .. } => format!("account {value}"),
        other => other.to_string(),
    };
    rows.iter().map(|row| (row.values.iter().map(text).collect(), row.sum)).collect()
}

fn has_stream(filter: &UsageFilter, stream: &StreamId) -> bool {
    filter.origin.map_or(true, |origin| origin == stream.origin())
        && filter.tenant.as_ref().map_or(true, |tenant| tenant == stream.tenant())
        && filter.dimension.as_ref().map_or(true, |dimension| dimension == stream.dimension())
}

fn has_span(filter: &UsageFilter, slice: &Slice) -> bool {
    slice.start_ms >= filter.since_ms.unwrap_or(0)
        && slice.start_ms < filter.until_ms.unwrap_or(u64::MAX)
        && filter.window.map_or(true, |window| window == (slice.start_ms, slice.end_ms))
}

fn has_key(filter: &UsageFilter, key: &RowKey) -> bool {
    let [method, route, service, region] = labels(key);
    let is_account = matches!(key, RowKey::Account { .. });
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().map_or(true, |wanted| wanted == found);
    let has_route = match (&filter.route, &filter.account, key) {
        (Some(wanted), _, _) => !is_account && *wanted == route,
        (None, Some((wanted, number)), RowKey::Account { namespace, id }) => {
            wanted == namespace && number == id
        }
        (None, Some(_), RowKey::Labels { .. }) => false,
        (None, None, _) => true,
    };
    has_route && is(&filter.method, &method) && is(&filter.service, &service) && is(&filter.region, &region)
}

fn labels(key: &RowKey) -> [String; 4] {
    match key {
        RowKey::Labels { method, route, service, region } => {
            [method, route, service, region].map(ToString::to_string)
        }
        RowKey::Account { namespace, id } => {
            [String::new(), format!("account {namespace}:{id}"), String::new(), String::new()]
        }
    }
}

fn text(column: Column, query: &UsageQuery, slice: &Slice, key: &RowKey) -> String {
    let [method, route, service, region] = labels(key);
    match column {
        Column::Tenant => slice.stream.tenant().to_owned(),
        Column::Dimension => slice.stream.dimension().to_owned(),
        Column::Method => method,
        Column::Route => route,
        Column::Service => service,
        Column::Region => region,
        Column::Window => format!("{}..{}", slice.start_ms, slice.end_ms),
        _ => match column.calendar_unit() {
            Some(unit) => clock_text(unit, query.time_zone.name(), slice.start_ms),
            None => panic!("no model of column {column}"),
        },
    }
}

/// Says what a clock on the wall and a calendar beside it say.
fn clock_text(unit: CalendarUnit, zone: &str, unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok().and_then(|unix_ms| Timestamp::from_millisecond(unix_ms).ok());
    let zone = if zone == "UTC" { Ok(tz::TimeZone::UTC) } else { tz::TimeZone::get(zone) };
    let (Some(time), Ok(zone)) = (time, zone) else { panic!("a sample time has a zone") };
    let clock = time.to_zoned(zone.clone());
    let week = clock.date().iso_week_date();
    match unit {
        CalendarUnit::Hour if zone == tz::TimeZone::UTC => clock.strftime("%Y-%m-%dT%H:00Z").to_string(),
        CalendarUnit::Hour => clock.strftime("%Y-%m-%dT%H:00%:z").to_string(),
        CalendarUnit::Day => clock.date().to_string(),
        CalendarUnit::Week => format!("{:04}-W{:02}", week.year(), week.week()),
        CalendarUnit::Month => clock.strftime("%Y-%m").to_string(),
        other => panic!("no model of {other}"),
    }
}

fn is_divided(query: &UsageQuery, slice: &Slice) -> bool {
    let units: Vec<CalendarUnit> = query.by.iter().filter_map(|column| column.calendar_unit()).collect();
    let zone = query.time_zone.name();
    let last_ms = slice.end_ms - 1;
    let (since_ms, until_ms) =
        (query.filter.since_ms.unwrap_or(0), query.filter.until_ms.unwrap_or(u64::MAX));
    let is_inside = |edge: u64| slice.start_ms < edge && edge <= last_ms;
    let is_asked = slice.start_ms < until_ms && last_ms >= since_ms;
    let crosses_edge = is_asked && (is_inside(since_ms) || is_inside(until_ms));
    let crosses_period =
        |unit: &CalendarUnit| clock_text(*unit, zone, slice.start_ms) != clock_text(*unit, zone, last_ms);
    !units.is_empty()
        && (crosses_edge || (has_span(&query.filter, slice) && units.iter().any(crosses_period)))
}
