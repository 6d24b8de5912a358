//! Whatever is edited in the file, verification names the folder.

use ron_accounting_ledger::{verify, VerifyError, Violation};
use ron_accounting_sqlite::SqliteLedger;
use ron_ledger_wire::{Seq, StreamId};
use rusqlite::{params, Connection};

use crate::samples::{stream, two_chains, LedgerFolder};

/// The violation after the edit, which must name the folder in its text.
fn violation_after(edit: impl FnOnce(&Connection)) -> Violation {
    let folder = two_chains();
    edit(&folder.raw());
    violation_in(&SqliteLedger::open_read_only(folder.ledger_path()).unwrap())
}

fn violation_in(ledger: &SqliteLedger) -> Violation {
    match verify(ledger, |_| {}) {
        Err(VerifyError::Violation(violation)) => {
            let text = violation.to_string();
            for part in [&violation.expected, &violation.found] {
                assert!(!part.is_empty() && text.contains(part.as_str()), "{text}");
            }
            violation
        }
        other => panic!("expected a violation, found {other:?}"),
    }
}

#[track_caller]
fn assert_found(sql: &str, tenant: &str, seq: u64, expected: &str, found: &str) {
    let violation = violation_after(|raw| {
        raw.execute_batch(sql).unwrap();
    });
    assert_eq!(violation.stream, Some(stream(tenant, "requests")), "{sql}: {violation}");
    assert_eq!(violation.seq, Some(Seq::new(seq)), "{sql}: {violation}");
    assert!(violation.expected.contains(expected), "{sql}: {violation}");
    assert!(violation.found.contains(found), "{sql}: {violation}");
}

/// The id of a slice in SQL.
fn slice_id(tenant: &str, seq: u64) -> String {
    format!(
        "(SELECT slices.id FROM slices JOIN streams ON streams.id = stream WHERE tenant = '{tenant}' AND seq = {seq})"
    )
}

#[test]
fn an_untouched_ledger_is_verified_with_its_figures() {
    let folder = two_chains();
    let mut calls = Vec::new();
    let verified =
        verify(&folder.open(), |progress| calls.push((progress.slices, progress.slices_total))).unwrap();
    assert_eq!((verified.streams, verified.slices, verified.rows), (2, 8, 32));
    assert_eq!((verified.first_window_ms, verified.last_window_ms), (Some(0), Some(240_000)));
    assert_eq!(calls, (1..=8).map(|slices| (slices, 8)).collect::<Vec<_>>());
}

#[test]
fn every_byte_of_a_slice_counts() {
    let folder = two_chains();
    let ledger = folder.open();
    let raw = folder.raw();
    raw.execute_batch("PRAGMA synchronous = OFF").unwrap();
    let id: i64 = raw.query_row(&format!("SELECT {}", slice_id("globex", 2)), [], |row| row.get(0)).unwrap();
    let bytes: Vec<u8> =
        raw.query_row("SELECT bytes FROM slices WHERE id = ?1", [id], |row| row.get(0)).unwrap();
    let write = |bytes: &[u8]| {
        raw.execute("UPDATE slices SET bytes = ?2 WHERE id = ?1", params![id, bytes]).unwrap();
    };
    let (globex, seq) = (Some(stream("globex", "requests")), Some(Seq::new(2)));
    for position in 0..bytes.len() {
        let mut edited = bytes.clone();
        edited[position] ^= 1 << (position % 8);
        write(&edited);
        let violation = violation_in(&ledger);
        assert_eq!((&violation.stream, violation.seq), (&globex, seq), "byte {position}: {violation}");
    }
    for edited in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat(), &[]] {
        write(edited);
        let violation = violation_in(&ledger);
        assert_eq!((&violation.stream, violation.seq), (&globex, seq), "{violation}");
    }
    write(&bytes);
    verify(&ledger, |_| {}).unwrap();
}

#[test]
fn a_deleted_slice_is_missed_wherever_it_was() {
    for (seq, found) in [(0, "slice 1 after the gap"), (2, "slice 3 after the gap"), (3, "no slice")] {
        for table in [
            "DELETE FROM slices WHERE id = {id}",
            "DELETE FROM usage WHERE slice = {id}; DELETE FROM slices WHERE id = {id}",
            "DELETE FROM usage WHERE slice = {id}; DELETE FROM slice_totals WHERE slice = {id};
             DELETE FROM slices WHERE id = {id}",
        ] {
            let sql = table.replace("{id}", &slice_id("acme", seq));
            assert_found(&sql, "acme", seq, &format!("slice {seq}"), found);
        }
    }
}

#[test]
fn swapped_slices_are_found_in_every_way_of_swapping() {
    let swap = |columns: &[&str]| {
        let assignments: Vec<String> = columns
            .iter()
            .map(|column| format!("{column} = (SELECT {column} FROM old WHERE old.seq = 3 - slices.seq)"))
            .collect();
        format!(
            "CREATE TEMP TABLE old AS SELECT slices.* FROM slices JOIN streams ON streams.id = stream
             WHERE tenant = 'acme' AND seq IN (1, 2);
             UPDATE slices SET {} WHERE id IN (SELECT id FROM old)",
            assignments.join(", ")
        )
    };
    assert_found(&swap(&["bytes"]), "acme", 1, "digest", "digest");
    assert_found(&swap(&["bytes", "digest"]), "acme", 1, "the bytes of slice 1", "the bytes of slice 2");
    let numbers = format!(
        "UPDATE slices SET seq = 99 WHERE id = {one}; UPDATE slices SET seq = 1 WHERE id = {two};
         UPDATE slices SET seq = 2 WHERE seq = 99;",
        one = slice_id("acme", 1),
        two = slice_id("acme", 2)
    );
    assert_found(&numbers, "acme", 1, "the bytes of slice 1", "the bytes of slice 2");
}

#[test]
fn a_rewritten_history_breaks_at_the_next_link() {
    let folder = two_chains();
    let raw = folder.raw();
    // The best forgery without the rest of the chain: another valid slice with its own digest and roll-up.
    let id: i64 = raw.query_row(&format!("SELECT {}", slice_id("acme", 1)), [], |row| row.get(0)).unwrap();
    let bytes: Vec<u8> =
        raw.query_row("SELECT bytes FROM slices WHERE id = ?1", [id], |row| row.get(0)).unwrap();
    let mut slice = ron_ledger_wire::Slice::decode(&bytes).unwrap();
    slice.rows[0].increment += 1;
    let forged = slice.encode().unwrap();
    raw.execute(
        "UPDATE slices SET bytes = ?2, digest = ?3 WHERE id = ?1",
        params![id, forged.bytes(), forged.digest().as_bytes()],
    )
    .unwrap();
    raw.execute(
        "UPDATE usage SET increment = increment + 1 WHERE slice = ?1
         AND row_key = (SELECT id FROM row_keys WHERE account IS NOT NULL)",
        [id],
    )
    .unwrap();
    raw.execute("UPDATE slice_totals SET total_lower = total_lower + 1 WHERE slice = ?1", [id]).unwrap();
    let violation = violation_in(&folder.open());
    assert_eq!((violation.stream, violation.seq), (Some(stream("acme", "requests")), Some(Seq::new(2))));
    assert!(violation.expected.contains(&forged.digest().to_string()));
}

#[test]
fn an_edited_slice_row_is_found() {
    let id = slice_id("globex", 3);
    let set = |assignment: &str| format!("UPDATE slices SET {assignment} WHERE id = {id}");
    assert_found(&set("digest = zeroblob(32)"), "globex", 3, "stored digest 00", "digest");
    assert_found(&set("digest = x'00'"), "globex", 3, "readable", "1 bytes");
    assert_found(&set("start_ms = start_ms - 1"), "globex", 3, "start_ms 180000", "start_ms 179999");
    assert_found(&set("end_ms = end_ms + 1"), "globex", 3, "end_ms 240000", "end_ms 240001");
    assert_found(&set("row_count = 5"), "globex", 3, "row_count 4", "row_count 5");
    assert_found(&set("start_ms = -1"), "globex", 3, "readable", "-1");
    assert_found(&set("bytes = zeroblob(3000000)"), "globex", 3, "readable", "big");
}

#[test]
fn an_edited_roll_up_is_found_in_both_directions() {
    let id = slice_id("acme", 2);
    let key = |route: &str, method: &str| {
        format!("(SELECT id FROM row_keys WHERE route = '{route}' AND method = '{method}')")
    };
    let account = "(SELECT id FROM row_keys WHERE account IS NOT NULL)";
    assert_found(
        &format!("UPDATE usage SET increment = 23 WHERE slice = {id} AND row_key = {}", key("/b", "GET")),
        "acme",
        2,
        r#"labels "GET" "/b" "gateway" "eu" = 22"#,
        "= 23",
    );
    assert_found(
        &format!("DELETE FROM usage WHERE slice = {id} AND row_key = {account}"),
        "acme",
        2,
        "account 1:42 = 42",
        "no such row",
    );
    assert_found(
        &format!(
            "INSERT INTO row_keys (namespace, account) VALUES (9, zeroblob(16));
             INSERT INTO usage VALUES ({id}, last_insert_rowid(), 5)"
        ),
        "acme",
        2,
        "no row that the slice has not",
        "account 9:0 = 5",
    );
    assert_found(
        &format!("UPDATE usage SET slice = {} WHERE slice = {id}", slice_id("acme", 1) + " + 1000"),
        "acme",
        2,
        "account 1:42",
        "no such row",
    );
    assert_found(
        &format!(
            "INSERT INTO row_keys (namespace, account) VALUES (9, zeroblob(16));
             UPDATE usage SET row_key = last_insert_rowid() WHERE slice = {id} AND row_key = {account}"
        ),
        "acme",
        2,
        "account 1:42 = 42",
        "no such row",
    );
}

#[test]
fn an_edited_total_is_found() {
    let id = slice_id("acme", 2);
    let set = |assignment: &str| format!("UPDATE slice_totals SET {assignment} WHERE slice = {id}");
    assert_found(&set("total_lower = total_lower + 1"), "acme", 2, "total 108", "total 109");
    assert_found(&set("total_upper = 1"), "acme", 2, "total 108", "total 4294967404");
    assert_found(&set("total_lower = -1"), "acme", 2, "readable", "-1");
    for (column, edited) in [("start_ms", "start_ms - 1"), ("end_ms", "end_ms + 1"), ("stream", "stream + 1")]
    {
        let sql = set(&format!("{column} = {edited}"));
        assert_found(&sql, "acme", 2, "a row in `slice_totals`", "no such row");
    }
    let sql = format!("DELETE FROM slice_totals WHERE slice = {id}");
    assert_found(&sql, "acme", 2, "a row in `slice_totals`", "no such row");
    for columns in ["start_ms + 1, end_ms, stream, slice", "start_ms, end_ms, stream, slice + 1000"] {
        let violation = violation_after(|raw| {
            let sql = format!(
                "INSERT INTO slice_totals SELECT {columns}, 0, 5 FROM slice_totals WHERE slice = {id}"
            );
            raw.execute_batch(&sql).unwrap();
        });
        assert_eq!((&violation.stream, violation.seq), (&None, None), "{violation}");
        assert!(violation.found.contains("a row in `slice_totals` of slice id"), "{violation}");
    }
}

#[test]
fn an_edited_label_set_is_found_at_its_first_use() {
    for (column, was, is) in [("route", "/a", "/z"), ("method", "PUT", "POST"), ("region", "eu", "us")] {
        let sql =
            format!("UPDATE row_keys SET {column} = '{is}' WHERE method = 'PUT' AND {column} = '{was}'");
        assert_found(&sql, "acme", 0, "= 30", "no such row");
    }
    assert_found(
        "UPDATE row_keys SET namespace = 2 WHERE account IS NOT NULL",
        "acme",
        0,
        "account 1:42",
        "no such",
    );
    assert_found("DELETE FROM row_keys WHERE method = 'PUT'", "acme", 0, "a row in `usage`", "no row key");
    assert_found(
        "UPDATE row_keys SET method = NULL WHERE method = 'PUT'",
        "acme",
        0,
        "a row in `usage`",
        "no row key",
    );
}

#[test]
fn an_edited_head_is_found() {
    let set = |assignment: &str| format!("UPDATE streams SET {assignment} WHERE tenant = 'globex'");
    assert_found(&set("next_seq = 5"), "globex", 4, "next seq 5", "no slice");
    assert_found(&set("next_seq = 3"), "globex", 3, "next seq 4", "next seq 3");
    assert_found(&set("last_digest = zeroblob(32)"), "globex", 3, "a head with digest", "digest 0000");
}

#[test]
fn an_edited_stream_is_found() {
    assert_found(
        "UPDATE streams SET tenant = 'mallory' WHERE tenant = 'acme'",
        "mallory",
        0,
        "/mallory/requests",
        "/acme/requests",
    );
    let violation = violation_after(|raw| {
        raw.execute_batch("UPDATE streams SET origin = zeroblob(16) WHERE tenant = 'acme'").unwrap();
    });
    assert_eq!(violation.stream.as_ref().map(StreamId::tenant), Some("acme"));
    assert_eq!(violation.seq, Some(Seq::FIRST));
}

#[test]
fn what_hangs_on_nothing_is_found() {
    assert_found(
        "DELETE FROM streams WHERE tenant = 'globex'",
        "globex",
        0,
        "a row in `streams`",
        "no such row",
    );
    let violation = violation_after(|raw| {
        raw.execute_batch("INSERT INTO usage SELECT 1000, row_key, increment FROM usage LIMIT 1").unwrap();
    });
    assert_eq!((&violation.stream, violation.seq), (&None, None));
    assert!(violation.found.contains("slice id 1000"), "{violation}");
    let violation = violation_after(|raw| {
        raw.execute_batch("DELETE FROM slices; DELETE FROM usage; DELETE FROM streams WHERE tenant = 'acme'")
            .unwrap();
    });
    assert_eq!((violation.stream, violation.seq), (Some(stream("globex", "requests")), Some(Seq::FIRST)));
}

#[test]
fn an_edited_schema_is_found() {
    for sql in [
        "CREATE TRIGGER t AFTER INSERT ON usage BEGIN DELETE FROM usage; END",
        "ALTER TABLE usage RENAME TO other; CREATE VIEW usage AS SELECT slice, row_key, increment FROM other",
        "DROP INDEX row_keys_by_labels",
        "ALTER TABLE usage ADD COLUMN note TEXT",
    ] {
        let violation = violation_after(|raw| raw.execute_batch(sql).unwrap());
        assert_eq!((&violation.stream, violation.seq), (&None, None), "{sql}: {violation}");
    }
    let folder = two_chains();
    folder
        .raw()
        .execute_batch(
            "CREATE TABLE notes (a); CREATE VIEW v AS SELECT * FROM usage; CREATE INDEX i ON usage (row_key)",
        )
        .unwrap();
    verify(&folder.open(), |_| {}).unwrap();
}

#[test]
fn an_index_that_lies_is_found() {
    let violation = violation_after(|raw| {
        let id = slice_id("acme", 1);
        // The table ends as it was. The index keeps the entry of the first edit, since it is hidden during the second.
        raw.execute_batch(&format!(
            "CREATE TEMP TABLE before AS SELECT digest FROM slices WHERE id = {id};
             UPDATE slices SET digest = zeroblob(32) WHERE id = {id};
             PRAGMA writable_schema = ON;
             CREATE TEMP TABLE saved AS SELECT * FROM sqlite_schema WHERE name = 'slices_by_digest';
             DELETE FROM sqlite_schema WHERE name = 'slices_by_digest';
             PRAGMA writable_schema = RESET;
             UPDATE slices SET digest = (SELECT digest FROM before) WHERE id = {id};
             PRAGMA writable_schema = ON;
             INSERT INTO sqlite_schema SELECT * FROM saved;
             PRAGMA writable_schema = RESET;"
        ))
        .unwrap();
    });
    assert!(violation.found.contains("slices_by_digest"), "{violation}");
}

#[test]
fn damaged_pages_are_found_or_harmless() {
    let folder = two_chains();
    let content = std::fs::read(folder.ledger_path()).unwrap();
    let copy = LedgerFolder::new();
    let mut damaged = 0;
    for position in (100..content.len()).step_by(211) {
        let mut edited = content.clone();
        edited[position] ^= 0xff;
        std::fs::write(copy.ledger_path(), &edited).unwrap();
        // A byte of a page that is not in use changes nothing that a reader can see.
        let Ok(ledger) = SqliteLedger::open_read_only(copy.ledger_path()) else {
            damaged += 1;
            continue;
        };
        match verify(&ledger, |_| {}) {
            Ok(verified) => assert_eq!((verified.slices, verified.rows), (8, 32), "byte {position}"),
            Err(VerifyError::Violation(_)) => damaged += 1,
            Err(other) => panic!("byte {position}: {other}"),
        }
    }
    assert!(damaged > 0);
}
