//! Every way in which a ledger cannot be opened or used.

use std::fs;

use ron_accounting_export::{Ack, Exporter, PutError};
use ron_accounting_sqlite::{LedgerError, SqliteLedger};
use rusqlite::Connection;

use crate::samples::{chain, put_all, stream, two_chains, Place};

/// The error, whose text must name the path and end with advice.
fn open_error(place: &Place) -> LedgerError {
    let error = SqliteLedger::open(place.ledger_path()).unwrap_err();
    assert_names_path_and_advice(&error, place);
    error
}

fn read_only_error(place: &Place) -> LedgerError {
    let error = SqliteLedger::open_read_only(place.ledger_path()).unwrap_err();
    assert_names_path_and_advice(&error, place);
    error
}

fn assert_names_path_and_advice(error: &LedgerError, place: &Place) {
    let text = error.to_string();
    assert!(text.contains(&*place.ledger_path().to_string_lossy()), "{text}");
    assert!(text.contains(": "), "{text}");
}

#[test]
fn a_missing_ledger_is_created_by_open_alone() {
    let place = Place::new();
    assert!(matches!(read_only_error(&place), LedgerError::Missing { .. }));
    assert!(place.files().is_empty());
    drop(place.open());
    assert_eq!(place.files().len(), 1);
    SqliteLedger::open_read_only(place.ledger_path()).unwrap();
}

#[test]
fn a_missing_folder_is_named() {
    let place = Place::new();
    let folder = place.folder().join("absent");
    let error = SqliteLedger::open(folder.join("usage.db")).unwrap_err();
    assert!(
        matches!(&error, LedgerError::MissingFolder { folder: named, .. } if *named == folder),
        "{error}"
    );
    assert!(place.files().is_empty());
}

#[test]
fn a_folder_is_not_a_file() {
    let place = Place::new();
    fs::create_dir(place.ledger_path()).unwrap();
    assert!(matches!(open_error(&place), LedgerError::NotAFile { .. }));
    assert!(matches!(read_only_error(&place), LedgerError::NotAFile { .. }));
}

#[test]
fn a_file_of_another_kind_stays_as_it_is() {
    let long = vec![b'x'; 5000];
    for content in [&b"x"[..], b"hello", b"SQLite format 3\0", &long] {
        let place = Place::new();
        fs::write(place.ledger_path(), content).unwrap();
        let before = place.files();
        assert!(matches!(open_error(&place), LedgerError::NotADatabase { .. }), "{} bytes", content.len());
        assert!(matches!(read_only_error(&place), LedgerError::NotADatabase { .. }));
        assert_eq!(place.files(), before);
    }
}

#[test]
fn an_empty_file_becomes_a_ledger() {
    let place = Place::new();
    fs::write(place.ledger_path(), b"").unwrap();
    assert!(matches!(read_only_error(&place), LedgerError::NotADatabase { .. }));
    put_all(&place.open(), &chain(&stream("acme", "requests"), 1));
}

#[test]
fn the_database_of_another_program_stays_as_it_is() {
    for (mark, id) in
        [("PRAGMA application_id = 17", 17), ("CREATE TABLE theirs (a)", 0), ("PRAGMA user_version = 3", 0)]
    {
        let place = Place::new();
        place.raw().execute_batch(mark).unwrap();
        let before = place.files();
        for error in [open_error(&place), read_only_error(&place)] {
            assert!(
                matches!(error, LedgerError::ForeignDatabase { application_id, .. } if application_id == id),
                "{mark}: {error}"
            );
        }
        assert_eq!(place.files(), before, "{mark}");
    }
}

#[test]
fn a_newer_schema_is_left_to_a_newer_build() {
    let place = two_chains();
    place.raw().pragma_update(None, "user_version", 3).unwrap();
    let before = place.files();
    for error in [open_error(&place), read_only_error(&place)] {
        assert!(matches!(error, LedgerError::NewerSchema { found: 3, supported: 2, .. }), "{error}");
    }
    assert_eq!(place.files(), before);
}

#[test]
fn a_writer_in_a_transaction_locks_the_ledger() {
    let place = two_chains();
    let raw = place.raw();
    let ledger = place.open();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(open_error(&place), LedgerError::Locked { .. }));
    let chain = chain(&stream("acme", "requests"), 5);
    assert_eq!(ledger.put_batch(&chain[4..]), [Err(PutError::Busy)]);
    assert_eq!(ledger.head(chain[0].stream()).unwrap().unwrap().next_seq(), 4, "reading needs no lock");
    raw.execute_batch("ROLLBACK").unwrap();
    put_all(&ledger, &chain[4..]);
    place.open();
}

#[test]
fn an_exclusive_lock_locks_readers_too() {
    let place = two_chains();
    let raw = place.raw();
    raw.execute_batch("PRAGMA locking_mode = EXCLUSIVE; UPDATE streams SET next_seq = 9").unwrap();
    assert!(matches!(open_error(&place), LedgerError::Locked { .. }));
    assert!(matches!(read_only_error(&place), LedgerError::Locked { .. }));
}

#[test]
fn a_file_cut_in_half_is_damaged() {
    let place = two_chains();
    let content = fs::read(place.ledger_path()).unwrap();
    fs::write(place.ledger_path(), &content[..content.len() / 2]).unwrap();
    let found = SqliteLedger::open(place.ledger_path()).and_then(|ledger| ledger.totals());
    assert!(matches!(found, Err(LedgerError::Damaged { .. })), "{found:?}");
}

#[test]
fn names_with_a_meaning_to_sqlite_are_plain_files() {
    let place = Place::new();
    for name in ["file:x?mode=memory", ":memory:", "a b%20#?&.db", "ä'\"\\.db"] {
        let path = place.folder().join(name);
        put_all(&SqliteLedger::open(&path).unwrap(), &chain(&stream("acme", "requests"), 2));
        assert!(path.is_file(), "{name}");
        assert_eq!(SqliteLedger::open_read_only(&path).unwrap().verify(|_| {}).unwrap().slices, 2);
    }
}

#[test]
fn what_stands_in_the_way_of_the_log_is_an_error() {
    let place = two_chains();
    fs::create_dir(place.folder().join("usage.db-wal")).unwrap();
    assert!(matches!(open_error(&place), LedgerError::CannotOpen { .. }));
    assert!(matches!(read_only_error(&place), LedgerError::CannotOpen { .. }));
}

#[test]
fn an_empty_path_is_refused() {
    assert!(matches!(SqliteLedger::open(""), Err(LedgerError::Io { .. })));
    assert!(matches!(SqliteLedger::open_read_only(""), Err(LedgerError::Missing { .. })));
}

#[test]
fn a_ledger_in_another_journal_mode_goes_back_to_the_log() {
    let place = two_chains();
    place.raw().execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    let _ledger = place.open();
    let mode: String = Connection::open(place.ledger_path())
        .unwrap()
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

/// A ledger said "duplicate" of something that it had never stored, and it was lost (nats-server#6415). Here a number whose slice
/// is not there is refused, whatever the head says.
#[test]
fn a_number_whose_slice_is_missing_is_no_duplicate() {
    let place = two_chains();
    let acme = chain(&stream("acme", "requests"), 4);
    assert_eq!(place.open().put_batch(&acme[2..3]), [Ok(Ack::Duplicate)]);
    place.raw().execute_batch("DELETE FROM slices WHERE seq = 2").unwrap();
    let answers = place.open().put_batch(&acme[2..3]);
    assert!(
        matches!(&answers[..], [Err(PutError::Rejected { source })] if source.to_string().contains("that slice is missing")),
        "{answers:?}"
    );
}
