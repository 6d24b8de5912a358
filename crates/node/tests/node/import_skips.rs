//! Lines that cannot be metered: each reason, its line number, and `--strict`.

use serde_json::json;

use crate::binary::Folder;

const GOOD: &str = r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512"#;

/// One line for each reason, with what is said about it.
fn bad_lines() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("cut_off", GOOD[..40].into()),
        ("no_status", GOOD.replace(" 200", " 2x0").into()),
        ("bad_date", GOOD.replace("May", "Xyz").into()),
        ("bad_client", GOOD.replace("192.0.2.7", "<192.0.2.7>").into()),
        ("too_long", GOOD.replace("/a", &"/a".repeat(1 << 19)).into()),
        ("no_request", GOOD.replace('"', "'").into()),
        ("bad_size", GOOD.replace("512", "big").into()),
        ("empty", Vec::new()),
    ]
}

#[test]
fn every_reason_is_counted_and_shown_with_its_line() {
    for (reason, line) in bad_lines() {
        let folder = Folder::new();
        let mut log = format!("{GOOD}\n{GOOD}\n").into_bytes();
        log.extend(&line);
        log.extend(format!("\n{GOOD}\n").bytes());
        folder.write("access.log", log);
        let ended = folder.run(&["import", "--json", "access.log"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let summary: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(summary["skipped"], json!({ reason: 1 }));
        assert_eq!((&summary["lines_read"], &summary["lines_metered"]), (&json!(4), &json!(3)));
        assert_eq!(summary["totals"], json!({ "requests": 3, "bytes_in": 0, "bytes_out": 3 * 512 }));
        assert!(ended.err.starts_with("access.log:3: skipped: "), "{reason}: {}", ended.err);
    }
}

#[test]
fn only_the_first_few_are_shown() {
    let folder = Folder::new();
    folder.write("access.log", format!("{}{}", format!("{GOOD}\n").repeat(101), "garbage\n".repeat(100)));
    let ended = folder.run(&["import", "access.log"]);
    assert_eq!(ended.err.lines().count(), 5, "{}", ended.err);
    assert!(ended.err.contains("access.log:106: "), "{}", ended.err);
    assert!(
        ended.out.contains("201 read, 101 metered, 0 late, 100 skipped\nskipped     100 cut_off\n"),
        "{}",
        ended.out
    );
}

#[test]
fn strict_names_the_line_and_changes_nothing() {
    for (reason, line) in bad_lines() {
        let folder = Folder::new();
        folder.write("good.log", format!("{GOOD}\n"));
        let mut log = format!("{GOOD}\n").into_bytes();
        log.extend(&line);
        log.extend(b"\n");
        folder.write("bad.log", log);

        // The good one comes first, and is not imported either.
        let ended = folder.run(&["import", "--strict", "good.log", "bad.log"]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{reason}: {ended:?}");
        assert!(ended.err.starts_with("error: bad.log:2: "), "{reason}: {}", ended.err);
        assert_eq!(folder.names(), ["bad.log", "good.log"], "no ledger was made");

        folder.done(&["import", "--strict", "good.log"]);
        let before = std::fs::read(folder.path("usage.db")).unwrap();
        assert_eq!(folder.run(&["import", "--strict", "bad.log"]).code, Some(2));
        assert_eq!(std::fs::read(folder.path("usage.db")).unwrap(), before, "the ledger was touched");
        assert_eq!(folder.names(), ["bad.log", "good.log", "usage.db"]);
    }
}

#[test]
fn strict_reads_standard_input_twice() {
    let folder = Folder::new();
    let log = format!("{GOOD}\n{GOOD}\n");
    let ended = folder.run_with_input(&["import", "--strict", "-"], log.as_bytes());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = folder.run_with_input(&["import", "--strict", "-"], format!("{log}garbage\n").as_bytes());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.starts_with("error: standard input:3: "), "{}", ended.err);
}
