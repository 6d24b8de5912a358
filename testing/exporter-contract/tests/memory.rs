//! The in-memory ledger keeps the contract.

use ron_accounting_export::memory::MemoryLedger;

#[test]
fn the_memory_ledger_is_an_exporter() {
    ron_accounting_exporter_contract::check(|| Box::new(MemoryLedger::new()));
}

#[test]
fn another_handle_sees_the_same_ledger() {
    ron_accounting_exporter_contract::check_reopening(MemoryLedger::new, |storage| Box::new(storage.clone()));
}
