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

/// A log with one request in each of these minutes, given as hour and minute of 17 and 18 May 2015, UTC.
fn requests_at(folder: &Folder, times: &[(u32, u32, u32)]) {
    let line = |(day, hour, minute): &(u32, u32, u32)| {
        format!("192.0.2.7 - - [{day}/May/2015:{hour:02}:{minute:02}:00 +0000] \"GET /a HTTP/1.1\" 200 7\n")
    };
    folder.write("access.log", times.iter().map(line).collect::<String>());
}

#[test]
fn hours_days_weeks_and_months_are_those_of_the_zone() {
    let folder = Folder::new();
    requests_at(&folder, &[(17, 18, 29), (17, 18, 30), (17, 21, 59), (17, 22, 0), (18, 0, 0)]);
    folder.done(&["import", "access.log"]);
    let ask = |by: &str, zone: &str| -> Vec<(String, u64)> {
        let rows = folder.json(&[
            "usage",
            "--dimension",
            "requests",
            "--format",
            "json",
            "--by",
            by,
            "--time-zone",
            zone,
        ]);
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| (row[by].as_str().unwrap().to_owned(), row["inc"].as_u64().unwrap())).collect()
    };
    let row = |name: &str, inc| (name.to_owned(), inc);
    assert_eq!(ask("day", "UTC"), [row("2015-05-17", 4), row("2015-05-18", 1)]);
    assert_eq!(ask("day", "Europe/Berlin"), [row("2015-05-17", 3), row("2015-05-18", 2)]);
    assert_eq!(ask("day", "Asia/Kolkata"), [row("2015-05-17", 1), row("2015-05-18", 4)]);
    assert_eq!(ask("week", "+02:00"), [row("2015-W20", 3), row("2015-W21", 2)]);
    assert_eq!(ask("month", "America/New_York"), [row("2015-05", 5)]);
    assert_eq!(ask("hour", "Asia/Kolkata")[0], row("2015-05-17T23:00+05:30", 1));
    assert_eq!(ask("hour", "UTC")[0], row("2015-05-17T18:00Z", 2));

    // Dates are those of the zone.
    let since = |day: &str, zone: &str| {
        let rows = folder.json(&[
            "usage",
            "--dimension",
            "requests",
            "--format",
            "json",
            "--by",
            "dimension",
            "--since",
            day,
            "--time-zone",
            zone,
        ]);
        rows[0]["inc"].as_u64().unwrap()
    };
    assert_eq!((since("2015-05-18", "UTC"), since("2015-05-18", "Asia/Kolkata")), (1, 4));
    assert_eq!(since("2015-05-18T00:30", "Europe/Berlin"), 1);
}

#[test]
fn a_window_across_midnight_is_refused_with_what_to_do() {
    let folder = Folder::new();
    requests_at(&folder, &[(17, 18, 0), (17, 18, 45)]);
    folder.done(&["import", "--window", "1h", "access.log"]);
    let ask = |more: &[&str]| {
        folder.run(&[&["usage", "--by", "tenant,dimension,day", "--format", "csv"], more].concat())
    };
    assert_eq!(ask(&[]).code, Some(0));
    let refused = ask(&["--time-zone", "Asia/Kolkata"]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{refused:?}");
    for part in [
        "/default/",
        "2015-05-17T18:00:00Z..2015-05-17T19:00:00Z",
        "2015-05-17T18:30:00Z",
        "day ends in Asia/Kolkata",
        "UTC",
        "--straddling start",
    ] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    let by_start = ask(&["--time-zone", "Asia/Kolkata", "--straddling", "start"]);
    assert!(by_start.out.contains("default,requests,2015-05-17,2\n"), "{by_start:?}");
    for (option, value) in [("--time-zone", "Mars/Olympus"), ("--straddling", "half"), ("--by", "year")] {
        let ended = ask(&[option, value]);
        assert_eq!(ended.code, Some(2), "{option} {value}");
        assert!(ended.err.contains(value), "{}", ended.err);
    }
}

#[test]
fn every_label_is_a_filter() {
    let (folder, log) = imported(300);
    let sum = |filters: &[&str]| -> u64 {
        let all = [&["usage", "--by", "dimension", "--dimension", "requests", "--format", "json"], filters];
        folder.json(&all.concat()).as_array().unwrap().iter().map(|row| row["inc"].as_u64().unwrap()).sum()
    };
    for column in ["method", "route", "service", "region", "tenant"] {
        let ask = ["usage", "--dimension", "requests", "--by", column, "--format", "json"];
        for row in folder.json(&ask).as_array().unwrap() {
            let option = format!("--{column}");
            assert_eq!(sum(&[&option, row[column].as_str().unwrap()]), row["inc"].as_u64().unwrap(), "{row}");
        }
    }
    assert_eq!(sum(&["--account", "7:1"]), 0);
    assert_eq!(sum(&["--origin", &"0".repeat(32)]), 0);
    assert_eq!(sum(&[]), log.lines);
    assert_eq!(folder.run(&["usage", "--account", "7"]).code, Some(2));
}

#[test]
fn evidence_names_slices_that_can_be_exported_and_add_up_to_the_figure() {
    let (folder, log) = imported(300);
    let ask = ["usage", "--by", "tenant", "--tenant", "ada", "--dimension", "requests", "--evidence"];
    let rows = folder.json(&[&ask[..], &["--format", "json"]].concat());
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["inc"].as_u64().unwrap()).sum::<u64>(), log.by_user["ada"]);
    assert!(rows.len() > 1, "several windows");
    for (seq, row) in rows.iter().enumerate() {
        assert_eq!((row["tenant"].as_str(), row["dimension"].as_str()), (Some("ada"), Some("requests")));
        assert_eq!(row["seq"].as_str(), Some(seq.to_string().as_str()));
        let cid = row["cid"].as_str().unwrap();
        folder.done(&["slices", "--export", "evidence", "--cid", cid]);
        let bytes = std::fs::read(folder.path("evidence").join(format!("{cid}.cbor"))).unwrap();
        let slice = ron_ledger_wire::SealedSlice::from_bytes(bytes).unwrap();
        assert_eq!(slice.stream().origin().to_string(), row["origin"].as_str().unwrap());
        assert_eq!(slice.total(), u128::from(row["inc"].as_u64().unwrap()));
    }
    let unknown = ron_ledger_wire::Cid::from(ron_ledger_wire::Digest::of(b"nothing")).to_string();
    let ended = folder.run(&["slices", "--export", "evidence", "--cid", &unknown]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains(&unknown), "{}", ended.err);
}

/// Labels of slices that another program made.
#[test]
fn labels_from_elsewhere_reach_neither_terminal_nor_spreadsheet() {
    use ron_accounting::export::Exporter;
    use ron_ledger_wire::{Origin, Row, RowKey, Seq, Slice, StreamId};

    let folder = Folder::new();
    let ledger = ron_accounting_sqlite::SqliteLedger::open(folder.path("usage.db")).unwrap();
    let hostile = "=HYPERLINK(\"x\")\u{1b}[2J\u{202e}\n";
    let slice = Slice {
        stream: StreamId::new(Origin::from_bytes([7; 16]), hostile, "requests"),
        seq: Seq::FIRST,
        start_ms: 0,
        end_ms: 60_000,
        previous: None,
        rows: vec![Row { key: RowKey::labels("-2+3", hostile, "@SUM(1)", "+1"), increment: 1 }],
    };
    assert!(ledger.put_batch(&[slice.encode().unwrap()])[0].is_ok());
    drop(ledger);
    let by = ["usage", "--by", "tenant,method,route,service,region,dimension"];
    for more in [&[][..], &["--evidence"]] {
        let table = folder.done(&[&by[..], more].concat());
        let csv = folder.done(&[&by[..], &["--format", "csv"], more].concat());
        for out in [&table, &csv] {
            assert_eq!(out.lines().count(), 2, "{out:?}");
            assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out:?}");
        }
        let fields = r#""'=HYPERLINK(""x"")\u{1b}[2J\u{202e}\n",'-2+3,"'=HYPERLINK("#;
        assert!(csv.lines().nth(1).unwrap().starts_with(fields), "{csv}");
        assert!(csv.contains(",'@SUM(1),'+1,requests,"), "{csv}");
    }
    let json = folder.json(&[&by[..], &["--format", "json"]].concat());
    assert_eq!(json[0]["tenant"].as_str(), Some(hostile), "a program gets labels as they are");
    let ended = folder.run(&["usage", "--by", "tenant"]);
    assert!(!ended.err.contains('\u{1b}'), "{}", ended.err);
}
