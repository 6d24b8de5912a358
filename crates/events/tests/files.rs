//! Counters in files: names of any kind, foreign files, damage, and what a killed process leaves.

#![cfg(all(feature = "storage-fs", feature = "serde-bincode"))]
#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use std::{fs, path::Path};

use proptest::prelude::*;
use ron_accounting_events::{storage::FilePerEvent, Error, EventStore, Storage};

fn open(folder: &Path) -> EventStore {
    EventStore::builder().with_storage(FilePerEvent::new(folder, ".bin").unwrap()).build().unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn names_of_any_kind_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("events");
    let long = "very long ".repeat(200);
    let names = [
        "../escape",
        "/etc/passwd",
        "a\0b",
        "",
        ".",
        "..",
        "a",
        "A",
        "con",
        "nul.txt",
        "ü/ß",
        "%61",
        " ",
        &long,
    ];
    let events = open(&inside);
    for (count, name) in (1..).zip(names) {
        events.record_count(name, count);
    }
    events.close().unwrap();
    assert_eq!(files(folder.path()), ["events"]);
    assert_eq!(files(&inside).len(), names.len());
    assert!(files(&inside).iter().all(|name| name.len() <= 255));
    let lower: std::collections::BTreeSet<String> =
        files(&inside).iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(lower.len(), names.len());
    let again = open(&inside);
    for (count, name) in (1..).zip(names) {
        assert_eq!(again.query(name).ever().sum(), Some(count), "{name:?}");
    }
    let mut exported: Vec<String> = open(&inside).export_all().unwrap().into_keys().collect();
    let mut expected = names.map(str::to_owned);
    exported.sort();
    expected.sort();
    assert_eq!(exported, expected);
}

#[test]
fn foreign_and_left_over_files_are_ignored_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let events = open(folder.path());
    events.record("event");
    events.persist().unwrap();
    for foreign in ["README", ".1-0.tmp", "Upper.bin", "%zz.bin", "%%short.bin", "event.json"] {
        fs::write(folder.path().join(foreign), "not ours").unwrap();
    }
    fs::create_dir(folder.path().join("folder.bin")).unwrap();
    let mut again = open(folder.path());
    assert_eq!(again.export_all().unwrap().into_keys().collect::<Vec<_>>(), ["event"]);
    assert_eq!(
        again.foreign_entries().unwrap(),
        ["%%short.bin", "%zz.bin", ".1-0.tmp", "README", "Upper.bin", "event.json", "folder.bin"]
    );
    again.compact().unwrap();
    assert_eq!(files(folder.path()).len(), 8);
    assert_eq!(again.query("event").ever().sum(), Some(1));
}

#[test]
fn an_interrupted_write_leaves_the_old_state() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = FilePerEvent::new(folder.path(), ".bin").unwrap();
    storage.save("event", b"old".to_vec()).unwrap();
    storage.begin_transaction().unwrap();
    storage.save("event", b"new".to_vec()).unwrap();
    storage.save("other", b"new".to_vec()).unwrap();
    // What is there now is what a killed process leaves.
    let after_kill = FilePerEvent::new(folder.path(), ".bin").unwrap();
    assert_eq!(after_kill.load("event").unwrap(), Some(b"old".to_vec()));
    assert_eq!(after_kill.list_keys().unwrap(), ["event"]);
    assert_eq!(after_kill.foreign_entries().unwrap().len(), 2);
    storage.rollback_transaction().unwrap();
    assert_eq!(files(folder.path()), ["event.bin"]);
    assert_eq!(storage.load("event").unwrap(), Some(b"old".to_vec()));
}

#[test]
fn a_transaction_takes_effect_when_it_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = FilePerEvent::new(folder.path(), ".bin").unwrap();
    storage.save("gone", b"old".to_vec()).unwrap();
    storage.begin_transaction().unwrap();
    assert!(storage.begin_transaction().is_err());
    storage.delete("gone").unwrap();
    for number in 0..200_u8 {
        storage.save(&format!("event{number}"), vec![number]).unwrap();
    }
    assert_eq!(storage.list_keys().unwrap(), ["gone"]);
    storage.commit_transaction().unwrap();
    assert_eq!(storage.list_keys().unwrap().len(), 200);
    assert_eq!(storage.load("event199").unwrap(), Some(vec![199]));
    assert!(storage.commit_transaction().is_err());
    assert!(storage.foreign_entries().unwrap().is_empty());
}

#[test]
fn a_file_that_cannot_be_replaced_does_not_keep_the_others_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let events = open(folder.path());
    for event in ["a", "b", "c"] {
        events.record(event);
    }
    fs::create_dir(folder.path().join("b.bin")).unwrap();
    assert!(matches!(events.persist(), Err(Error::Storage(_))));
    assert!(events.is_dirty());
    let others = open(folder.path());
    assert_eq!((others.query("a").ever().sum(), others.query("c").ever().sum()), (Some(1), Some(1)));
    fs::remove_dir(folder.path().join("b.bin")).unwrap();
    events.persist().unwrap();
    assert!(!events.is_dirty());
    assert_eq!(files(folder.path()), ["a.bin", "b.bin", "c.bin"]);
}

#[test]
fn an_extension_cannot_lead_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    for extension in ["/x", "\0", ".a\\b", &"x".repeat(33)] {
        assert!(FilePerEvent::new(folder.path(), extension).is_err(), "{extension:?}");
    }
    let mut storage = FilePerEvent::new(folder.path(), "").unwrap();
    storage.save("bare", vec![1]).unwrap();
    assert_eq!(storage.list_keys().unwrap(), ["bare"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_names_come_back(names in prop::collection::btree_set(any::<String>(), 1..6)) {
        let folder = tempfile::tempdir().unwrap();
        let mut storage = FilePerEvent::new(folder.path(), ".bin").unwrap();
        for name in &names {
            storage.save(name, name.clone().into_bytes()).unwrap();
        }
        let listed: std::collections::BTreeSet<String> = storage.list_keys().unwrap().into_iter().collect();
        prop_assert_eq!(&listed, &names);
        for name in &names {
            prop_assert_eq!(storage.load(name).unwrap(), Some(name.clone().into_bytes()));
        }
    }
}
