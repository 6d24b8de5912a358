//! Reading must leave no trace, and work beside a writer.

use std::fs;

use ron_accounting_export::{Exporter, PutError};
use ron_accounting_ledger::{usage_rows, verify, Ledger, ReadError, UsageQuery, VerifyError};
use ron_accounting_sqlite::{LedgerError, SqliteLedger};
use ron_ledger_wire::Seq;

use crate::samples::{chain, put_all, stream, two_chains, LedgerFolder};

fn read_everything(ledger: &SqliteLedger, slices: u64) {
    assert_eq!(verify(ledger, |_| {}).unwrap().slices, slices);
    assert_eq!(usage_rows(ledger, &UsageQuery::default()).unwrap().len(), 1);
    assert_eq!(
        ledger.heads(None, 100).unwrap().iter().map(|head| head.next_seq().get()).sum::<u64>(),
        slices
    );
}

#[test]
fn a_closed_ledger_is_read_without_a_trace() {
    let folder = two_chains();
    let before = folder.files();
    let modified = fs::metadata(folder.ledger_path()).unwrap().modified().unwrap();
    let ledger = SqliteLedger::open_read_only(folder.ledger_path()).unwrap();
    read_everything(&ledger, 8);
    assert_eq!(folder.files(), before, "while open");
    drop(ledger);
    assert_eq!(folder.files(), before, "after closing");
    assert_eq!(fs::metadata(folder.ledger_path()).unwrap().modified().unwrap(), modified);
    assert_eq!(before.len(), 1, "the writer left one file");
}

#[test]
fn leftovers_without_a_log_do_not_matter() {
    for names in [&["usage.db-shm"][..], &["usage.db-wal"]] {
        let folder = two_chains();
        for name in names {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        let before = folder.files();
        read_everything(&SqliteLedger::open_read_only(folder.ledger_path()).unwrap(), 8);
        assert_eq!(folder.files(), before, "{names:?}");
        read_everything(&folder.open(), 8);
    }
}

#[test]
fn a_writer_may_follow_a_reader_in_one_process() {
    let folder = two_chains();
    let writer = folder.open();
    put_all(&writer, &chain(&stream("initech", "requests"), 1));
    let copy = LedgerFolder::new();
    for (name, content) in folder.files() {
        fs::write(copy.path().join(name), content).unwrap();
    }
    let reader = SqliteLedger::open_read_only(copy.ledger_path()).unwrap();
    read_everything(&reader, 9);
    let writer = copy.open();
    put_all(&writer, &chain(&stream("umbrella", "requests"), 1));
    read_everything(&reader, 10);
}

#[test]
fn the_log_of_a_killed_writer_is_read_and_stays() {
    let folder = two_chains();
    let writer = folder.open();
    put_all(&writer, &chain(&stream("initech", "requests"), 2));

    // What lies on the disk when the writer is killed now.
    let copy = LedgerFolder::new();
    for (name, content) in folder.files() {
        fs::write(copy.path().join(name), content).unwrap();
    }
    let content = |folder: &LedgerFolder| {
        let mut files = folder.files();
        files.retain(|(name, _)| name != "usage.db-shm");
        files
    };
    let before = content(&copy);
    assert_eq!(before.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["usage.db", "usage.db-wal"]);
    read_everything(&SqliteLedger::open_read_only(copy.ledger_path()).unwrap(), 10);
    assert_eq!(content(&copy), before);

    fs::remove_file(copy.path().join("usage.db-shm")).unwrap();
    read_everything(&SqliteLedger::open_read_only(copy.ledger_path()).unwrap(), 10);
    assert_eq!(content(&copy), before);
}

#[test]
fn a_reader_sees_the_last_commit_of_an_active_writer() {
    let folder = two_chains();
    let writer = folder.open();
    let reader = SqliteLedger::open_read_only(folder.ledger_path()).unwrap();
    let chain = chain(&stream("initech", "requests"), 6);
    for (slices, slice) in (9..).zip(&chain) {
        put_all(&writer, std::slice::from_ref(slice));
        read_everything(&reader, slices);
    }
    drop(writer);
    read_everything(&reader, 14);
    let writer = folder.open();
    assert_eq!(writer.head(chain[0].stream()).unwrap().unwrap().next_seq(), Seq::new(6));
}

#[test]
fn a_reader_of_a_quiet_ledger_notices_the_writer_that_comes_later() {
    let folder = two_chains();
    let reader = SqliteLedger::open_read_only(folder.ledger_path()).unwrap();
    read_everything(&reader, 8);
    let chain = chain(&stream("initech", "requests"), 2);
    let writer = folder.open();
    put_all(&writer, &chain[..1]);
    read_everything(&reader, 9);
    put_all(&writer, &chain[1..]);
    drop(writer);
    read_everything(&reader, 10);
}

#[test]
fn a_change_under_a_quiet_read_is_reported() {
    let folder = two_chains();
    let reader = SqliteLedger::open_read_only(folder.ledger_path()).unwrap();
    let chain = chain(&stream("initech", "requests"), 1);
    let mut wrote = false;
    let found = verify(&reader, |_| {
        if !std::mem::replace(&mut wrote, true) {
            // Closing checkpoints: it writes into the file that is being read.
            put_all(&folder.open(), &chain);
        }
    });
    let changed = |error: &_| match error {
        VerifyError::Read(error @ ReadError::Unavailable { source }) => {
            let source = source.error().downcast_ref::<LedgerError>();
            error.is_retryable() && matches!(source, Some(LedgerError::ChangedWhileReading { .. }))
        }
        _ => false,
    };
    assert!(found.as_ref().is_err_and(changed), "{found:?}");
    read_everything(&reader, 9);
}

#[test]
fn a_reader_takes_no_slices() {
    let folder = two_chains();
    let before = folder.files();
    let reader = SqliteLedger::open_read_only(folder.ledger_path()).unwrap();
    let chain = chain(&stream("acme", "requests"), 5);
    let answers = reader.put_batch(&chain[4..]);
    assert!(
        matches!(&answers[..], [Err(PutError::Rejected { source })] if source.to_string().contains("reading only"))
    );
    assert_eq!(reader.head(chain[0].stream()).unwrap().unwrap().next_seq(), Seq::new(4));
    assert_eq!(folder.files(), before);
}

#[cfg(unix)]
#[test]
fn a_ledger_behind_a_symbolic_link_shows_its_log() {
    let folder = two_chains();
    let writer = folder.open();
    put_all(&writer, &chain(&stream("initech", "requests"), 1));
    let elsewhere = LedgerFolder::new();
    std::os::unix::fs::symlink(folder.ledger_path(), elsewhere.ledger_path()).unwrap();
    read_everything(&SqliteLedger::open_read_only(elsewhere.ledger_path()).unwrap(), 9);
    assert_eq!(elsewhere.files().len(), 1);
}

/// Locks that this process holds on a file. The kernel prints those of one open file at once; `/proc/locks` is printed
/// in parts, and a line is repeated or left out when another test takes a lock between two of them.
#[cfg(target_os = "linux")]
fn locks(file: &std::path::Path) -> std::collections::BTreeSet<String> {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok);
    let of_file = descriptors.filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == file));
    let details = of_file.map(|entry| std::path::Path::new("/proc/self/fdinfo").join(entry.file_name()));
    let lines = details.filter_map(|details| fs::read_to_string(details).ok());
    lines
        .flat_map(|text| {
            text.lines().filter_map(|line| Some(line.strip_prefix("lock:")?.to_owned())).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn opening_a_reader_keeps_the_locks_of_a_writer_in_this_process() {
    let folder = two_chains();
    let writer = folder.open();
    put_all(&writer, &chain(&stream("initech", "requests"), 1));
    let ledger = folder.ledger_path().canonicalize().unwrap();
    let before = locks(&ledger);
    assert!(!before.is_empty());
    // POSIX drops all locks of a process on a file when any of its descriptors of that file is closed.
    drop(SqliteLedger::open_read_only(folder.ledger_path()).unwrap());
    drop(SqliteLedger::open(folder.ledger_path()).unwrap());
    assert_eq!(locks(&ledger), before);
}
