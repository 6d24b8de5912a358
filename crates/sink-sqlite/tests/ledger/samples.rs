//! Small ledgers with every kind of row.

use std::path::{Path, PathBuf};

use ron_accounting_export::{Ack, Exporter};
use ron_accounting_sqlite::SqliteLedger;
use ron_ledger_wire::{Digest, Origin, Row, RowKey, SealedSlice, Seq, Slice, StreamId};
use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) const WINDOW_MS: u64 = 60_000;

pub(crate) struct LedgerFolder {
    folder: TempDir,
}

impl LedgerFolder {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn ledger_path(&self) -> PathBuf {
        self.folder.path().join("usage.db")
    }

    pub(crate) fn open(&self) -> SqliteLedger {
        SqliteLedger::open(self.ledger_path()).unwrap()
    }

    /// Another program's view of the same file, which may break any rule.
    pub(crate) fn raw(&self) -> Connection {
        let raw = Connection::open(self.ledger_path()).unwrap();
        raw.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON").unwrap();
        raw
    }

    /// Every file in the folder with its content, sorted by name.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
            .collect();
        files.sort();
        files
    }
}

pub(crate) fn stream(tenant: &str, dimension: &str) -> StreamId {
    StreamId::new(Origin::from_bytes([7; 16]), tenant, dimension)
}

pub(crate) fn slice(
    stream: &StreamId,
    seq: Seq,
    previous: Option<Digest>,
    mut rows: Vec<Row>,
) -> SealedSlice {
    rows.sort_by(|one, other| one.key.cmp(&other.key));
    let (start_ms, end_ms) = (seq.get() * WINDOW_MS, seq.next().get() * WINDOW_MS);
    Slice { stream: stream.clone(), seq, start_ms, end_ms, previous, rows }.encode().unwrap()
}

pub(crate) fn labels(method: &str, route: &str, increment: u64) -> Row {
    Row { key: RowKey::labels(method, route, "gateway", "eu"), increment }
}

pub(crate) fn account(namespace: u32, id: u128, increment: u64) -> Row {
    Row { key: RowKey::account(namespace, id), increment }
}

/// Slices 0 to `length - 1`, each with three label sets and an account.
pub(crate) fn chain(stream: &StreamId, length: u64) -> Vec<SealedSlice> {
    let mut chain: Vec<SealedSlice> = Vec::new();
    for seq in 0..length {
        let rows = vec![
            labels("GET", "/a", 10 + seq),
            labels("GET", "/b", 20 + seq),
            labels("PUT", "/a", 30 + seq),
            account(1, 42, 40 + seq),
        ];
        chain.push(slice(stream, Seq::new(seq), chain.last().map(SealedSlice::digest), rows));
    }
    chain
}

pub(crate) fn put_all(ledger: &SqliteLedger, slices: &[SealedSlice]) {
    for slice in slices {
        assert_eq!(ledger.put_batch(std::slice::from_ref(slice)), [Ok(Ack::Ok)]);
    }
}

/// A closed ledger: `acme` and `globex`, dimension `requests`, four slices each.
pub(crate) fn two_chains() -> LedgerFolder {
    let folder = LedgerFolder::new();
    let ledger = folder.open();
    for tenant in ["acme", "globex"] {
        put_all(&ledger, &chain(&stream(tenant, "requests"), 4));
    }
    folder
}
