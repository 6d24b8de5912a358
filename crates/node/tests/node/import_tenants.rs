//! Whose usage it is, and that clients stay unknown.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{binary::Folder, import::sums, sample_log::SampleLog};

fn tenants(folder: &Folder) -> BTreeMap<String, u64> {
    sums(folder, &["tenant"], "requests").into_iter().map(|(key, count)| (key.concat(), count)).collect()
}

#[test]
fn users_are_tenants() {
    let folder = Folder::new();
    let log = SampleLog::new(500);
    folder.write("access.log", &log.text);
    folder.done(&["import", "--tenant", "user", "access.log"]);
    assert_eq!(tenants(&folder), log.by_user);
}

#[test]
fn personal_data_in_the_place_of_a_user_is_refused() {
    let folder = Folder::new();
    let line = |user| format!("192.0.2.7 - {user} [17/May/2015:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 1\n");
    let users = ["ada@example.org", "198.51.100.9", "2001:db8::17", "ada"];
    folder.write("access.log", users.map(line).concat());
    let summary = folder.json(&["import", "--json", "--tenant", "user", "access.log"]);
    assert_eq!(summary["label_sets_replaced"], 3);
    let refused: Vec<_> = summary["refused"].as_array().unwrap().iter().collect();
    let told = |index: usize, field| refused[index][field].as_str().unwrap();
    assert_eq!((told(0, "kind"), &refused[0]["label_sets"]), ("an IP address", &json!(2)));
    assert_eq!((told(1, "kind"), &refused[1]["label_sets"]), ("an e-mail address", &json!(1)));
    for index in [0, 1] {
        assert_eq!((told(index, "label"), told(index, "reason")), ("tenant", "looks like personal data"));
        assert!(told(index, "remedy").contains("--tenant user-hash"));
    }
    let text = folder.done(&["import", "--tenant", "user", "access.log"]);
    let line = "refused     tenant: looks like personal data (an IP address), in 2 raw label sets; --tenant user-hash";
    assert!(text.contains(line), "{text}");
    assert_eq!(tenants(&folder), [("ada".to_owned(), 1), ("~redacted".to_owned(), 3)].into());
}

/// Every byte that an import leaves behind.
fn bytes_left(folder: &Folder) -> Vec<u8> {
    let names = folder.names().into_iter().filter(|name| name != "access.log");
    names.flat_map(|name| std::fs::read(folder.path(&name)).unwrap()).collect()
}

#[test]
fn no_client_address_is_left_anywhere() {
    let log = SampleLog::new(400);
    for rule in ["=acme", "user", "host-hash"] {
        let folder = Folder::new();
        folder.write("access.log", &log.text);
        folder.done(&["import", "--tenant", rule, "access.log"]);
        let left = bytes_left(&folder);
        assert!(left.len() > 10_000);
        for address in &log.addresses {
            let found = left.windows(address.len()).any(|window| window == address.as_bytes());
            assert!(!found, "{rule}: {address}");
        }
    }
}

#[test]
fn a_pseudonym_stands_for_each_client() {
    let folder = Folder::new();
    let log = SampleLog::new(400);
    folder.write("access.log", &log.text);
    folder.done(&["import", "--tenant", "host-hash", "access.log"]);
    let first = tenants(&folder);
    assert_eq!(first.len(), log.addresses.len());
    for tenant in first.keys() {
        let digits = tenant.strip_prefix('h').unwrap();
        assert!(digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{tenant}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.path("usage.db.hash-key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    // The key is kept, so the same log is the same import. Another key makes other names.
    let again = folder.json(&["import", "--json", "--tenant", "host-hash", "access.log"]);
    assert_eq!(again["nothing_new"], true);
    folder.write("key", "another key of sixteen bytes or more");
    let other = [
        "import",
        "--json",
        "--tenant",
        "host-hash",
        "--hash-key-file",
        "key",
        "--again-as",
        "key",
        "access.log",
    ];
    let other = folder.json(&other);
    assert_eq!(other["nothing_new"], false);
    assert_ne!(other["files"], again["files"], "another key makes another origin");
    assert_eq!(tenants(&folder).len(), 2 * log.addresses.len());
    let mut command = folder.command(&["import", "--tenant", "host-hash", "--again-as", "key", "access.log"]);
    command.env("RON_ACCOUNTING_HASH_KEY", "another key of sixteen bytes or more");
    let out = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(out.contains("nothing new"), "file and variable with the same key are one: {out}");
}

#[test]
fn one_name_in_two_spellings_of_unicode_is_one_tenant_and_lookalikes_are_not() {
    let folder = Folder::new();
    let line = |user| format!("192.0.2.7 - {user} [17/May/2015:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 1\n");
    // Composed, decomposed, and with a Cyrillic letter.
    folder.write("access.log", ["jos\u{e9}", "jose\u{301}", "\u{430}da", "ada"].map(line).concat());
    folder.done(&["import", "--tenant", "user", "access.log"]);
    let expected = [("jos\u{e9}", 2), ("\u{430}da", 1), ("ada", 1)];
    assert_eq!(tenants(&folder), expected.map(|(name, count)| (name.to_owned(), count)).into());
}

#[test]
fn a_log_that_has_nothing_of_what_the_rule_asks_for_is_refused() {
    let folder = Folder::new();
    folder.write(
        "combined.log",
        "192.0.2.7 - - [17/May/2015:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 1 \"-\" \"curl\"\n",
    );
    folder.write(
        "envoy.log",
        "[2015-05-17T10:05:03.000Z] \"GET /a HTTP/2\" 200 - 3 512 7 6 \"-\" \"curl\" \"1\" \"shop.example\" \"10.0.2.1:80\"\n",
    );
    for (rule, log, what) in [
        ("vhost", "combined.log", "no host"),
        ("host-hash", "envoy.log", "no client"),
        ("user", "envoy.log", "no user"),
        ("user-hash", "envoy.log", "no user"),
    ] {
        let ended = folder.run(&["import", "--tenant", rule, log]);
        assert_eq!(ended.code, Some(2), "{rule}: {}", ended.err);
        assert!(ended.err.contains(what) && ended.err.contains("--format"), "{}", ended.err);
        assert!(!folder.path("usage.db").exists());
    }
    folder.done(&["import", "--tenant", "vhost", "envoy.log"]);
    assert_eq!(tenants(&folder), [("shop.example".to_owned(), 1)].into());
}

#[test]
fn a_host_that_is_named_like_lines_without_one_stays_apart() {
    let folder = Folder::new();
    let line =
        |host| format!("{host} 192.0.2.7 - - [17/May/2015:10:00:00 +0000] \"GET ?q HTTP/1.1\" 200 1\n");
    folder.write("access.log", ["anonymous", "-:80", "Shop.Example:443"].map(line).concat());
    folder.done(&["import", "--tenant", "vhost", "--format", "vhost_common", "access.log"]);
    let expected = [("%61nonymous", 1), ("anonymous", 1), ("shop.example", 1)];
    assert_eq!(tenants(&folder), expected.map(|(name, count)| (name.to_owned(), count)).into());
}

#[test]
fn more_tenants_than_are_remembered_lose_nothing() {
    const TENANTS: u32 = 9_000;
    let folder = Folder::new();
    // Each in an hour of its own group, and each 700th again when it is forgotten.
    let visits = (0..TENANTS).chain((0..TENANTS).step_by(700)).enumerate();
    let line = |(number, user): (usize, u32)| {
        let (day, hour) = (number / 300 / 24 + 17, number / 300 % 24);
        format!("192.0.2.7 - user-{user} [{day}/May/2015:{hour:02}:00:00 +0000] \"GET /a HTTP/1.1\" 200 1\n")
    };
    folder.write("access.log", visits.map(line).collect::<String>());
    let summary = folder.json(&["import", "--json", "--tenant", "user", "--window", "1h", "access.log"]);
    assert_eq!(summary["conserved"], true, "{summary}");
    let tenants = tenants(&folder);
    assert_eq!(tenants.len(), TENANTS as usize);
    assert!((0..TENANTS).all(|user| tenants[&format!("user-{user}")] == 1 + u64::from(user % 700 == 0)));
}
