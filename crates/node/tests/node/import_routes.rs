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
