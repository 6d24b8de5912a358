//! Sums against a model that adds the same rows by hand.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ron_accounting_ledger::{totals, usage_rows, verify, Column, Ledger, UsageQuery, Value};
use ron_accounting_sqlite::SqliteLedger;
use ron_ledger_wire::{Row, RowKey, SealedSlice, Seq};

use crate::samples::{account, chain, labels, put_all, slice, stream, two_chains, LedgerFolder, WINDOW_MS};

/// All columns but those of the calendar, which the contract of ledgers covers.
const COLUMNS: [Column; 7] = [
    Column::Tenant,
    Column::Method,
    Column::Route,
    Column::Service,
    Column::Region,
    Column::Dimension,
    Column::Window,
];

fn usage(ledger: &SqliteLedger, by: &[Column]) -> Vec<(Vec<String>, u64)> {
    texts(ledger, &UsageQuery::by(by.iter().copied()))
}

fn texts(ledger: &SqliteLedger, query: &UsageQuery) -> Vec<(Vec<String>, u64)> {
    let usage = usage_rows(ledger, query).unwrap();
    let texts = |values: Vec<Value>| values.iter().map(ToString::to_string).collect();
    usage.into_iter().map(|row| (texts(row.values), u64::try_from(row.sum).unwrap())).collect()
}

fn row(texts: &[&str], increment: u64) -> (Vec<String>, u64) {
    (texts.iter().map(|text| (*text).to_owned()).collect(), increment)
}

#[test]
fn groups_come_sorted_in_the_asked_order() {
    let ledger = two_chains().open();
    assert_eq!(usage(&ledger, &[Column::Tenant]), [row(&["acme"], 424), row(&["globex"], 424)]);
    assert_eq!(
        usage(&ledger, &[Column::Route, Column::Method]),
        [
            row(&["/a", "GET"], 92),
            row(&["/a", "PUT"], 252),
            row(&["/b", "GET"], 172),
            row(&["1:42", ""], 332)
        ]
    );
    assert_eq!(
        usage(&ledger, &[Column::Window, Column::Dimension]),
        (0..4)
            .map(|seq| {
                let window = format!("{}..{}", seq * WINDOW_MS, (seq + 1) * WINDOW_MS);
                row(&[&window, "requests"], 2 * (100 + 4 * seq))
            })
            .collect::<Vec<_>>()
    );
    assert_eq!(usage(&ledger, &[]), [row(&[], 848)]);
    assert_eq!(usage(&ledger, &[Column::Tenant, Column::Tenant])[0], row(&["acme", "acme"], 424));
    assert_eq!(usage(&ledger, &COLUMNS).len(), 32);
}

#[test]
fn filters_select_by_tenant_dimension_and_start() {
    let folder = two_chains();
    let ledger = folder.open();
    put_all(&ledger, &chain(&stream("acme", "bytes_in"), 2));
    let everything = UsageQuery::by([Column::Tenant, Column::Dimension]);
    let mut acme = everything.clone();
    acme.filter.tenant = Some("acme".to_owned());
    assert_eq!(texts(&ledger, &acme), [row(&["acme", "bytes_in"], 204), row(&["acme", "requests"], 424)]);
    let mut bytes = everything;
    bytes.filter.dimension = Some("bytes_in".to_owned());
    assert_eq!(texts(&ledger, &bytes), [row(&["acme", "bytes_in"], 204)]);

    let between = |since_ms, until_ms| {
        let mut query = bytes.clone();
        query.by.clear();
        (query.filter.since_ms, query.filter.until_ms) = (since_ms, until_ms);
        usage_rows(&ledger, &query).unwrap().first().map(|row| row.sum)
    };
    assert_eq!(between(Some(0), Some(WINDOW_MS)), Some(100), "the start decides, and the end is exclusive");
    assert_eq!(between(Some(1), None), Some(104));
    assert_eq!(between(Some(WINDOW_MS), Some(WINDOW_MS)), None);
    assert_eq!(between(None, Some(WINDOW_MS + 1)), Some(204));
    assert_eq!(between(Some(u64::MAX), None), None);
    assert_eq!(between(None, Some(u64::MAX)), Some(204));
    assert_eq!(between(None, Some(0)), None);
}

#[test]
fn what_callers_give_is_never_sql() {
    let ledger = two_chains().open();
    for text in ["' OR 1=1 --", "acme' --", "%", "\"acme\"", "; DROP TABLE usage"] {
        let mut query = UsageQuery::default();
        query.filter.tenant = Some(text.to_owned());
        assert_eq!(usage_rows(&ledger, &query).unwrap(), []);
        let mut query = UsageQuery::default();
        query.filter.dimension = Some(text.to_owned());
        assert_eq!(usage_rows(&ledger, &query).unwrap(), []);
    }
    verify(&ledger, |_| {}).unwrap();
}

#[test]
fn an_account_is_not_a_route_that_looks_like_it() {
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    let rows = vec![
        account(7, u128::MAX, 1),
        account(8, 0, 2),
        Row { key: RowKey::labels("", "8:0", "", ""), increment: 4 },
        Row { key: RowKey::labels("", "", "", ""), increment: 8 },
    ];
    put_all(&ledger, &[slice(&stream("acme", "requests"), Seq::FIRST, None, rows)]);
    let found: Vec<_> = usage_rows(&ledger, &UsageQuery::by([Column::Route]))
        .unwrap()
        .into_iter()
        .map(|mut row| (row.values.remove(0), row.sum))
        .collect();
    assert_eq!(
        found,
        [
            (Value::Text("".into()), 8),
            (Value::Text("8:0".into()), 4),
            (Value::Account { namespace: 7, id: u128::MAX }, 1),
            (Value::Account { namespace: 8, id: 0 }, 2),
        ]
    );
    assert_eq!(usage(&ledger, &[Column::Method, Column::Service, Column::Region]), [row(&["", "", ""], 15)]);
}

#[test]
fn an_empty_ledger_has_no_usage() {
    let ledger = LedgerFolder::new().open();
    assert_eq!(usage_rows(&ledger, &UsageQuery::default()).unwrap(), []);
    assert_eq!(totals(&ledger).unwrap(), []);
    assert_eq!(ledger.heads(None, 10).unwrap(), []);
    let verified = verify(&ledger, |_| {}).unwrap();
    assert_eq!((verified.slices, verified.first_window_ms, verified.last_window_ms), (0, None, None));
}

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (0..3_usize, 0..3_usize, any::<bool>(), 1..=u64::MAX / 1000);
    prop::collection::vec(row, 1..8).prop_map(|rows| {
        let rows: BTreeMap<RowKey, u64> = rows
            .into_iter()
            .map(|(method, route, numeric, increment)| {
                let key = if numeric {
                    RowKey::account(u32::try_from(method).unwrap(), route as u128)
                } else {
                    labels(["GET", "PUT", ""][method], ["/a", "/b", "~overflow"][route], 1).key
                };
                (key, increment)
            })
            .collect();
        rows.into_iter().map(|(key, increment)| Row { key, increment }).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_grouping_adds_up_to_the_rows(
        slices in prop::collection::vec((0..2_usize, 0..2_usize, any_rows()), 1..8),
        by in prop::sample::subsequence(COLUMNS.to_vec(), 0..=7),
        (since, until) in (0..4_u64, 0..5_u64),
    ) {
        let folder = LedgerFolder::new();
        let ledger = folder.open();
        let mut stored: BTreeMap<_, Vec<SealedSlice>> = BTreeMap::new();
        let mut model: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for (tenant, dimension, rows) in slices {
            let stream = stream(["acme", "globex"][tenant], ["requests", "bytes_in"][dimension]);
            let chain = stored.entry(stream.clone()).or_default();
            let seq = chain.len() as u64;
            if (since..until).contains(&seq) {
                for row in &rows {
                    let columns = by.iter().map(|column| model_value(*column, &stream, seq, &row.key)).collect();
                    *model.entry(columns).or_default() += row.increment;
                }
            }
            let slice = slice(&stream, Seq::new(seq), chain.last().map(SealedSlice::digest), rows);
            put_all(&ledger, std::slice::from_ref(&slice));
            chain.push(slice);
        }
        let mut query = UsageQuery::by(by);
        (query.filter.since_ms, query.filter.until_ms) = (Some(since * WINDOW_MS), Some(until * WINDOW_MS));
        let found = texts(&ledger, &query);
        prop_assert_eq!(found.len(), model.len());
        prop_assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), model);
        verify(&ledger, |_| {}).unwrap();
    }
}

fn model_value(column: Column, stream: &ron_ledger_wire::StreamId, seq: u64, key: &RowKey) -> String {
    let (method, route, service, region) = match key {
        RowKey::Labels { method, route, service, region } => {
            (method.to_string(), route.to_string(), service.to_string(), region.to_string())
        }
        RowKey::Account { namespace, id } => {
            (String::new(), format!("{namespace}:{id}"), String::new(), String::new())
        }
    };
    match column {
        Column::Tenant => stream.tenant().to_owned(),
        Column::Dimension => stream.dimension().to_owned(),
        Column::Method => method,
        Column::Route => route,
        Column::Service => service,
        Column::Region => region,
        Column::Window => format!("{}..{}", seq * WINDOW_MS, (seq + 1) * WINDOW_MS),
        other => panic!("no model of {other}"),
    }
}
