//! Adds up what a ledger finds into the groups of a query.
//!
//! Groups are kept in bounded memory. If there are more, the ledger is read again for the next ones, and each figure is exact all the same.

use std::{ops::ControlFlow, sync::Arc};

use foldhash::HashSet;
use ron_ledger_wire::{RowKeyRef, StreamId};

use crate::{
    error::Straddle,
    groups::{Groups, Room},
    CalendarUnit, Column, Period, ReadError, Straddling, UsageQuery, UsageRow, Value,
};

/// The most groups that are in memory at a time, and the most bytes that they take.
const ROOM: Room = Room { groups_max: 200_000, bytes_max: 64 << 20 };

/// The most texts that are kept at a time, to share them between groups.
const TEXTS_MAX: usize = 8192;

/// Answers a query: calls `scan` to add everything that the ledger has, and `visit` with the groups in order.
///
/// `scan` is called again for further groups, if there are more than 200,000 or they take more than 64 MiB. To be exact, the ledger should
/// show the same slices each time.
pub fn sum_usage<E: From<ReadError>>(
    query: &UsageQuery,
    mut scan: impl FnMut(&mut UsageSums<'_>) -> Result<(), E>,
    visit: &mut dyn FnMut(&UsageRow) -> ControlFlow<()>,
) -> Result<(), E> {
    let mut after = None;
    loop {
        let mut sums = UsageSums::new(query, after.take());
        scan(&mut sums)?;
        let has_more = sums.groups.has_more();
        for (values, sum) in sums.groups.into_sorted() {
            let row = UsageRow { values, sum };
            if visit(&row).is_break() {
                return Ok(());
            }
            after = Some(row.values);
        }
        if !has_more {
            return Ok(());
        }
    }
}

/// The groups of a query, while a ledger adds what it has.
///
/// For each slice whose stream is selected: [`begin`](Self::begin), then [`add`](Self::add) for its total, or for each selected row of it if
/// the query [needs rows](UsageQuery::needs_rows).
#[derive(Debug)]
pub struct UsageSums<'query> {
    query: &'query UsageQuery,
    groups: Groups,
    window: Option<(u64, u64)>,
    periods: Vec<Period>,
    /// The number of each column's value; those of time are kept from slice to slice.
    numbers: Vec<u32>,
    /// Whether the numbers of the columns of time are to be asked for.
    is_time_new: bool,
    texts: Texts,
}

impl<'query> UsageSums<'query> {
    fn new(query: &'query UsageQuery, after: Option<Vec<Value>>) -> Self {
        Self {
            query,
            groups: Groups::new(query.by.len(), after, ROOM),
            window: None,
            periods: Vec::new(),
            numbers: vec![0; query.by.len()],
            is_time_new: true,
            texts: Texts::default(),
        }
    }

    /// Returns the query.
    pub fn query(&self) -> &'query UsageQuery {
        self.query
    }

    /// Returns whether the columns of time say the same of a slice with this span as of the one that was begun last.
    ///
    /// What a ledger found since they changed may be added up before it is added here, and has to be added before `begin` changes them.
    pub fn continues(&self, start_ms: u64, end_ms: u64) -> bool {
        let has_window = self.query.by.contains(&Column::Window);
        (!has_window || self.window == Some((start_ms, end_ms)))
            && self.periods.iter().all(|period| period.contains(start_ms))
    }

    /// Begins a slice with this span. Returns whether the query selects it.
    ///
    /// Fails if the query would have to divide the slice. [`Straddle::of`] adds the slice's name.
    pub fn begin(&mut self, start_ms: u64, end_ms: u64) -> Result<bool, SpanError> {
        let filter = &self.query.filter;
        let is_selected = filter.selects_span(start_ms, end_ms);
        if self.query.checks_edges() {
            let overlaps = filter.since_ms.map_or(true, |since| end_ms > since)
                && filter.until_ms.map_or(true, |until| start_ms < until);
            let inside = |edge: &u64| start_ms < *edge && *edge < end_ms;
            let mut edges = filter.since_ms.into_iter().chain(filter.until_ms);
            if let Some(boundary_ms) = edges.find(inside).filter(|_| overlaps) {
                return Err(SpanError::Straddle(self.straddle(start_ms, end_ms, boundary_ms, None)));
            }
        }
        if !is_selected {
            return Ok(false);
        }
        self.is_time_new |= !self.continues(start_ms, end_ms);
        self.window = Some((start_ms, end_ms));
        let units = self.query.by.iter().filter_map(|column| column.calendar_unit());
        for (index, unit) in units.enumerate() {
            if !self.periods.get(index).is_some_and(|period| period.contains(start_ms)) {
                let period = Period::at(unit, &self.query.time_zone, start_ms)?;
                match self.periods.get_mut(index) {
                    Some(former) => *former = period,
                    None => self.periods.push(period),
                }
            }
            let boundary_ms = self.periods.get(index).map_or(u64::MAX, Period::end_ms);
            if end_ms > boundary_ms && self.query.straddling == Straddling::Refuse {
                return Err(SpanError::Straddle(self.straddle(start_ms, end_ms, boundary_ms, Some(unit))));
            }
        }
        Ok(true)
    }

    /// Adds usage of the span that was begun last: of one stream, and of a row with this key.
    ///
    /// The stream may be left out if no [column is of it](Column::is_of_stream), and the key if the query needs no rows.
    pub fn add(&mut self, stream: Option<&StreamId>, key: Option<&RowKeyRef<'_>>, amount: u128) {
        let mut periods = self.periods.iter();
        let columns = self.query.by.iter().zip(&mut self.numbers).enumerate();
        for (index, (column, number)) in columns {
            let value = match column {
                Column::Tenant => stream.map(|stream| self.texts.value(stream.tenant())),
                Column::Dimension => stream.map(|stream| self.texts.value(stream.dimension())),
                Column::Method | Column::Route | Column::Service | Column::Region => {
                    key.map(|key| self.texts.label(*column, key))
                }
                Column::Window if self.is_time_new => {
                    self.window.map(|(start_ms, end_ms)| Value::Window { start_ms, end_ms })
                }
                Column::Hour | Column::Day | Column::Week | Column::Month if self.is_time_new => {
                    periods.next().map(|period| Value::Period(period.clone()))
                }
                _ => continue,
            };
            debug_assert!(value.is_some(), "no {column} for usage of this query");
            *number = self.groups.number(index, value.unwrap_or_else(|| Value::Text("".into())));
        }
        self.is_time_new = self.groups.add(&self.numbers, amount);
    }

    fn straddle(&self, start_ms: u64, end_ms: u64, boundary_ms: u64, unit: Option<CalendarUnit>) -> Straddle {
        Straddle {
            start_ms,
            end_ms,
            boundary_ms,
            unit,
            zone: self.query.time_zone.name().to_owned(),
            remedy: self.remedy(start_ms, end_ms, unit),
        }
    }

    /// Returns what would divide no slice, as far as this one is concerned.
    fn remedy(&self, start_ms: u64, end_ms: u64, unit: Option<CalendarUnit>) -> String {
        let fits = |unit, zone: &crate::TimeZone| {
            Period::at(unit, zone, start_ms).is_ok_and(|period| end_ms <= period.end_ms())
        };
        let zone = &self.query.time_zone;
        let mut choices = Vec::new();
        if let Some(unit) = unit {
            let longer = CalendarUnit::ALL.into_iter().find(|longer| *longer > unit && fits(*longer, zone));
            choices.extend(longer.map(|longer| format!("group by {longer}")));
            if !zone.is_utc() && fits(unit, &crate::TimeZone::default()) {
                choices.push("use the time zone UTC".to_owned());
            }
        } else {
            choices.push("begin and end where windows do".to_owned());
        }
        choices.push("count it where it starts (`--straddling start`)".to_owned());
        choices.join(", or ")
    }
}

/// Texts that groups share.
#[derive(Debug, Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// Returns a value that shares its memory with equal ones.
    fn value(&mut self, text: &str) -> Value {
        if let Some(known) = self.0.get(text) {
            return Value::Text(known.clone());
        }
        if self.0.len() >= TEXTS_MAX {
            self.0.clear();
        }
        let text: Arc<str> = text.into();
        self.0.insert(text.clone());
        Value::Text(text)
    }

    fn label(&mut self, column: Column, key: &RowKeyRef<'_>) -> Value {
        match key {
            RowKeyRef::Labels { method, route, service, region } => self.value(match column {
                Column::Method => method,
                Column::Service => service,
                Column::Region => region,
                _ => route,
            }),
            RowKeyRef::Account { namespace, id } if column == Column::Route => {
                Value::Account { namespace: *namespace, id: *id }
            }
            RowKeyRef::Account { .. } => self.value(""),
        }
    }
}

/// Why a span cannot be assigned to the groups of a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpanError {
    /// It would have to be divided.
    #[error(transparent)]
    Straddle(Straddle),
    /// It is past what the calendar knows.
    #[error(transparent)]
    BeyondCalendar(#[from] crate::BeyondCalendar),
}

impl SpanError {
    /// Returns the error for the slice with this name.
    #[must_use]
    pub fn of(self, stream: &StreamId, seq: ron_ledger_wire::Seq) -> ReadError {
        match self {
            Self::Straddle(straddle) => straddle.of(stream, seq),
            Self::BeyondCalendar(beyond) => beyond.into(),
        }
    }
}
