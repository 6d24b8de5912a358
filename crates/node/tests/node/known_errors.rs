//! Wrong arguments and unusable files: exit code 2, and a message with the cause and what to do.

use std::process::Stdio;

use rusqlite::Connection;

use crate::{binary::Folder, sample_log::SampleLog};

fn refused(folder: &Folder, arguments: &[&str], expected: &[&str]) {
    let ended = folder.run(arguments);
    assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
    assert_eq!(ended.out, "", "{arguments:?}");
    for text in expected {
        assert!(ended.err.contains(text), "{arguments:?}: expected {text:?} in {}", ended.err);
    }
}

#[test]
fn arguments() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(5).text);
    for (arguments, expected) in [
        (&[][..], "Usage:"),
        (&["import"][..], "<FILE>..."),
        (&["frobnicate"], "unrecognized subcommand"),
        (&["import", "--window", "60", "access.log"], "60s"),
        (&["import", "--window", "0s", "access.log"], "above zero"),
        (&["import", "--window", "5ms", "access.log"], "10ms to 1d"),
        (&["import", "--tenant", "acme", "access.log"], "(=acme?)"),
        (&["import", "--tenant", "=ada@example.org", "access.log"], "looks like personal data"),
        (&["import", "--format", "xml", "access.log"], "combined"),
        (&["import", "--unmatched-route", ":other", "access.log"], "--routes <FILE>"),
        (&["import", "--routes", "none.txt", "access.log"], "cannot use the routes in none.txt"),
        (&["import", "--wal", "log", "--amnesia", "access.log"], "cannot be used with"),
        (&["import", "--strict", "--amnesia", "-"], "drop one of the two"),
        (&["import", "-", "-"], "name it once"),
        (&["import", "--tenant", "host-hash", "--hash-key-file", "none", "access.log"], "none"),
        (&["import", "--tenant", "host-hash", "--hash-key-file", "access.log/", "access.log"], "hash key"),
        (&["usage", "--by", "tenant,colour"], "no column `colour`"),
        (&["usage", "--by", "tenant,tenant"], "name it once"),
        (&["usage", "--since", "yesterday"], "2015-05-17"),
        (&["usage", "--since", "2015-05-18", "--until", "2015-05-17"], "exchange them"),
        (&["slices"], "--export"),
        (&["demo", "--threads", "0"], "from 1 to"),
        (&["demo", "--for", "ten"], "60s"),
        (&["wal"], "Usage:"),
    ] {
        refused(&folder, arguments, &[expected]);
    }
    assert_eq!(folder.names(), ["access.log"], "refused commands leave nothing behind");
}

#[test]
fn logs_that_cannot_be_read() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("folder")).unwrap();
    refused(&folder, &["import", "missing.log"], &["cannot open missing.log", "No such file"]);
    refused(&folder, &["import", "folder"], &["folder is a folder"]);
    assert_eq!(folder.names(), ["folder"]);
}

#[test]
fn ledgers_that_cannot_be_used() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(5).text);
    folder.write("text.db", "this is no database, and long enough to be looked at".repeat(100));
    let foreign = Connection::open(folder.path("foreign.db")).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
    foreign.close().unwrap();
    folder.done(&["import", "--ledger", "newer.db", "access.log"]);
    let newer = Connection::open(folder.path("newer.db")).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    newer.close().unwrap();

    for (ledger, expected) in [
        ("missing.db", "no ledger at missing.db"),
        ("text.db", "not a SQLite database"),
        ("foreign.db", "no ledger"),
        ("newer.db", "schema 99"),
        (".", "not a file"),
    ] {
        let before = std::fs::read(folder.path(ledger)).ok();
        refused(&folder, &["usage", "--ledger", ledger], &[expected]);
        refused(&folder, &["verify", "--ledger", ledger], &[expected]);
        refused(&folder, &["slices", "--ledger", ledger, "--export", "evidence"], &[expected]);
        if ledger != "missing.db" {
            refused(&folder, &["import", "--ledger", ledger, "access.log"], &[expected]);
        }
        assert_eq!(std::fs::read(folder.path(ledger)).ok(), before, "{ledger} was changed");
    }
    refused(
        &folder,
        &["import", "--ledger", "no/such/usage.db", "access.log"],
        &["does not exist, create it"],
    );
    assert!(!folder.path("evidence").exists());
    assert!(!folder.path("missing.db").exists());
}

#[test]
fn a_locked_ledger() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(5).text);
    folder.done(&["import", "access.log"]);
    let writer = Connection::open(folder.path("usage.db")).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    refused(&folder, &["import", "access.log"], &["locked by another writer", "try again"]);
}

#[test]
fn a_running_import_of_the_same_standard_input() {
    let folder = Folder::new();
    let input = SampleLog::new(5).text;
    folder.write("access.log", &input);
    let summary = folder.json(&["import", "--json", "access.log"]);
    let log = folder.path("usage.db.log").join(summary["files"][0]["origin"].as_str().unwrap());
    let running = ron_accounting::Accounting::builder().manual().wal_dir(&log).build().unwrap();
    let ended = folder.run_with_input(&["import", "-"], input.as_bytes());
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.err.contains("another import of the same log is running"), "{}", ended.err);
    assert!(!ended.err.contains("remove"), "{}", ended.err);
    drop(running);
    assert!(folder.run_with_input(&["import", "-"], input.as_bytes()).out.contains("nothing new"));
}

#[test]
fn a_fork_is_refused_loudly_and_not_repaired() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(500).text);
    folder.done(&["import", "access.log"]);
    let ledger = Connection::open(folder.path("usage.db")).unwrap();
    ledger.execute("UPDATE slices SET digest = randomblob(32) WHERE seq = 1", []).unwrap();
    ledger.close().unwrap();
    let ended = folder.run(&["import", "access.log"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.err.contains("fork"), "{}", ended.err);
    assert_eq!(ended.out, "");
}

#[test]
fn a_reader_that_goes_away() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(500).text);
    folder.done(&["import", "access.log"]);
    for arguments in [&["usage", "--by", "window,route,dimension"][..], &["verify"], &["demo", "--for", "2s"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = folder.command(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(ended.status.code(), Some(141), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{arguments:?}");
    }
}

#[test]
fn every_command_has_help_with_examples_and_exit_codes() {
    let folder = Folder::new();
    for command in [&["demo"][..], &["import"], &["usage"], &["verify"], &["slices"], &["wal", "inspect"]] {
        let help = folder.done(&[command, &["--help"]].concat());
        assert!(help.contains(&format!("ron-accounting {}", command.join(" "))), "{help}");
        assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
    }
}
