//! Does an import count what is in the log?

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{json, Value};

use crate::{
    binary::Folder,
    sample_log::{SampleLog, START_MS},
};

/// Rows of `usage --format json` by the values of some columns.
pub(crate) fn sums(folder: &Folder, by: &[&str], dimension: &str) -> BTreeMap<Vec<String>, u64> {
    let rows = folder.json(&["usage", "--format", "json", "--dimension", dimension, "--by", &by.join(",")]);
    let key = |row: &Value| by.iter().map(|column| row[column].as_str().unwrap().to_owned()).collect();
    rows.as_array().unwrap().iter().map(|row| (key(row), row["inc"].as_u64().unwrap())).collect()
}

#[test]
fn every_sum_is_the_one_that_was_computed_while_the_log_was_written() {
    let folder = Folder::new();
    let log = SampleLog::new(3000);
    folder.write("access.log", &log.text);
    let summary = folder.json(&["import", "--json", "--service", "Web", "access.log"]);
    assert_eq!(summary["lines_read"], log.lines);
    assert_eq!(summary["lines_metered"], log.lines);
    assert_eq!(summary["lines_late"], 0);
    assert_eq!(summary["lines_skipped"], 0);
    assert_eq!(summary["totals"], json!({ "requests": log.lines, "bytes_in": 0, "bytes_out": log.bytes }));
    assert_eq!((&summary["acknowledged"], &summary["conserved"]), (&summary["totals"], &json!(true)));
    assert_eq!(summary["windows"], log.by_minute.len());
    assert_eq!(summary["slices"], 2 * log.by_minute.len());
    assert_eq!(summary["duplicates"], 0);
    assert_eq!(summary["nothing_new"], false);
    assert_eq!(summary["label_sets_normalized"], log.by_route.len());
    assert_eq!(summary["bytes_read"], log.text.len());

    let requests = sums(&folder, &["method", "route"], "requests");
    let bytes = sums(&folder, &["method", "route"], "bytes_out");
    assert_eq!(requests.len(), log.by_route.len());
    for ((method, route), (count, size)) in &log.by_route {
        let key = vec![method.clone(), route.clone()];
        assert_eq!((requests[&key], bytes[&key]), (*count, *size), "{key:?}");
    }
    let windows = sums(&folder, &["window"], "requests");
    for (minute_ms, count) in &log.by_minute {
        let start = jiff::Timestamp::from_millisecond(i64::try_from(*minute_ms).unwrap()).unwrap();
        assert_eq!(windows[&vec![start.to_string()]], *count, "{start}");
    }
    assert_eq!(windows.values().sum::<u64>(), log.lines);
    assert_eq!(
        sums(&folder, &["tenant", "service"], "requests"),
        [(vec!["default".into(), "web".into()], log.lines)].into()
    );
    assert!(folder.done(&["verify"]).ends_with("verified: yes\n"));
    assert_eq!(folder.names(), ["access.log", "usage.db"], "the log of a complete import is gone");
}

#[test]
fn the_summary_for_people_says_the_same() {
    let folder = Folder::new();
    folder.write("access.log", SampleLog::new(50).text);
    let json = folder.json(&["import", "--json", "--ledger", "json.db", "access.log"]);
    let text = folder.done(&["import", "access.log"]);
    for (label, field) in [("windows     ", "windows"), ("rows        ", "rows")] {
        assert!(text.contains(&format!("{label}{}\n", json[field])), "{text}");
    }
    assert!(text.contains("lines       50 read, 50 metered, 0 late, 0 skipped\n"), "{text}");
    assert!(text.contains(json["files"][0]["origin"].as_str().unwrap()), "{text}");
    assert!(text.contains(&format!("slices      {}, 0 of them duplicates\n", json["slices"])), "{text}");
    assert!(!text.contains("nothing new"), "{text}");
}

fn line(time: &str) -> String {
    format!("192.0.2.7 - - [17/May/2015:{time} +0000] \"GET /a HTTP/1.1\" 200 5\n")
}

#[test]
fn each_line_counts_in_the_window_of_its_own_time() {
    let folder = Folder::new();
    let times = ["10:00:59", "10:00:01", "10:02:00", "10:01:59", "10:02:01", "10:00:00"];
    folder.write("access.log", times.map(line).concat());
    let summary = folder.json(&["import", "--json", "access.log"]);
    assert_eq!(summary["lines_late"], 0);
    assert_eq!(summary["lines_metered"], 6);
    assert_eq!(summary["windows"], 3);
    let windows = sums(&folder, &["window"], "requests");
    let expected = [("2015-05-17T10:00:00Z", 3), ("2015-05-17T10:01:00Z", 1), ("2015-05-17T10:02:00Z", 2)];
    assert_eq!(windows, expected.map(|(start, count)| (vec![start.to_owned()], count)).into());
}

#[test]
fn rotated_logs_in_the_order_of_the_shell_count_in_their_months() {
    let folder = Folder::new();
    let line = |month: &str, day: u32| {
        format!("192.0.2.7 - - [{day:02}/{month}/2025:03:00:00 +0000] \"GET /a HTTP/1.1\" 200 5\n")
    };
    let log = ["Nov", "Feb", "Oct", "Sep"].map(|month| [line(month, 1), line(month, 15)].concat()).concat();
    folder.write("access.log", log);
    folder.done(&["import", "--window", "1d", "access.log"]);
    let expected = ["02-01", "02-15", "09-01", "09-15", "10-01", "10-15", "11-01", "11-15"];
    let expected = expected.map(|day| (vec![format!("2025-{day}T00:00:00Z")], 1));
    assert_eq!(sums(&folder, &["window"], "requests"), expected.into());
}

#[test]
fn the_window_can_have_any_length() {
    let folder = Folder::new();
    folder.write("access.log", ["10:00:00", "10:04:59", "10:05:00", "10:59:59"].map(line).concat());
    for (window, windows) in [("1s", 4), ("5m", 3), ("1h", 1), ("1d", 1)] {
        let summary =
            folder.json(&["import", "--json", "--window", window, "--ledger", window, "access.log"]);
        assert_eq!(summary["windows"], windows, "{window}");
        assert_eq!(summary["duplicates"], 0, "another window makes another origin");
    }
}

#[test]
fn standard_input_and_a_file_without_a_last_newline_are_logs_too() {
    let folder = Folder::new();
    let log = ["10:00:00", "10:00:01"].map(line).concat();
    folder.write("access.log", format!("\u{feff}{}", log.trim_end()));
    assert_eq!(
        folder.json(&["import", "--json", "--ledger", "file.db", "access.log"])["totals"]["requests"],
        2
    );
    let ended = folder.run_with_input(&["import", "--json", "-"], log.replace('\n', "\r\n").as_bytes());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(summary["totals"], json!({ "requests": 2, "bytes_in": 0, "bytes_out": 10 }));
    assert_eq!(summary["files"][0]["file"], "standard input");
}

#[test]
fn several_logs_are_several_origins_in_one_ledger() {
    let folder = Folder::new();
    for (name, time) in [("a.log", "10:00:00"), ("b.log", "10:00:01"), ("c.log", "09:00:00")] {
        folder.write(name, line(time));
    }
    let summary = folder.json(&["import", "--json", "a.log", "b.log", "c.log"]);
    assert_eq!(summary["lines_late"], 0, "each log has windows of its own");
    assert_eq!((&summary["totals"]["requests"], &summary["slices"]), (&json!(3), &json!(6)));
    let origins: std::collections::BTreeSet<_> =
        summary["files"].as_array().unwrap().iter().map(|file| file["origin"].as_str().unwrap()).collect();
    assert_eq!(origins.len(), 3);
    assert!(folder.done(&["verify"]).contains("streams       6\n"));
}

#[test]
fn an_empty_log_is_no_failure_and_a_log_of_something_else_is_refused() {
    let folder = Folder::new();
    folder.write("empty.log", "");
    folder.write("garbage.log", "garbage\n");
    let ended = folder.run(&["import", "empty.log", "garbage.log"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    assert!(ended.err.contains("garbage.log") && ended.err.contains("--format"), "{}", ended.err);
    assert_eq!(folder.names(), ["empty.log", "garbage.log"], "no ledger was made");
    let summary = folder.json(&["import", "--json", "empty.log"]);
    assert_eq!((&summary["lines_read"], &summary["slices"]), (&json!(0), &json!(0)));
    assert_eq!(summary["nothing_new"], false);
    assert_eq!(summary["files"][0]["origin"], Value::Null);
}

#[test]
fn what_is_no_http_request_counts_under_one_route() {
    let folder = Folder::new();
    let mut log = String::new();
    for request in ["-", "\\x16\\x03\\x01\\x00", "quit", "GET /a HTTP/1.1", "BREW /a HTTP/1.1"] {
        writeln!(log, "192.0.2.7 - - [17/May/2015:10:00:00 +0000] \"{request}\" 400 1").unwrap();
    }
    folder.write("access.log", log);
    folder.json(&["import", "--json", "access.log"]);
    let expected = [(["GET", "/a"], 1), (["OTHER", "/a"], 1), (["OTHER", ":malformed"], 3)];
    let expected = expected.map(|(key, count)| (key.map(str::to_owned).to_vec(), count));
    assert_eq!(sums(&folder, &["method", "route"], "requests"), expected.into());
}

#[test]
fn more_label_sets_than_are_told_apart_lose_nothing() {
    let folder = Folder::new();
    let mut log = String::new();
    for number in 0..66_000_u32 {
        // Words, which no placeholder replaces: letters stand for figures.
        let word: String = number.to_string().bytes().map(|b| char::from(b - b'0' + b'a')).collect();
        writeln!(log, "192.0.2.7 - - [17/May/2015:10:00:00 +0000] \"GET /{word} HTTP/1.1\" 200 1").unwrap();
    }
    folder.write("access.log", log);
    // Words that stay words, and fill the tables.
    let arguments = ["import", "--json", "--route-values-max", "0", "access.log"];
    let summary = folder.json(&arguments);
    assert_eq!(summary["totals"]["requests"], 66_000);
    assert_eq!(summary["label_sets_normalized"], 66_000);
    assert_eq!(sums(&folder, &["tenant"], "requests").values().sum::<u64>(), 66_000);
    assert_eq!(folder.json(&arguments)["nothing_new"], true);
}

#[test]
fn the_first_window_begins_where_utc_says() {
    let folder = Folder::new();
    folder.write("access.log", line("10:00:30"));
    folder.done(&["import", "access.log"]);
    let start = jiff::Timestamp::from_millisecond(i64::try_from(START_MS).unwrap()).unwrap().to_string();
    assert_eq!(sums(&folder, &["window"], "requests"), [(vec![start], 1)].into());
}
