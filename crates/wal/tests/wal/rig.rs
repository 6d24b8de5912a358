//! A small log on a breakable disk.

use ron_accounting_wal::fault::{MemoryStorage, Operation};
use ron_accounting_wal::{Position, RecordKind, Recovery, Storage, Wal, WalError, WalOptions};

pub(crate) const KIND: RecordKind = RecordKind(1);
pub(crate) const ORIGIN: [u8; 16] = *b"origin of a test";
pub(crate) const DATA_OFFSET: u64 = 4160;
pub(crate) const RECORD_HEADER_BYTES: u64 = 24;

/// Room for 3 984 bytes of records in a segment.
pub(crate) fn small() -> WalOptions {
    WalOptions::default().segment_bytes(8 << 10).max_bytes(1 << 20)
}

pub(crate) fn try_open(disk: &MemoryStorage) -> Result<(Wal<MemoryStorage>, Recovery), WalError> {
    Wal::open(disk.clone(), ORIGIN, small(), 0)
}

pub(crate) fn open(disk: &MemoryStorage) -> (Wal<MemoryStorage>, Recovery) {
    try_open(disk).unwrap()
}

pub(crate) fn append(wal: &mut Wal<MemoryStorage>, body: impl AsRef<[u8]>) -> Position {
    wal.append(KIND, body.as_ref(), 0).unwrap()
}

/// A disk whose segment 0 holds these bodies, synced, its process gone.
pub(crate) fn disk_with(bodies: &[&str]) -> MemoryStorage {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    for body in bodies {
        append(&mut wal, body);
    }
    wal.sync().unwrap();
    disk
}

pub(crate) fn texts(recovery: &Recovery) -> Vec<String> {
    recovery.records.iter().map(|record| String::from_utf8(record.body.clone()).unwrap()).collect()
}

/// What a log on this disk recovers, as text.
pub(crate) fn recovered(disk: &MemoryStorage) -> Vec<String> {
    texts(&open(disk).1)
}

pub(crate) fn segment(number: u64) -> String {
    format!("{number:020}.wal")
}

pub(crate) fn files(disk: &MemoryStorage) -> Vec<(String, Vec<u8>)> {
    let names = disk.list().unwrap();
    names.into_iter().map(|name| (name.clone(), disk.content(&name).unwrap())).collect()
}

/// Where in the disk's history an operation on a file happens for the first time at or after `from`.
pub(crate) fn when(disk: &MemoryStorage, from: usize, operation: Operation, name: &str) -> Option<usize> {
    let wanted = (operation, name.to_owned());
    disk.history().iter().skip(from).position(|entry| *entry == wanted).map(|index| index + from)
}
