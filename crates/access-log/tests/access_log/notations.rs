//! Formats pasted from the configuration of Apache and nginx.

use ron_accounting_access_log::{Format, FormatError};

use crate::reading::Reader;

const TIME_MS: u64 = 1_431_857_103_000;

#[test]
fn formats_of_apache() {
    let line = r#"shop.example:443 192.0.2.7 - ada [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512 "-" "a \"b\"" acme 90"#;
    let format = r#"LogFormat "%v:%p %h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %{X-Tenant}i %I" mine"#;
    assert_eq!(
        Reader::new(format).keep("header:x-tenant").told(line),
        ["192.0.2.7 ada shop.example GET /a 200 512 90 [acme]"]
    );
    for (format, line) in [
        ("%a %m \"%U%q\" %H %>s %B %{msec}t", r#"192.0.2.7 GET "/a?b" HTTP/1.1 200 512 1431857103000"#),
        (
            "%{%Y-%m-%d %H:%M:%S}t.%{usec_frac}t %{%z}t|%h|%r|%s|%b",
            "2015-05-17 12:05:03.000000 +0200|192.0.2.7|GET /a?b HTTP/1.1|200|512",
        ),
        (
            "%{%d.%m.%Y %T %z}t %h \"%r\" %<s %b %D",
            r#"17.05.2015 12:05:03 +0200 192.0.2.7 "GET /a?b HTTP/1.1" 200 512 7"#,
        ),
        (
            r#"{ "time":"%{%Y-%m-%dT%T%z}t", "ip":"%a", "request":"%r", "status":"%>s", "size":"%b", "agent":"%{User-Agent}i" }"#,
            r#"{ "time":"2015-05-17T10:05:03+0000", "ip":"192.0.2.7", "request":"GET /a?b HTTP/1.1", "status":"200", "size":"512", "agent":"\"}" }"#,
        ),
        (
            "%!200,304{Referer}i %t %h \"%r\" %>s %b",
            r#"- [17/May/2015:10:05:03 +0000] 192.0.2.7 "GET /a?b HTTP/1.1" 200 512"#,
        ),
    ] {
        let read = Reader::new(format).read(line.as_bytes());
        assert_eq!(read, [("192.0.2.7 . . GET /a?b 200 512 .".to_owned(), TIME_MS)], "{format}");
    }
}

#[test]
fn formats_of_nginx() {
    let format = "log_format main '$remote_addr - $remote_user [$time_local] \"$request\" '\n    '$status $body_bytes_sent \"$http_referer\" '\n    '\"$http_user_agent\" \"$http_x_tenant\" rt=$request_time us=\"$upstream_addr\"';";
    let line = r#"192.0.2.7 - ada [17/May/2015:10:05:03 +0000] "GET /\x22a HTTP/1.1" 200 512 "-" "curl" "M\xC3\xBCller" rt=0.1 us="10.0.0.1:80, 10.0.0.2:80""#;
    assert_eq!(
        Reader::new(format).keep("header:X-Tenant").keep("field:request_time").told(line),
        ["192.0.2.7 ada . GET /%22a 200 512 . [Müller] [0.1]"]
    );
    for (format, line) in [
        (
            "$msec|${remote_addr}|$request_method|$request_uri|$status|$bytes_sent",
            "1431857103.000|192.0.2.7|GET|/a?b|200|512",
        ),
        (
            "[$time_iso8601] $remote_addr $request_method $uri$is_args$args $status $bytes_sent",
            "[2015-05-17T10:05:03+00:00] 192.0.2.7 GET /a?b 200 512",
        ),
        (
            r#"log_format j escape=json '{"t":"$time_iso8601","ip":"$remote_addr","r":"$request","s":$status,"b":$body_bytes_sent,"ua":"$http_user_agent"}';"#,
            r#"{"t":"2015-05-17T10:05:03+00:00","ip":"192.0.2.7","r":"GET /a?b HTTP/1.1","s":200,"b":512,"ua":"x\"y"}"#,
        ),
    ] {
        let read = Reader::new(format).read(line.as_bytes());
        assert_eq!(read, [("192.0.2.7 . . GET /a?b 200 512 .".to_owned(), TIME_MS)], "{format}");
    }
}

#[test]
fn a_format_that_cannot_be_read_says_why() {
    for (text, expected) in [
        ("xml", "no format `xml`"),
        ("%h%u %t \"%r\"", "no text between them"),
        ("%h \"%r\" %>s", "no time"),
        ("%h %t %>s", "no request line"),
        ("%h %t %", "is no field"),
        ("$remote_addr $status", "no time"),
        ("json:time=t", "request"),
        ("json:when=t", "`when` is none of"),
        ("json:time", "`time` is no FIELD=KEY"),
    ] {
        let error = text.parse::<Format>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let missing = Reader::new("$remote_addr [$time_local] \"$request\"").keep("header:X-Tenant").parser(b"");
    assert!(matches!(missing, Err(FormatError::NoSuchField { .. })), "{missing:?}");
}
