//! Sums, and the slices behind them.

use ron_accounting_export::SplitMix64;
use ron_accounting_ledger::{
    totals, usage_rows, Column, Evidence, SliceName, UsageFilter, UsageQuery, UsageRow,
};
use ron_ledger_wire::{Row, RowKey, SealedSlice, Seq, Slice, StreamId};

use super::{
    model::{groups, random_columns, random_filter, random_slices, sealed, Model, EVENING_MS, MINUTE_MS},
    Subject,
};
use crate::samples::stream;

/// All columns but those of the calendar.
const COLUMNS: [Column; 7] = [
    Column::Tenant,
    Column::Method,
    Column::Route,
    Column::Service,
    Column::Region,
    Column::Dimension,
    Column::Window,
];

fn stored(subject: &Subject<'_>) -> Model {
    let slices = random_slices(&mut SplitMix64::new(2), 100, EVENING_MS, MINUTE_MS);
    subject.stores(&slices);
    Model::of(&slices)
}

pub(super) fn is_sorted(rows: &[UsageRow]) -> bool {
    rows.iter().zip(rows.iter().skip(1)).all(|(row, next)| row.values < next.values)
}

pub(super) fn sums_are_those_of_a_plain_model(subject: &Subject<'_>) {
    let model = stored(subject);
    let mut dice = SplitMix64::new(3);
    for number in 0..60 {
        let mut query = UsageQuery::by(random_columns(&mut dice, &COLUMNS));
        if number > 0 {
            query.filter = random_filter(&mut dice, EVENING_MS, MINUTE_MS);
        }
        let rows = subject.answered("usage", usage_rows(subject.ledger, &query));
        subject.is(is_sorted(&rows), format_args!("groups of {query:?} are not sorted"));
        subject.same(&format!("sums of {query:?}"), &model.sum(&query).groups, &groups(&rows));
    }
    let mut by_name = UsageQuery::by([Column::Tenant, Column::Dimension]);
    by_name.filter = UsageFilter::default();
    let expected = model.sum(&by_name).groups;
    let totals = subject.answered("totals", totals(subject.ledger));
    let found = totals.into_iter().map(|total| (vec![total.tenant, total.dimension], total.increment));
    subject.same("totals", &expected, &found.collect());
}

/// Returns all evidence, asked for in pages.
fn pages(subject: &Subject<'_>, filter: &UsageFilter, limit: usize) -> Vec<Evidence> {
    let mut found: Vec<Evidence> = Vec::new();
    loop {
        let after = found.last().map(|evidence| evidence.slice.name.clone());
        let page = subject.answered("evidence", subject.ledger.evidence(filter, after.as_ref(), limit));
        subject.is(page.len() <= limit, format_args!("a page of {} slices of {limit}", page.len()));
        let is_last = page.len() < limit;
        found.extend(page);
        subject.is(found.len() <= 10_000, format_args!("pages of {limit} slices do not end"));
        if is_last {
            return found;
        }
    }
}

fn amounts(evidence: &[Evidence]) -> Vec<(SliceName, String, u128, u128)> {
    let amount = |evidence: &Evidence| {
        let slice = &evidence.slice;
        (slice.name.clone(), slice.cid().to_string(), slice.total, evidence.amount)
    };
    evidence.iter().map(amount).collect()
}

fn expected_amounts(evidence: &[(SealedSlice, u128)]) -> Vec<(SliceName, String, u128, u128)> {
    let amount = |(slice, amount): &(SealedSlice, u128)| {
        let name = SliceName { stream: slice.stream().clone(), seq: slice.seq() };
        (name, slice.cid().to_string(), slice.total(), *amount)
    };
    evidence.iter().map(amount).collect()
}

pub(super) fn each_figure_is_the_sum_of_its_evidence(subject: &Subject<'_>) {
    let model = stored(subject);
    let mut dice = SplitMix64::new(4);
    for _ in 0..12 {
        let mut query = UsageQuery::by(random_columns(&mut dice, &COLUMNS));
        query.filter = random_filter(&mut dice, EVENING_MS, MINUTE_MS);
        for row in subject.answered("usage", usage_rows(subject.ledger, &query)).iter().take(6) {
            let filter = query.filter_of(row);
            let evidence = pages(subject, &filter, 1000);
            let sum: u128 = evidence.iter().map(|evidence| evidence.amount).sum();
            subject.same(&format!("sum of the evidence of {row:?}"), &row.sum, &sum);
            let expected = expected_amounts(&model.evidence(&filter));
            subject.same(&format!("evidence of {row:?}"), &expected, &amounts(&evidence));
        }
    }
}

pub(super) fn evidence_comes_sorted_and_in_pages(subject: &Subject<'_>) {
    let model = stored(subject);
    let mut labelled = UsageFilter::default();
    labelled.method = Some("GET".to_owned());
    for filter in [UsageFilter::default(), labelled] {
        let expected = expected_amounts(&model.evidence(&filter));
        for limit in [1, 2, 50, expected.len(), 1000] {
            let found = amounts(&pages(subject, &filter, limit));
            subject.same(&format!("evidence in pages of {limit}"), &expected, &found);
        }
    }
    let none = subject.answered("evidence", subject.ledger.evidence(&UsageFilter::default(), None, 0));
    subject.same("no evidence", &Vec::new(), &none);
}

fn one_row(stream: &StreamId, last: Option<&SealedSlice>, increment: u64) -> SealedSlice {
    let seq = last.map_or(Seq::FIRST, |last| last.seq().next());
    sealed(&Slice {
        stream: stream.clone(),
        seq,
        start_ms: seq.get() * MINUTE_MS,
        end_ms: (seq.get() + 1) * MINUTE_MS,
        previous: last.map(SealedSlice::digest),
        rows: vec![Row { key: RowKey::account(1, 1), increment }],
    })
}

pub(super) fn sums_may_pass_the_largest_increment(subject: &Subject<'_>) {
    let stream = stream("acme");
    let mut slices: Vec<SealedSlice> = Vec::new();
    for increment in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1, 1 << 32, u64::from(u32::MAX), 1] {
        slices.push(one_row(&stream, slices.last(), increment));
    }
    subject.stores(&slices);
    let expected: u128 = slices.iter().map(SealedSlice::total).sum();
    for query in [UsageQuery::default(), UsageQuery::by([Column::Tenant]), UsageQuery::by([Column::Route])] {
        let rows = subject.answered("usage", usage_rows(subject.ledger, &query));
        subject.same("sum", &vec![expected], &rows.iter().map(|row| row.sum).collect());
    }
}

pub(super) fn a_duplicate_counts_once(subject: &Subject<'_>) {
    let stream = stream("acme");
    let first = one_row(&stream, None, 5);
    let second = one_row(&stream, Some(&first), 7);
    subject.stores(&[first.clone(), second.clone()]);
    subject.offers_again(&[first, second]);
    let rows = subject.answered("usage", usage_rows(subject.ledger, &UsageQuery::default()));
    subject.same("sum", &vec![12], &rows.iter().map(|row| row.sum).collect());
}
