//! A log that has grown, or that is imported with other options, is known again.

use serde_json::json;

use crate::{binary::Folder, import::sums, sample_log::SampleLog};

fn line(time: &str) -> String {
    format!("192.0.2.7 - - [17/May/2015:{time} +0000] \"GET /a HTTP/1.1\" 200 1234 \"-\" \"agent 1.0\"\n")
}

/// Requests and bytes of all lines in the ledger.
fn totals(folder: &Folder) -> (u64, u64) {
    let total = |dimension| sums(folder, &["tenant"], dimension).values().sum();
    (total("requests"), total("bytes_out"))
}

#[test]
fn what_is_new_in_a_log_that_has_grown_is_counted_once() {
    let folder = Folder::new();
    let log = SampleLog::new(900);
    let lines: Vec<&str> = log.text.split_inclusive('\n').collect();
    let until = |count: usize| lines[..count].concat();
    folder.write("access.log", until(300));
    folder.done(&["import", "access.log"]);
    folder.write("access.log", until(301));
    let one = folder.json(&["import", "--json", "access.log"]);
    assert_eq!((&one["lines_read"], &one["files"][0]["lines_before"]), (&json!(1), &json!(300)));
    // Rotated in between, and appended to.
    folder.write("access.log.1", &log.text);
    let text = folder.done(&["import", "access.log.1"]);
    assert!(text.contains("599 lines after 301 that were imported before"), "{text}");
    assert_eq!(totals(&folder), (log.lines, log.bytes));

    for name in ["access.log.1", "access.log"] {
        let again = folder.json(&["import", "--json", name]);
        assert_eq!(again["nothing_new"], true, "{name}");
    }
    assert_eq!(totals(&folder), (log.lines, log.bytes));
    assert!(folder.done(&["verify"]).ends_with("verified: yes\n"));
}

#[test]
fn a_log_may_grow_within_a_line() {
    let log: String = ["10:00:00", "10:00:01", "10:01:00", "10:01:01"].map(line).concat();
    let whole = (4, 4 * 1234);
    let from = line("").len() * 2;
    for at in from..=log.len() {
        let folder = Folder::new();
        folder.write("access.log", &log[..at]);
        folder.done(&["import", "access.log"]);
        if at % 3 == 0 {
            folder.write("access.log", &log[..(at + 40).min(log.len())]);
            folder.done(&["import", "access.log"]);
        }
        folder.write("access.log", &log);
        folder.done(&["import", "access.log"]);
        assert_eq!(totals(&folder), whole, "grown behind {:?}", &log[..at]);
    }
}

#[test]
fn columns_that_were_named_before_hold_for_what_is_new() {
    let folder = Folder::new();
    let head = "#Version: 1.0\n#Fields: date time c-ip cs-method cs-uri-stem sc-status sc-bytes\n";
    let line = |second: u32| format!("2015-05-17 10:00:{second:02} 192.0.2.7 GET /a 200 10\n");
    let begin = format!("{head}{}", line(0));
    folder.write("u.log", &begin);
    folder.done(&["import", "u.log"]);
    folder.write("u.log", format!("{begin}{}{}", line(1), line(2)));
    folder.done(&["import", "u.log"]);
    assert_eq!(totals(&folder), (3, 30));
}

#[test]
fn an_interrupted_import_of_a_log_that_has_grown_since_is_completed() {
    let folder = Folder::new();
    let log = SampleLog::new(900);
    let half = log.text.split_inclusive('\n').take(450).collect::<String>();
    folder.write("access.log", &half);
    folder.done(&["import", "access.log"]);
    // As if it had been killed before its first slice, and its end had not been noted.
    let raw = rusqlite::Connection::open(folder.path("usage.db")).unwrap();
    raw.execute_batch(
        "DELETE FROM usage; DELETE FROM slice_totals; DELETE FROM slices; DELETE FROM streams;
         UPDATE log_imports SET complete = 0;",
    )
    .unwrap();
    raw.close().unwrap();
    folder.write("access.log", &log.text);
    let grown = folder.json(&["import", "--json", "access.log"]);
    assert_eq!(grown["files"].as_array().unwrap().len(), 2);
    assert_eq!(totals(&folder), (log.lines, log.bytes));
}

#[test]
fn a_log_that_other_options_have_counted_is_refused_unless_it_shall_count_again() {
    let folder = Folder::new();
    let log = SampleLog::new(50);
    folder.write("access.log", &log.text);
    folder.write("routes.txt", "/users/{id}\n");
    folder.done(&["import", "access.log"]);
    for (options, said) in [
        (["--window", "5m"], "--window was 60000ms, is 300000ms"),
        (["--tenant", "user"], "--tenant was =default, is user"),
        (["--service", "web"], "--service was none, is web"),
        (["--format", "combined"], "--format was auto, is combined"),
        (["--routes", "routes.txt"], "--routes was none, is "),
        (["--route-values-max", "0"], "--route-values-max was 128, is 0"),
    ] {
        let ended = folder.run(&[&["import", "access.log"], &options[..]].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("access.log is in the ledger already"), "{}", ended.err);
        assert!(ended.err.contains(said) && ended.err.contains("--again-as NAME"), "{}", ended.err);
    }
    // Grown, too.
    folder.write("access.log", format!("{}{}", log.text, line("23:00:00")));
    assert_eq!(folder.run(&["import", "--window", "5m", "access.log"]).code, Some(2));
    assert_eq!(totals(&folder), (log.lines, log.bytes), "what was refused has changed nothing");

    let apart = ["import", "--json", "--tenant", "=apart", "--again-as", "tenants", "access.log"];
    assert_eq!(folder.json(&apart)["nothing_new"], false);
    assert_eq!(folder.json(&apart)["nothing_new"], true, "its name makes it the same import");
    assert_eq!(totals(&folder).0, log.lines + log.lines + 1);
}

#[test]
fn nothing_is_begun_if_one_of_the_logs_is_refused() {
    let folder = Folder::new();
    folder.write("known.log", line("10:00:00"));
    folder.write("new.log", line("11:00:00"));
    folder.done(&["import", "known.log"]);
    assert_eq!(folder.run(&["import", "--window", "5m", "new.log", "known.log"]).code, Some(2));
    assert_eq!(totals(&folder).0, 1);
    folder.done(&["import", "new.log"]);
    assert_eq!(totals(&folder).0, 2);
}

#[test]
fn a_log_that_is_named_twice_counts_once() {
    let folder = Folder::new();
    let (first, second) = (line("10:00:00"), line("11:00:00"));
    folder.write("short.log", &first);
    folder.write("long.log", format!("{first}{second}"));
    folder.done(&["import", "short.log", "long.log", "long.log", "short.log"]);
    assert_eq!(totals(&folder).0, 2);
}

#[test]
fn several_logs_at_once_into_a_new_ledger_all_count() {
    let folder = Folder::new();
    let names = ["1.log", "2.log", "3.log"];
    for (number, name) in names.iter().enumerate() {
        let log: String = (10..60).map(|second| line(&format!("1{number}:00:{second}"))).collect();
        folder.write(name, log);
    }
    let start = |name: &&str| folder.command(&["import", name]).stdout(std::process::Stdio::null()).spawn();
    let children: Vec<_> = names.iter().map(|name| start(name).unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(totals(&folder).0, 150);
}
