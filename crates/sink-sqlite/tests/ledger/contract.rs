//! What every exporter promises.

use ron_accounting_exporter_contract as contract;
use ron_accounting_ledger::verify;
use ron_accounting_sqlite::SqliteLedger;

use crate::samples::LedgerFolder;

#[test]
fn the_exporter_contract_holds() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = std::cell::Cell::new(0_u32);
    contract::check(|| {
        numbers.set(numbers.get() + 1);
        Box::new(SqliteLedger::open(folder.path().join(format!("{}.db", numbers.get()))).unwrap())
    });
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        verify(&SqliteLedger::open_read_only(&path).unwrap(), |_| {}).unwrap();
    }
}

#[test]
fn the_exporter_contract_holds_across_reopening() {
    contract::check_reopening(LedgerFolder::new, |folder| Box::new(folder.open()));
}

#[test]
fn the_ledger_contract_holds() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = std::cell::Cell::new(0_u32);
    contract::check_ledger(|| {
        numbers.set(numbers.get() + 1);
        SqliteLedger::open(folder.path().join(format!("{}.db", numbers.get()))).unwrap()
    });
}
