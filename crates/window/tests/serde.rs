//! A snapshot survives the journey, and tolerates what it does not know.

use ron_accounting_core::{labels, AccountKey, Dimension, Engine};
use ron_accounting_window::{History, SnapshotRecord, Span};

#[test]
fn a_snapshot_reads_back_as_its_record() {
    let engine = Engine::default();
    let history = History::new(&engine, 1);
    engine.record(&labels().tenant("acme").method("GET").route("/v1/feed"), Dimension::REQUESTS, 2);
    let tenant = engine.tenant("acme");
    engine.record_account(&tenant, AccountKey { ns: 1, id: u128::MAX }, Dimension::CPU, u64::MAX);
    let snapshot = history.snapshot(Span { start_ms: 60_000, end_ms: 120_000 });

    let json = serde_json::to_string(&snapshot).unwrap();
    let record: SnapshotRecord = serde_json::from_str(&json).unwrap();
    assert_eq!(record, SnapshotRecord::from(&snapshot));
    assert_eq!((record.version, record.window_ms, record.start_ms), (1, 60_000, 60_000));
    let account = record.entries.iter().find_map(|entry| entry.account);
    assert_eq!(account, Some(AccountKey { ns: 1, id: u128::MAX }));
}
