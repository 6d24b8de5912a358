//! Damaged lines: what is certain is taken, what is not is skipped by its reason, and no client hides its request.

use crate::reading::{auto, Reader};

const COMBINED: &str =
    r#"192.0.2.7 - ada [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512 "http://e/" "curl""#;
const TOLD: &str = "192.0.2.7 ada . GET /a 200 512 .";

/// A damaged line behind three whole ones.
fn damaged(line: impl AsRef<[u8]>) -> String {
    let log = [format!("{COMBINED}\n{COMBINED}\n{COMBINED}\n").as_bytes(), line.as_ref()].concat();
    let told = auto(log);
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told[..3], [TOLD; 3]);
    told[3].clone()
}

#[test]
fn quotation_marks_that_are_not_escaped_hide_nothing() {
    let log = "127.0.0.1 - ada [17/Jun/2016:23:00:33 +0000] \"GET /\" HTTP/1.1\" 301 268 \"-\" \"curl/7.43.0\"\n\
127.0.0.1 - ada [17/Jun/2016:23:00:34 +0000] \"GET /ok HTTP/1.1\" 200 268 \"ref\" \"erer\" \"user\"agent\"\n\
127.0.0.1 - ada [17/Jun/2016:23:00:35 +0000] \"GET /big HTTP/1.1\" 200 900000000 \"-\" \"agent ends in a backslash\\\"\n\
127.0.0.1 - ada [17/Jun/2016:23:00:36 +0000] \"GET /big HTTP/1.1\" 200 900000000 \"https://e/?q=\"x\"\" \"curl\"\n";
    let expected = [
        "127.0.0.1 ada . GET /\" 301 268 . +raw_quotes",
        "127.0.0.1 ada . GET /ok 200 268 .",
        "127.0.0.1 ada . GET /big 200 900000000 .",
        "127.0.0.1 ada . GET /big 200 900000000 .",
    ];
    assert_eq!(auto(log), expected);
    for format in ["combined", "common"] {
        assert_eq!(Reader::new(format).told(log), expected, "{format}");
    }
}

#[test]
fn a_client_cannot_lower_its_bill_with_an_end_of_its_own() {
    for target in [
        r#"/x" 200 0 ""#,
        r#"/x HTTP/1.1" 200 0 ""#,
        r#"/x HTTP/1.1" 200 0 "-" "y"#,
        r#"/x HTTP/1.1" 404 1 "-" "y" "z"#,
        r#"/x HTTP/1.1" - - "-" "y""#,
        r#"/x HTTP/1.1" 200 99999999999999999999 "-" "y"#,
        r#"/x HTTP/1.1\" 200 0 \"-\" \"y"#,
    ] {
        for agent in ["curl", r#"x" 200 0 "-" "y"#, r"backslash\", r#"HTTP/1.1" 200 1 "-" "-"#] {
            let line = format!(
                r#"192.0.2.7 - ada [17/May/2015:10:05:03 +0000] "GET {target} HTTP/1.1" 200 900 "-" "{agent}""#
            );
            for told in [
                damaged(&line),
                Reader::new("combined").told(&line)[0].clone(),
                Reader::new("common").told(&line)[0].clone(),
            ] {
                assert!(told.starts_with("192.0.2.7 ada . GET "), "{line}: {told}");
                assert!(told.contains(" 200 900 "), "{line}: {told}");
            }
        }
    }
}

#[test]
fn no_cut_changes_what_is_counted() {
    for end in 1..COMBINED.len() {
        let told = damaged(&COMBINED[..end]);
        let size_is_whole = end > COMBINED.find(" \"http").unwrap();
        if size_is_whole {
            assert!(told.starts_with(TOLD), "{}: {told}", &COMBINED[..end]);
        } else {
            assert_eq!(told, "!cut_off", "{}", &COMBINED[..end]);
        }
    }
    assert_eq!(damaged(&COMBINED[..COMBINED.len() - 2]), format!("{TOLD} +cut"));
    assert_eq!(
        damaged(r#"192.0.2.7 - ada [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512 "http://e/""#),
        format!("{TOLD} +cut")
    );
}

#[test]
fn of_several_ends_of_a_request_the_likely_one_is_taken() {
    for agent in [
        // Behind it, the line does not end as the format does.
        r#"x HTTP/1.1" 200 99999 y"#,
        // It does not end in a version of HTTP.
        r#"x" 200 99999 "-" "y"#,
    ] {
        let line = COMBINED.replace("curl", agent);
        assert_eq!(damaged(&line), TOLD, "{line}");
    }
}

#[test]
fn a_request_too_long_for_its_line_is_counted() {
    let long = "a".repeat(1100);
    let line = format!(r#"192.0.2.7 - ada [17/May/2015:10:05:03 +0000] "GET /{long}"#);
    assert_eq!(damaged(&line), format!("192.0.2.7 ada . GET /{long} . . . +cut +size_unknown"));
    let haproxy = format!(
        r#"192.0.2.7:1 [17/May/2015:10:05:03.250] in s/srv1 1/0/3/6/1 200 27 - - ---- 1/1/1/1/0 0/0 {{}} "GET /b?{long}"#
    );
    assert_eq!(
        Reader::new("haproxy").zone("UTC").told(haproxy),
        [format!("192.0.2.7 . . GET /b?{long} 200 27 . +cut")]
    );
}

#[test]
fn fields_that_are_not_what_they_should_be_have_their_reasons() {
    for (from, to, expected) in [
        ("17/May", "17/Xyz", "!bad_date"),
        ("17/May/2015:10:05:03 +0000", "17/May/1915:10:05:03 +0000", "!bad_date"),
        ("17/May/2015:10:05:03 +0000", "17/May/2015:10:05:03", "!no_time_zone"),
        ("\"GET /a HTTP/1.1\"", "'GET /a HTTP/1.1'", "!no_request"),
        (" 200 ", " 2x0 ", "!no_status"),
        (" 512 ", " many ", "!bad_size"),
        ("192.0.2.7", "<script>", "!bad_client"),
        ("192.0.2.7 - ", "shop.example 192.0.2.7 - ", "!other_format"),
        (" 200 512 ", " - - ", "192.0.2.7 ada . GET /a . 0 ."),
        (" 512 ", " -1 ", "192.0.2.7 ada . GET /a 200 0 ."),
        (" 512 ", " -7 ", "192.0.2.7 ada . GET /a 200 . . +size_not_credible"),
        (" 512 ", " 18446744073709551615 ", "192.0.2.7 ada . GET /a 200 . . +size_not_credible"),
        (" 512 ", " 18446744073709551616 ", "192.0.2.7 ada . GET /a 200 . . +size_not_credible"),
        ("\"http://e/\" \"curl\"", "- \"curl\"", "192.0.2.7 ada . GET /a 200 512 . +other_end"),
        ("] \"", "]   \"", TOLD),
        ("ada", "ada lovelace", "192.0.2.7 ada lovelace . GET /a 200 512 ."),
        ("ada", "ada [x] \"y\" [", "192.0.2.7 ada [x] \"y\" [ . GET /a 200 512 ."),
        ("GET /a HTTP/1.1", "-", "192.0.2.7 ada . . . 200 512 ."),
        ("GET /a HTTP/1.1", "\\x16\\x03\\x01", "192.0.2.7 ada . . . 200 512 ."),
    ] {
        assert_eq!(damaged(COMBINED.replacen(from, to, 1)), expected, "{to}");
    }
    assert_eq!(damaged(" \t "), "!empty");
    assert_eq!(damaged("word"), "!cut_off");
}

#[test]
fn what_nginx_writes_without_escapes_is_read() {
    let log = "127.0.0.1 -  [25/Nov/2026:14:25:07 +0000] \"GET /\"x HTTP/1.1\" 404 153 \"-\" \"curl\"\n\
127.0.0.1 -  [25/Nov/2026:14:25:07 +0000] \"GET /a\\ HTTP/1.1\" 404 153 \"-\" \"agent ends in \\\"\n\
127.0.0.1 -  [25/Nov/2026:14:25:07 +0000] \"GET /x\" 200 0 \"-\" \"y HTTP/1.1\" 400 157 \"\" \"\"\n\
127.0.0.1 - ada lovelace [25/Nov/2026:14:25:07 +0000] \"GET /private HTTP/1.1\" 404 153 \"-\" \"curl\"\n\
127.0.0.1 - x [17/May/2015 [25/Nov/2026:14:25:07 +0000] \"GET / HTTP/1.1\" 404 153 \"-\" \"curl\"\n\
127.0.0.1 -  [25/Nov/2026:14:25:08 +0000] \"\" 400 0 \"\" \"\"\n";
    assert_eq!(
        auto(log),
        [
            "127.0.0.1 . . GET /\"x 404 153 . +raw_quotes",
            "127.0.0.1 . . GET /a%5C 404 153 .",
            "127.0.0.1 . . GET /x\" 200 0 \"-\" \"y 400 157 . +raw_quotes",
            "127.0.0.1 ada lovelace . GET /private 404 153 .",
            "127.0.0.1 x [17/May/2015 . GET / 404 153 .",
            "127.0.0.1 . . . . 400 0 .",
        ]
    );
}

#[test]
fn nuls_before_a_line_are_left_out() {
    let block = vec![0_u8; 3 << 20];
    let told = format!("{TOLD} +nul");
    assert_eq!(damaged([&block, COMBINED.as_bytes()].concat()), told);
    assert_eq!(damaged([&b"192.0.2.1 - b"[..], &block, COMBINED.as_bytes()].concat()), told);
    assert_eq!(damaged([&b"192.0.2.1 - b"[..], &block[..16], COMBINED.as_bytes()].concat()), told);
    assert_eq!(
        auto([&block, COMBINED.as_bytes(), b"\n", COMBINED.as_bytes()].concat()),
        [told.as_str(), TOLD]
    );
    // Within what the client sent they are the client's.
    assert_eq!(
        damaged(COMBINED.replace("ada", "ada\0\0lovelace")),
        "192.0.2.7 ada\0\0lovelace . GET /a 200 512 ."
    );
    assert_eq!(damaged(COMBINED.replace("/a", "/\0a")), "192.0.2.7 ada . GET /\0a 200 512 .");
}

#[test]
fn bytes_of_other_encodings_are_kept_apart() {
    let with = |from: &str, bytes: &[u8]| {
        let (before, behind) = COMBINED.split_once(from).unwrap();
        damaged([before.as_bytes(), bytes, behind.as_bytes()].concat())
    };
    assert_eq!(with("/a", b"/caf\xe9"), "192.0.2.7 ada . GET /caf%E9 200 512 .");
    assert_eq!(with("ada", b"M\xfcller"), r"192.0.2.7 M\xFCller . GET /a 200 512 .");
    assert_eq!(with("ada", br"M\xfcller"), r"192.0.2.7 M\xFCller . GET /a 200 512 .");
    assert_eq!(with("http://e/", b"http://e/\xff"), TOLD);
}

#[test]
fn lines_glued_together_never_bill_one_client_for_another() {
    let other = COMBINED.replace("192.0.2.7 - ada", "192.0.2.8 - bob").replace(" 512 ", " 99999 ");
    assert_eq!(damaged(format!("{COMBINED}{other}")), format!("{TOLD} +glued"));
    // Cut in its request, the first one counts, and the bytes of the second are not its own.
    let cut = COMBINED.find(" HTTP").unwrap();
    let told = damaged(format!("{}{other}", &COMBINED[..cut]));
    assert!(told.starts_with("192.0.2.7 ada . GET "), "{told}");
    assert!(told.ends_with(" 200 . . +glued +size_unknown"), "{told}");
    // Cut behind its request, the target is its own.
    let cut_in_size = COMBINED.find("12 \"http").unwrap();
    let told = damaged(format!("{}{other}", &COMBINED[..cut_in_size]));
    assert_eq!(told, "192.0.2.7 ada . GET /a 200 . . +glued +size_unknown");

    // A writer that is known to escape leaves no doubt.
    let format = r#"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""#;
    assert_eq!(
        Reader::new(format).told(format!("{COMBINED}{other}")),
        [&format!("{TOLD} +glued"), "192.0.2.8 bob . GET /a 200 99999 ."]
    );
    assert_eq!(Reader::new(format).told(format!("{}{other}", &COMBINED[..cut])), ["!glued"]);
}

#[test]
fn where_identity_is_behind_what_a_client_writes_a_doubt_is_on_nobodys_bill() {
    let format = r#"log_format x escape=none '[$time_iso8601] $remote_addr "$request" $status $body_bytes_sent "$remote_user"';"#;
    let reader = Reader::new(format);
    let line = |request: &str| format!(r#"[2015-05-17T10:05:03Z] 192.0.2.7 "{request}" 200 900 "ada""#);
    assert_eq!(reader.told(line("GET /a HTTP/1.1")), ["192.0.2.7 ada . GET /a 200 900 ."]);
    assert_eq!(reader.told(line("GET /\" HTTP/1.1")), ["192.0.2.7 ada . GET /\" 200 900 . +raw_quotes"]);
    assert_eq!(
        reader.told(line(r#"GET /a HTTP/1.1" 200 0 "bob" HTTP/1.1"#)),
        [". . . GET /a HTTP/1.1\" 200 0 \"bob\" 200 900 . +raw_quotes +identity_unknown"]
    );
}

#[test]
fn a_host_that_a_client_wrote_names_no_other_client() {
    let line =
        |host: &str| format!("{host} 192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 5\n");
    let log =
        [line("shop.example"), line("x 203.0.113.9 - victim"), line("x y"), line("203.0.113.9,")].concat();
    assert_eq!(
        Reader::new("vhost_common").told(log),
        [
            "192.0.2.7 . shop.example GET /a 200 5 .",
            ". . . GET /a 200 5 . +identity_unknown",
            "!other_format",
            "!other_format"
        ]
    );
}

#[test]
fn no_name_of_a_user_hides_its_request() {
    let line = |user: &str| {
        format!("shop.example:80 192.0.2.7 - {user} [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 5\n")
    };
    let read = |user: &str| Reader::new("vhost_common").told(line(user)).concat();
    for user in ["victim - other", "a - b - c", "- -", "x -  - y"] {
        assert_eq!(read(user), format!("192.0.2.7 {user} shop.example GET /a 200 5 ."));
    }
    // The same is written where the host is `shop.example:80 192.0.2.7 - x`.
    assert_eq!(read("x 203.0.113.9 - victim"), ". . . GET /a 200 5 . +identity_unknown");
}

#[test]
fn json_that_is_cut_counts_only_with_all_its_fields() {
    let line = r#"{"start_time":"2015-05-17T10:05:03Z","method":"GET","path":"/a","response_code":200,"bytes_sent":512,"downstream_remote_address":"192.0.2.7:1","user_agent":"curl"}"#;
    let told = "192.0.2.7 . . GET /a 200 512 .";
    let all_there = line.find(",\"user_agent").unwrap();
    for end in 1..line.len() {
        let log = format!("{line}\n{}\n", &line[..end]);
        let expected = if end >= all_there { format!("{told} +cut") } else { "!cut_off".to_owned() };
        assert_eq!(auto(&log), [told.to_owned(), expected], "{}", &line[..end]);
    }
}

#[test]
fn a_key_that_comes_twice_does_not_decide_who_pays() {
    let format = "json:time=t,client=ip,user=u,request=r,status=s,bytes_sent=n";
    let line = |agent: &str| {
        format!(
            r#"{{"t":1431857103,"ip":"192.0.2.7","r":"GET /a HTTP/1.1","s":200,"n":5,"agent":"{agent}","u":"ada"}}"#
        )
    };
    let reader = Reader::new(format);
    assert_eq!(reader.told(line("x")), ["192.0.2.7 ada . GET /a 200 5 ."]);
    assert_eq!(reader.told(line(r#"x","u":"bob"#)), [". . . GET /a 200 5 . +identity_unknown"]);
    assert_eq!(reader.told(line(r#"x","n":"0"#)), ["192.0.2.7 ada . GET /a 200 5 ."]);
}

#[test]
fn more_columns_than_names_shift_nothing() {
    let log = "#Fields: date time cs-method cs-uri-stem cs-username c-ip cs(User-Agent) sc-status sc-bytes\n\
2015-05-17 10:05:03 GET /a b ada 192.0.2.7 Mozilla/5.0 200 512\n\
2015-05-17 10:05:03 GET /a ada 192.0.2.7 Mozilla/5.0 (X11; Linux) 200 512\n\
2015-05-17 10:05:03 GET /a ada 192.0.2.7 Mozilla/5.0 200\n\
2015-05-17 10:05:03 GET /a ada\n";
    let told = auto(log);
    assert_eq!(told[1], "192.0.2.7 ada . GET /a 200 512 .");
    assert_eq!(told[2..], ["!cut_off", "!cut_off"]);
    // `b ada` may be the user, or `/a b` the target.
    assert_eq!(told[0], ". . . GET /a 200 512 . +identity_unknown");
}

#[test]
fn what_the_server_writes_behind_an_agent_tells_where_the_agent_ends() {
    let line = |agent: &str| {
        format!(
            r#"[2015-05-17T10:05:03.000Z] "GET /a HTTP/2" 200 - 3 512 7 6 "-" "{agent}" "cc21d9b0" "shop.example" "10.0.2.1:80""#
        )
    };
    for agent in [r#"x" 200 0 "-" "y"#, r#"x" "-" "victim.example" "10.0.2.1:80"#, r"x\", r#"" "" ""#] {
        let told = Reader::new("envoy").told(line(agent)).concat();
        assert!(
            told == ". . shop.example GET /a 200 512 3" || told.ends_with("+identity_unknown"),
            "{agent}: {told}"
        );
        assert!(told.contains("GET /a 200 512 3"), "{agent}: {told}");
    }
    assert_eq!(Reader::new("envoy").told(line(r#"x" 200 0 "-" "y"#)), [". . shop.example GET /a 200 512 3"]);
}

#[test]
fn a_line_full_of_ends_is_read_in_time_and_counts_its_own_bytes() {
    // Each of them has to be tried. A test that compared each with the rest of the line would take minutes.
    let target = r#"" 200 1 "#.repeat(100_000);
    let line = COMBINED.replace("/a ", &format!("/a{target} "));
    for read in [damaged(&line), Reader::new("combined").told(&line).concat()] {
        assert!(read.ends_with(" 200 512 . +raw_quotes"), "{}", &read[read.len() - 60..]);
    }
}
