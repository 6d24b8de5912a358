//! The evidence outside the ledger: names, bytes, and an export that can be repeated.

use std::fs;

use ron_ledger_wire::{accept, Acceptance, Cid, Digest, Head, Slice};
use rusqlite::Connection;

use crate::{
    binary::{names, Folder},
    sample_log::SampleLog,
};

fn imported() -> Folder {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(500).text);
    folder.done(&["import", "access.log"]);
    folder
}

#[test]
fn each_file_is_named_after_its_bytes_and_they_make_chains() {
    let folder = imported();
    let out = folder.done(&["slices", "--export", "evidence"]);
    let files = names(&folder.path("evidence"));
    assert!(out.starts_with(&format!("slices   {}\n", files.len())), "{out}");
    let mut slices = Vec::new();
    for file in &files {
        let bytes = fs::read(folder.path("evidence").join(file)).unwrap();
        assert_eq!(*file, format!("{}.cbor", Cid::from(Digest::of(&bytes))));
        slices.push((Slice::decode(&bytes).unwrap(), bytes));
    }
    slices.sort_by_key(|(slice, _)| (slice.stream.clone(), slice.seq));
    let mut heads: Vec<Head> = Vec::new();
    for (slice, bytes) in slices {
        if slice.seq.is_first() {
            heads.push(Head::genesis(slice.stream.clone()));
        }
        let head = heads.last_mut().unwrap();
        let Acceptance::Next { head: next, .. } = accept(head, &Digest::of(&bytes), &bytes) else {
            panic!("{} seq {} does not follow", slice.stream, slice.seq)
        };
        *head = next;
    }
    assert_eq!(heads.len(), 2);
}

#[test]
fn an_export_can_be_repeated_and_continued() {
    let folder = imported();
    folder.done(&["slices", "--export", "evidence"]);
    let before = names(&folder.path("evidence"));
    fs::remove_file(folder.path("evidence").join(&before[3])).unwrap();
    folder.write("evidence/notes.txt", "mine");
    let out = folder.done(&["slices", "--export", "evidence"]);
    assert!(out.contains("written  1\n"), "{out}");
    let mut after = names(&folder.path("evidence"));
    after.retain(|name| name != "notes.txt");
    assert_eq!(after, before);
}

#[test]
fn a_file_with_other_bytes_is_never_overwritten() {
    let folder = imported();
    folder.done(&["slices", "--export", "evidence"]);
    let name = names(&folder.path("evidence")).remove(0);
    folder.write(&format!("evidence/{name}"), "something else");
    let ended = folder.run(&["slices", "--export", "evidence"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains(&name), "{}", ended.err);
    assert_eq!(fs::read(folder.path("evidence").join(name)).unwrap(), b"something else");
}

#[test]
fn forged_bytes_get_no_name() {
    let folder = imported();
    let ledger = Connection::open(folder.path("usage.db")).unwrap();
    ledger.execute("UPDATE slices SET bytes = zeroblob(40) WHERE id = 2", []).unwrap();
    ledger.close().unwrap();
    let ended = folder.run(&["slices", "--export", "evidence"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("forged   1\n"), "{}", ended.out);
    assert!(ended.err.contains("ron-accounting verify"), "{}", ended.err);
    for name in names(&folder.path("evidence")) {
        let bytes = fs::read(folder.path("evidence").join(&name)).unwrap();
        assert_eq!(name, format!("{}.cbor", Cid::from(Digest::of(&bytes))));
    }
}
