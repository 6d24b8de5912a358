//! One small log of each format, as its server writes it.

use crate::reading::{auto, Reader};

/// 17 May 2015, 10:05:03 UTC.
const TIME_MS: u64 = 1_431_857_103_000;

fn times(log: &str) -> Vec<u64> {
    Reader::new("auto").read(log.as_bytes()).into_iter().map(|(_, time)| time).collect()
}

#[test]
fn common_and_combined() {
    let common = r#"192.0.2.7 - ada [17/May/2015:12:05:03 +0200] "GET /a?b HTTP/1.1" 200 512"#;
    let combined = format!(r#"{common} "http://example.org/\"q\"" "Agent/1.0 (x; y)""#);
    let expected = ["192.0.2.7 ada . GET /a?b 200 512 ."];
    for log in
        [common.to_owned(), combined.clone(), format!("{combined}\r\n"), format!(r#"{combined} "-" 0.045"#)]
    {
        assert_eq!(auto(&log), expected, "{log}");
        assert_eq!(times(&log), [TIME_MS]);
    }
    for format in ["common", "combined"] {
        assert_eq!(Reader::new(format).told(&combined), expected);
        assert_eq!(Reader::new(format).told(format!(r#"{combined} "-" rt=0.1"#)), expected);
    }
    assert_eq!(
        Reader::new("combined").keep("header:user-agent").keep("header:Referer").told(&combined),
        [r#"192.0.2.7 ada . GET /a?b 200 512 . [Agent/1.0 (x; y)] [http://example.org/"q"]"#]
    );
}

#[test]
fn with_a_virtual_host_in_front() {
    let log = "shop.example:443 192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 512 \"-\" \"curl\"\n\
               api.example:80 2001:db8::7 - ada [17/May/2015:10:05:03 +0000] \"GET /b HTTP/2.0\" 304 - \"-\" \"curl\"\n";
    let expected =
        ["192.0.2.7 . shop.example GET /a 200 512 .", "2001:db8::7 ada api.example GET /b 304 0 ."];
    assert_eq!(auto(log), expected);
    assert_eq!(Reader::new("vhost_combined").told(log), expected);
    assert_eq!(Reader::new("vhost_common").told(log), expected);
}

#[test]
fn behind_what_a_shipper_writes() {
    let line = r#"192.0.2.8 - ada [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 10 "-" "curl""#;
    for prefix in [
        "nginx-1  | ",
        "2024-07-30T00:06:21.123456789Z stdout F ",
        "Jul 30 00:06:21 web1 nginx: ",
        "<190>Jul 30 00:06:21 web1 nginx: ",
        "<190>1 2024-07-30T00:06:21.123Z web1 nginx 7 - - \u{feff}",
        r#"<190>1 2024-07-30T00:06:21.123Z web1 nginx 7 - [id@1 key="[a] \"b\""] "#,
        "<190>1 - - - - - - ",
        "2024-07-30T00:06:21.123456789Z ",
        "nginx-1  | 2024-07-30T00:06:21.123456789Z ",
        "[pod/web-7c5ddbdf54-x2x8q/nginx] ",
    ] {
        let log = format!("{prefix}{line}\n");
        assert_eq!(auto(&log), ["192.0.2.8 ada . GET /a 200 10 ."], "{prefix}");
        assert_eq!(Reader::new("combined").told(&log), ["192.0.2.8 ada . GET /a 200 10 ."], "{prefix}");
    }
    let (first, second) = line.split_at(30);
    let log = format!(
        "2024-07-30T00:06:21.123456789Z stdout F {line}\n2024-07-30T00:06:21.123456789Z stdout F {line}\n2024-07-30T00:06:21.123456789Z stdout P {first}\n\
         2024-07-30T00:06:21.123456789Z stdout F {second}\n"
    );
    assert_eq!(auto(&log), ["192.0.2.8 ada . GET /a 200 10 ."; 3]);
}

#[test]
fn caddy() {
    let log = r#"{"level":"info","ts":1431857103.25,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"192.0.2.7","remote_port":"41342","client_ip":"198.51.100.2","proto":"HTTP/2.0","method":"GET","host":"shop.example:8443","uri":"/a?b=\u00e9","headers":{"User-Agent":["curl/7.82.0"],"X-Tenant":["acme"]},"tls":{"resumed":false}},"bytes_read":7,"user_id":"","duration":0.0009,"size":10900,"status":200,"resp_headers":{"Server":["Caddy"]}}
{"level":"info","ts":"2015-05-17T10:05:03.250Z","msg":"handled request","request":{"remote_addr":"[2001:db8::7]:4711","proto":"HTTP/1.1","method":"PUT","host":"shop.example","uri":"/b","headers":{}},"user_id":"ada","size":1,"status":0}
"#;
    let expected = [
        "198.51.100.2 . shop.example GET /a?b=é 200 10900 7 [acme]",
        "[2001:db8::7] ada shop.example PUT /b . 1 . [.]",
    ];
    let reader = Reader::new("auto").keep("header:x-tenant");
    assert_eq!(reader.told(log), expected);
    assert_eq!(times(log), [TIME_MS + 250; 2]);
    assert_eq!(Reader::new("caddy").keep("field:request.headers.X-Tenant[0]").told(log), expected);
}

#[test]
fn traefik() {
    let log = r#"{"ClientAddr":"192.0.2.7:41342","ClientHost":"192.0.2.7","ClientPort":"41342","ClientUsername":"-","DownstreamContentSize":512,"DownstreamStatus":200,"Duration":1,"OriginContentSize":99,"RequestAddr":"shop.example:443","RequestContentSize":3,"RequestHost":"shop.example","RequestMethod":"GET","RequestPath":"/a","RequestProtocol":"HTTP/1.1","StartLocal":"2015-05-17T12:05:03+02:00","StartUTC":"2015-05-17T10:05:03Z","request_X-Tenant":"acme","time":"2015-05-17T10:05:04Z"}"#;
    let expected = ["192.0.2.7 . shop.example GET /a 200 512 3 [acme]"];
    assert_eq!(Reader::new("auto").keep("header:X-Tenant").told(log), expected);
    assert_eq!(Reader::new("traefik").keep("header:X-Tenant").told(log), expected);
    assert_eq!(times(log), [TIME_MS]);
}

#[test]
fn envoy_and_istio() {
    let json = r#"{"start_time":"2015-05-17T10:05:03.000Z","method":"GET","path":"/a","protocol":"HTTP/2","response_code":200,"bytes_received":3,"bytes_sent":512,"duration":7,"downstream_remote_address":"192.0.2.7:41342","authority":"shop.example","x_forwarded_for":null,"user_agent":"curl"}"#;
    let text = r#"[2015-05-17T10:05:03.000Z] "GET /a HTTP/2" 200 - 3 512 7 6 "192.0.2.99" "curl" "cc21d9b0" "shop.example" "tcp://10.0.2.1:80""#;
    let istio = r#"[2015-05-17T10:05:03.000Z] "GET /a HTTP/1.1" 200 - via_upstream - "-" 3 512 7 6 "192.0.2.99" "curl" "cc21d9b0" "shop.example" "10.0.2.1:80" outbound|80||x 10.0.1.2:41002 10.0.1.3:80 192.0.2.7:41342 - default"#;
    assert_eq!(auto(json), ["192.0.2.7 . shop.example GET /a 200 512 3"]);
    assert_eq!(auto(text), [". . shop.example GET /a 200 512 3"]);
    assert_eq!(auto(istio), ["192.0.2.7 . shop.example GET /a 200 512 3"]);
    for log in [json, text, istio] {
        assert_eq!(times(log), [TIME_MS]);
    }
}

#[test]
fn json_of_nginx_and_of_ones_own_keys() {
    let log = r#"{"time_iso8601":"2015-05-17T10:05:03+00:00","remote_addr":"192.0.2.7","remote_user":"","request":"GET /a\"b HTTP/1.1","status":"200","body_bytes_sent":"512","http_host":"shop.example","http_x_tenant":"acme","request_length":"90"}
{"time_iso8601":"2015-05-17T10:05:03+00:00","remote_addr":"192.0.2.7","remote_user":"ada","request":"","status":"400","body_bytes_sent":"0","http_host":"","http_x_tenant":"","request_length":"0"}
"#;
    assert_eq!(
        Reader::new("auto").keep("header:X-Tenant").told(log),
        [r#"192.0.2.7 . shop.example GET /a"b 200 512 90 [acme]"#, "192.0.2.7 ada . . . 400 0 0 [.]"]
    );
    let own = r#"{"t":1431857103000,"who":{"ip":"192.0.2.7","name":"ada"},"m":"GET","u":"/a","code":200,"n":512,"tenant.id":"acme"}"#;
    let format = "json:time=t,client=who.ip,user=who.name,method=m,target=u,status=code,bytes_sent=n";
    assert_eq!(
        Reader::new(format).keep("field:tenant.id").told(own),
        ["192.0.2.7 ada . GET /a 200 512 . [acme]"]
    );
}

#[test]
fn dockers_wrapper() {
    let line = |log: &str| {
        format!("{{\"log\":\"{log}\",\"stream\":\"stdout\",\"time\":\"2015-05-17T10:05:04.1Z\"}}\n")
    };
    let clf =
        r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 512 \"-\" \"curl \\\"x\\\"\""#;
    let log = [line(&format!("{clf}\\n")), line(&clf[..50]), line(&format!("{}\\n", &clf[50..]))].concat();
    for format in ["auto", "docker", "docker:combined"] {
        assert_eq!(Reader::new(format).told(&log), ["192.0.2.7 . . GET /a 200 512 ."; 2], "{format}");
    }
    let inner = r#"{\"start_time\":\"2015-05-17T10:05:03Z\",\"method\":\"GET\",\"path\":\"/a\",\"response_code\":200,\"bytes_sent\":5}\n"#;
    assert_eq!(auto(line(inner)), [". . . GET /a 200 5 ."]);
    let compose = line(&format!("web-1  | {clf}\\n"));
    assert_eq!(auto(&compose), ["192.0.2.7 . . GET /a 200 512 ."]);
}

#[test]
fn lines_in_pieces_are_joined_by_their_stream() {
    let whole = r#"192.0.2.7 - ada [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512"#;
    let (first, second) = whole.split_at(30);
    let docker = |log: &str, stream: &str| {
        format!("{{\"log\":\"{}\",\"stream\":\"{stream}\"}}\n", log.replace('"', "\\\""))
    };
    let log = [
        docker(first, "stdout"),
        docker("an er", "stderr"),
        docker(&format!("{second}\\n"), "stdout"),
        docker("ror\\n", "stderr"),
    ]
    .concat();
    let told = "192.0.2.7 ada . GET /a 200 512 .";
    assert_eq!(Reader::new("docker:common").told(log), [told, "!cut_off"]);
    let kubernetes =
        |stream: &str, tag: &str, text: &str| format!("2024-07-30T00:06:21Z {stream} {tag} {text}\n");
    let log = [
        kubernetes("stdout", "F", whole).repeat(3),
        kubernetes("stdout", "P", first),
        kubernetes("stderr", "F", "an error"),
        kubernetes("stdout", "F", second),
    ]
    .concat();
    assert_eq!(auto(log), [told, told, told, "!cut_off", told]);
}

#[test]
fn json_lines_glued_together_are_all_read() {
    let line = |user: &str| {
        format!(
            r#"{{"ts":1431857103,"request":{{"remote_ip":"192.0.2.7","method":"GET","host":"e","uri":"/a"}},"user_id":"{user}","size":5,"status":200}}"#
        )
    };
    let told = |user: &str, end: &str| format!("192.0.2.7 {user} e GET /a 200 5 .{end}");
    let (ada, bob) = (line("ada"), line("bob"));
    assert_eq!(
        auto(format!("{ada}\n{ada}{bob}{ada}\n{ada},\n")),
        [told("ada", ""), told("ada", " +glued"), told("bob", " +glued"), told("ada", ""), told("ada", ""),]
    );
    let cut = format!("{ada}\n{ada}{}\n", &bob[..40]);
    assert_eq!(
        Reader::new("caddy").told(cut),
        [told("ada", ""), told("ada", " +glued"), "!cut_off".to_owned()]
    );
    // Whether the writer of other keys escapes is not known: a client could have written the second.
    let own = "json:time=ts,client=request.remote_ip,user=user_id,method=request.method,target=request.uri,status=status,bytes_sent=size";
    assert_eq!(Reader::new(own).told(format!("{ada}{bob}")), ["192.0.2.7 ada . GET /a 200 5 . +glued"]);
}

#[test]
fn w3c_with_day_and_time_in_one_column() {
    let log = "#Fields: date-time c-ip cs-method cs-uri-stem sc-status\n2015-05-17T10:05:03Z 192.0.2.7 GET /a 200\n";
    assert_eq!(auto(log), ["192.0.2.7 . . GET /a 200 . ."]);
    assert_eq!(times(log), [TIME_MS]);
}

#[test]
fn w3c_of_iis_and_cloudfront() {
    let iis = "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2015-05-17 10:05:03\r\n\
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-bytes cs-bytes\r\n\
2015-05-17 10:05:03 10.0.0.1 GET /a b=1 443 SHOP\\ada 192.0.2.7 Mozilla/5.0+(X11) 200 512 90\r\n\
2015-05-17 10:05:03 10.0.0.1 GET /a - 443 - 192.0.2.7 - 200 512 90\r\n\
#Fields: date time c-ip cs-username cs-host cs-method cs-uri-stem sc-status\r\n\
2015-05-17 10:05:03 192.0.2.7 - shop.example POST /b 500\r\n";
    assert_eq!(
        auto(iis),
        [
            "192.0.2.7 SHOP\\ada . GET /a?b=1 200 512 90",
            "192.0.2.7 . . GET /a 200 512 90",
            "192.0.2.7 . shop.example POST /b 500 . ."
        ]
    );
    assert_eq!(times(iis), [TIME_MS; 3]);
    let cloudfront = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query x-host-header cs-bytes\n\
2015-05-17\t10:05:03\tFRA2\t512\t192.0.2.7\tGET\td111.cloudfront.example\t/a\t200\t-\tMozilla/5.0%20(X11)\t-\tshop.example\t90\n";
    assert_eq!(
        Reader::new("cloudfront").keep("header:user-agent").told(cloudfront),
        ["192.0.2.7 . shop.example GET /a 200 512 90 [Mozilla/5.0%20(X11)]"]
    );
    assert_eq!(auto(cloudfront), ["192.0.2.7 . shop.example GET /a 200 512 90"]);
    assert_eq!(Reader::new("w3c").told("2015-05-17 10:05:03 192.0.2.7\n"), ["!other_format"]);
}

#[test]
fn load_balancers_of_aws() {
    let alb = r#"https 2015-05-17T10:05:03.000000Z app/my-lb/50dc6c495c0c9188 192.0.2.7:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 90 512 "GET https://shop.example:443/a HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/t/73e2 "Root=1-58337281-1d84f3d73c47ec4e58577259" "shop.example" "arn:aws:acm:x" 1 2015-05-17T10:05:02.000000Z "authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-""#;
    let elb = r#"2015-05-17T10:05:03.000000Z my-lb 192.0.2.7:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 90 512 "GET http://shop.example:80/a HTTP/1.1" "curl/7.38.0" - -"#;
    assert_eq!(auto(alb), ["192.0.2.7 . shop.example GET https://shop.example:443/a 200 512 90"]);
    assert_eq!(auto(elb), ["192.0.2.7 . shop.example GET http://shop.example:80/a 200 512 90"]);
    for (format, log) in [("alb", alb), ("elb", elb)] {
        assert_eq!(Reader::new(format).told(log), auto(log));
        assert_eq!(times(log), [TIME_MS]);
    }
    assert_eq!(
        Reader::new("alb").keep("field:trace_id").told(alb)[0].split(" [").nth(1),
        Some("Root=1-58337281-1d84f3d73c47ec4e58577259]")
    );
}

#[test]
fn s3() {
    let log = r#"79a59df900b949e5 shop-bucket [17/May/2015:10:05:03 +0000] 192.0.2.7 arn:aws:iam::123456789012:user/ada 3E57427F3EXAMPLE REST.GET.OBJECT photos/a.jpg "GET /photos/a.jpg HTTP/1.1" 200 - 512 512 7 6 "-" "S3Console/0.4 "quoted"" - x= SigV4 ECDHE AuthHeader s3.example TLSv1.2 - -
79a59df900b949e5 shop-bucket [17/May/2015:10:05:03 +0000] - AmazonS3 3E57427F3EXAMPLE S3.EXPIRE.OBJECT photos/b.jpg "-" - - - 9 - - "-" "-" - x= - - - - - - -
"#;
    assert_eq!(
        auto(log),
        [
            "192.0.2.7 arn:aws:iam::123456789012:user/ada shop-bucket GET /photos/a.jpg 200 512 .",
            ". AmazonS3 shop-bucket . . . 0 ."
        ]
    );
    assert_eq!(times(log), [TIME_MS; 2]);
}

#[test]
fn haproxy() {
    let line = r#"192.0.2.7:33317 [17/May/2015:10:05:03.250] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {shop.example|curl} {} "GET /a#22b HTTP/1.1""#;
    let bad = r#"192.0.2.7:33318 [17/May/2015:10:05:03.250] http-in http-in/<NOSRV> -1/-1/-1/-1/0 400 +187 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>""#;
    let expected = ["192.0.2.7 . . GET /a%22b 200 2750 .", "192.0.2.7 . . . . 400 187 ."];
    for prefix in [
        "",
        "haproxy[14389]: ",
        "Feb  6 12:14:14 localhost haproxy[14389]: ",
        "<134>Feb  6 12:14:14 localhost haproxy[14389]: ",
    ] {
        let log = format!("{prefix}{line}\n{prefix}{bad}\n");
        for format in ["auto", "haproxy"] {
            let read = Reader::new(format).zone("UTC").read(log.as_bytes());
            assert_eq!(read.iter().map(|(told, _)| told).collect::<Vec<_>>(), expected, "{format} {prefix}");
            assert_eq!(read[0].1, TIME_MS + 250);
        }
    }
}

#[test]
fn packed_logs_are_unpacked() {
    let text = "192.0.2.7 - ada [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 512\r\n";
    let expected = ["192.0.2.7 ada . GET /a 200 512 ."];
    let utf16: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(auto(utf16), expected);
    assert_eq!(auto(format!("\u{feff}{text}")), expected);
    assert_eq!(auto(zstd::encode_all(text.as_bytes(), 1).unwrap()), expected);
}
