//! Does counting by number seal what it should, alone and as a part of an instance?
#![cfg(feature = "ledger-wire")]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

use std::{collections::BTreeMap, thread};

use ron_accounting::{
    accounting::{AccountKey, Recorder, RowKey},
    export::{SealedSlice, Seq},
};

const fn account(id: u128) -> AccountKey {
    AccountKey { ns: 1, id }
}

/// Increments by account.
fn rows(slice: &SealedSlice) -> BTreeMap<(u32, u128), u64> {
    let rows = slice.decode().rows.into_iter().map(|row| match row.key {
        RowKey::Account { namespace, id } => ((namespace, id), row.increment),
        labels @ RowKey::Labels { .. } => panic!("no account: {labels:?}"),
    });
    rows.collect()
}

#[test]
fn alone_it_keeps_a_chain_of_its_own() {
    let recorder = Recorder::default();
    assert!(recorder.seal_now().is_empty());
    recorder.record(account(1), 3);
    recorder.record(account(2), 4);
    recorder.record(account(1), 5);
    let [first] = recorder.seal_now().try_into().unwrap();
    assert_eq!(rows(&first), BTreeMap::from([((1, 1), 8), ((1, 2), 4)]));
    assert_eq!((first.seq(), first.previous()), (Seq::FIRST, None));
    assert_eq!((first.stream().tenant(), first.stream().dimension()), ("default", "requests"));
    assert!(first.start_ms() % 60_000 == 0 && first.end_ms() == first.start_ms() + 60_000);

    recorder.record(account(2), 1);
    let [second] = recorder.seal_now().try_into().unwrap();
    assert_eq!(rows(&second), BTreeMap::from([((1, 2), 1)]));
    assert_eq!((second.seq(), second.previous()), (Seq::new(1), Some(first.digest())));
    assert_eq!(second.stream(), first.stream());
    assert!(recorder.seal_now().is_empty());
}

#[test]
fn recorders_have_origins_of_their_own() {
    let origins = [Recorder::default(), Recorder::default()].map(|recorder| {
        recorder.record(account(1), 1);
        recorder.seal_now()[0].stream().origin()
    });
    assert_ne!(origins[0], origins[1]);
}

#[test]
fn it_can_be_shared_between_threads() {
    let recorder = Recorder::default();
    let mut total = 0;
    thread::scope(|scope| {
        let threads = [1, 2, 3].map(|id| {
            let recorder = &recorder;
            scope.spawn(move || (0..10_000).for_each(|_| recorder.record(account(id), 1)))
        });
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            total += recorder.seal_now().iter().map(SealedSlice::total).sum::<u128>();
        }
    });
    total += recorder.seal_now().iter().map(SealedSlice::total).sum::<u128>();
    assert_eq!(total, 30_000);
}

#[cfg(feature = "export")]
mod shared {
    use std::{sync::Arc, time::Duration};

    use ron_accounting::{
        export::MemoryLedger, labels, window::ManualClock, Accounting, Dimension, Dimensions,
    };

    use super::{account, rows, BTreeMap, SealedSlice};

    const PATIENCE: Duration = Duration::from_secs(30);

    fn by_hand(ledger: &MemoryLedger) -> Accounting {
        let mut dimensions = Dimensions::default();
        dimensions.register("tokens").unwrap();
        Accounting::builder()
            .manual()
            .dimensions(dimensions)
            .clock(Arc::new(ManualClock::new(0)))
            .exporter(Arc::new(ledger.clone()))
            .build()
            .unwrap()
    }

    #[test]
    fn it_counts_into_its_instance() {
        let ledger = MemoryLedger::new();
        let acc = by_hand(&ledger);
        let tokens = acc.dimension("tokens").unwrap();
        let recorder = acc.recorder("acme", tokens);
        recorder.record(account(1), 3);
        acc.record_account(&acc.tenant("acme"), account(1), tokens, 4);
        acc.incr_request(&labels().tenant("other"));
        assert_eq!(acc.snapshot().total(tokens), 7);

        let slices = recorder.seal_now();
        let names: Vec<_> =
            slices.iter().map(|slice| (slice.stream().tenant(), slice.stream().dimension())).collect();
        assert_eq!(names, [("acme", "tokens"), ("other", "requests")]);
        assert_eq!(rows(&slices[0]), BTreeMap::from([((1, 1), 7)]));
        assert_eq!(acc.origin(), Some(slices[0].stream().origin()));
        acc.drain(PATIENCE).unwrap();
        let stored: Vec<_> = ledger.slices().iter().map(SealedSlice::digest).collect();
        assert_eq!(stored, slices.iter().map(SealedSlice::digest).collect::<Vec<_>>());
    }

    #[test]
    fn sealing_now_takes_the_open_window_so_far_and_no_boundary_takes_it_again() {
        let ledger = MemoryLedger::new();
        let acc = by_hand(&ledger);
        let feed = labels().tenant("acme");
        acc.record(&feed, Dimension::REQUESTS, 1);
        let [first] = acc.seal_now().try_into().unwrap();
        assert_eq!((first.start_ms(), first.end_ms(), first.total()), (0, 60_000, 1));
        assert!(acc.seal_now().is_empty());
        acc.record(&feed, Dimension::REQUESTS, 2);
        acc.tick(60_000).unwrap();
        acc.shutdown(PATIENCE).unwrap();
        let stored = ledger.slices();
        assert_eq!(stored.len(), 2);
        assert_eq!((stored[1].start_ms(), stored[1].end_ms(), stored[1].total()), (0, 60_000, 2));
        assert_eq!(stored[1].previous(), Some(first.digest()));
        // The window as people see it is whole.
        assert_eq!(acc.history()[0].total(Dimension::REQUESTS), 3);
    }

    #[test]
    fn it_keeps_its_instance_alive() {
        let ledger = MemoryLedger::new();
        let recorder = by_hand(&ledger).recorder("acme", Dimension::REQUESTS);
        recorder.record(account(1), 3);
        assert!(ledger.slices().is_empty());
        drop(recorder);
        assert_eq!(ledger.total("acme", "requests"), 3);
    }

    #[test]
    fn without_a_ledger_and_a_log_there_is_nothing_to_seal() {
        let acc = Accounting::builder().manual().build().unwrap();
        let recorder = acc.recorder("acme", Dimension::REQUESTS);
        recorder.record(account(1), 3);
        assert!(recorder.seal_now().is_empty() && acc.seal_now().is_empty() && acc.totals().is_empty());
        assert!(acc.origin().is_none() && acc.stats().export.is_none());
        acc.drain(PATIENCE).unwrap();
        acc.shutdown(PATIENCE).unwrap();
        assert_eq!(acc.snapshot().total(Dimension::REQUESTS), 3);
    }
}
