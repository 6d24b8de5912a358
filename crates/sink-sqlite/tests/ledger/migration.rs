//! A ledger that an earlier version wrote.

use std::fs;

use ron_accounting_export::{Ack, Exporter};
use ron_accounting_ledger::{read_all, usage_rows, verify, UsageQuery, VerifyError};
use ron_accounting_sqlite::{LedgerError, SqliteLedger};
use ron_ledger_wire::{Claim, ClaimId, SealedSlice, Seq};

use crate::samples::{chain, put_all, stream, two_chains, LedgerFolder};

/// A ledger of schema 1 with the content of `two_chains`, as the build wrote it that had no other.
fn of_schema_1() -> LedgerFolder {
    let folder = LedgerFolder::new();
    fs::write(folder.ledger_path(), include_bytes!("../golden/schema-1.db")).unwrap();
    folder
}

fn version(folder: &LedgerFolder) -> i64 {
    folder.raw().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn slices(ledger: &SqliteLedger) -> Vec<(Seq, Vec<u8>)> {
    let mut slices = Vec::new();
    read_all(ledger, |slice| {
        slices.push((slice.seq, slice.bytes.to_vec()));
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    slices
}

#[test]
fn an_old_ledger_is_read_without_a_trace() {
    let folder = of_schema_1();
    let before = folder.files();
    let ledger = SqliteLedger::open_read_only(folder.ledger_path()).unwrap();
    assert_eq!(verify(&ledger, |_| {}).unwrap().rows, 32);
    assert_eq!(slices(&ledger), slices(&two_chains().open()));
    assert_eq!(
        usage_rows(&ledger, &UsageQuery::default()).unwrap(),
        usage_rows(&two_chains().open(), &UsageQuery::default()).unwrap()
    );
    assert_eq!(folder.files(), before);
}

#[test]
fn an_old_ledger_is_carried_over_when_it_is_opened_for_writing() {
    let folder = of_schema_1();
    let ledger = folder.open();
    assert_eq!(version(&folder), 3);
    assert_eq!(verify(&ledger, |_| {}).unwrap().rows, 32);
    let fresh = two_chains();
    assert_eq!(slices(&ledger), slices(&fresh.open()));
    let schema = |folder: &LedgerFolder| -> Vec<(String, Option<String>)> {
        let raw = folder.raw();
        let mut statement = raw.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert_eq!(schema(&folder), schema(&fresh));

    for tenant in ["acme", "globex"] {
        let chain = chain(&stream(tenant, "requests"), 6);
        let answers = ledger.put_batch(&chain[3..]);
        assert_eq!(answers, [Ok(Ack::Duplicate), Ok(Ack::Ok), Ok(Ack::Ok)]);
    }
    let claim = Claim::new(stream("acme", "requests").origin(), ClaimId::from_bytes([1; 16]), []);
    let next: Vec<SealedSlice> = chain(&stream("acme", "requests"), 7)[6..].to_vec();
    assert_eq!(ledger.put_claimed(&claim, &next), [Ok(Ack::Ok)]);
    drop(ledger);
    assert_eq!(verify(&folder.open(), |_| {}).unwrap().slices, 13);
}

#[test]
fn a_kill_while_a_ledger_is_carried_over_leaves_the_old_one() {
    let folder = of_schema_1();
    let before = slices(&SqliteLedger::open_read_only(folder.ledger_path()).unwrap());
    let carried_over = folder.open();
    let log = fs::read(folder.path().join("usage.db-wal")).unwrap();
    let (mut old, mut new) = (0, 0);
    for cut in (0..=log.len()).step_by(1 + log.len() / 60).chain([log.len()]) {
        let copy = of_schema_1();
        // As the opening left it before it wrote: in WAL mode.
        fs::write(copy.ledger_path(), fs::read(folder.ledger_path()).unwrap()).unwrap();
        fs::write(copy.path().join("usage.db-wal"), &log[..cut]).unwrap();
        match version(&copy) {
            1 => old += 1,
            _ => new += 1,
        }
        let ledger = copy.open();
        assert_eq!(slices(&ledger), before, "cut at {cut}");
        verify(&ledger, |_| {}).unwrap();
    }
    drop(carried_over);
    assert!(old > 0 && new > 0, "{old} old, {new} new");
}

#[test]
fn an_old_ledger_with_an_edited_schema_stays_as_it_is() {
    let folder = of_schema_1();
    folder.raw().execute_batch("DROP INDEX slices_by_window").unwrap();
    let before = fs::read(folder.ledger_path()).unwrap();
    let error = SqliteLedger::open(folder.ledger_path()).unwrap_err();
    assert!(
        matches!(&error, LedgerError::Damaged { source, .. } if source.to_string().contains("slices_by_window")),
        "{error}"
    );
    assert_eq!(fs::read(folder.ledger_path()).unwrap(), before);
    let found = verify(&SqliteLedger::open_read_only(folder.ledger_path()).unwrap(), |_| {});
    assert!(matches!(found, Err(VerifyError::Violation(_))), "{found:?}");
}

/// Older tools know fewer functions. A check that uses one of the newer would make the file unusable for them.
#[test]
fn the_schema_uses_no_function_that_older_tools_lack() {
    let folder = of_schema_1();
    put_all(&folder.open(), &chain(&stream("initech", "requests"), 1));
    let texts: Vec<String> = {
        let raw = folder.raw();
        let mut statement = raw.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    for text in texts {
        assert!(!text.contains("octet_length"), "{text}");
    }
}
