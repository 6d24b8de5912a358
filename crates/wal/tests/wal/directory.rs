//! Does it work on a real file system?

use std::fs;

use ron_accounting_wal::{inspect_directory, DirectoryStorage, RecordKind, SegmentState, Wal, WalError};

use crate::rig::*;

fn open_at(path: &std::path::Path) -> (Wal<DirectoryStorage>, ron_accounting_wal::Recovery) {
    Wal::open(DirectoryStorage::open(path).unwrap(), ORIGIN, small(), 0).unwrap()
}

#[test]
fn a_log_survives_its_process_and_a_torn_end() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("deep/er/wal");
    let (mut wal, _) = open_at(&path);
    let big = vec![7; 20_000];
    wal.append(KIND, b"a", 0).unwrap();
    wal.append(RecordKind(2), &big, 0).unwrap();
    wal.append(KIND, b"c", 0).unwrap();
    wal.sync().unwrap();
    assert_eq!(wal.stats().segments, 3);
    drop(wal);

    let newest = path.join(segment(2));
    let mut bytes = fs::read(&newest).unwrap();
    assert_eq!(bytes.len(), 8 << 10, "preallocated");
    bytes.truncate(usize::try_from(DATA_OFFSET + RECORD_HEADER_BYTES).unwrap() + 1);
    bytes.extend_from_slice(b"half a rec");
    fs::write(&newest, bytes).unwrap();

    let (mut wal, recovery) = open_at(&path);
    assert_eq!(recovery.records.len(), 3);
    assert_eq!((recovery.records[1].kind, &recovery.records[1].body), (RecordKind(2), &big));
    assert_eq!((recovery.report.torn_tails, recovery.report.torn_bytes), (1, 10));
    assert_eq!(fs::metadata(&newest).unwrap().len(), DATA_OFFSET + RECORD_HEADER_BYTES + 1);
    wal.append(KIND, b"d", 0).unwrap();
    for record in recovery.records {
        wal.release(record.position);
    }
    assert_eq!(wal.retire().unwrap(), 3);
    wal.close().unwrap();

    let inspection = inspect_directory(&path).unwrap();
    assert_eq!(inspection.segments.len(), 1);
    assert_eq!(inspection.segments[0].state, SegmentState::Sealed);
    assert_eq!(inspection.segments[0].records[0].body, b"d");
    assert!(inspection.ignored.is_empty(), "{:?}", inspection.ignored);
}

#[test]
fn a_directory_belongs_to_one_writer_and_any_reader() {
    let home = tempfile::tempdir().unwrap();
    let (mut wal, _) = open_at(home.path());
    match DirectoryStorage::open(home.path()) {
        Err(WalError::Locked { directory }) => assert_eq!(directory, home.path()),
        other => panic!("{other:?}"),
    }
    wal.append(KIND, b"a", 0).unwrap();
    let inspection = inspect_directory(home.path()).unwrap();
    assert_eq!(inspection.segments[0].records.len(), 1);
    drop(wal);
    assert_eq!(open_at(home.path()).1.records.len(), 1);
}

#[test]
fn inspection_creates_nothing_and_cannot_write() {
    let home = tempfile::tempdir().unwrap();
    let missing = home.path().join("missing");
    assert!(matches!(inspect_directory(&missing), Err(WalError::Io { .. })));
    assert!(!missing.exists());
    inspect_directory(home.path()).unwrap();
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    let read_only = DirectoryStorage::open_read_only(home.path()).unwrap();
    let error = Wal::open(read_only, ORIGIN, small(), 0).unwrap_err();
    assert!(matches!(error, WalError::Io { .. }), "{error:?}");
}

#[test]
fn strange_entries_are_reported() {
    let home = tempfile::tempdir().unwrap();
    let huge = fs::File::create(home.path().join(segment(4))).unwrap();
    huge.set_len((256 << 20) + 1).unwrap();
    fs::create_dir(home.path().join(segment(3))).unwrap();
    fs::write(home.path().join("notes"), "mine").unwrap();
    let (mut wal, recovery) = open_at(home.path());
    assert_eq!(recovery.report.ignored, [format!("{}/", segment(3)), segment(4), "notes".to_owned()]);
    assert_eq!(wal.append(KIND, b"a", 0).unwrap().segment, 5);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let home = tempfile::tempdir().unwrap();
    let empty = home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    fs::set_permissions(&empty, fs::Permissions::from_mode(0o755)).unwrap();
    for path in [home.path().join("new/wal"), empty] {
        let (mut wal, _) = open_at(&path);
        wal.append(KIND, b"a", 0).unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join("lock")), 0o600);
        assert_eq!(mode(&path.join(segment(0))), 0o600);
    }
    let shared = home.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("somebody's"), "").unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
    drop(open_at(&shared));
    assert_eq!(mode(&shared), 0o755, "a directory with other content is not ours to change");
}
