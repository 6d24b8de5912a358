//! Asking: every column, every format, filters, and sums that do not fit.

use std::collections::BTreeMap;

use serde_json::{json, Value};

use crate::{binary::Folder, sample_log::SampleLog};

fn imported(lines: u64) -> (Folder, SampleLog) {
    let folder = Folder::new();
    let log = SampleLog::new(lines);
    folder.write("access.log", &log.text);
    folder.done(&["import", "--tenant", "user", "--service", "web", "--region", "fra", "access.log"]);
    (folder, log)
}

#[test]
fn each_column_says_the_same_in_each_format() {
    let (folder, log) = imported(400);
    for column in ["tenant", "method", "route", "service", "region", "dimension", "window"] {
        let ask = |format: &str| {
            folder.done(&["usage", "--dimension", "requests", "--by", column, "--format", format])
        };
        let rows: Value = serde_json::from_str(&ask("json")).unwrap();
        let rows: Vec<(String, u64)> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                assert_eq!(row.as_object().unwrap().len(), 2, "{row}");
                (row[column].as_str().unwrap().to_owned(), row["inc"].as_u64().unwrap())
            })
            .collect();
        assert_eq!(rows.iter().map(|(_, inc)| inc).sum::<u64>(), log.lines, "{column}");

        let lines: Vec<String> = rows.iter().map(|(value, inc)| format!("{value},{inc}\n")).collect();
        assert_eq!(ask("csv"), format!("{column},inc\n{}", lines.concat()));

        let table = ask("table");
        let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[0], [column, "inc"]);
        for ((value, inc), words) in rows.iter().zip(&words[1..]) {
            assert_eq!(words, &[value.as_str(), inc.to_string().as_str()]);
        }
        assert_eq!(words.len(), rows.len() + 1);
    }
}

#[test]
fn the_default_is_a_table_by_tenant_and_dimension() {
    let (folder, log) = imported(200);
    let table = folder.done(&["usage"]);
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(lines.next().unwrap(), ["tenant", "dimension", "inc"]);
    let rows: BTreeMap<_, _> =
        lines.map(|words| ((words[0], words[1]), words[2].parse::<u64>().unwrap())).collect();
    for (user, count) in &log.by_user {
        assert_eq!(rows[&(user.as_str(), "requests")], *count);
    }
    assert_eq!(rows.len(), 2 * log.by_user.len());
}

#[test]
fn filters_take_names_and_times_in_every_form() {
    let (folder, log) = imported(600);
    let (&second, _) = log.by_minute.iter().nth(1).unwrap();
    let (&last, last_count) = log.by_minute.iter().next_back().unwrap();
    let total = |arguments: &[&str]| {
        let mut all = vec!["usage", "--format", "json", "--by", "dimension", "--dimension", "requests"];
        all.extend(arguments);
        folder.json(&all).as_array().unwrap().iter().map(|row| row["inc"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(total(&["--tenant", "ada"]), log.by_user["ada"]);
    assert_eq!(total(&["--tenant", "nobody"]), 0);
    let time = jiff::Timestamp::from_millisecond(i64::try_from(last).unwrap()).unwrap().to_string();
    for since in [time, (last / 1000).to_string(), last.to_string()] {
        assert_eq!(total(&["--since", &since]), *last_count, "{since}");
        assert_eq!(total(&["--until", &since]), log.lines - last_count, "{since}");
    }
    assert_eq!(total(&["--since", "2015-05-17", "--until", "2015-05-18"]), log.lines);
    assert_eq!(total(&["--since", "2015-05-18"]), 0);
    // A window belongs to its start: one that began before is left out as a whole.
    let inside = (second + 1).to_string();
    let from_third: u64 = log.by_minute.range(second + 1..).map(|(_, count)| count).sum();
    assert_eq!(total(&["--since", &inside]), from_third);
}

#[test]
fn an_empty_answer_is_an_answer() {
    let (folder, _) = imported(10);
    let ask = |format| folder.done(&["usage", "--tenant", "nobody", "--format", format]);
    assert_eq!(ask("json"), "[]\n");
    assert_eq!(ask("csv"), "tenant,dimension,inc\n");
    assert_eq!(ask("table"), "tenant  dimension  inc\n");
}

#[test]
fn the_asked_order_of_columns_is_kept() {
    let (folder, _) = imported(50);
    let csv = folder.done(&["usage", "--by", "dimension,window,tenant", "--format", "csv"]);
    assert!(csv.starts_with("dimension,window,tenant,inc\nbytes_out,2015-05-17T10:00:00Z,ada,"), "{csv}");
}

#[test]
fn sums_of_unlike_units_are_noted() {
    let (folder, _) = imported(50);
    let ended = folder.run(&["usage", "--by", "tenant"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.err.contains("bytes_out, requests"), "{}", ended.err);
    for arguments in [["--by", "tenant,dimension"], ["--dimension", "requests"]] {
        assert_eq!(folder.run(&["usage", arguments[0], arguments[1]]).err, "");
    }
}

#[test]
fn sums_are_exact_to_the_last_unit_and_beyond_the_largest_increment() {
    let folder = Folder::new();
    let line = |minute: u64, size: u64| {
        format!("192.0.2.7 - - [17/May/2015:10:0{minute}:00 +0000] \"GET /a HTTP/1.1\" 200 {size}\n")
    };
    // 2^14 responses, each as large as one can be, are one byte too many.
    let largest = 1 << 50;
    let log = line(0, largest).repeat((1 << 14) - 1) + &line(1, largest - 1);
    folder.write("access.log", log);
    folder.done(&["import", "access.log"]);
    let ask = ["usage", "--by", "dimension", "--format", "json", "--dimension", "bytes_out"];
    let sum = |sum: &str| json!([{ "dimension": "bytes_out", "inc": sum }]);
    assert_eq!(folder.json(&ask), sum("18446744073709551615"));

    folder.write("more.log", line(0, 1));
    folder.done(&["import", "more.log"]);
    assert_eq!(folder.json(&ask), sum("18446744073709551616"));
}

#[test]
fn windows_of_one_start_and_several_lengths_are_one_row() {
    let folder = Folder::new();
    let line = "192.0.2.7 - - [17/May/2015:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 7\n";
    folder.write("access.log", line);
    for window in ["60s", "1h"] {
        folder.done(&["import", "--window", window, "--again-as", window, "access.log"]);
    }
    let rows =
        folder.json(&["usage", "--by", "window,tenant", "--dimension", "bytes_out", "--format", "json"]);
    assert_eq!(rows, json!([{ "window": "2015-05-17T10:00:00Z", "tenant": "default", "inc": 14 }]));
}
