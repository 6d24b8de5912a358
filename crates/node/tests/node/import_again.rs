//! Importing again changes nothing, whatever happened in between.

use std::{path::Path, process::Stdio};

use ron_accounting::export::{Ack, Exporter, Origin, Slice, StreamId};
use ron_accounting_sqlite::SqliteLedger;
use ron_ledger_wire::{Row, RowKey, Seq};
use rusqlite::{Connection, OpenFlags};
use serde_json::{json, Value};

use crate::{
    binary::{names, Folder},
    sample_log::SampleLog,
};

/// Every answer that a ledger can give, and all its slices.
fn everything(folder: &Folder, ledger: &str) -> (String, Vec<String>) {
    let by = "tenant,method,route,service,region,dimension,window";
    let usage = folder.done(&["usage", "--ledger", ledger, "--format", "csv", "--by", by]);
    let export = format!("{ledger}.slices");
    folder.done(&["slices", "--ledger", ledger, "--export", &export]);
    (usage, names(&folder.path(&export)))
}

#[test]
fn the_second_run_is_all_duplicates() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(2000).text);
    let first = folder.json(&["import", "--json", "access.log"]);
    let before = everything(&folder, "usage.db");
    for arguments in
        [&["import", "--json", "access.log"][..], &["import", "--json", "--strict", "access.log"]]
    {
        let again = folder.json(arguments);
        assert_eq!(again["duplicates"], first["slices"]);
        assert_eq!(again["slices"], first["slices"]);
        assert_eq!(again["nothing_new"], true);
        assert_eq!(again["files"], first["files"]);
    }
    assert!(folder
        .done(&["import", "access.log"])
        .ends_with("nothing new: every slice was already in the ledger\n"));
    assert_eq!(everything(&folder, "usage.db"), before);
}

#[test]
fn content_and_not_its_way_here_is_what_counts() {
    let folder = Folder::new();
    let log = SampleLog::new(300).text;
    folder.write("access.log", &log);
    folder.write("renamed.log", &log);
    folder.json(&["import", "--json", "access.log"]);
    assert_eq!(folder.json(&["import", "--json", "renamed.log"])["nothing_new"], true);
    assert_eq!(folder.json(&["import", "--json", "--amnesia", "renamed.log"])["nothing_new"], true);
    let ended = folder.run_with_input(&["import", "--json", "-"], log.as_bytes());
    let summary: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(summary["nothing_new"], true, "{ended:?}");
}

#[test]
fn other_options_are_another_import_unless_they_mean_the_same() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(100).text);
    let origin = |arguments: &[&str]| {
        let ledger = format!("usage{}.db", arguments.concat().replace([' ', '='], ""));
        let mut all = vec!["import", "--json", "access.log", "--ledger", &ledger];
        all.extend(arguments);
        folder.json(&all)["files"][0]["origin"].clone()
    };
    let plain = origin(&[]);
    let mut seen = vec![plain.clone()];
    for arguments in [
        ["--window", "1h"],
        ["--tenant", "=acme"],
        ["--tenant", "user"],
        ["--tenant", "host-hash"],
        ["--service", "web"],
        ["--region", "web"],
        ["--format", "common"],
    ] {
        let other = origin(&arguments);
        assert!(!seen.contains(&other), "{arguments:?}");
        seen.push(other);
    }
    assert_eq!(origin(&["--tenant", "= default "]), plain);
    assert_eq!(origin(&["--strict"]), plain);
    assert_eq!(origin(&["--service", "WEB"]), seen[5], "services have one spelling");
}

/// The digests of what an import seals are pinned: a change of parser, normalizer or sealing that makes other slices of the
/// same lines must raise `SHAPE_VERSION` in `import/shape.rs`, or a repeated import would meet its own past as a fork.
#[test]
fn the_same_log_makes_the_same_slices_in_every_build() {
    let folder = Folder::new();
    let log = SampleLog::new(200);
    folder.write("access.log", &log.text);
    let summary = folder.json(&["import", "--json", "access.log"]);
    assert_eq!(summary["files"][0]["origin"], PINNED_ORIGIN);
    let names = everything(&folder, "usage.db").1;
    let mut hasher = blake3::Hasher::new();
    for name in names {
        hasher.update(name.as_bytes());
    }
    assert_eq!(hasher.finalize().to_hex().as_str(), PINNED_SLICES);
}

const PINNED_ORIGIN: &str = "197a657c9e6f94023b595cc830ec86a7";
const PINNED_SLICES: &str = "41f3fe70cb88ce4333ba750b16a437166d2fac635c352789bc970ff802d3f431";

/// How many slices the ledger has, as another process sees it.
fn slices_so_far(ledger: &Path) -> u64 {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let Ok(connection) = Connection::open_with_flags(ledger, flags) else { return 0 };
    let count = connection.query_row("SELECT count(*) FROM slices", [], |row| row.get::<_, i64>(0));
    u64::try_from(count.unwrap_or(0)).unwrap()
}

#[test]
fn a_killed_import_is_completed_by_the_next_one() {
    let folder = Folder::new();
    let log = SampleLog::new(3000);
    folder.write("access.log", &log.text);
    let arguments = ["import", "--json", "--window", "1s", "access.log"];
    let whole = folder.json(&[&arguments[..], &["--ledger", "whole.db"]].concat());
    let slices = whole["slices"].as_u64().unwrap();

    let mut kills = 0;
    for share in [0, 1, 2, 3] {
        let mut child =
            folder.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let is_ended = loop {
            if slices_so_far(&folder.path("usage.db")) > slices * share / 4 {
                break false;
            }
            if child.try_wait().unwrap().is_some() {
                break true;
            }
            std::thread::yield_now();
        };
        child.kill().unwrap();
        child.wait().unwrap();
        kills += u64::from(!is_ended && slices_so_far(&folder.path("usage.db")) < slices);
        assert!(!folder.path("usage.db.log").exists(), "a file needs no log");
        assert!(folder.done(&["verify"]).ends_with("verified: yes\n"));
    }
    assert!(kills > 0, "each import ended before it could be killed");

    let again = folder.json(&arguments);
    assert_eq!(again["files"], whole["files"]);
    assert_eq!(
        again["acknowledged"],
        json!({ "requests": log.lines, "bytes_in": 0, "bytes_out": log.bytes })
    );
    assert!(again["duplicates"].as_u64().unwrap() > 0, "{again}");
    assert_eq!(everything(&folder, "usage.db"), everything(&folder, "whole.db"));
}

#[test]
fn a_killed_import_of_standard_input_leaves_its_log_and_is_completed() {
    let folder = Folder::new();
    let log = SampleLog::new(3000).text;
    folder.write("access.log", &log);
    let arguments = ["import", "--json", "--window", "1s", "-"];
    let input = std::fs::File::open(folder.path("access.log")).unwrap();
    let mut command = folder.command(&arguments);
    let mut child = command.stdin(input).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while slices_so_far(&folder.path("usage.db")) == 0 {
        assert_eq!(child.try_wait().unwrap(), None, "the import ended before it could be killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let origin = names(&folder.path("usage.db.log")).pop().unwrap();
    folder.done(&["wal", "inspect", &format!("usage.db.log/{origin}")]);
    assert!(folder.done(&["wal", "inspect", "usage.db.log"]).contains(&origin));

    let again: Value = serde_json::from_str(&folder.run_with_input(&arguments, log.as_bytes()).out).unwrap();
    assert_eq!(again["files"][0]["origin"], json!(origin));
    assert!(again["duplicates"].as_u64().unwrap() > 0, "{again}");
    assert!(!folder.path("usage.db.log").exists());
    folder.json(&["import", "--json", "--window", "1s", "--ledger", "whole.db", "access.log"]);
    assert_eq!(everything(&folder, "usage.db"), everything(&folder, "whole.db"));
}

/// A half window in the ledger would make every later import of the same log a fork.
#[test]
fn an_import_that_fails_midway_seals_no_half_window() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(700).text);
    let arguments = ["import", "--json", "--window", "1s", "access.log"];
    let mut whole = arguments.to_vec();
    whole.extend(["--ledger", "whole.db"]);
    let origin: Origin = folder.json(&whole)["files"][0]["origin"].as_str().unwrap().parse().unwrap();
    let slices = everything(&folder, "whole.db").1;

    // Another history of one of the two streams. Its lane is parked at once, and fills.
    let fork = Slice {
        stream: StreamId::new(origin, "default", "bytes_out"),
        seq: Seq::FIRST,
        start_ms: 0,
        end_ms: 1000,
        previous: None,
        rows: vec![Row { key: RowKey::account(1, 1), increment: 1 }],
    };
    let fork = fork.encode().unwrap();
    let ledger = SqliteLedger::open(folder.path("usage.db")).unwrap();
    assert_eq!(ledger.put_batch(std::slice::from_ref(&fork)), [Ok(Ack::Ok)]);
    drop(ledger);
    let ended = folder.run(&arguments);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.err.contains("stopped at ") && ended.err.contains("fork"), "{}", ended.err);

    let mut left = everything(&folder, "usage.db").1;
    left.retain(|name| *name != format!("{}.cbor", fork.cid()));
    assert!(left.len() > 1, "the other stream went on: {ended:?}");
    assert!(left.iter().all(|name| slices.contains(name)), "a slice that no whole import makes");
}

#[test]
fn with_amnesia_a_pipe_is_read_once_and_counts_each_time() {
    let folder = Folder::new();
    let log = SampleLog::new(20).text;
    for _ in 0..2 {
        let ended = folder.run_with_input(&["import", "--amnesia", "-"], log.as_bytes());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.out.contains("nothing new"), "{}", ended.out);
    }
    assert_eq!(folder.json(&["usage", "--format", "json", "--dimension", "requests"])[0]["inc"], 40);
    assert_eq!(folder.names(), ["usage.db"]);
}

#[test]
fn a_named_log_folder_is_used_and_kept() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(20).text);
    folder.done(&["import", "--wal", "logs", "access.log"]);
    assert_eq!(folder.names(), ["access.log", "logs", "usage.db"]);
    assert_eq!(names(&folder.path("logs")), [""; 0]);
}

#[test]
fn a_second_import_of_standard_input_is_refused_while_the_first_one_runs() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(20).text);
    let origin = folder.json(&["import", "--json", "--ledger", "other.db", "access.log"])["files"][0]
        ["origin"]
        .as_str()
        .unwrap()
        .to_owned();
    // What an import that is running holds.
    std::fs::create_dir(folder.path("usage.db.log")).unwrap();
    let path = folder.path(&format!("usage.db.log/.{origin}.lock"));
    let lock = std::fs::File::create(path).unwrap();
    lock.lock().unwrap();
    let input = SampleLog::new(20).text;
    let ended = folder.run_with_input(&["import", "-"], input.as_bytes());
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let log = format!("usage.db.log/{origin}");
    assert!(
        ended.err.contains("another import of the same log is running") && ended.err.contains(&log),
        "{}",
        ended.err
    );
    assert!(!ended.err.contains("remove"), "{}", ended.err);
    drop(lock);
    assert_eq!(folder.run_with_input(&["import", "-"], input.as_bytes()).code, Some(0));
    assert_eq!(folder.names(), ["access.log", "other.db", "usage.db"]);
}

#[test]
fn imports_of_one_log_at_once_count_it_once() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(400).text);
    let other = "192.0.2.7 - - [17/May/2015:10:00:00 +0000] \"GET /other HTTP/1.1\" 200 5\n";
    folder.write("other.log", other);
    folder.done(&["import", "other.log"]);
    folder.done(&["import", "--ledger", "whole.db", "other.log"]);
    let arguments = ["import", "--window", "10s", "access.log"];
    let start = |_| {
        let mut command = folder.command(&arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(start).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{err}");
    }
    folder.done(&["import", "--window", "10s", "--ledger", "whole.db", "access.log"]);
    assert_eq!(everything(&folder, "usage.db"), everything(&folder, "whole.db"));
    assert!(!folder.path("usage.db.log").exists());
}
