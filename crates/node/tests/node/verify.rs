//! Tampering is found, and named.

use rusqlite::Connection;

use crate::{
    binary::{Ended, Folder},
    sample_log::SampleLog,
};

fn imported() -> Folder {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(1200).text);
    folder.done(&["import", "access.log"]);
    folder
}

/// Tampers with a fresh ledger, which then must not verify.
fn after(tamper: impl FnOnce(&Connection)) -> Ended {
    let folder = imported();
    let connection = Connection::open(folder.path("usage.db")).unwrap();
    tamper(&connection);
    connection.close().unwrap();
    let ended = folder.run(&["verify"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.ends_with("verified: no\n"), "{}", ended.out);
    assert!(!ended.out.contains("verified: yes"), "{}", ended.out);
    ended
}

fn assert_names(ended: &Ended, stream: &str, seq: u64) {
    assert!(ended.out.starts_with("stream    "), "{}", ended.out);
    let named = format!("/default/{stream}\nseq       {seq}\n");
    assert!(ended.out.contains(&named), "expected {named:?} in {}", ended.out);
    assert!(ended.out.contains("\nexpected  ") && ended.out.contains("\nfound     "), "{}", ended.out);
}

#[test]
fn an_untouched_ledger_verifies() {
    let folder = imported();
    let out = folder.done(&["verify"]);
    let words: Vec<_> = out.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(words, ["streams", "slices", "rows", "first", "last", "verified:"]);
    assert!(out.contains("streams       2\n"), "{out}");
    assert!(out.contains("first window  2015-05-17T10:00:00Z"), "{out}");
    assert!(out.ends_with("verified: yes\n"));
}

#[test]
fn one_changed_byte_of_a_slice_is_found() {
    let ended = after(|ledger| {
        let (id, mut bytes): (i64, Vec<u8>) = ledger
            .query_row("SELECT id, bytes FROM slices WHERE seq = 3 ORDER BY stream LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        ledger.execute("UPDATE slices SET bytes = ?1 WHERE id = ?2", (bytes, id)).unwrap();
    });
    assert!(ended.out.contains("\nseq       3\n"), "{}", ended.out);
}

#[test]
fn a_deleted_slice_is_found() {
    let ended = after(|ledger| {
        ledger
            .execute_batch(
                "CREATE TEMP TABLE victim AS SELECT slices.id FROM slices JOIN streams ON streams.id = stream
                   WHERE seq = 2 AND dimension = 'requests';
                 DELETE FROM usage WHERE slice IN victim; DELETE FROM slice_totals WHERE slice IN victim;
                 DELETE FROM slices WHERE id IN victim;",
            )
            .unwrap();
    });
    assert_names(&ended, "requests", 2);
}

#[test]
fn swapped_slices_are_found() {
    let ended = after(|ledger| {
        let stream = "stream = (SELECT id FROM streams WHERE dimension = 'requests')";
        ledger
            .execute_batch(&format!(
                "UPDATE slices SET seq = 999 WHERE seq = 1 AND {stream};
                 UPDATE slices SET seq = 1 WHERE seq = 2 AND {stream};
                 UPDATE slices SET seq = 2 WHERE seq = 999 AND {stream};"
            ))
            .unwrap();
    });
    assert_names(&ended, "requests", 1);
}

#[test]
fn an_edited_sum_is_found() {
    let ended = after(|ledger| {
        let changed = ledger
            .execute(
                "UPDATE usage SET increment = increment + 1 WHERE slice = (SELECT slices.id FROM slices
                   JOIN streams ON streams.id = stream WHERE seq = 4 AND dimension = 'bytes_out')
                   AND row_key = (SELECT max(row_key) FROM usage WHERE slice = (SELECT slices.id FROM slices
                   JOIN streams ON streams.id = stream WHERE seq = 4 AND dimension = 'bytes_out'))",
                [],
            )
            .unwrap();
        assert_eq!(changed, 1);
    });
    assert_names(&ended, "bytes_out", 4);
}

#[test]
fn a_broken_file_does_not_verify() {
    let folder = imported();
    let mut bytes = std::fs::read(folder.path("usage.db")).unwrap();
    let page = bytes.len() / 4096 / 2 * 4096;
    bytes[page..page + 4096].fill(0x5a);
    folder.write("usage.db", bytes);
    let ended = folder.run(&["verify"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.ends_with("verified: no\n"), "{}", ended.out);
}
