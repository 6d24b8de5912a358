//! The reader of access logs: what it understands, what it refuses, and that nothing makes it fail otherwise.

use std::fmt::Write;

use proptest::prelude::*;
use ron_accounting_node::access_log::{Entry, Format, LineError, Lines, Request, LINE_BYTES_MAX};

const COMMON: &str = r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512"#;

fn reason(line: &str, format: Format) -> &'static str {
    Entry::parse(line.as_bytes(), format).map_or_else(|error| error.reason(), |_| "metered")
}

#[test]
fn a_combined_line_says_what_a_common_one_says() {
    let common = Entry::parse(COMMON.as_bytes(), Format::Auto).unwrap();
    let combined = format!(r#"{COMMON} "http://example.org/\"q\"" "Agent/1.0 (x; y)""#);
    assert_eq!(Entry::parse(combined.as_bytes(), Format::Auto).unwrap(), common);
    assert_eq!(Entry::parse(combined.as_bytes(), Format::Combined).unwrap(), common);
    assert_eq!(Entry::parse(combined.as_bytes(), Format::Common).unwrap(), common);
    assert_eq!((common.client, common.user, common.status), ("192.0.2.7", None, 200));
}

#[test]
fn fields_behind_the_known_ones_do_not_matter() {
    for line in [
        format!("{COMMON} 0.045 upstream=10.0.0.1"),
        format!("{COMMON}\r"),
        format!(r#"{COMMON} "-" "-" "203.0.113.9" rt=0.1"#),
        COMMON.replace(" 512", " -"),
        COMMON.replace("] \"", "]   \""),
    ] {
        assert_eq!(reason(&line, Format::Auto), "metered", "{line}");
    }
}

#[test]
fn users_may_have_spaces() {
    let line = COMMON.replace("- - [", "- ada lovelace [");
    assert_eq!(Entry::parse(line.as_bytes(), Format::Auto).unwrap().user, Some("ada lovelace"));
}

#[test]
fn each_fault_has_its_reason() {
    let cases = [
        ("", "empty"),
        (" \t ", "empty"),
        ("word", "cut_off"),
        ("192.0.2.7 - -", "cut_off"),
        ("192.0.2.7 - - [17/May/2015:10:05", "cut_off"),
        ("192.0.2.7 - - [17/May/2015:10:05:03 +0000]", "cut_off"),
        (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a"#, "cut_off"),
        (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a \""#, "cut_off"),
        (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200"#, "cut_off"),
        (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 "#, "cut_off"),
        (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "http://exa"#, "cut_off"),
        (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "ref" "Mozi"#, "cut_off"),
        (r#"192.0.2.7 - - [yesterday] "GET /a HTTP/1.1" 200 5"#, "bad_date"),
        (r#"192.0.2.7 - - [17/May/1915:10:05:03 +0000] "GET /a HTTP/1.1" 200 5"#, "bad_date"),
        (r"192.0.2.7 - - [17/May/2015:10:05:03 +0000] GET 200 5", "no_request"),
        (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1""#, "no_status"),
        (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" - 5"#, "no_status"),
        (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 20 5"#, "no_status"),
        (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" +20 5"#, "no_status"),
        (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 many"#, "bad_size"),
        (r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 -5"#, "bad_size"),
        (
            r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 18446744073709551616"#,
            "bad_size",
        ),
        (
            r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 18446744073709551615"#,
            "metered",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(reason(line, Format::Auto), expected, "{line}");
    }
    assert_eq!(reason(COMMON, Format::Combined), "cut_off");
    assert_eq!(reason(&format!(r#"{COMMON} "referrer""#), Format::Combined), "cut_off");
    assert_eq!(reason(&format!(r#"{COMMON} "open"#), Format::Common), "metered");

    let not_text = b"192.0.2.7 - \xff [";
    assert_eq!(Entry::parse(not_text, Format::Auto), Err(LineError::InvalidUtf8 { offset: 12 }));
}

#[test]
fn messages_carry_no_control_characters() {
    let line = COMMON.replace("17/May", "\u{1b}[2J\u{7}");
    let message = Entry::parse(line.as_bytes(), Format::Auto).unwrap_err().to_string();
    assert!(!message.contains(char::is_control), "{message:?}");
}

fn read_all(log: &[u8]) -> Vec<Result<Vec<u8>, LineError>> {
    let mut lines = Lines::new(log);
    let mut all = Vec::new();
    while let Some(line) = lines.next().unwrap() {
        all.push(line.map(<[u8]>::to_vec));
        assert_eq!(lines.number(), all.len() as u64);
    }
    all
}

#[test]
fn a_line_of_a_mebibyte_is_skipped_and_the_next_one_read() {
    let mut log = vec![b'x'; LINE_BYTES_MAX];
    log.extend(b"\nnext\n");
    log.extend(vec![b'y'; 3 * LINE_BYTES_MAX]);
    log.extend(b"\n");
    log.extend(vec![b'z'; LINE_BYTES_MAX - 1]);
    log.extend(b"\nlast");
    let lines = read_all(&log);
    assert_eq!(lines[0], Err(LineError::TooLong));
    assert_eq!(lines[1], Ok(b"next".to_vec()));
    assert_eq!(lines[2], Err(LineError::TooLong));
    assert_eq!(lines[3], Ok(vec![b'z'; LINE_BYTES_MAX - 1]));
    assert_eq!(lines[4], Ok(b"last".to_vec()));
    assert_eq!(lines.len(), 5);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let lines = read_all(b"\xef\xbb\xbffirst\n\xef\xbb\xbfsecond\n");
    assert_eq!(lines, [Ok(b"first".to_vec()), Ok(b"\xef\xbb\xbfsecond".to_vec())]);
    assert_eq!(read_all(b""), []);
    assert_eq!(read_all(b"\n\n"), [Ok(vec![]), Ok(vec![])]);
}

/// Text between quotation marks as Apache writes it.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        match b {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            0x20..=0x7e => out.push(char::from(b)),
            _ => write!(out, "\\x{b:02x}").unwrap(),
        }
    }
    out
}

/// The same as a target says it.
fn percent_encode(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        match b {
            b'"' => out.push_str("%22"),
            b'\\' => out.push_str("%5C"),
            b'\n' => out.push_str("%0A"),
            0x20..=0x7e => out.push(char::from(b)),
            _ => write!(out, "%{b:02x}").unwrap(),
        }
    }
    out
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        for format in [Format::Auto, Format::Common, Format::Combined] {
            let _ = Entry::parse(&line, format);
        }
        read_all(&line);
    }

    #[test]
    fn no_damage_to_a_line_makes_it_panic(
        place in 0..COMMON.len() * 2, byte in any::<u8>(), length in 0..COMMON.len() * 2,
    ) {
        let mut line = format!(r#"{COMMON} "http://example.org/" "Agent \"1\"""#).into_bytes();
        if let Some(target) = line.get_mut(place) {
            *target = byte;
        }
        line.truncate(length);
        for format in [Format::Auto, Format::Common, Format::Combined] {
            let _ = Entry::parse(&line, format);
        }
    }

    #[test]
    fn what_was_written_is_read(
        client in "[0-9a-f:.]{1,39}",
        user in "[a-z][a-z@. ]{0,12}[a-z]",
        seconds in 0_i64..4_000_000_000,
        zone in -720_i32..=840,
        method in "[A-Z]{1,10}",
        target in "/[ -~\u{a0}-\u{2ff}\n]{0,30}[a-z]",
        status in 0_u16..1000,
        bytes in any::<u64>(),
        agent in "[ -~\n]{0,30}",
        crlf in any::<bool>(),
    ) {
        let offset = jiff::tz::Offset::from_seconds(zone * 60).unwrap();
        let local = offset.to_datetime(jiff::Timestamp::from_second(seconds).unwrap());
        let time = local.strftime("%d/%b/%Y:%H:%M:%S");
        let (sign, zone) = (if zone < 0 { '-' } else { '+' }, zone.abs());
        let line = format!(
            "{client} - {user} [{time} {sign}{:02}{:02}] \"{method} {} HTTP/1.1\" {status:03} {bytes} \"-\" \"{}\"{}",
            zone / 60, zone % 60, escape(&target), escape(&agent), if crlf { "\r" } else { "" },
        );
        let entry = Entry::parse(line.as_bytes(), Format::Auto).unwrap();
        prop_assert_eq!((entry.client, entry.user), (client.as_str(), Some(user.as_str())));
        prop_assert_eq!(entry.time_ms, seconds.unsigned_abs() * 1000);
        prop_assert_eq!((entry.status, entry.bytes_sent), (status, bytes));
        let expected = Request::Http { method: &method, target: percent_encode(&target).into() };
        prop_assert_eq!(entry.request, expected);
    }

    #[test]
    fn lines_are_what_splitting_at_newlines_gives(log in "[ab\n]{0,40}") {
        let mut expected: Vec<_> = log.split('\n').map(|line| Ok(line.as_bytes().to_vec())).collect();
        if log.is_empty() || log.ends_with('\n') {
            expected.pop();
        }
        prop_assert_eq!(read_all(log.as_bytes()), expected);
    }
}
