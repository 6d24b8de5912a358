//! For any bytes: no panic, and what a writer that escapes has written is read.

use std::fmt::Write;

use proptest::prelude::*;
use ron_accounting_access_log::{Format, Parser, RequestLine, Times, FORMAT_NAMES};

/// Bytes between quotation marks as Apache writes them.
fn apache(bytes: &[u8]) -> String {
    let mut out = String::new();
    for b in bytes {
        match b {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            0x20..=0x7e => out.push(char::from(*b)),
            _ => write!(out, "\\x{b:02x}").unwrap(),
        }
    }
    out
}

/// The same as nginx writes it.
fn nginx(bytes: &[u8]) -> String {
    let mut out = String::new();
    for b in bytes {
        match b {
            b'"' | b'\\' | 0..=0x1f | 0x7f.. => write!(out, "\\x{b:02X}").unwrap(),
            _ => out.push(char::from(*b)),
        }
    }
    out
}

/// A string of JSON as nginx writes it with `escape=json`.
fn json(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\0'..='\x1f' => write!(out, "\\u{:04X}", u32::from(character)).unwrap(),
            _ => out.push(character),
        }
    }
    out
}

/// What a target says that holds these bytes.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b == b'%' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            out.push(b);
        }
    }
    out
}

fn parser(format: &str) -> Parser {
    let times = Times::new().with_zone("UTC").unwrap();
    Parser::new(&format.parse::<Format>().unwrap(), b"", &times, &[]).unwrap()
}

const COMBINED: &str =
    r#"192.0.2.7 - ada [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512 "http://e/" "a \"1\"""#;

/// Bytes without newlines and percent signs: what a client may send.
fn sent() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>().prop_filter("of a line", |b| !b"\n\r%".contains(b)), 0..30)
}

/// The same with more of what has a meaning in a log.
fn spiteful() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just("\""),
            Just("\\"),
            Just(" "),
            Just("200"),
            Just(" 0 "),
            Just("-"),
            Just("HTTP/1.1"),
            Just("["),
            Just("] \""),
            Just("x"),
            Just("\" 200 0 \"-\" \""),
            Just("é"),
        ],
        0..12,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..120), 1..4)) {
        let log = lines.join(&b'\n');
        let times = Times::new();
        let _ = Parser::new(&Format::auto(), &log, &times, &[]);
        for name in FORMAT_NAMES.iter().skip(1).chain(&["docker:combined", "$remote_addr [$time_local] \"$request\" $status $bytes_sent"]) {
            let mut parser = parser(name);
            for line in &lines {
                let _ = parser.parse_bytes(line).map_err(|skip| skip.to_string());
            }
        }
    }

    #[test]
    fn no_damage_to_a_line_makes_it_panic_or_moves_a_field(
        at in 0..COMBINED.len(), bytes in proptest::collection::vec(any::<u8>(), 0..4), cut in 0..COMBINED.len() * 2,
    ) {
        let mut line = COMBINED.as_bytes().to_vec();
        line.splice(at..=at, bytes);
        line.truncate(cut);
        for format in ["combined", "common"] {
            let mut parser = parser(format);
            let request_at = COMBINED.find('"').unwrap();
            if let Ok(Some(request)) = parser.parse_bytes(&line) {
                // Damage behind the beginning of the request changes nothing of who made it, and when.
                if at > request_at {
                    prop_assert_eq!(request.client.as_deref(), Some("192.0.2.7"));
                    prop_assert_eq!(request.user.as_deref(), Some("ada"));
                    prop_assert_eq!(request.time_ms, 1_431_857_103_000);
                }
            }
        }
    }

    #[test]
    fn what_apache_and_nginx_wrote_is_read(
        user in "[!-~&&[^\"\\\\]]([ -~&&[^\"\\\\]]{0,10}[!-~&&[^\"\\\\]])?",
        seconds in 0_i64..4_000_000_000,
        zone in -720_i32..=840,
        target in sent(),
        agent in sent(),
        status in 100_u16..1000,
        bytes in 0_u64..1 << 50,
        with_vhost in any::<bool>(),
    ) {
        prop_assume!(user != "-" && !user.contains(" [") && !target.ends_with(b" ") && !target.starts_with(b" "));
        prop_assume!(!user.starts_with("- "));
        let offset = jiff::tz::Offset::from_seconds(zone * 60).unwrap();
        let local = offset.to_datetime(jiff::Timestamp::from_second(seconds).unwrap());
        let time = local.strftime("%d/%b/%Y:%H:%M:%S");
        let (sign, zone) = (if zone < 0 { '-' } else { '+' }, zone.abs());
        let vhost = if with_vhost { "shop.example:443 " } else { "" };
        for escape in [apache, nginx] {
            let line = format!(
                "{vhost}192.0.2.7 - {user} [{time} {sign}{:02}{:02}] \"PUT /{} HTTP/1.1\" {status} {bytes} \"-\" \"{}\"",
                zone / 60, zone % 60, escape(&target), escape(&agent),
            );
            let mut parser = parser(if with_vhost { "vhost_combined" } else { "combined" });
            let request = parser.parse_bytes(line.as_bytes()).unwrap().unwrap();
            prop_assert_eq!(request.client.as_deref(), Some("192.0.2.7"));
            prop_assert_eq!(request.user.as_deref(), Some(user.as_str()));
            prop_assert_eq!(request.host.as_deref(), with_vhost.then_some("shop.example"));
            prop_assert_eq!(request.time_ms, seconds.unsigned_abs() * 1000);
            prop_assert_eq!((request.status, request.bytes_sent), (Some(status), Some(bytes)));
            prop_assert!(request.remarks.is_empty());
            let RequestLine::Http { method, target: read } = request.line else { panic!("{line}") };
            prop_assert_eq!(method, "PUT");
            prop_assert_eq!(percent_decoded(&read), [b"/", target.as_slice()].concat());
        }
    }

    #[test]
    fn no_client_of_a_writer_that_does_not_escape_changes_who_paid_or_lowers_its_bill(
        target in spiteful(), referrer in spiteful(), agent in spiteful(),
    ) {
        let line = format!(
            "192.0.2.7 - ada [17/May/2015:10:05:03 +0000] \"GET /{target} HTTP/1.1\" 200 900 \"{referrer}\" \"{agent}\""
        );
        for format in ["combined", "common"] {
            let mut parser = parser(format);
            let request = parser.parse_bytes(line.as_bytes()).unwrap().unwrap();
            prop_assert_eq!(request.client.as_deref(), Some("192.0.2.7"));
            prop_assert_eq!(request.user.as_deref(), Some("ada"));
            prop_assert_eq!(request.time_ms, 1_431_857_103_000);
            prop_assert_eq!(request.bytes_sent, Some(900), "{}", line);
        }
    }

    #[test]
    fn what_nginx_wrote_as_json_is_read(user in "[^\r]{0,12}", target in "[^\r% ]{0,12}", agent in "[^\r]{0,12}", bytes in 0_u64..1 << 50) {
        prop_assume!(user != "-");
        let line = format!(
            r#"{{"time_iso8601":"2015-05-17T10:05:03+00:00","http_user_agent":"{}","remote_addr":"192.0.2.7","remote_user":"{}","request":"GET /{} HTTP/1.1","status":"200","body_bytes_sent":{bytes}}}"#,
            json(&agent), json(&user), json(&target),
        );
        prop_assume!(!line.contains('\n'));
        let format = r#"log_format j escape=json '{"time_iso8601":"$time_iso8601","http_user_agent":"$http_user_agent","remote_addr":"$remote_addr","remote_user":"$remote_user","request":"$request","status":"$status","body_bytes_sent":$body_bytes_sent}';"#;
        for format in ["nginx-json", format] {
            let mut parser = parser(format);
            let request = parser.parse_bytes(line.as_bytes()).unwrap().unwrap();
            prop_assert_eq!(request.client.as_deref(), Some("192.0.2.7"));
            let user = user.replace("\\x", "\\\\x");
            let read = request.user.as_deref().unwrap_or_default().replace("\\x5Cx", "\\x").replace("\\x", "\\\\x");
            prop_assert_eq!(read, user);
            prop_assert_eq!(request.bytes_sent, Some(bytes));
            let RequestLine::Http { target: read, .. } = request.line else { panic!("{line}") };
            prop_assert_eq!(read.as_ref(), format!("/{target}"));
        }
    }
}
