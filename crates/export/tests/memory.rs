//! The in-memory ledger: do its faults do what they say?

mod samples;

use ron_accounting_export::{memory::MemoryLedger, Ack, Exporter, PutError};
use samples::{chain, stream, unavailable};

#[test]
fn a_failed_put_stores_nothing() {
    let (ledger, chain) = (MemoryLedger::new(), chain("acme", 2));
    ledger.fail_puts(2);
    for _ in 0..2 {
        assert!(matches!(ledger.put_batch(&chain[..1])[0], Err(PutError::Unavailable { .. })));
        assert!(ledger.slices().is_empty());
    }
    assert_eq!(ledger.put_batch(&chain[..1]), [Ok(Ack::Ok)]);
    assert_eq!(ledger.puts(), 3);
}

#[test]
fn a_lost_acknowledgement_stores_all_the_same() {
    let (ledger, chain) = (MemoryLedger::new(), chain("acme", 2));
    ledger.lose_acknowledgements(1);
    assert!(matches!(ledger.put_batch(&chain[..1])[0], Err(PutError::Unavailable { .. })));
    assert_eq!(ledger.slices(), chain[..1]);
    assert_eq!(ledger.put_batch(&chain[..1]), [Ok(Ack::Duplicate)]);
    assert_eq!(ledger.put_batch(&chain[1..]), [Ok(Ack::Ok)]);
    assert_eq!(ledger.total("acme", "requests"), 3);
    assert_eq!(ledger.totals().len(), 1);
}

#[test]
fn an_outage_ends() {
    let (ledger, chain) = (MemoryLedger::new(), chain("acme", 1));
    ledger.set_unavailable(true);
    assert!(ledger.put_batch(&chain)[0].is_err() && ledger.head(&stream("acme")).is_err());
    ledger.set_unavailable(false);
    assert_eq!(ledger.head(&stream("acme")), Ok(None));
    assert_eq!(ledger.put_batch(&chain), [Ok(Ack::Ok)]);
}

#[test]
fn a_stream_can_be_refused_alone() {
    let ledger = MemoryLedger::new();
    let (acme, globex) = (chain("acme", 1).remove(0), chain("globex", 1).remove(0));
    ledger.refuse(&stream("acme"), Some(unavailable()));
    assert_eq!(ledger.put_batch(&[acme.clone(), globex]), [Err(unavailable()), Ok(Ack::Ok)]);
    ledger.refuse(&stream("acme"), None);
    assert_eq!(ledger.put_batch(&[acme]), [Ok(Ack::Ok)]);
}

#[test]
fn a_short_answer_leaves_out_the_first() {
    let (ledger, chain) = (MemoryLedger::new(), chain("acme", 2));
    ledger.answer_short(1);
    assert_eq!(ledger.put_batch(&[chain[0].clone(), chain[0].clone()]), [Ok(Ack::Duplicate)]);
    assert_eq!(ledger.put_batch(&chain[..1]), [Ok(Ack::Duplicate)]);
}
