//! A folder or database belongs to one process at a time, and a second one is told so by name.

#![cfg(all(feature = "storage-fs", feature = "serde-bincode"))]
#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use ron_accounting_events::{storage::FilePerEvent, EventStore, Storage};

const PLACE: &str = "EVENTS_OWNERSHIP_TEST_PLACE";
const REFUSED: &str = "refused: ";

/// What a second process is told that opens the same place.
fn second_process(test: &str, place: &Path) -> Option<String> {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PLACE, place)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert!(child.status.success());
    let out = String::from_utf8(child.stdout).unwrap();
    out.lines().find_map(|line| line.strip_prefix(REFUSED)).map(str::to_owned)
}

fn assert_owned<S: Storage + 'static>(
    test: &str,
    place: &Path,
    open: impl Fn(&Path) -> ron_accounting_events::Result<S>,
) {
    if let Some(place) = env::var_os(PLACE) {
        if let Err(error) = open(Path::new(&place)) {
            // Behind the name of the test, which has no line of its own.
            println!("\n{REFUSED}{error}");
        }
        return;
    }
    let (storage, second_storage) = (open(place).unwrap(), open(place).unwrap());
    let store = EventStore::builder().with_storage(storage).build().unwrap();
    store.record("event");
    store.close().unwrap();
    let told = second_process(test, place).unwrap();
    assert!(told.contains("in use by another process") && told.contains(place.to_str().unwrap()), "{told}");
    assert_eq!(second_storage.list_keys().unwrap(), ["event"]);
    drop(second_storage);
    assert_eq!(second_process(test, place), None, "it is free again");
}

#[test]
fn a_folder_belongs_to_one_process() {
    let folder = tempfile::tempdir().unwrap();
    assert_owned("a_folder_belongs_to_one_process", folder.path(), |place| FilePerEvent::new(place, ".bin"));
}

#[cfg(feature = "storage-sqlite")]
#[test]
fn a_database_belongs_to_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    assert_owned("a_database_belongs_to_one_process", &path, |place| {
        ron_accounting_events::storage::Sqlite::open(place)
    });
}
