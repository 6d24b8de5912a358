//! Which routes are counted: the host's, the one for all other paths, or what was learned?
#![cfg(feature = "normalize")]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

use std::{collections::BTreeMap, ffi::OsString, fs, sync::Barrier, thread};

use ron_accounting::{labels, normalize::RouteList, AccError, Accounting, AccountingBuilder};

fn with(variables: &[(&str, OsString)]) -> Result<AccountingBuilder, AccError> {
    let lookup =
        |asked: &str| variables.iter().find(|(name, _)| *name == asked).map(|(_, value)| value.clone());
    Accounting::builder().manual_at(0).variables(lookup)
}

fn count(acc: &Accounting, path: &str) {
    acc.incr_request(&labels().tenant("acme").route(path));
}

/// Requests by route.
fn by_route(acc: &Accounting) -> BTreeMap<String, u64> {
    let snapshot = acc.snapshot();
    let entries = snapshot.entries();
    entries.map(|entry| (entry.labels().unwrap().route.to_owned(), entry.requests())).collect()
}

#[test]
fn a_position_with_too_many_values_becomes_a_parameter_and_nothing_is_lost() {
    let acc = Accounting::builder().manual_at(0).route_values_max(128).build().unwrap();
    let name = |n: u32| {
        let digits =
            [n / 676, n / 26 % 26, n % 26].map(|digit| char::from(b'a' + u8::try_from(digit).unwrap()));
        format!(
            "/files/{}",
            ["holiday", "wedding", "garden"].map(|word| format!("{word}{}", digits[0])).concat()
        ) + &String::from_iter(digits)
    };
    for n in 0..1912 {
        count(&acc, &name(n));
    }
    let learned = acc.stats().routes.unwrap();
    assert_eq!(learned.turned[0].to_string(), "/files/:name, 1,912 values seen");
    let routes = by_route(&acc);
    assert_eq!((routes.len(), routes["/files/:name"], routes.values().sum::<u64>()), (129, 1912 - 128, 1912));
    assert_eq!(acc.stats().engine.label_sets, 129);

    // What the thread remembered is under the new name from its next first sight of a path on.
    count(&acc, "/else");
    count(&acc, &name(0));
    assert_eq!(by_route(&acc)["/files/:name"], 1912 - 128 + 1);
}

#[test]
fn threads_learn_together_and_count_each_request_once() {
    const THREADS: usize = 4;
    let acc = Accounting::builder().manual_at(0).route_values_max(8).build().unwrap();
    let words = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let paths: Vec<String> =
        words.iter().flat_map(|one| words.iter().map(move |two| format!("/files/w{one}{two}x"))).collect();
    let (paths, start) = (&paths, &Barrier::new(THREADS));
    thread::scope(|scope| {
        for first in 0..THREADS {
            let acc = acc.clone();
            scope.spawn(move || {
                start.wait();
                for round in 0..3 {
                    for path in paths.iter().cycle().skip(first * 31 + round).take(paths.len()) {
                        count(&acc, path);
                    }
                }
            });
        }
    });
    let routes = by_route(&acc);
    assert_eq!(routes.values().sum::<u64>(), (THREADS * 3 * paths.len()) as u64);
    // At most as many names as a position may show are left of the time before.
    assert!(routes.len() <= 8 + 1, "{routes:?}");
    assert_eq!(acc.stats().routes.unwrap().turned[0].values_seen, paths.len());
}

#[test]
fn a_meter_keeps_the_label_set_that_it_was_made_for() {
    let acc = Accounting::builder().manual_at(0).route_values_max(1).build().unwrap();
    let meter = acc.meter(&labels().tenant("acme").route("/files/holiday"));
    count(&acc, "/files/wedding");
    count(&acc, "/files/garden");
    meter.incr_request();
    count(&acc, "/files/holiday");
    assert_eq!(by_route(&acc), BTreeMap::from([("/files/holiday".into(), 1), ("/files/:name".into(), 3)]));
}

#[test]
fn the_hosts_routes_come_first_and_the_rest_is_one_route() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("routes.txt");
    fs::write(&file, "# the shop\nGET /users/{id}\n/files/*path\n").unwrap();
    let of_code = || Accounting::builder().manual_at(0).routes(&file).unmatched_route(":unmatched");
    let of_environment =
        with(&[("ACC_ROUTES", (&file).into()), ("ACC_UNMATCHED_ROUTE", ":unmatched".into())]);
    let more = RouteList::parse("/orders/{order}").unwrap();
    for (builder, orders) in [
        (of_code(), ":unmatched"),
        (of_environment.unwrap(), ":unmatched"),
        (of_code().route_list(more), "/orders/:order"),
    ] {
        let acc = builder.build().unwrap();
        for path in ["/users/ada", "/files/2024/report", "/wp-login.php", "/orders/new"] {
            count(&acc, path);
        }
        let mut expected = BTreeMap::from([("/users/:id".to_owned(), 1), ("/files/*path".to_owned(), 1)]);
        for route in [":unmatched", orders] {
            *expected.entry(route.to_owned()).or_default() += 1;
        }
        assert_eq!(by_route(&acc), expected);
        assert!(acc.stats().routes.is_none());
    }
}

#[test]
fn the_environment_sets_how_many_values_a_position_shows() {
    for (values, expected) in [("1", 2), ("0", 3)] {
        let acc = with(&[("ACC_ROUTE_VALUES_MAX", values.into())]).unwrap().build().unwrap();
        for name in ["holiday", "wedding", "garden"] {
            count(&acc, &format!("/files/{name}"));
        }
        assert_eq!((by_route(&acc).len(), acc.stats().routes.is_some()), (expected, values != "0"));
    }
}

#[test]
#[cfg(feature = "openapi")]
fn the_file_can_be_an_openapi_document() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.yaml");
    fs::write(&file, "openapi: 3.1.0\nservers:\n  - url: /v2\npaths:\n  /users/{id}:\n    get: {}\n")
        .unwrap();
    let acc = Accounting::builder().manual_at(0).routes(file).build().unwrap();
    count(&acc, "/v2/users/ada");
    assert_eq!(by_route(&acc), BTreeMap::from([("/v2/users/:id".into(), 1)]));
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("routes.txt");
    let missing = Accounting::builder().manual_at(0).routes(&file).build().unwrap_err();
    assert!(matches!(&missing, AccError::Routes { what, .. } if what.contains("routes.txt")), "{missing}");
    fs::write(&file, "GET /users/{id}\n/a b c\n").unwrap();
    let damaged = Accounting::builder().manual_at(0).routes(&file).build().unwrap_err().with_causes();
    assert!(damaged.contains("routes.txt") && damaged.contains("line 2"), "{damaged}");
    let unmatched =
        Accounting::builder().manual_at(0).unmatched_route("/a/path").build().unwrap_err().with_causes();
    assert!(unmatched.contains("unmatched_route cannot be used: "), "{unmatched}");
    let many = Accounting::builder().manual_at(0).route_values_max(65_537).build().unwrap_err();
    assert!(matches!(many, AccError::Config { variable: "route_values_max", .. }), "{many}");
    for (variable, value) in [
        ("ACC_ROUTES", ""),
        ("ACC_UNMATCHED_ROUTE", ""),
        ("ACC_ROUTE_VALUES_MAX", "-1"),
        ("ACC_ROUTE_VALUES_MAX", "many"),
    ] {
        let refused = with(&[(variable, value.into())]).unwrap_err();
        assert!(
            matches!(&refused, AccError::Config { variable: named, .. } if *named == variable),
            "{refused}"
        );
    }
    let ignored = with(&[("ACC_ROUTE_VALUES_MAX", "7".into()), ("ACC_LABEL_NORMALIZER", "none".into())]);
    let ignored = ignored.unwrap().build().unwrap_err();
    assert!(matches!(&ignored, AccError::Config { variable: "route_values_max", .. }), "{ignored}");
}
