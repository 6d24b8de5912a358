//! The ledger keeps which logs were imported.

use ron_accounting_ledger::verify;
use ron_accounting_sqlite::{LedgerError, LogImport, SqliteLedger};
use ron_ledger_wire::Origin;

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
