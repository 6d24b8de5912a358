//! Does each refusal say what happened, to which path, and what to do next?
//!
//! Each command is run with a file of another kind, a missing folder, a file where a folder is needed, a ledger of a newer
//! version, and without permission.

use rusqlite::Connection;

use crate::{
    binary::{Ended, Folder},
    sample_log::SampleLog,
};

/// Files that are no ledger and no log, and a ledger.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(5).text);
    folder.done(&["import", "access.log"]);
    let noise: Vec<u8> = (0..5000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    folder.write("noise", noise);
    folder.write("empty", "");
    folder.write("text", "some words\n".repeat(100));
    std::fs::create_dir(folder.path("folder")).unwrap();
    std::fs::copy(folder.path("usage.db"), folder.path("newer.db")).unwrap();
    let newer = Connection::open(folder.path("newer.db")).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    newer.close().unwrap();
    let foreign = Connection::open(folder.path("foreign.db")).unwrap();
    foreign.execute_batch("CREATE TABLE notes (a)").unwrap();
    foreign.close().unwrap();
    folder
}

/// What happened, to which path, and what to do next.
type Expected<'a> = [&'a str; 3];

fn assert_refused(ended: &Ended, command: &[&str], expected: Expected<'_>) {
    assert_eq!(ended.code, Some(2), "{command:?}: {ended:?}");
    assert_eq!(ended.out, "", "{command:?}");
    assert!(ended.err.starts_with("error: "), "{command:?}: {}", ended.err);
    for text in expected {
        assert!(ended.err.contains(text), "{command:?}: expected {text:?} in {}", ended.err);
    }
}

#[test]
fn a_ledger_that_is_none() {
    let folder = folder();
    let no_database = "not a SQLite database";
    for (ledger, what, next) in [
        ("noise", no_database, "name another file"),
        ("empty", no_database, "name another file"),
        ("text", no_database, "name another file"),
        ("folder", "is not a file", "name the ledger file itself"),
        ("missing.db", "no ledger at", "check the path"),
        ("missing/usage.db", "no ledger at", "check the path"),
        ("text/usage.db", "cannot read ledger", "next: check the path: a part of it is a file"),
        ("foreign.db", "but no ledger", "name another file"),
        ("newer.db", "has schema 99", "use the build that wrote it"),
    ] {
        for command in [&["usage"][..], &["verify"], &["slices", "--export", "evidence"]] {
            let command = [command, &["--ledger", ledger]].concat();
            assert_refused(&folder.run(&command), &command, [what, ledger, next]);
        }
        let names = folder.names();
        if !["empty", "missing.db"].contains(&ledger) {
            let command = ["import", "--ledger", ledger, "access.log"];
            let (what, next) = match ledger {
                "missing/usage.db" => ("does not exist", "create it first"),
                _ => (what, next),
            };
            assert_refused(&folder.run(&command), &command, [what, ledger, next]);
        }
        assert_eq!(folder.names(), names, "a refusal creates nothing");
    }
}

#[test]
fn a_log_or_a_key_that_is_none() {
    let folder = folder();
    for (command, expected) in [
        (&["import", "missing.log"][..], ["cannot open", "missing.log", "next: check the path"]),
        (&["import", "missing/access.log"], ["cannot open", "missing/access.log", "next: check the path"]),
        (&["import", "text/access.log"], ["cannot open", "text/access.log", "a part of it is a file"]),
        (&["import", "folder"], ["is a folder", "folder", "name the log files in it"]),
        (&["import", "--strict", "noise"], ["not UTF-8", "noise:1", "every line to count"]),
        (
            &["import", "--wal", "text", "access.log"],
            ["cannot create the folder", "text", "name another folder"],
        ),
        (
            &["import", "--wal", "text/log", "access.log"],
            ["cannot create", "text/log", "a part of it is a file"],
        ),
        (
            &["import", "--tenant", "host-hash", "--hash-key-file", "missing", "access.log"],
            ["cannot use the hash key", "missing", "next: check the path"],
        ),
        (
            &["import", "--tenant", "host-hash", "--hash-key-file", "empty", "access.log"],
            ["it has 0 bytes, must have 16 to 4096", "empty", "name another key"],
        ),
        (
            &["import", "--tenant", "host-hash", "--hash-key-file", "folder", "access.log"],
            ["cannot use the hash key", "folder", "next: name a file"],
        ),
        (&["wal", "inspect", "missing"], ["cannot list", "missing", "next: name the folder of a log"]),
        (&["wal", "inspect", "text"], ["cannot list", "text", "next: name the folder of a log"]),
        (&["wal", "inspect", "folder"], ["holds no log", "folder", "name the folder with the segments"]),
        (&["wal", "inspect", "."], ["but no log", ".", "name the folder with the segments"]),
    ] {
        assert_refused(&folder.run(command), command, expected);
    }
}

#[test]
fn a_folder_to_write_to_that_is_none() {
    let folder = folder();
    std::fs::create_dir_all(folder.path("occupied/usage.db")).unwrap();
    std::fs::create_dir(folder.path("logless")).unwrap();
    folder.write("logless/log", "");
    for (command, expected) in [
        (
            &["slices", "--export", "text"][..],
            ["cannot create the folder", "text", "next: name another folder"],
        ),
        (&["slices", "--export", "text/a"], ["cannot create the folder", "text/a", "a part of it is a file"]),
        (
            &["demo", "--for", "1s", "--dir", "text"],
            ["cannot create the folder", "text", "name another folder"],
        ),
        (
            &["demo", "--for", "1s", "--dir", "occupied"],
            ["is not a file", "occupied/usage.db", "name the ledger"],
        ),
        (&["demo", "--for", "1s", "--dir", "logless"], ["cannot be used", "logless/log", "next: check that"]),
    ] {
        assert_refused(&folder.run(command), command, expected);
    }
    for (command, next) in [(&["demo", "--for", "1s"][..], "--dir"), (&["import", "-"], "--amnesia")] {
        let output = folder.command(command).env("TMPDIR", folder.path("missing")).output().unwrap();
        let expected = ["temporary", "No such file", "next: set TMPDIR to a folder that may be written to"];
        let ended = Ended::from(output);
        assert_refused(&ended, command, expected);
        assert!(ended.err.contains(next), "{}", ended.err);
    }
}

#[test]
fn a_file_without_a_line_that_can_be_read_is_named() {
    let folder = folder();
    for name in ["noise", "text"] {
        let ended = folder.run(&["import", name]);
        assert_eq!(ended.code, Some(0));
        let expected = format!("note: no line of {name} could be read; is it an access log?");
        assert!(ended.err.contains(&expected), "{}", ended.err);
    }
    assert_eq!(folder.run(&["import", "empty"]).err, "");
}

#[cfg(unix)]
#[test]
fn files_without_permission() {
    use std::{
        fs::{self, Permissions},
        os::unix::{fs::PermissionsExt, process::CommandExt},
    };

    const NOBODY: u32 = 65_534;

    let folder = folder();
    let allow =
        |name: &str, mode| fs::set_permissions(folder.path(name), Permissions::from_mode(mode)).unwrap();
    allow(".", 0o755);
    allow("text", 0o000);
    fs::create_dir(folder.path("unwritable")).unwrap();
    allow("unwritable", 0o555);
    fs::create_dir(folder.path("closed")).unwrap();
    allow("closed", 0o000);
    // Root may do everything, and so runs the commands as somebody else.
    let is_root = fs::read(folder.path("text")).is_ok();
    let run = |command: &[&str]| {
        let mut started = folder.command(command);
        if is_root {
            started.uid(NOBODY).gid(NOBODY);
        }
        // That one may be kept from the binary itself.
        started.output().ok().map(Ended::from)
    };
    let permission = "permissions";
    for (command, expected) in [
        (&["usage", "--ledger", "text"][..], ["cannot open ledger", "text", "allow this program"]),
        (&["verify", "--ledger", "closed/usage.db"], ["cannot read ledger", "closed/usage.db", permission]),
        (&["import", "--amnesia", "text"], ["cannot open", "text", permission]),
        (
            &["import", "--ledger", "unwritable/x.db", "access.log"],
            ["cannot open ledger", "unwritable/x.db", "allow this program"],
        ),
        (&["slices", "--export", "unwritable/a"], ["cannot create the folder", "unwritable/a", permission]),
        (&["demo", "--dir", "unwritable/a"], ["cannot create the folder", "unwritable/a", permission]),
        (&["wal", "inspect", "closed"], ["cannot list", "closed", "may be read"]),
    ] {
        if let Some(ended) = run(command) {
            assert_refused(&ended, command, expected);
        }
    }
    allow("unwritable", 0o755);
    allow("closed", 0o755);
}
