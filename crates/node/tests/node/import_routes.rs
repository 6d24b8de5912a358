//! The routes that paths are counted under.

use std::collections::BTreeMap;

use crate::{binary::Folder, import::sums};

/// A log with one line for each path.
fn log<P: AsRef<str>>(paths: impl IntoIterator<Item = P>) -> String {
    let line = |path: P| {
        format!("192.0.2.7 - - [17/May/2015:10:00:00 +0000] \"GET {} HTTP/1.1\" 200 5\n", path.as_ref())
    };
    paths.into_iter().map(line).collect()
}

fn routes(folder: &Folder) -> BTreeMap<String, u64> {
    sums(folder, &["route"], "requests").into_iter().map(|(key, count)| (key.concat(), count)).collect()
}

fn expected<const N: usize>(rows: [(&str, u64); N]) -> BTreeMap<String, u64> {
    rows.into_iter().map(|(route, count)| (route.to_owned(), count)).collect()
}

const PATHS: [&str; 5] =
    ["/users/ada", "/users/4711?x=1", "/users/ada/orders/7", "/files/a/b/c.txt", "/wp-login.php"];

#[test]
fn the_routes_of_the_service_win() {
    for (name, list) in [
        ("routes.txt", "# ours\nGET /users/{id}\n/users/:id/orders/{order}\n/files/*path\n"),
        (
            "openapi.json",
            r#"{"openapi": "3.0.3", "info": {}, "paths": {
              "/users/{id}": {}, "/users/{id}/orders/{order}": {}, "/files/{path+}": {}}}"#,
        ),
        (
            "openapi.yaml",
            "openapi: 3.1.0\npaths:\n  /users/{id}: {}\n  /users/{id}/orders/{order}: {}\n  /files/{path+}: {}\n",
        ),
    ] {
        let folder = Folder::new();
        folder.write("access.log", log(PATHS));
        folder.write(name, list);
        folder.done(&["import", "--routes", name, "access.log"]);
        let ours = [("/users/:id", 2), ("/users/:id/orders/:order", 1), ("/files/*path", 1)];
        let mut all = expected(ours);
        all.insert("/wp-login.php".to_owned(), 1);
        assert_eq!(routes(&folder), all, "{name}");
    }
}

#[test]
fn what_matches_no_route_goes_to_one_on_demand() {
    let folder = Folder::new();
    folder.write("access.log", log(PATHS));
    folder.write("routes.txt", "/users/{id}\n");
    folder.done(&["import", "--routes", "routes.txt", "--unmatched-route", ":other", "access.log"]);
    assert_eq!(routes(&folder), expected([("/users/:id", 2), (":other", 3)]));
}

#[test]
fn a_list_that_cannot_be_used_is_refused_with_its_line() {
    let folder = Folder::new();
    folder.write("access.log", log(PATHS));
    for (list, said) in [
        ("/users/{id}\nusers of mine and theirs\n", "line 2"),
        ("/users/{id}\n/users/{id}/{\n", "line 2"),
        ("openapi: 3.1.0\npaths:\n  users: {}\n", "line 3"),
        ("swagger: \"2.0\"\npaths:\n  /users: {}\n", "OpenAPI 3"),
        ("# nothing\n", "no route"),
    ] {
        folder.write("routes.txt", list);
        let ended = folder.run(&["import", "--routes", "routes.txt", "access.log"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("cannot use the routes in routes.txt"), "{}", ended.err);
        assert!(ended.err.contains(said), "expected {said} in {}", ended.err);
    }
    folder.write("routes.txt", "/users/{id}\n");
    let ended =
        folder.run(&["import", "--routes", "routes.txt", "--unmatched-route", "/other", "access.log"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("--unmatched-route cannot be used"), "{}", ended.err);
    assert_eq!(folder.names(), ["access.log", "routes.txt"]);
}

#[test]
fn other_routes_are_another_import() {
    let folder = Folder::new();
    folder.write("access.log", log(PATHS));
    folder.write("one.txt", "/users/{id}\n");
    folder.write("same.txt", "# the same\nGET /users/{id}\n");
    folder.write("two.txt", "/users/{name}\n");
    let origin = |arguments: &[&str]| {
        let ledger = format!("{}.db", arguments.join("").replace(['-', ':', '.'], ""));
        let all = [&["import", "--json", "--ledger", &ledger, "access.log"], arguments].concat();
        folder.json(&all)["files"][0]["origin"].clone()
    };
    let one = origin(&["--routes", "one.txt"]);
    assert_eq!(origin(&["--routes", "same.txt"]), one);
    assert_ne!(origin(&["--routes", "two.txt"]), one);
    assert_ne!(origin(&["--routes", "one.txt", "--unmatched-route", ":other"]), one);
    assert_ne!(origin(&[]), one);
}

/// Paths with more pages than a position may show, in an order that depends on the seed.
fn pages(seed: usize) -> Vec<String> {
    let page = |number: usize| {
        let letters = [number / 26 / 26, number / 26, number];
        let word: String =
            letters.iter().map(|letter| char::from(b'a' + u8::try_from(letter % 26).unwrap())).collect();
        format!("/files/page{word}")
    };
    (0..500).map(|number| page((number * 7 + seed) % 500)).chain(["/files".into(), "/about".into()]).collect()
}

#[test]
fn a_position_with_too_many_words_has_one_name_from_the_first_line() {
    for seed in [0, 250] {
        let folder = Folder::new();
        folder.write("access.log", log(pages(seed)));
        let text = folder.done(&["import", "access.log"]);
        assert_eq!(routes(&folder), expected([("/files/:name", 500), ("/files", 1), ("/about", 1)]));
        assert!(text.contains("learned     /files/:name, 500 values seen\n"), "{text}");
        let again = folder.json(&["import", "--json", "access.log"]);
        assert_eq!(again["nothing_new"], true);
        assert_eq!(again["learned"][0]["values_seen"], 500);
    }
}

#[test]
fn nothing_is_learned_where_that_is_turned_off_or_routes_are_listed() {
    let folder = Folder::new();
    folder.write("access.log", log(pages(0)));
    folder.write("routes.txt", "/files/{page}\n/about\n");
    let ledger_and = |options: &[&str]| {
        let _ = std::fs::remove_file(folder.path("usage.db"));
        let text = folder.done(&[&["import", "access.log"], options].concat());
        (routes(&folder), text.contains("learned"))
    };
    let (off, learned) = ledger_and(&["--route-values-max", "0"]);
    assert_eq!((off.len(), learned), (502, false));
    let (listed, learned) = ledger_and(&["--routes", "routes.txt"]);
    assert_eq!(listed, expected([("/files/:page", 500), ("/files", 1), ("/about", 1)]));
    assert!(!learned);
    let (more, learned) = ledger_and(&["--route-values-max", "500"]);
    assert_eq!((more.len(), learned), (502, false));
}

#[test]
fn each_log_learns_for_itself() {
    let folder = Folder::new();
    folder.write("many.log", log(pages(0)));
    folder.write("few.log", log(["/files/pageaaa", "/other"]));
    let both = folder.json(&["import", "--json", "many.log", "few.log"]);
    let all = [("/files/:name", 500), ("/files", 1), ("/about", 1), ("/files/pageaaa", 1), ("/other", 1)];
    assert_eq!(routes(&folder), expected(all));
    assert_eq!(both["label_sets_normalized"], 5);
    let few = folder.json(&["import", "--json", "few.log"]);
    assert_eq!(few["nothing_new"], true);
}

#[test]
fn what_can_be_read_once_learns_on_the_way() {
    let folder = Folder::new();
    let log = log(pages(0));
    let kept = folder.run_with_input(&["import", "--ledger", "kept.db", "-"], log.as_bytes());
    assert!(kept.out.contains("learned     /files/:name, 500 values seen\n"), "{kept:?}");
    let read_once = folder.run_with_input(&["import", "--amnesia", "-"], log.as_bytes());
    assert!(read_once.out.contains("learned     /files/:name, 500 values seen\n"), "{read_once:?}");
    let routes = routes(&folder);
    assert_eq!(routes.values().sum::<u64>(), 502);
    assert!(routes["/files/:name"] >= 500 - 128, "{routes:?}");
}
