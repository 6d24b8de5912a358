//! The main job, for real: threads, clock, log and ledger.

use std::{collections::BTreeMap, io::BufRead, io::BufReader, process::Stdio};

use crate::binary::{names, Folder};

/// The rows of the table at the end, by dimension: recorded, in the ledger, pending, difference.
fn table(out: &str) -> BTreeMap<String, Vec<i128>> {
    let rows = out.lines().skip_while(|line| !line.starts_with("dimension ")).skip(1);
    rows.map(|line| line.split_whitespace())
        .map(|mut words| {
            (words.next().unwrap().to_owned(), words.map_while(|word| word.parse().ok()).collect())
        })
        .filter(|(_, numbers): &(String, Vec<i128>)| numbers.len() == 4)
        .collect()
}

#[test]
fn three_seconds_of_recording_are_conserved_and_kept() {
    let folder = Folder::new();
    let out = folder.done(&["demo", "--for", "3s", "--dir", "kept", "--tenants", "7", "--threads", "3"]);
    assert!(out.contains("\nconserved: yes\n"), "{out}");
    let windows = out.lines().filter(|line| line.contains("million per second")).count();
    assert!(windows >= 2, "one line per window: {out}");
    let table = table(&out);
    assert_eq!(table.keys().collect::<Vec<_>>(), ["bytes_in", "bytes_out", "requests", "tokens"]);
    for (dimension, numbers) in &table {
        let [recorded, in_ledger, pending, difference] = numbers[..] else { panic!("{out}") };
        assert!(
            recorded > 0 && pending == 0 && difference == 0 && in_ledger == recorded,
            "{dimension}: {out}"
        );
    }

    assert!(folder.done(&["verify", "--ledger", "kept/usage.db"]).ends_with("verified: yes\n"));
    let usage = folder.json(&["usage", "--ledger", "kept/usage.db", "--by", "dimension", "--format", "json"]);
    for row in usage.as_array().unwrap() {
        let recorded = table[row["dimension"].as_str().unwrap()][0];
        assert_eq!(i128::from(row["inc"].as_u64().unwrap()), recorded, "a stranger's sum is another");
    }
    let routes = folder.json(&[
        "usage",
        "--ledger",
        "kept/usage.db",
        "--by",
        "tenant,method,route",
        "--dimension",
        "requests",
        "--format",
        "json",
    ]);
    assert_eq!(routes.as_array().unwrap().len(), 7 * 8, "raw paths became routes");
    assert!(folder.done(&["wal", "inspect", "kept/log"]).contains("unacknowledged  0 slices\n"));

    // A second run goes on where the first one ended, and accounts for its own counts alone.
    let again = folder.done(&["demo", "--for", "500ms", "--dir", "kept", "--tenants", "7"]);
    assert!(again.contains("\nconserved: yes\n"), "{again}");
    assert!(folder.done(&["verify", "--ledger", "kept/usage.db"]).contains("streams       28\n"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_with_a_balance() {
    let folder = Folder::new();
    let mut command = folder.command(&["demo", "--threads", "1"]);
    command.env("TMPDIR", folder.path("."));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.by_ref().find(|line| line.contains("million per second")).unwrap();
    let process = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &process]).status().unwrap().success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(rest.last().map(String::as_str), Some("conserved: yes"), "{rest:?}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(names(&folder.path(".")), [""; 0], "nothing temporary is left");
}

/// Files may not grow beyond 128 KiB: enough for an empty ledger and the beginning of a log, too little for either to take
/// what is counted. So counts are left that end with the process, and a script has to see that.
#[cfg(unix)]
#[test]
fn counts_that_exist_in_memory_alone_end_the_demo_with_exit_code_1() {
    let folder = Folder::new();
    // Passing the limit is a signal, which would end the process, and then an error. Units of `ulimit` are 512 bytes.
    let script = "trap '' XFSZ; ulimit -f 256; exec \"$@\"";
    let demo =
        folder.command(&["demo", "--for", "1s", "--dir", "kept", "--tenants", "200", "--threads", "1"]);
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", script, "sh"])
        .arg(demo.get_program())
        .args(demo.get_args())
        .current_dir(folder.path(""));
    let ended = crate::binary::Ended::from(limited.stdin(Stdio::null()).output().unwrap());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("\nin memory only: ") && ended.out.contains("\nconserved: no\n"), "{ended:?}");
}
