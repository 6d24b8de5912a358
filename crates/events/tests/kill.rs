//! A process that is killed while it stores: what it was told is stored is there, and nothing is damaged.

#![cfg(all(feature = "storage-fs", feature = "serde-bincode"))]
#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use ron_accounting_events::{storage::FilePerEvent, EventStore};

const FOLDER: &str = "EVENTS_KILL_TEST_FOLDER";
const EVENTS: [&str; 3] = ["a", "b", "c"];
const SAYS: &str = "stored ";

fn open(folder: &Path) -> EventStore {
    EventStore::builder().with_storage(FilePerEvent::new(folder, ".bin").unwrap()).build().unwrap()
}

/// Counts and stores until it is killed, and says how often it has.
fn store_for_ever(folder: &Path) -> ! {
    let store = open(folder);
    let mut stored = store.query("a").ever().sum().unwrap_or(0);
    loop {
        for event in EVENTS {
            store.record(event);
        }
        store.persist().unwrap();
        stored += 1;
        println!("{SAYS}{stored}");
    }
}

#[test]
fn what_was_stored_survives_a_kill() {
    if let Some(folder) = env::var_os(FOLDER) {
        store_for_ever(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut told = 0;
    for lines in [1, 7, 12] {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "what_was_stored_survives_a_kill", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let says =
            output.lines().map_while(Result::ok).filter_map(|line| line.strip_prefix(SAYS)?.parse().ok());
        told = says.take(lines).last().unwrap_or(told);
        child.kill().unwrap();
        child.wait().unwrap();

        let store = open(folder.path());
        assert!(store.unreadable_events().unwrap().is_empty());
        for event in EVENTS {
            let stored: u32 = store.query(event).ever().sum().unwrap();
            assert!(stored >= told, "{event} has {stored}, and {told} were stored");
        }
    }
    assert!(told >= 20, "{told}");
}
