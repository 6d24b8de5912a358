//! A ledger in the hands of the `sqlite3` of a common system, which is older than ours.

use std::process::{Command, Stdio};

use crate::{binary::Folder, sample_log::SampleLog};

/// What a schema may not use, since a SQLite between 3.40 and ours brought it.
const NEWER_THAN_3_40: [&str; 9] =
    ["octet_length", "unhex", "timediff", "concat", "string_agg", "jsonb", "median", "percentile", "unistr"];

/// Runs the system's `sqlite3`. Returns `None` where there is none.
fn sqlite3(folder: &Folder, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("sqlite3");
    command.arg("-batch").args(arguments).current_dir(folder.path("")).stdin(Stdio::null());
    let output = match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no sqlite3 on the PATH");
            return None;
        }
        output => output.unwrap(),
    };
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_sqlite3_of_the_system_checks_dumps_and_vacuums_a_ledger() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(2_000).text);
    folder.done(&["import", "--tenant", "user", "--window", "1h", "access.log"]);
    let usage = folder.done(&["usage", "--by", "tenant,route,dimension", "--format", "csv"]);
    let Some(checked) = sqlite3(&folder, &["usage.db", "PRAGMA integrity_check"]) else { return };
    assert_eq!(checked, "ok\n");
    let schema =
        sqlite3(&folder, &["usage.db", "SELECT lower(sql) FROM sqlite_master WHERE sql IS NOT NULL"])
            .unwrap();
    for function in NEWER_THAN_3_40 {
        assert!(!schema.contains(&format!("{function}(")), "{function} in {schema}");
    }

    let dump = sqlite3(&folder, &["usage.db", ".dump"]).unwrap();
    folder.write("dump.sql", &dump);
    sqlite3(&folder, &["copy.db", ".read dump.sql"]).unwrap();
    assert_eq!(sqlite3(&folder, &["copy.db", ".dump"]).unwrap(), dump);

    sqlite3(&folder, &["usage.db", "VACUUM"]).unwrap();
    folder.done(&["verify"]);
    assert_eq!(folder.done(&["usage", "--by", "tenant,route,dimension", "--format", "csv"]), usage);
    let again = folder.json(&["import", "--json", "--tenant", "user", "--window", "1h", "access.log"]);
    assert_eq!(again["nothing_new"], true);
}
