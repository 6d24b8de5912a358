//! Logs of other formats than common and combined, packed and damaged ones, and the tenants that they allow.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{binary::Folder, import::sums};

/// Requests by tenant after an import.
fn tenants(log: impl AsRef<[u8]>, arguments: &[&str]) -> BTreeMap<String, u64> {
    let folder = Folder::new();
    folder.write("access.log", log);
    let mut command = vec!["import", "--json", "access.log"];
    command.extend(arguments);
    let summary = folder.json(&command);
    assert_eq!(summary["conserved"], true, "{summary}");
    sums(&folder, &["tenant"], "requests").into_iter().map(|(key, count)| (key.concat(), count)).collect()
}

fn expected<const N: usize>(tenants: [(&str, u64); N]) -> BTreeMap<String, u64> {
    tenants.into_iter().map(|(tenant, count)| (tenant.to_owned(), count)).collect()
}

const VHOST: &str = "shop.example:443 192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 512 \"-\" \"curl\"\n\
    SHOP.example:443 192.0.2.8 - ada [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 512 \"-\" \"curl\"\n\
    api.example:443 ::ffff:192.0.2.7 - - [17/May/2015:10:05:04 +0000] \"GET /a HTTP/1.1\" 200 512 \"-\" \"curl\"\n";

#[test]
fn a_virtual_host_can_be_the_tenant_and_is_never_the_client() {
    assert_eq!(tenants(VHOST, &["--tenant", "vhost"]), expected([("shop.example", 2), ("api.example", 1)]));
    assert_eq!(tenants(VHOST, &["--tenant", "user"]), expected([("anonymous", 2), ("ada", 1)]));
    let clients = tenants(VHOST, &["--tenant", "host-hash"]);
    assert_eq!(clients.values().copied().collect::<std::collections::BTreeSet<_>>(), [1, 2].into());
}

#[test]
fn a_header_can_be_the_tenant_where_the_format_has_it() {
    let log = "192.0.2.7 [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 5 \"acme\"\n\
               192.0.2.7 [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 5 \"-\"\n";
    let format =
        r#"log_format t '$remote_addr [$time_local] "$request" $status $body_bytes_sent "$http_x_tenant"';"#;
    let by_header = tenants(log, &["--format", format, "--tenant", "header:X-Tenant"]);
    assert_eq!(by_header, expected([("acme", 1), ("anonymous", 1)]));
    let caddy = r#"{"ts":1431857103.25,"request":{"client_ip":"192.0.2.7","method":"GET","host":"shop.example","uri":"/a","headers":{"X-Tenant":["acme"]}},"size":5,"status":200}"#;
    assert_eq!(tenants(caddy, &["--tenant", "header:x-tenant"]), expected([("acme", 1)]));
    assert_eq!(tenants(caddy, &["--tenant", "field:request.host"]), expected([("shop.example", 1)]));
}

#[test]
fn users_that_are_addresses_of_mail_are_told_apart_by_pseudonyms() {
    let line =
        |user: &str| format!("192.0.2.7 - {user} [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 1\n");
    let log = ["ada@example.org", "bob@example.org", "10.1.2.3", "ada@example.org", "-"].map(line).concat();
    let hashed = tenants(&log, &["--tenant", "user-hash"]);
    assert_eq!(hashed.len(), 4);
    assert_eq!(hashed["anonymous"], 1);
    assert!(hashed.keys().all(|tenant| !tenant.contains("example")));

    let folder = Folder::new();
    folder.write("access.log", &log);
    let out = folder.done(&["import", "--tenant", "user", "access.log"]);
    assert!(out.contains("refused     tenant: looks like personal data"), "{out}");
    assert!(out.contains("--tenant user-hash"), "{out}");
}

#[test]
fn users_named_like_reserved_words_are_none() {
    let line =
        |user: &str| format!("192.0.2.7 - {user} [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 1\n");
    let users = ["-", "anonymous", "~overflow", "~redacted", " ada", "ada", "Ada", "ada "];
    let by_user = tenants(users.map(line).concat(), &["--tenant", "user"]);
    assert_eq!(by_user.len(), users.len(), "{by_user:?}");
    assert!(by_user.values().all(|count| *count == 1), "{by_user:?}");
}

#[test]
fn more_tenants_are_told_apart_on_demand() {
    let line = |number: u32| {
        format!("192.0.2.7 - u{number} [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 1\n")
    };
    let log: String = (10..20).map(line).collect();
    let few = tenants(&log, &["--tenant", "user", "--tenants-max", "4"]);
    assert!(few["~overflow"] >= 5, "{few:?}");
    assert_eq!(tenants(&log, &["--tenant", "user", "--tenants-max", "10"]).len(), 10);
}

#[test]
fn times_without_a_zone_wait_for_one() {
    let folder = Folder::new();
    folder.write("access.log", "192.0.2.7 - - [17/May/2015 10:05:03] \"GET /a HTTP/1.1\" 200 5\n");
    let ended = folder.run(&["import", "access.log"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("--time-zone"), "{}", ended.err);
    assert_eq!(folder.names(), ["access.log"]);
    folder.done(&["import", "--time-zone", "Europe/Berlin", "access.log"]);
    let windows = sums(&folder, &["window"], "requests");
    assert_eq!(windows, [(vec!["2015-05-17T08:05:00Z".to_owned()], 1)].into());
    let pattern = [
        "import",
        "--ledger",
        "p.db",
        "--time-zone",
        "UTC",
        "--time-format",
        "%d/%b/%Y %H:%M:%S",
        "access.log",
    ];
    folder.done(&pattern);
}

#[test]
fn damage_is_counted_and_named() {
    let line = "192.0.2.7 - ada [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 512 \"-\" \"curl\"";
    let folder = Folder::new();
    let mut lines = vec![line; 20];
    let raw = line.replace("/a", "/a\"");
    lines.extend([&line[..line.len() - 3], &raw, &line[..line.len() - 20], ""]);
    let log = lines.join("\n");
    folder.write("access.log", log);
    let summary = folder.json(&["import", "--json", "access.log"]);
    assert_eq!(summary["files"][0]["format"], "combined");
    assert_eq!(summary["remarks"], json!({ "cut": 1, "raw_quotes": 1 }));
    assert_eq!(summary["skipped"], json!({ "cut_off": 1 }));
    assert_eq!(summary["totals"], json!({ "requests": 22, "bytes_in": 0, "bytes_out": 22 * 512 }));
    let out = folder.done(&["import", "access.log"]);
    assert!(out.contains("remarks     1 cut, 1 raw_quotes\n"), "{out}");
}

#[test]
fn a_file_of_another_kind_is_refused_with_what_it_is() {
    let folder = Folder::new();
    for (name, content, expected) in [
        ("error.log", "2024/07/30 00:06:21 [error] 7#7: *1 open() failed\n", "error log"),
        ("data.json", "{\"a\":1}\n", "json:time=KEY"),
        ("archive.bz2", "BZh91AY&SY", "bzcat"),
    ] {
        folder.write(name, content);
        let ended = folder.run(&["import", name]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{name}");
        assert!(ended.err.contains(name) && ended.err.contains(expected), "{}", ended.err);
    }
    folder.write("alien.log", VHOST);
    let ended = folder.run(&["import", "--format", "combined", "alien.log"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("it seems to be vhost_combined"), "{}", ended.err);
    assert_eq!(folder.names(), ["alien.log", "archive.bz2", "data.json", "error.log"], "no ledger was made");
}

#[test]
fn bytes_of_requests_are_counted_where_the_format_has_them() {
    let folder = Folder::new();
    let line = |second: u32, received: &str| {
        format!("192.0.2.7 [17/May/2015:10:00:{second:02} +0000] \"GET /a HTTP/1.1\" 200 5 {received}\n")
    };
    folder.write("access.log", [line(0, "100"), line(1, "23"), line(2, "-")].concat());
    let format = "$remote_addr [$time_local] \"$request\" $status $body_bytes_sent $request_length";
    let summary = folder.json(&["import", "--json", "--format", format, "access.log"]);
    assert_eq!(summary["totals"], json!({ "requests": 3, "bytes_in": 123, "bytes_out": 15 }));
    assert_eq!((&summary["acknowledged"], &summary["conserved"]), (&summary["totals"], &json!(true)));
    let received = folder.json(&["usage", "--format", "json", "--dimension", "bytes_in"]);
    assert_eq!(received[0]["inc"], 123);
}
