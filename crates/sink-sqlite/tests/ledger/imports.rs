//! The ledger keeps which logs were imported.

use ron_accounting_export::Exporter;
use ron_accounting_exporter_contract::samples::{chain, stream};
use ron_accounting_ledger::verify;
use ron_accounting_sqlite::{LedgerError, LogImport, SqliteLedger};
use ron_ledger_wire::{Origin, SealedSlice};

fn import(number: u8, end_byte: u64) -> LogImport {
    LogImport {
        origin: Origin::from_bytes([number; 16]),
        content: [number; 32],
        start_byte: 0,
        end_byte,
        options: "{}".to_owned(),
        file: "access.log".to_owned(),
        is_complete: false,
        has_slices: false,
        counted_until_ms: None,
    }
}

#[test]
fn imports_come_back_by_their_ends_and_are_completed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    assert_eq!(ledger.log_imports().unwrap(), []);
    let begin = |imports: Vec<LogImport>| {
        ledger.begin_log_imports(|_| Ok::<_, LedgerError>(imports.clone())).unwrap();
    };
    begin(vec![import(1, 90)]);
    begin(vec![import(2, 10)]);
    ledger.complete_log_import(import(1, 90).origin).unwrap();
    let done = LogImport { is_complete: true, ..import(1, 90) };
    let reader = SqliteLedger::open_read_only(&path).unwrap();
    assert_eq!(reader.log_imports().unwrap(), [import(2, 10), done]);
    assert_eq!(verify(&ledger, |_| {}).unwrap().slices, 0);
}

#[test]
fn a_decision_that_fails_begins_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    let refused = ledger.begin_log_imports(|_| Err(LedgerError::Missing { path: path.clone() }));
    assert!(matches!(refused, Err(LedgerError::Missing { .. })));
    assert_eq!(ledger.log_imports().unwrap(), []);
}

#[test]
fn each_import_sees_those_that_began_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    std::thread::scope(|scope| {
        for number in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let ledger = SqliteLedger::open(path).unwrap();
                let mut seen = 0;
                ledger
                    .begin_log_imports(|imports| {
                        seen = imports.len() as u64;
                        Ok::<_, LedgerError>(vec![import(number, seen)])
                    })
                    .unwrap();
            });
        }
    });
    let ends: Vec<u64> = SqliteLedger::open(&path)
        .unwrap()
        .log_imports()
        .unwrap()
        .iter()
        .map(|import| import.end_byte)
        .collect();
    assert_eq!(ends, [0, 1, 2, 3]);
}

/// Moves an import on, together with slices.
fn put(ledger: &SqliteLedger, slices: &[SealedSlice], moved: &LogImport) -> Result<(), LedgerError> {
    ledger.put_log_import(slices, |_| Ok(moved.clone()))
}

#[test]
fn slices_and_the_import_they_belong_to_are_stored_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    let slices = chain(&stream("acme"), 4);
    let until = |end_byte| LogImport { counted_until_ms: Some(end_byte), ..import(1, end_byte) };
    put(&ledger, &slices[..2], &until(20)).unwrap();
    assert_eq!(ledger.log_imports().unwrap(), [until(20)]);

    // The third is missing.
    let refused = put(&ledger, &slices[3..], &until(40));
    assert!(matches!(refused, Err(LedgerError::Refused { .. })), "{refused:?}");
    let undecided = ledger.put_log_import(&slices[2..], |imports| {
        assert_eq!(imports, [until(20)]);
        Err(LedgerError::Missing { path: path.clone() })
    });
    assert!(matches!(undecided, Err(LedgerError::Missing { .. })), "{undecided:?}");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(put(&ledger, &slices[2..], &until(40)), Err(LedgerError::Locked { .. })));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(ledger.log_imports().unwrap(), [until(20)]);
    assert_eq!(ledger.head(slices[0].stream()).unwrap().unwrap().next_seq(), slices[2].seq());

    // With one that it has.
    put(&ledger, &slices[1..], &until(40)).unwrap();
    assert_eq!(ledger.log_imports().unwrap(), [until(40)]);
    assert_eq!(verify(&ledger, |_| {}).unwrap().slices, 4);
}

#[test]
fn a_table_from_before_logs_could_be_followed_is_read_and_carried_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    ledger.begin_log_imports(|_| Ok::<_, LedgerError>(vec![import(1, 90)])).unwrap();
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch("ALTER TABLE log_imports DROP COLUMN counted_until_ms").unwrap();
    assert_eq!(SqliteLedger::open_read_only(&path).unwrap().log_imports().unwrap(), [import(1, 90)]);
    let moved = LogImport { counted_until_ms: Some(7), ..import(1, 95) };
    put(&ledger, &[], &moved).unwrap();
    assert_eq!(ledger.log_imports().unwrap(), [moved]);
}
