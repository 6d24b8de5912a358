//! A look into a log: everything in it, and nothing changed.

use std::{fs, path::Path, time::SystemTime};

use ron_accounting::{labels, window::ManualClock, Accounting};
use serde_json::json;

use crate::binary::Folder;

/// A log with slices that no ledger took.
fn write_log(path: &Path) {
    let clock = std::sync::Arc::new(ManualClock::new(60_000));
    let accounting = Accounting::builder().manual().clock(clock).wal_dir(path).build().unwrap();
    for window in 1..=3_u64 {
        accounting.incr_request(&labels().tenant("acme").method("GET").route("/a"));
        accounting.tick(60_000 * (window + 1)).unwrap();
    }
}

/// Names, sizes and times of change of all files.
fn state(path: &Path) -> Vec<(String, u64, SystemTime)> {
    let mut state: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            (entry.file_name().into_string().unwrap(), metadata.len(), metadata.modified().unwrap())
        })
        .collect();
    state.sort();
    state
}

fn segment(path: &Path) -> std::path::PathBuf {
    let mut files: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.metadata().unwrap().len() > 1000);
    files.pop().unwrap()
}

#[test]
fn what_waits_for_a_ledger_is_shown() {
    let folder = Folder::new();
    write_log(&folder.path("log"));
    let before = state(&folder.path("log"));
    let text = folder.done(&["wal", "inspect", "log"]);
    assert!(text.contains("unacknowledged  3 slices\n"), "{text}");
    assert!(text.contains("damaged         no\n"), "{text}");
    assert!(
        text.contains("acme    requests     2  1970-01-01T00:03:00Z  1970-01-01T00:04:00Z     1      1\n"),
        "{text}"
    );

    let logs = folder.json(&["wal", "inspect", "--json", "log"]);
    let log = &logs[0];
    assert_eq!(log["records"]["slice"], 3);
    assert_eq!(log["damaged"], false);
    assert_eq!(log["unacknowledged"][0]["start_ms"], 60_000);
    assert_eq!(log["unacknowledged"][2]["seq"], 2);
    assert_eq!(logs.as_array().unwrap().len(), 1);
    assert_eq!(state(&folder.path("log")), before, "an inspection changed the log");
}

#[test]
fn damage_is_named_and_makes_the_exit_code_one() {
    let folder = Folder::new();
    write_log(&folder.path("log"));
    let path = segment(&folder.path("log"));
    let mut bytes = fs::read(&path).unwrap();
    // The tenant's name within the first slice.
    let place = bytes.windows(4).position(|window| window == b"acme").unwrap();
    bytes[place] ^= 1;
    fs::write(&path, bytes).unwrap();
    let before = state(&folder.path("log"));
    let ended = folder.run(&["wal", "inspect", "log"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("damaged         yes\n"), "{}", ended.out);
    assert_eq!(state(&folder.path("log")), before);
}

#[test]
fn a_folder_of_logs_shows_each() {
    let folder = Folder::new();
    for origin in ["00", "ff"] {
        write_log(&folder.path("logs").join(origin.repeat(16)));
    }
    let logs = folder.json(&["wal", "inspect", "--json", "logs"]);
    let directories: Vec<_> = logs.as_array().unwrap().iter().map(|log| log["directory"].clone()).collect();
    assert_eq!(
        directories,
        [json!(format!("logs/{}", "00".repeat(16))), json!(format!("logs/{}", "ff".repeat(16)))]
    );
}

#[test]
fn no_log_is_an_error() {
    let folder = Folder::new();
    fs::create_dir(folder.path("empty")).unwrap();
    for (path, expected) in [("empty", "holds no log"), ("missing", "cannot list missing")] {
        let ended = folder.run(&["wal", "inspect", path]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(expected), "{}", ended.err);
    }
    assert_eq!(folder.names(), ["empty"]);
}
