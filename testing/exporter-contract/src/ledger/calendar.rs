//! Hours, days, weeks and months.

use ron_accounting_export::SplitMix64;
use ron_accounting_ledger::{usage_rows, Column, ReadError, Straddling, TimeZone, UsageQuery};
use ron_ledger_wire::{Origin, Row, RowKey, SealedSlice, Seq, Slice, StreamId};

use super::{
    model::{
        groups, pick, random_columns, random_filter, random_slices, sealed, Model, EVENING_MS, HOUR_MS,
        MINUTE_MS,
    },
    usage::is_sorted,
    Subject,
};
use crate::samples::stream;

/// Hours of these begin at full or at half hours of UTC, and of some twice in autumn.
const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"];

/// 2015-10-25 00:00 UTC: one hour before summer time ends in Berlin.
const AUTUMN_MS: u64 = 1_445_731_200_000;

fn zone(subject: &Subject<'_>, name: &str) -> TimeZone {
    name.parse().unwrap_or_else(|error| subject.fail(format_args!("{error}")))
}

fn asks_as_the_model(subject: &Subject<'_>, model: &Model, query: &UsageQuery) {
    let expected = model.sum(query);
    let is_refused = query.straddling == Straddling::Refuse && !expected.straddling.is_empty();
    match usage_rows(subject.ledger, query) {
        Ok(rows) if !is_refused => {
            subject.is(is_sorted(&rows), format_args!("groups of {query:?} are not sorted"));
            subject.same(&format!("sums of {query:?}"), &expected.groups, &groups(&rows));
        }
        Ok(_) => subject.fail(format_args!("sums of {query:?}, although slices would have to be divided")),
        Err(ReadError::Straddles { stream, seq, .. }) => subject.is(
            is_refused && expected.straddling.contains(&(stream.clone(), seq)),
            format_args!("slice {seq} of {stream} is said to be divided by {query:?}"),
        ),
        Err(error) => subject.fail(format_args!("{query:?}: {}", error.with_causes())),
    }
}

pub(super) fn calendar_sums_are_those_of_a_plain_model(subject: &Subject<'_>) {
    let mut dice = SplitMix64::new(5);
    // Windows of half an hour of one hour at most: they fit into some calendars and not into others.
    let mut slices = random_slices(&mut dice, 80, EVENING_MS, HOUR_MS / 2);
    slices.extend(others(random_slices(&mut dice, 80, AUTUMN_MS - 4 * HOUR_MS, HOUR_MS / 2)));
    subject.stores(&slices);
    let model = Model::of(&slices);
    for number in 0..80 {
        let mut query = UsageQuery::by(random_columns(&mut dice, &Column::ALL));
        query.time_zone = zone(subject, pick(&mut dice, &ZONES));
        if number % 2 == 0 {
            query.straddling = Straddling::ByStart;
        }
        if number % 3 > 0 {
            query.filter = random_filter(&mut dice, EVENING_MS, HOUR_MS / 2);
        }
        asks_as_the_model(subject, &model, &query);
    }
}

/// Returns the slices under other origins, so that they begin chains of their own.
fn others(slices: Vec<SealedSlice>) -> Vec<SealedSlice> {
    let mut ends: std::collections::BTreeMap<StreamId, SealedSlice> = std::collections::BTreeMap::new();
    slices
        .into_iter()
        .map(|slice| {
            let mut slice = slice.decode();
            let origin = Origin::from_bytes([slice.stream.origin().as_bytes()[0] + 1; 16]);
            slice.stream = StreamId::new(origin, slice.stream.tenant(), slice.stream.dimension());
            slice.previous = ends.get(&slice.stream).map(SealedSlice::digest);
            let moved = sealed(&slice);
            ends.insert(slice.stream, moved.clone());
            moved
        })
        .collect()
}

fn one_row(stream: &StreamId, last: Option<&SealedSlice>, start_ms: u64, end_ms: u64) -> SealedSlice {
    sealed(&Slice {
        stream: stream.clone(),
        seq: last.map_or(Seq::FIRST, |last| last.seq().next()),
        start_ms,
        end_ms,
        previous: last.map(SealedSlice::digest),
        rows: vec![Row { key: RowKey::account(1, 1), increment: 1 }],
    })
}

pub(super) fn a_window_across_the_end_of_a_period_is_refused_and_named(subject: &Subject<'_>) {
    let stream = stream("acme");
    let midnight = EVENING_MS + 2 * HOUR_MS;
    let before = one_row(&stream, None, midnight - 2 * MINUTE_MS, midnight - MINUTE_MS);
    let across = one_row(&stream, Some(&before), midnight - MINUTE_MS, midnight + MINUTE_MS);
    subject.stores(&[before, across]);

    let mut visits = 0;
    let mut query = UsageQuery::by([Column::Day]);
    let answer = subject.ledger.usage(&query, &mut |_| {
        visits += 1;
        std::ops::ControlFlow::Continue(())
    });
    subject.same("groups before the refusal", &0, &visits);
    match answer {
        Err(ReadError::Straddles { stream: named, seq, straddle }) => {
            subject.same("the slice", &(&stream, Seq::new(1)), &(&named, seq));
            let span = (straddle.start_ms, straddle.boundary_ms, straddle.end_ms);
            let expected = (midnight - MINUTE_MS, midnight, midnight + MINUTE_MS);
            subject.same("its start, the boundary and its end", &expected, &span);
        }
        other => subject.fail(format_args!("days of a window across midnight: {other:?}")),
    }
    query.straddling = Straddling::ByStart;
    let rows = subject.answered("days by start", usage_rows(subject.ledger, &query));
    subject.same("units by start", &vec![2], &rows.iter().map(|row| row.sum).collect());
    let mut kolkata = UsageQuery::by([Column::Day]);
    kolkata.time_zone = zone(subject, "Asia/Kolkata");
    let rows = subject.answered("days of Kolkata", usage_rows(subject.ledger, &kolkata));
    subject.same("units of one day of Kolkata", &vec![2], &rows.iter().map(|row| row.sum).collect());
    // The beginning and the end of the asked time divide no window either.
    for (since_ms, until_ms) in [(Some(midnight), None), (None, Some(midnight))] {
        let mut query = UsageQuery::by([Column::Month]);
        (query.filter.since_ms, query.filter.until_ms) = (since_ms, until_ms);
        let refused = matches!(
            usage_rows(subject.ledger, &query),
            Err(ReadError::Straddles { seq, straddle, .. })
                if seq == Seq::new(1) && straddle.boundary_ms == midnight
        );
        subject.is(refused, format_args!("a window across {since_ms:?} or {until_ms:?} is not refused"));
        query.straddling = Straddling::ByStart;
        let rows = subject.answered("month by start", usage_rows(subject.ledger, &query));
        let expected: Vec<u128> = if since_ms.is_some() { vec![] } else { vec![2] };
        subject.same("units by start", &expected, &rows.iter().map(|row| row.sum).collect());
    }
}

pub(super) fn days_of_23_and_25_hours_are_exact(subject: &Subject<'_>) {
    let stream = stream("acme");
    // 2015-03-29 00:00 UTC, and the day in autumn.
    for (start_ms, hours) in [(1_427_587_200_000, 23), (AUTUMN_MS, 25)] {
        let mut last: Option<SealedSlice> = None;
        let of_day = StreamId::new(Origin::from_bytes([hours; 16]), stream.tenant(), stream.dimension());
        for hour in 0..72 {
            let start_ms = start_ms + hour * HOUR_MS - 24 * HOUR_MS;
            let slice = one_row(&of_day, last.as_ref(), start_ms, start_ms + HOUR_MS);
            subject.stores(std::slice::from_ref(&slice));
            last = Some(slice);
        }
        let mut query = UsageQuery::by([Column::Day]);
        query.filter.origin = Some(of_day.origin());
        query.time_zone = zone(subject, "Europe/Berlin");
        let rows = subject.answered("days", usage_rows(subject.ledger, &query));
        let sums: Vec<u128> = rows.iter().map(|row| row.sum).collect();
        let full_days = sums.get(1..3).map(<[u128]>::to_vec);
        subject.same("full days", &Some(vec![u128::from(hours), 24]), &full_days);
        let mut by_hour = query.clone();
        by_hour.by = vec![Column::Hour];
        let rows = subject.answered("hours", usage_rows(subject.ledger, &by_hour));
        subject.same("hours", &vec![1; 72], &rows.iter().map(|row| row.sum).collect());
    }
}

pub(super) fn another_streams_window_refuses_nothing(subject: &Subject<'_>) {
    let midnight = EVENING_MS + 2 * HOUR_MS;
    let across = one_row(&stream("globex"), None, midnight - MINUTE_MS, midnight + MINUTE_MS);
    let within = one_row(&stream("acme"), None, midnight, midnight + MINUTE_MS);
    subject.stores(&[across, within]);
    let mut query = UsageQuery::by([Column::Tenant, Column::Day]);
    query.filter.tenant = Some("acme".to_owned());
    let rows = subject.answered("days of one tenant", usage_rows(subject.ledger, &query));
    subject.same("units", &vec![1], &rows.iter().map(|row| row.sum).collect());
}
