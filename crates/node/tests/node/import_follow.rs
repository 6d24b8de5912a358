//! Logs that are followed while they are written: real processes, real files, real signals.

#![cfg(unix)]

use std::{
    fs::{self, OpenOptions},
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
};

use serde_json::Value;

use crate::{
    binary::{Ended, Folder},
    import::sums,
    sample_log::SampleLog,
};

/// A follower with a short interval, and what it says.
struct Following {
    child: Child,
    err: BufReader<ChildStderr>,
    said: String,
}

impl Following {
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let begin = ["import", "--follow", "--poll", "10ms", "--commit-every", "100ms", "--json"];
        let mut command = folder.command(&[&begin, arguments].concat());
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, err, said: String::new() }
    }

    /// Reads what it says until a line has this text.
    fn until(&mut self, text: &str) -> &mut Self {
        loop {
            let mut line = String::new();
            let read = self.err.read_line(&mut line).unwrap();
            assert!(read > 0, "it has ended without saying {text:?}, after: {}", self.said);
            self.said.push_str(&line);
            if line.contains(text) {
                return self;
            }
        }
    }

    fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &process]).status().unwrap().success());
    }

    fn ended(mut self) -> Ended {
        self.err.read_to_string(&mut self.said).unwrap();
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        Ended { code: self.child.wait().unwrap().code(), out, err: std::mem::take(&mut self.said) }
    }

    /// Ends it as a service manager does, and returns its summary.
    fn stopped(self) -> Value {
        self.signal("TERM");
        let ended = self.ended();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.out).unwrap()
    }

    fn killed(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // A test that fails leaves nothing behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Requests and bytes of all lines in the ledger.
fn totals(folder: &Folder) -> (u64, u64) {
    let total = |dimension| sums(folder, &["tenant"], dimension).values().sum();
    (total("requests"), total("bytes_out"))
}

/// A sample log in parts of some lines each.
fn parts(log: &SampleLog, count: usize) -> Vec<String> {
    let lines: Vec<&str> = log.text.split_inclusive('\n').collect();
    lines.chunks(lines.len().div_ceil(count)).map(<[&str]>::concat).collect()
}

#[test]
fn what_is_there_and_what_comes_is_counted_in_the_windows_of_its_own_time() {
    let folder = Folder::new();
    let log = SampleLog::new(600);
    let parts = parts(&log, 3);
    let path = folder.write("access.log", &parts[0]);
    let mut following = Following::start(&folder, &["access.log"]);
    following.until("lines are in the ledger");
    append(&path, &parts[1]);
    following.until("lines are in the ledger");
    // In the middle of a line, and then at once before the end.
    let (begin, end) = parts[2].split_at(parts[2].len() - 20);
    append(&path, begin);
    following.until("lines are in the ledger");
    append(&path, end);
    let summary = following.stopped();
    assert_eq!((&summary["lines_read"], &summary["lines_metered"]), (&log.lines.into(), &log.lines.into()));
    assert_eq!((&summary["conserved"], &summary["files"][0]["lines"]), (&true.into(), &log.lines.into()));
    assert_eq!(totals(&folder), (log.lines, log.bytes));
    let minutes: u64 = sums(&folder, &["window"], "requests").len() as u64;
    assert_eq!(minutes, log.by_minute.len() as u64);
    assert!(folder.done(&["verify"]).ends_with("verified: yes\n"));
    // A further start and an import both know it.
    assert_eq!(Following::start(&folder, &["access.log"]).until("from byte").said.lines().count(), 1);
    assert_eq!(folder.json(&["import", "--json", "access.log"])["nothing_new"], true);
    assert_eq!(totals(&folder), (log.lines, log.bytes));
}

#[test]
fn a_log_that_is_renamed_is_read_to_its_end_before_the_next_one() {
    let folder = Folder::new();
    let log = SampleLog::new(500);
    let parts = parts(&log, 5);
    let path = folder.path("access.log");
    let mut following = Following::start(&folder, &["access.log"]);
    following.until("waiting");
    append(&path, &parts[0]);
    following.until("lines are in the ledger");
    // The writer has not opened the new file yet.
    fs::rename(&path, folder.path("access.log.1")).unwrap();
    append(&folder.path("access.log.1"), &parts[1]);
    following.until("lines are in the ledger");
    append(&path, &parts[2]);
    following.until("was rotated").until("from byte 0");
    append(&folder.path("access.log.1"), &parts[3]);
    append(&path, &parts[4]);
    let summary = following.stopped();
    assert_eq!(summary["lines_read"], log.lines);
    assert_eq!(totals(&folder), (log.lines, log.bytes));
    for name in ["access.log", "access.log.1"] {
        assert_eq!(folder.json(&["import", "--json", name])["nothing_new"], true, "{name}");
    }
    assert_eq!(totals(&folder), (log.lines, log.bytes));
}

#[test]
fn a_log_that_is_cut_off_begins_anew_and_its_copy_is_known() {
    let folder = Folder::new();
    let log = SampleLog::new(400);
    let parts = parts(&log, 4);
    let path = folder.write("access.log", &parts[0]);
    let mut following = Following::start(&folder, &["access.log"]);
    following.until("lines are in the ledger");
    append(&path, &parts[1]);
    fs::copy(&path, folder.path("access.log.1")).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    following.until("was cut off");
    append(&path, &parts[2]);
    following.until("from byte 0").until("access.log: 3 lines are in the ledger");
    // Longer at once than it was before.
    fs::copy(&path, folder.path("access.log.2")).unwrap();
    fs::write(&path, format!("{0}{0}", parts[3])).unwrap();
    following.until("was cut off");
    let summary = following.stopped();
    let twice = parts[3].lines().count() as u64;
    assert_eq!(summary["lines_read"], log.lines + twice);
    for name in ["access.log.1", "access.log.2", "access.log"] {
        assert_eq!(folder.json(&["import", "--json", name])["nothing_new"], true, "{name}");
    }
    assert_eq!(totals(&folder).0, log.lines + twice);
}

#[test]
fn a_kill_at_any_moment_loses_nothing_and_doubles_nothing() {
    let folder = Folder::new();
    let log = SampleLog::new(1200);
    let path = folder.path("access.log");
    for (round, part) in parts(&log, 12).iter().enumerate() {
        let mut following = Following::start(&folder, &["access.log"]);
        if round > 0 {
            following.until("access.log: ");
        }
        append(&path, part);
        match round % 4 {
            0 => drop(following.until("access.log: ")),
            1 => drop(following.until("lines are in the ledger")),
            _ => {}
        }
        following.killed();
        match round % 4 {
            // While nobody looks.
            1 => fs::rename(&path, folder.path(&format!("access.log.{}", 20 - round))).unwrap(),
            3 => {
                fs::copy(&path, folder.path(&format!("access.log.{}", 20 - round))).unwrap();
                fs::write(&path, "").unwrap();
            }
            _ => {}
        }
    }
    let mut following = Following::start(&folder, &["access.log"]);
    following.until("access.log: ");
    following.stopped();
    assert_eq!(totals(&folder), (log.lines, log.bytes));
    assert!(folder.done(&["verify"]).ends_with("verified: yes\n"));
}

#[test]
fn a_log_that_was_packed_while_nobody_looked_is_read_to_its_end() {
    use flate2::{write::GzEncoder, Compression};

    let folder = Folder::new();
    let log = SampleLog::new(300);
    let parts = parts(&log, 3);
    let path = folder.write("access.log", &parts[0]);
    let mut following = Following::start(&folder, &["access.log"]);
    following.until("lines are in the ledger");
    following.killed();
    append(&path, &parts[1]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&fs::read(&path).unwrap()).unwrap();
    fs::write(folder.path("access.log.1.gz"), encoder.finish().unwrap()).unwrap();
    fs::remove_file(&path).unwrap();
    append(&path, &parts[2]);
    let mut following = Following::start(&folder, &["access.log"]);
    following.until("from byte 0");
    assert!(following.stopped()["lines_read"].as_u64() >= Some(200));
    assert_eq!(totals(&folder), (log.lines, log.bytes));
    assert_eq!(folder.json(&["import", "--json", "access.log.1.gz"])["nothing_new"], true);
}

#[test]
fn one_import_beside_a_follower_counts_nothing_twice() {
    let folder = Folder::new();
    let log = SampleLog::new(900);
    let parts = parts(&log, 3);
    let path = folder.write("access.log", &parts[0]);
    let mut following = Following::start(&folder, &["access.log"]);
    following.until("lines are in the ledger");
    append(&path, &parts[1]);
    folder.done(&["import", "access.log"]);
    append(&path, &parts[2]);
    folder.done(&["import", "access.log"]);
    following.stopped();
    assert_eq!(totals(&folder), (log.lines, log.bytes));
}

#[test]
fn while_the_ledger_is_locked_reading_waits_and_says_so() {
    let folder = Folder::new();
    let log = SampleLog::new(200);
    let parts = parts(&log, 2);
    let path = folder.write("access.log", &parts[0]);
    let mut following = Following::start(&folder, &["--quiet", "access.log"]);
    // Quiet: only the ledger tells.
    while folder.run(&["usage"]).code != Some(0) || totals(&folder).0 == 0 {
        std::thread::yield_now();
    }
    let other = rusqlite::Connection::open(folder.path("usage.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    append(&path, &parts[1]);
    following.until("is locked by another writer");
    other.execute_batch("COMMIT").unwrap();
    following.until("it goes on");
    let said = following.said.clone();
    following.stopped();
    assert!(said.lines().all(|line| line.starts_with("note: ")), "{said}");
    assert_eq!(totals(&folder), (log.lines, log.bytes));
}

#[test]
fn several_logs_are_followed_and_the_statistics_are_told_on_demand() {
    let folder = Folder::new();
    let log = SampleLog::new(400);
    let parts = parts(&log, 2);
    folder.write("a.log", &parts[0]);
    let mut following = Following::start(&folder, &["a.log", "b.log"]);
    following.until("b.log: waiting").until("lines are in the ledger");
    append(&folder.path("b.log"), &parts[1]);
    following.until("b.log: common").signal("USR1");
    following.until("in the ledger: ").until("a.log: at byte ").until("b.log: at byte ");
    let summary = following.stopped();
    let files = summary["files"].as_array().unwrap();
    let lines = |at: usize| files[at]["lines"].as_u64().unwrap();
    assert_eq!((files.len(), lines(0), lines(1)), (2, 200, 200));
    assert_eq!(totals(&folder), (log.lines, log.bytes));
}

#[test]
fn what_cannot_be_followed_is_refused_before_a_ledger_is_made() {
    let folder = Folder::new();
    fs::create_dir(folder.path("logs")).unwrap();
    folder.write("empty.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    folder.write("error.log", "2015/05/17 10:05:03 [error] 7#7: *1 open() failed\n");
    for (arguments, said) in [
        (&["-"][..], "standard input cannot be followed"),
        (&["logs"], "logs is no file"),
        (&["empty.gz"], "empty.gz is packed"),
        (&["error.log"], "error.log"),
        (&["a.log", "a.log"], "a.log is named twice"),
        (&["--strict", "a.log"], "--strict"),
        (&["--poll", "1ms", "a.log"], "10ms to 1h"),
        (&["--commit-every", "2d", "a.log"], "100ms to 1d"),
    ] {
        let ended = folder.run(&[&["import", "--follow"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(said), "{arguments:?}: {}", ended.err);
    }
    assert!(!folder.names().contains(&"usage.db".to_owned()));
    let ended = folder.run(&["import", "--poll", "1s", "error.log"]);
    assert!(ended.code == Some(2) && ended.err.contains("--follow"), "{ended:?}");
}

#[test]
fn a_log_that_other_options_have_counted_is_not_followed() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(20).text);
    folder.done(&["import", "access.log"]);
    let following = Following::start(&folder, &["--tenant", "user", "access.log"]);
    let ended = following.ended();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("--tenant was =default, is user"), "{}", ended.err);
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let folder = Folder::new();
    let path = folder.write("access.log", SampleLog::new(20).text);
    let mut following = Following::start(&folder, &["access.log"]);
    following.until("lines are in the ledger");
    let other = rusqlite::Connection::open(folder.path("usage.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    append(&path, &SampleLog::new(30).text);
    following.until("is locked by another writer").signal("TERM");
    following.until("stopping").signal("TERM");
    assert_eq!(following.ended().code, Some(128 + 15));
}

#[test]
fn a_ledger_that_is_removed_ends_it_and_the_next_start_counts_again() {
    let folder = Folder::new();
    let log = SampleLog::new(40);
    let parts = parts(&log, 2);
    let path = folder.write("access.log", &parts[0]);
    let mut following = Following::start(&folder, &["access.log"]);
    following.until("lines are in the ledger");
    for name in ["usage.db", "usage.db-wal", "usage.db-shm"] {
        let _ = fs::remove_file(folder.path(name));
    }
    append(&path, &parts[1]);
    let ended = following.ended();
    assert!(ended.code == Some(3) && ended.err.contains("was removed or replaced"), "{ended:?}");
    let mut following = Following::start(&folder, &["access.log"]);
    following.until("from byte 0");
    following.stopped();
    assert_eq!(totals(&folder), (log.lines, log.bytes));
}
