//! Every way in which a ledger cannot be opened or used.

use std::fs;

use ron_accounting_export::{Ack, Exporter, PutError};
use ron_accounting_ledger::{totals, verify, ReadError};
use ron_accounting_sqlite::{LedgerError, SqliteLedger};
use ron_ledger_wire::Seq;
use rusqlite::Connection;

use crate::samples::{chain, put_all, stream, two_chains, LedgerFolder};

/// The error, whose text must name the path and end with advice.
fn open_error(folder: &LedgerFolder) -> LedgerError {
    let error = SqliteLedger::open(folder.ledger_path()).unwrap_err();
    assert_names_path_and_advice(&error, folder);
    error
}

fn read_only_error(folder: &LedgerFolder) -> LedgerError {
    let error = SqliteLedger::open_read_only(folder.ledger_path()).unwrap_err();
    assert_names_path_and_advice(&error, folder);
    error
}

fn assert_names_path_and_advice(error: &LedgerError, folder: &LedgerFolder) {
    let text = error.to_string();
    assert!(text.contains(&*folder.ledger_path().to_string_lossy()), "{text}");
    assert!(text.contains(": "), "{text}");
}

#[test]
fn a_missing_ledger_is_created_by_open_alone() {
    let folder = LedgerFolder::new();
    assert!(matches!(read_only_error(&folder), LedgerError::Missing { .. }));
    assert!(folder.files().is_empty());
    drop(folder.open());
    assert_eq!(folder.files().len(), 1);
    SqliteLedger::open_read_only(folder.ledger_path()).unwrap();
}

#[test]
fn a_missing_folder_is_named() {
    let folder = LedgerFolder::new();
    let absent = folder.path().join("absent");
    let error = SqliteLedger::open(absent.join("usage.db")).unwrap_err();
    assert!(
        matches!(&error, LedgerError::MissingFolder { folder: named, .. } if *named == absent),
        "{error}"
    );
    assert!(folder.files().is_empty());
}

#[test]
fn a_folder_is_not_a_file() {
    let folder = LedgerFolder::new();
    fs::create_dir(folder.ledger_path()).unwrap();
    assert!(matches!(open_error(&folder), LedgerError::NotAFile { .. }));
    assert!(matches!(read_only_error(&folder), LedgerError::NotAFile { .. }));
}

#[test]
fn a_file_of_another_kind_stays_as_it_is() {
    let long = vec![b'x'; 5000];
    for content in [&b"x"[..], b"hello", b"SQLite format 3\0", &long] {
        let folder = LedgerFolder::new();
        fs::write(folder.ledger_path(), content).unwrap();
        let before = folder.files();
        assert!(matches!(open_error(&folder), LedgerError::NotADatabase { .. }), "{} bytes", content.len());
        assert!(matches!(read_only_error(&folder), LedgerError::NotADatabase { .. }));
        assert_eq!(folder.files(), before);
    }
}

#[test]
fn an_empty_file_becomes_a_ledger() {
    let folder = LedgerFolder::new();
    fs::write(folder.ledger_path(), b"").unwrap();
    assert!(matches!(read_only_error(&folder), LedgerError::NotADatabase { .. }));
    put_all(&folder.open(), &chain(&stream("acme", "requests"), 1));
}

#[test]
fn the_database_of_another_program_stays_as_it_is() {
    for (mark, id) in
        [("PRAGMA application_id = 17", 17), ("CREATE TABLE theirs (a)", 0), ("PRAGMA user_version = 3", 0)]
    {
        let folder = LedgerFolder::new();
        folder.raw().execute_batch(mark).unwrap();
        let before = folder.files();
        for error in [open_error(&folder), read_only_error(&folder)] {
            assert!(
                matches!(error, LedgerError::ForeignDatabase { application_id, .. } if application_id == id),
                "{mark}: {error}"
            );
        }
        assert_eq!(folder.files(), before, "{mark}");
    }
}

#[test]
fn a_newer_schema_is_left_to_a_newer_build() {
    let folder = two_chains();
    folder.raw().pragma_update(None, "user_version", 4).unwrap();
    let before = folder.files();
    for error in [open_error(&folder), read_only_error(&folder)] {
        assert!(matches!(error, LedgerError::NewerSchema { found: 4, supported: 3, .. }), "{error}");
    }
    assert_eq!(folder.files(), before);
}

#[test]
fn a_writer_in_a_transaction_locks_the_ledger() {
    let folder = two_chains();
    let raw = folder.raw();
    let ledger = folder.open();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(open_error(&folder), LedgerError::Locked { .. }));
    let chain = chain(&stream("acme", "requests"), 5);
    assert_eq!(ledger.put_batch(&chain[4..]), [Err(PutError::Busy)]);
    assert_eq!(
        ledger.head(chain[0].stream()).unwrap().unwrap().next_seq(),
        Seq::new(4),
        "reading needs no lock"
    );
    raw.execute_batch("ROLLBACK").unwrap();
    put_all(&ledger, &chain[4..]);
    folder.open();
}

#[test]
fn an_exclusive_lock_locks_readers_too() {
    let folder = two_chains();
    let raw = folder.raw();
    raw.execute_batch("PRAGMA locking_mode = EXCLUSIVE; UPDATE streams SET next_seq = 9").unwrap();
    assert!(matches!(open_error(&folder), LedgerError::Locked { .. }));
    assert!(matches!(read_only_error(&folder), LedgerError::Locked { .. }));
}

#[test]
fn a_file_cut_in_half_is_damaged() {
    let folder = two_chains();
    let content = fs::read(folder.ledger_path()).unwrap();
    fs::write(folder.ledger_path(), &content[..content.len() / 2]).unwrap();
    match SqliteLedger::open(folder.ledger_path()) {
        Err(error) => assert!(matches!(error, LedgerError::Damaged { .. }), "{error}"),
        Ok(ledger) => {
            let found = totals(&ledger);
            assert!(matches!(found, Err(ReadError::Damaged { .. })), "{found:?}");
        }
    }
}

#[test]
fn names_with_a_meaning_to_sqlite_are_plain_files() {
    let folder = LedgerFolder::new();
    for name in ["file:x?mode=memory", ":memory:", "a b%20#?&.db", "ä'\"\\.db"] {
        let path = folder.path().join(name);
        put_all(&SqliteLedger::open(&path).unwrap(), &chain(&stream("acme", "requests"), 2));
        assert!(path.is_file(), "{name}");
        assert_eq!(verify(&SqliteLedger::open_read_only(&path).unwrap(), |_| {}).unwrap().slices, 2);
    }
}

#[test]
fn what_stands_in_the_way_of_the_log_is_an_error() {
    let folder = two_chains();
    fs::create_dir(folder.path().join("usage.db-wal")).unwrap();
    assert!(matches!(open_error(&folder), LedgerError::CannotOpen { .. }));
    assert!(matches!(read_only_error(&folder), LedgerError::CannotOpen { .. }));
}

#[test]
fn an_empty_path_is_refused() {
    assert!(matches!(SqliteLedger::open(""), Err(LedgerError::Io { .. })));
    assert!(matches!(SqliteLedger::open_read_only(""), Err(LedgerError::Missing { .. })));
}

#[test]
fn a_ledger_in_another_journal_mode_goes_back_to_the_log() {
    let folder = two_chains();
    folder.raw().execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    let _ledger = folder.open();
    let mode: String = Connection::open(folder.ledger_path())
        .unwrap()
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

/// A ledger said "duplicate" of something that it had never stored, and it was lost (nats-server#6415). Here a number whose slice
/// is not there is refused, whatever the head says.
#[test]
fn a_number_whose_slice_is_missing_is_no_duplicate() {
    let folder = two_chains();
    let acme = chain(&stream("acme", "requests"), 4);
    assert_eq!(folder.open().put_batch(&acme[2..3]), [Ok(Ack::Duplicate)]);
    folder.raw().execute_batch("DELETE FROM slices WHERE seq = 2").unwrap();
    let answers = folder.open().put_batch(&acme[2..3]);
    assert!(
        matches!(&answers[..], [Err(PutError::Rejected { source })] if source.to_string().contains("that slice is missing")),
        "{answers:?}"
    );
}
