//! The format is told by the first lines, or refused with what to do.

use ron_accounting_access_log::FormatError;

use crate::reading::Reader;

fn description(log: impl AsRef<[u8]>) -> String {
    Reader::new("auto").parser(log.as_ref()).unwrap().description().to_owned()
}

fn refused(log: impl AsRef<[u8]>) -> FormatError {
    Reader::new("auto").parser(log.as_ref()).unwrap_err()
}

const REQUEST: &str = r#""GET /a HTTP/1.1" 200 512"#;
const TIME: &str = "[17/May/2015:10:05:03 +0000]";

#[test]
fn it_says_which_format_it_took() {
    for (log, expected) in [
        (format!("192.0.2.7 - - {TIME} {REQUEST}"), "common"),
        (format!(r#"192.0.2.7 - - {TIME} {REQUEST} "-" "curl""#), "combined"),
        (format!(r#"192.0.2.7 - - {TIME} {REQUEST} "-" "curl" "-""#), "combined with one more field"),
        (format!(r#"192.0.2.7 - - {TIME} {REQUEST} "-" "curl" 0.1 [x] "-""#), "combined with 3 more fields"),
        (format!(r#"host.example - ada {TIME} {REQUEST} "curl""#), "common with one more field"),
        (format!(r#"shop.example:80 192.0.2.7 - - {TIME} {REQUEST} "-" "curl""#), "vhost_combined"),
        (format!("web | 192.0.2.7 - - {TIME} {REQUEST}"), "common behind the names of Docker Compose"),
        (String::new(), "an empty log"),
    ] {
        assert_eq!(description(&log), expected, "{log}");
    }
}

#[test]
fn garbage_among_good_lines_does_not_matter() {
    let good = format!("192.0.2.7 - - {TIME} {REQUEST}\n");
    assert_eq!(description(format!("garbage\n\n{good}{good}")), "common");
}

#[test]
fn logs_of_two_formats_are_read_line_by_line() {
    let common = format!("192.0.2.7 - - {TIME} {REQUEST}\n");
    let combined = format!("192.0.2.7 - - {TIME} {REQUEST} \"-\" \"curl\"\n");
    for log in [
        [common.repeat(5), combined.repeat(5)].concat(),
        [combined.repeat(7), common.repeat(3)].concat(),
        [combined.clone(), common.clone()].concat(),
    ] {
        assert_eq!(description(&log), "common with various fields behind");
        assert!(Reader::new("auto").told(&log).iter().all(|told| told == "192.0.2.7 . . GET /a 200 512 ."));
    }
    // A single line that ends behind its size may be cut in it.
    let log = [combined.repeat(3), common].concat();
    assert_eq!(Reader::new("auto").told(log)[3], "!cut_off");
}

#[test]
fn what_decides_who_pays_is_not_guessed() {
    for head in [
        "192.0.2.7 frank ada",
        "192.0.2.7 ada",
        "192.0.2.7 - [198.51.100.1] - -",
        "a b c d e",
        "shop.example ada - -",
        "192.0.2.7 198.51.100.1 - -",
        "203.0.113.9, 10.0.0.1 - -",
    ] {
        let error = refused(format!("{head} {TIME} {REQUEST}\n"));
        assert!(matches!(error, FormatError::Ambiguous { .. }), "{head}: {error}");
        assert!(error.to_string().contains("--format"), "{error}");
    }
    // What `grep` puts in front of a line is no part of the client.
    for prefix in ["access.log:", "/var/log/access.log:"] {
        let log = format!("{prefix}192.0.2.7 - - {TIME} {REQUEST}\n");
        assert!(Reader::new("auto").told(log).iter().all(|told| told == "!bad_client"));
    }
    let mixed = format!("192.0.2.7 - - {TIME} {REQUEST}\nshop.example:80 192.0.2.7 - - {TIME} {REQUEST}\n");
    assert!(matches!(refused(mixed), FormatError::Ambiguous { .. }));
}

#[test]
fn times_without_a_zone_need_one() {
    let log = format!("192.0.2.7 - - [21/Nov/2013 22:30:33] {REQUEST}\n");
    assert!(matches!(refused(&log), FormatError::NoTimeZone { .. }));
    assert_eq!(Reader::new("auto").zone("UTC").told(&log).len(), 1);
    let haproxy = r#"192.0.2.7:33317 [17/May/2015:10:05:03.250] in s/srv1 1/0/3/6/1 200 27 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1""#;
    assert!(matches!(refused(haproxy), FormatError::NoTimeZone { .. }));
}

#[test]
fn strangers_are_named() {
    for (log, expected) in [
        (&b"BZh91AY&SY"[..], "bzcat"),
        (b"\xfd7zXZ\0\0", "xzcat"),
        (b"PK\x03\x04abc", "zip"),
        (b"2024/07/30 00:06:21 [error] 7#7: *1 open() failed\n", "error log"),
        (b"[Tue Jul 30 00:06:21.1 2024] [core:error] [pid 7] x\n", "error log"),
        (b"{\"a\":1}\n{\"a\":2}\n", "json:time=KEY"),
        (b"1066036250.603 310 192.0.2.1 TCP_MISS/200 4507 GET http://a/ - DIRECT/x text/html\n", "Squid"),
        (b"<html><body>\n", "HTML"),
        (b"time,ip,method,path,status,bytes\n1,2,3,4,5,6\n", "--format"),
        (b"\x01\x02\x03\x04\x05\n\x01\x02\n", "no text"),
        (b"hello world\n", "--format"),
        (b"192.0.2.7 - - [17.05.15 10:05] \"GET /a HTTP/1.1\" 200 512\n", "--time-format"),
        (
            b"192.0.2.7 - - [17/May/2015:10:05:03 EST] \"GET /a HTTP/1.1\" 200 512\n",
            "`17/May/2015:10:05:03 EST`",
        ),
        (b"time:[17/May/2015:10:05:03 +0000]\thost:192.0.2.7\treq:GET /a HTTP/1.1\n", "LTSV"),
        (b"one line\rand another\r", "tr '\\r' '\\n'"),
    ] {
        let error = refused(log);
        assert!(matches!(error, FormatError::Unknown { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}
