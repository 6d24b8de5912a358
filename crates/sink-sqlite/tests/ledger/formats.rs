//! Can ledgers that older builds wrote be opened and carried on, and is `docs/sqlite-ledger.md` true of them?

use std::{collections::BTreeMap, fs, ops::ControlFlow, path::PathBuf};

use ron_accounting_export::{Ack, Exporter, PutError};
use ron_accounting_ledger::{read_all, verify, Ledger, UsageFilter, Verification};
use ron_accounting_sqlite::SqliteLedger;
use ron_ledger_wire::{Claim, ClaimId, Digest, Origin, SealedSlice, Seq, StreamId};
use rusqlite::Connection;

use crate::samples::{account, chain, labels, put_all, slice, stream, LedgerFolder};

const DOCUMENT: &str = include_str!("../../../../docs/sqlite-ledger.md");

/// Each written by the first build of its schema, see [`write`]. Schema 1 has a test file of its own.
const SCHEMAS: [i64; 2] = [2, 3];

const HOLDER: ClaimId = ClaimId::from_bytes([0xc1; 16]);

fn golden_path(schema: i64) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/schema-{schema}.db"))
}

fn copy_of_schema(schema: i64) -> LedgerFolder {
    let folder = LedgerFolder::new();
    fs::write(folder.ledger_path(), fs::read(golden_path(schema)).unwrap()).unwrap();
    folder
}

/// Without a claim, by another process.
fn second_origin() -> StreamId {
    StreamId::new(Origin::from_bytes([8; 16]), "acme", "requests")
}

fn bytes_out() -> StreamId {
    stream("globex", "bytes_out")
}

/// Label sets, accounts, one increment beyond the signed integers of SQLite, two origins, and a claim.
fn slices() -> Vec<SealedSlice> {
    let huge =
        slice(&bytes_out(), Seq::FIRST, None, vec![account(2, u128::MAX, u64::MAX), labels("GET", "/é", 5)]);
    let after = slice(&bytes_out(), Seq::new(1), Some(huge.digest()), vec![account(2, u128::MAX, 1)]);
    let mut slices = chain(&stream("acme", "requests"), 3);
    slices.extend([huge, after]);
    slices.extend(chain(&second_origin(), 1));
    slices
}

fn write(folder: &LedgerFolder) {
    let ledger = folder.open();
    let claim = Claim::new(stream("acme", "requests").origin(), HOLDER, []);
    let (claimed, others): (Vec<_>, Vec<_>) =
        slices().into_iter().partition(|slice| slice.stream().origin() == claim.origin());
    assert!(ledger.put_claimed(&claim, &claimed).iter().all(|answer| *answer == Ok(Ack::Ok)));
    put_all(&ledger, &others);
}

fn verification() -> (u64, u64, u64, Option<u64>, Option<u64>) {
    (3, 6, 19, Some(0), Some(180_000))
}

fn parts(verified: Verification) -> (u64, u64, u64, Option<u64>, Option<u64>) {
    let Verification { streams, slices, rows, first_window_ms, last_window_ms, .. } = verified;
    (streams, slices, rows, first_window_ms, last_window_ms)
}

fn totals(ledger: &SqliteLedger) -> BTreeMap<(String, String), u128> {
    let totals = ron_accounting_ledger::totals(ledger).unwrap().into_iter();
    totals.map(|total| ((total.tenant, total.dimension), total.increment)).collect()
}

fn expected_totals() -> BTreeMap<(String, String), u128> {
    let total = |tenant: &str, dimension: &str, units| ((tenant.to_owned(), dimension.to_owned()), units);
    BTreeMap::from([total("acme", "requests", 412), total("globex", "bytes_out", u128::from(u64::MAX) + 6)])
}

fn stored_slices(ledger: &SqliteLedger) -> Vec<(Digest, Vec<u8>)> {
    let mut stored = Vec::new();
    read_all(ledger, |slice| {
        stored.push((slice.digest, slice.bytes.to_vec()));
        ControlFlow::Continue(())
    })
    .unwrap();
    stored
}

#[test]
fn a_ledger_of_any_schema_is_read_where_it_lies_without_a_trace() {
    // SQLite writes its own version into the file, so a new file would differ, although its content would not.
    if std::env::var_os("WRITE_GOLDEN_LEDGER").is_some() {
        let folder = LedgerFolder::new();
        write(&folder);
        fs::copy(folder.ledger_path(), golden_path(3)).unwrap();
    }
    let folder = golden_path(2).parent().unwrap().to_owned();
    let names = || -> Vec<_> {
        let mut names: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    for schema in SCHEMAS {
        let before = (names(), fs::read(golden_path(schema)).unwrap());
        let ledger = SqliteLedger::open_read_only(golden_path(schema)).unwrap();
        assert_eq!(parts(verify(&ledger, |_| {}).unwrap()), verification());
        assert_eq!(totals(&ledger), expected_totals());
        let expected: Vec<_> =
            slices().into_iter().map(|slice| (slice.digest(), slice.bytes().to_vec())).collect();
        // By origin, then tenant and dimension.
        assert_eq!(stored_slices(&ledger), expected);
        answers_name_the_slices(&ledger);
        drop(ledger);
        assert_eq!((names(), fs::read(golden_path(schema)).unwrap()), before);
    }
}

/// Whether a file keeps totals or not, and finds digests by an index or not, it answers the same.
fn answers_name_the_slices(ledger: &SqliteLedger) {
    let mut infos = Vec::new();
    for head in ledger.heads(None, 10).unwrap() {
        infos.extend(ledger.slices(head.stream(), Seq::FIRST, 10).unwrap());
    }
    let evidence = ledger.evidence(&UsageFilter::default(), None, 100).unwrap();
    assert_eq!(evidence.len(), infos.len());
    for ((slice, info), evidence) in slices().iter().zip(infos).zip(evidence) {
        assert_eq!((info.digest, info.row_count), (slice.digest(), slice.row_count() as u64));
        assert_eq!((info.total, evidence.amount, &evidence.slice), (slice.total(), slice.total(), &info));
        assert_eq!(ledger.find(&slice.cid()).unwrap(), Some(info.name));
    }
}

#[test]
fn a_ledger_of_any_schema_is_carried_on() {
    for schema in SCHEMAS {
        let folder = copy_of_schema(schema);
        let ledger = folder.open();
        let (acme, origin) = (stream("acme", "requests"), stream("acme", "requests").origin());
        let chain = chain(&acme, 5);

        let stranger = Claim::new(origin, ClaimId::from_bytes([0xc2; 16]), []);
        let refused = PutError::Claimed { origin, current: HOLDER };
        assert_eq!(ledger.put_claimed(&stranger, &chain[3..4]), [Err(refused)]);
        let successor = Claim::new(origin, ClaimId::from_bytes([0xc3; 16]), [HOLDER]);
        let answers = ledger.put_claimed(&successor, &chain[2..]);
        assert_eq!(answers, [Ok(Ack::Duplicate), Ok(Ack::Ok), Ok(Ack::Ok)]);
        drop(ledger);

        let ledger = SqliteLedger::open_read_only(folder.ledger_path()).unwrap();
        assert_eq!(parts(verify(&ledger, |_| {}).unwrap()), (3, 8, 27, Some(0), Some(300_000)));
        assert_eq!(totals(&ledger)[&("acme".to_owned(), "requests".to_owned())], 412 + 112 + 116);
    }
}

fn objects(raw: &Connection) -> Vec<(String, Option<String>)> {
    let mut statement = raw.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn this_build_creates_the_schema_of_the_golden_file() {
    let fresh = LedgerFolder::new();
    drop(fresh.open());
    let folder = copy_of_schema(3);
    let golden = folder.raw();
    // A change of the schema is a change of the format: it needs a version, a page and a golden file of its own.
    assert_eq!(objects(&fresh.raw()), objects(&golden));
    for (pragma, expected) in [("application_id", 0x524F_4E4C), ("user_version", 3)] {
        let found: i64 = golden.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
        assert_eq!(found, expected, "{pragma}");
    }
}

/// The first column of the table that follows this heading.
fn documented_columns(table: &str) -> Vec<String> {
    let (_, section) = DOCUMENT.split_once(&format!("### `{table}`:")).unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("| ---")).skip(1);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| line.split('`').nth(1).unwrap().to_owned())
        .collect()
}

#[test]
fn the_page_names_every_table_column_and_index() {
    let folder = copy_of_schema(3);
    let raw = folder.raw();
    let names = |sql: &str| -> Vec<String> {
        let mut statement = raw.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let tables = names("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
    let mut documented: Vec<&str> = DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.split_once('`'))
        .map(|(table, _)| table)
        .collect();
    documented.sort_unstable();
    assert_eq!(documented, tables);
    for table in tables {
        let columns = names(&format!("SELECT name FROM pragma_table_info('{table}')"));
        assert_eq!(documented_columns(&table), columns, "{table}");
    }
    for index in names("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL") {
        assert!(DOCUMENT.contains(&format!("| `{index}` |")), "{index}");
    }
}

/// The SQL of the page, each statement behind the line of text that introduces it.
fn documented_sql(section: &str) -> Vec<&'static str> {
    let (_, section) = DOCUMENT.split_once(&format!("\n## {section}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.split("```sql\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

#[test]
fn the_sql_of_the_page_sums_what_the_ledger_sums() {
    let folder = copy_of_schema(3);
    let raw = folder.raw();
    let [exact, by_row, by_route, behind]: [&str; 4] = documented_sql("Asking for usage").try_into().unwrap();

    for exact in [exact, by_row] {
        let mut statement = raw.prepare(exact).unwrap();
        let rows = statement.query_map([], |row| {
            let halves: (i64, i64) = (row.get(2)?, row.get(3)?);
            Ok((
                (row.get(0)?, row.get(1)?),
                (u128::try_from(halves.0).unwrap() << 32) + u128::try_from(halves.1).unwrap(),
            ))
        });
        assert_eq!(rows.unwrap().map(Result::unwrap).collect::<BTreeMap<_, _>>(), expected_totals());
    }

    let mut statement = raw.prepare(by_route).unwrap();
    let rows = statement.query_map([], |row| {
        let (route, account): (Option<String>, Option<String>) = (row.get(3)?, row.get(5)?);
        Ok((route.or(account).unwrap(), row.get::<_, i64>(6)?))
    });
    let account = format!("{:032x}", 42);
    let expected = [(account, 163), ("/a".to_owned(), 43), ("/a".to_owned(), 123), ("/b".to_owned(), 83)];
    assert_eq!(rows.unwrap().map(Result::unwrap).collect::<Vec<_>>(), expected);

    let mut statement = raw.prepare(behind).unwrap();
    let found: Vec<String> =
        statement.query_map([], |row| row.get("digest")).unwrap().map(Result::unwrap).collect();
    let acme = slices().into_iter().filter(|slice| slice.stream().tenant() == "acme");
    assert_eq!(found, acme.map(|slice| slice.digest().to_string()).collect::<Vec<_>>());
}

#[test]
fn each_check_of_the_page_finds_its_damage_and_nothing_in_a_sound_ledger() {
    let checks = documented_sql("Verifying");
    let edits = [
        "UPDATE slices SET seq = 7 WHERE seq = 2",
        "UPDATE streams SET next_seq = 2 WHERE next_seq = 3",
        "UPDATE slices SET digest = zeroblob(32) WHERE seq = 0",
        "DELETE FROM usage WHERE slice = 1 AND row_key = 1",
        "UPDATE slice_totals SET total_lower = total_lower + 1 WHERE slice = 1",
        "DELETE FROM row_keys WHERE namespace = 1",
    ];
    assert_eq!(checks.len(), edits.len());
    let finds = |raw: &Connection, sql: &str| raw.prepare(sql).unwrap().exists([]).unwrap();
    for (check, edit) in checks.into_iter().zip(edits) {
        let folder = copy_of_schema(3);
        let raw = folder.raw();
        assert!(!finds(&raw, check), "{check}");
        assert!(raw.execute(edit, []).unwrap() > 0, "{edit}");
        assert!(finds(&raw, check), "{check} after {edit}");
    }
}
