//! The largest numbers.

use ron_accounting_export::{Ack, Exporter, PutError};
use ron_accounting_ledger::{totals, usage_rows, verify, Column, UsageQuery};
use ron_ledger_wire::{Row, RowKey, SealedSlice, Seq, Slice};

use crate::samples::{account, chain, labels, put_all, slice, stream, LedgerFolder};

#[test]
fn increments_use_all_64_bits_and_sums_are_exact() {
    let increments = [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1, 1 << 32, u64::from(u32::MAX), 1];
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    let stream = stream("acme", "bytes_in");
    let rows = (0..).zip(increments).map(|(id, increment)| account(1, id, increment)).collect();
    put_all(&ledger, &[slice(&stream, Seq::FIRST, None, rows)]);

    let query = UsageQuery::by([Column::Route]);
    let found: Vec<u128> = usage_rows(&ledger, &query).unwrap().iter().map(|row| row.sum).collect();
    assert_eq!(found, increments.map(u128::from));
    let total: u128 = increments.iter().map(|increment| u128::from(*increment)).sum();
    assert_eq!(totals(&ledger).unwrap()[0].increment, total);
    verify(&ledger, |_| {}).unwrap();
}

#[test]
fn a_sum_may_pass_the_largest_increment() {
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    let acme = stream("acme", "bytes_in");
    let first =
        slice(&acme, Seq::FIRST, None, vec![labels("GET", "/a", u64::MAX - 5), labels("GET", "/b", 5)]);
    let second = slice(&acme, Seq::new(1), Some(first.digest()), vec![labels("GET", "/b", 1)]);
    let by_tenant = UsageQuery::by([Column::Tenant, Column::Dimension]);
    put_all(&ledger, &[first]);
    let sum = |query: &UsageQuery| usage_rows(&ledger, query).unwrap()[0].sum;
    assert_eq!(sum(&by_tenant), u64::MAX.into());

    put_all(&ledger, &[second]);
    assert_eq!(sum(&by_tenant), u128::from(u64::MAX) + 1);
    assert_eq!(sum(&UsageQuery::default()), u128::from(u64::MAX) + 1);
    assert_eq!(sum(&UsageQuery::by([Column::Route])), u128::from(u64::MAX) - 5);
    verify(&ledger, |_| {}).unwrap();
}

#[test]
fn times_past_what_sqlite_holds_are_refused_alone() {
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    let far = |start_ms, end_ms| {
        Slice {
            stream: stream("far", "requests"),
            seq: Seq::FIRST,
            start_ms,
            end_ms,
            previous: None,
            rows: vec![Row { key: RowKey::account(1, 1), increment: 1 }],
        }
        .encode()
        .unwrap()
    };
    let limit = i64::MAX.unsigned_abs();
    let good = &chain(&stream("acme", "requests"), 1)[0];
    for too_far in [far(0, limit + 1), far(limit + 1, limit + 2), far(u64::MAX - 1, u64::MAX)] {
        let answers = ledger.put_batch(&[too_far, good.clone()]);
        assert!(
            matches!(&answers[0], Err(PutError::Rejected { source }) if source.to_string().contains("_ms") && source.to_string().contains("past")),
            "{answers:?}"
        );
        assert!(answers[1].is_ok());
        assert_eq!(ledger.head(&stream("far", "requests")).unwrap(), None);
    }
    let last = far(limit - 1, limit);
    put_all(&ledger, &[last]);
    let mut query = UsageQuery::default();
    query.filter.tenant = Some("far".to_owned());
    (query.filter.since_ms, query.filter.until_ms) = (Some(limit - 1), Some(u64::MAX));
    assert_eq!(usage_rows(&ledger, &query).unwrap()[0].sum, 1);
    verify(&ledger, |_| {}).unwrap();
}

#[test]
fn a_sequence_number_past_what_sqlite_holds_is_refused() {
    let folder = LedgerFolder::new();
    let stream = stream("acme", "requests");
    let chain = chain(&stream, 1);
    put_all(&folder.open(), &chain);
    folder.raw().execute("UPDATE streams SET next_seq = ?1", [i64::MAX]).unwrap();

    let ledger = folder.open();
    let next = |seq| -> SealedSlice {
        Slice {
            stream: stream.clone(),
            seq,
            start_ms: 1,
            end_ms: 2,
            previous: Some(chain[0].digest()),
            rows: vec![account(1, 1, 1)],
        }
        .encode()
        .unwrap()
    };
    let largest_stored = Seq::new(i64::MAX.unsigned_abs());
    let answers = ledger.put_batch(&[next(largest_stored)]);
    assert!(
        matches!(&answers[0], Err(PutError::Rejected { source }) if source.to_string().contains("seq") && source.to_string().contains("past")),
        "{answers:?}"
    );
    let largest = Seq::new(u64::MAX);
    let gap = PutError::Gap { expected: largest_stored, found: largest };
    assert_eq!(ledger.put_batch(&[next(largest)]), [Err(gap)]);
}

#[test]
fn label_sets_and_accounts_are_stored_once() {
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    for tenant in 0..20 {
        put_all(&ledger, &chain(&stream(&format!("tenant {tenant}"), "requests"), 5));
    }
    let count: i64 = folder.raw().query_row("SELECT count(*) FROM row_keys", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 4);
}

#[test]
fn one_batch_may_hold_slices_of_many_streams_and_of_one_in_order() {
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    let batch: Vec<SealedSlice> =
        (0..50).flat_map(|tenant| chain(&stream(&format!("tenant {tenant}"), "requests"), 3)).collect();
    assert_eq!(ledger.put_batch(&batch), vec![Ok(Ack::Ok); 150]);
    assert_eq!(ledger.put_batch(&batch), vec![Ok(Ack::Duplicate); 150]);
    assert_eq!(verify(&ledger, |_| {}).unwrap().slices, 150);
}
