//! Dying at any moment: a batch is in the ledger as a whole, or not at all.

use std::{fs, sync::Barrier, thread};

use ron_accounting_export::{Ack, Exporter, PutError};
use ron_accounting_ledger::{usage_rows, verify, Column, Ledger, UsageQuery, UsageRow, Value};
use ron_accounting_sqlite::SqliteLedger;
use ron_ledger_wire::{SealedSlice, Seq};

use crate::samples::{account, chain, labels, put_all, slice, stream, two_chains, LedgerFolder};

/// What a kill leaves behind.
fn copy_of(folder: &LedgerFolder) -> LedgerFolder {
    let copy = LedgerFolder::new();
    for (name, content) in folder.files() {
        fs::write(copy.path().join(name), content).unwrap();
    }
    copy
}

#[test]
fn an_open_transaction_leaves_nothing() {
    let folder = two_chains();
    let raw = folder.raw();
    // A cache of one page forces uncommitted pages into the log.
    raw.execute_batch(
        "PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE streams SET next_seq = 99;
         INSERT INTO slices (stream, seq, digest, start_ms, end_ms, row_count, bytes)
         SELECT stream, seq + 100, digest, start_ms, end_ms, row_count, zeroblob(200000) FROM slices;",
    )
    .unwrap();
    let copy = copy_of(&folder);
    assert!(fs::metadata(copy.path().join("usage.db-wal")).unwrap().len() > 200_000);
    assert_eq!(verify(&copy.open(), |_| {}).unwrap().slices, 8);

    drop(raw);
    let ledger = folder.open();
    assert_eq!(verify(&ledger, |_| {}).unwrap().slices, 8);
    put_all(&ledger, &chain(&stream("acme", "requests"), 5)[4..]);
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    let chain = chain(&stream("acme", "requests"), 20);
    for (stored, slice) in (1..).zip(&chain) {
        put_all(&ledger, std::slice::from_ref(slice));
        let reopened = copy_of(&folder).open();
        assert_eq!(verify(&reopened, |_| {}).unwrap().slices, stored);
        assert_eq!(reopened.put_batch(std::slice::from_ref(slice)), [Ok(Ack::Duplicate)]);
    }
}

#[test]
fn a_log_cut_off_anywhere_is_a_whole_number_of_batches() {
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    let chain = chain(&stream("acme", "requests"), 6);
    put_all(&ledger, &chain);
    let log_bytes = fs::metadata(folder.path().join("usage.db-wal")).unwrap().len();
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..=log_bytes).step_by(1999) {
        let copy = copy_of(&folder);
        let log = fs::OpenOptions::new().write(true).open(copy.path().join("usage.db-wal")).unwrap();
        log.set_len(cut).unwrap();
        fs::remove_file(copy.path().join("usage.db-shm")).unwrap();
        // Before the first commit there is no ledger yet, and `open` makes an empty one.
        let reopened = copy.open();
        let verified = verify(&reopened, |_| {}).unwrap();
        let stored = usize::try_from(verified.slices).unwrap();
        seen.insert(stored);
        let answers = reopened.put_batch(&chain);
        assert!(answers[..stored].iter().all(|answer| *answer == Ok(Ack::Duplicate)), "cut at {cut}");
        assert!(answers[stored..].iter().all(|answer| *answer == Ok(Ack::Ok)), "cut at {cut}");
    }
    assert_eq!(seen, (0..chain.len()).collect());
}

#[test]
fn a_ledger_created_by_several_at_once_is_one_ledger() {
    for _ in 0..5 {
        let folder = LedgerFolder::new();
        let start = Barrier::new(4);
        let opened: Vec<_> = thread::scope(|scope| {
            let threads = [(); 4].map(|()| {
                scope.spawn(|| {
                    start.wait();
                    SqliteLedger::open(folder.ledger_path()).unwrap()
                })
            });
            threads.map(|thread| thread.join().unwrap()).into()
        });
        let chain = chain(&stream("acme", "requests"), 4);
        for (ledger, slice) in opened.iter().zip(&chain) {
            put_all(ledger, std::slice::from_ref(slice));
        }
        assert_eq!(verify(&folder.open(), |_| {}).unwrap().slices, 4);
    }
}

#[test]
fn a_ledger_may_be_opened_for_reading_while_it_is_created() {
    for _ in 0..20 {
        let folder = LedgerFolder::new();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                drop(folder.open());
            });
            start.wait();
            while !fs::metadata(folder.ledger_path()).is_ok_and(|metadata| metadata.len() > 0) {
                thread::yield_now();
            }
            let reader = SqliteLedger::open_read_only(folder.ledger_path()).unwrap();
            assert!(reader.heads(None, 10).unwrap().is_empty());
        });
    }
}

#[test]
fn two_handles_on_one_file_share_one_head() {
    let folder = LedgerFolder::new();
    let (one, other) = (folder.open(), folder.open());
    let stream = stream("acme", "requests");
    let chain = chain(&stream, 6);
    for pair in chain.chunks(2) {
        put_all(&one, &pair[..1]);
        assert_eq!(other.put_batch(&pair[..1]), [Ok(Ack::Duplicate)]);
        put_all(&other, &pair[1..]);
        assert_eq!(one.head(&stream).unwrap(), other.head(&stream).unwrap());
    }
    // A zombie that still holds the old head cannot continue it.
    let fork =
        slice(&stream, Seq::new(5), chain.get(4).map(SealedSlice::digest), vec![labels("GET", "/fork", 1)]);
    let conflict = PutError::Conflict { stored: chain[5].digest(), offered: fork.digest() };
    assert_eq!(one.put_batch(&[fork]), [Err(conflict)]);
    assert_eq!(verify(&one, |_| {}).unwrap().slices, 6);
}

#[test]
fn a_head_moved_back_is_refused_for_that_stream_alone() {
    let folder = two_chains();
    folder.raw().execute_batch(
        "UPDATE streams SET next_seq = 3, last_digest = (SELECT digest FROM slices WHERE stream = streams.id AND seq = 2)
         WHERE tenant = 'acme'",
    )
    .unwrap();
    let ledger: SqliteLedger = folder.open();
    let before = ledger.heads(None, 10).unwrap();
    let acme =
        slice(&stream("acme", "requests"), Seq::new(3), before[0].last(), vec![labels("GET", "/new", 1)]);
    let globex = &chain(&stream("globex", "requests"), 5)[4];
    let answers = ledger.put_batch(&[acme, globex.clone()]);
    assert!(
        matches!(&answers[0], Err(PutError::Rejected { source }) if source.to_string().contains("verify")),
        "{answers:?}"
    );
    assert_eq!(answers[1], Ok(Ack::Ok));
    assert_eq!(ledger.heads(None, 10).unwrap()[0], before[0]);
    let stored: i64 = folder
        .raw()
        .query_row("SELECT count(*) FROM row_keys WHERE route = '/new'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(stored, 0, "a refused slice leaves no trace");
}

/// The roll-up has a row of a slice that does not exist yet, so that one is refused after its labels were stored.
#[test]
fn labels_of_a_refused_slice_are_not_remembered() {
    let folder = two_chains();
    let ledger = folder.open();
    let edit =
        "INSERT INTO usage SELECT (SELECT max(id) + 2 FROM slices), id, 5 FROM row_keys WHERE route = '/b'";
    folder.raw().execute_batch(edit).unwrap();
    let next = |tenant: &str, routes: &[&str]| {
        let stream = stream(tenant, "requests");
        let last = chain(&stream, 4)[3].digest();
        slice(&stream, Seq::new(4), Some(last), routes.iter().map(|route| labels("GET", route, 7)).collect())
    };
    let other = slice(&stream("initech", "requests"), Seq::FIRST, None, vec![labels("GET", "/other", 7)]);
    let answers = ledger.put_batch(&[other, next("acme", &["/b", "/new"]), next("globex", &["/new"])]);
    let is_damage = |answer: &Result<Ack, PutError>| matches!(answer, Err(PutError::Rejected { source }) if source.to_string().contains("verify"));
    assert!(answers[0].is_ok() && is_damage(&answers[1]) && answers[2].is_ok(), "{answers:?}");
    folder.raw().execute_batch("DELETE FROM usage WHERE increment = 5").unwrap();
    put_all(&ledger, &[next("acme", &["/b", "/new"])]);
    assert_eq!((usage_by_route(&ledger, "/other"), usage_by_route(&ledger, "/new")), (7, 14));
    verify(&ledger, |_| {}).unwrap();
}

fn usage_by_route(ledger: &SqliteLedger, route: &str) -> u64 {
    let rows = usage_rows(ledger, &UsageQuery::by([Column::Route])).unwrap();
    let is_route = |row: &UsageRow| row.values == [Value::Text(route.into())];
    rows.into_iter().filter(is_route).map(|row| u64::try_from(row.sum).unwrap()).sum()
}

/// A writer remembers which label set has which id. Another program may put a copy of the ledger in the folder of its
/// content, in which the same ids have other labels.
#[test]
fn what_a_writer_remembers_ends_with_the_commit_of_another() {
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    let stream = stream("acme", "requests");
    let first = slice(&stream, Seq::FIRST, None, vec![labels("GET", "/a", 1)]);
    let second = slice(&stream, Seq::new(1), Some(first.digest()), vec![labels("GET", "/a", 2)]);
    put_all(&ledger, &[first]);
    folder.raw().execute_batch("UPDATE row_keys SET route = '/b'").unwrap();
    put_all(&ledger, &[second]);
    assert_eq!((usage_by_route(&ledger, "/a"), usage_by_route(&ledger, "/b")), (2, 1));
}

/// More rows than one statement takes, of both kinds, and a number that no block divides.
#[test]
fn rows_of_every_number_are_stored() {
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    let stream = stream("acme", "requests");
    let (mut previous, mut total) = (None, 0);
    for (seq, count) in (0..).zip([1, 31, 32, 33, 64, 65, 96, 100, 2]) {
        let routes = (0..count / 2).map(|number| labels("GET", &format!("/{number}"), number + 1));
        let accounts = (0..count - count / 2).map(|number| account(1, u128::from(number), number + 1));
        let next = slice(&stream, Seq::new(seq), previous, routes.chain(accounts).collect());
        assert_eq!(next.row_count() as u64, count);
        put_all(&ledger, std::slice::from_ref(&next));
        previous = Some(next.digest());
        total += count;
    }
    assert_eq!(verify(&ledger, |_| {}).unwrap().rows, total);
}
