//! Are a host's routes read from its file, and do they win?

use ron_accounting_core::{Label, Normalizer};
use ron_accounting_normalize::{RouteList, RouteListError, RouteNormalizer, Unmatched};

#[allow(clippy::unwrap_used)]
fn templates(text: &str) -> Vec<String> {
    RouteList::parse(text).unwrap().templates().map(str::to_owned).collect()
}

#[allow(clippy::unwrap_used)]
fn refused(text: &str) -> String {
    let error = RouteList::parse(text).unwrap_err();
    let mut message = error.to_string();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        message = format!("{message}: {source}");
        cause = source;
    }
    message
}

#[test]
fn plain_lines_are_paths_with_or_without_methods() {
    let text = "\u{feff}# the shop\n\nGET /users/{id}\r\nPUT,PATCH\t/users/{id}   # again\n  /users/:id/posts\n/files/*rest\n/a#b/../c\n";
    let error = refused(text);
    assert!(error.starts_with("line 7: the route cannot be used: segment \"a#b\""), "{error}");
    let text = text.replace("/a#b/../c\n", "");
    assert_eq!(templates(&text), ["/users/{id}", "/users/:id/posts", "/files/*rest"]);
}

#[test]
fn a_line_that_is_no_route_is_named() {
    for (text, expected) in [
        ("/a\n\nGET /b extra\n", "line 3: \"GET /b extra\" is no route"),
        ("/a\nusers/{id}\n", "line 2: the route cannot be used: route template \"users/{id}\" is not a path"),
        (
            "/a/{id}\n# x\n/a/{name}\n",
            "line 3: the route cannot be used: route template \"/a/{name}\" conflicts with \"/a/:id\"",
        ),
        ("G=T /a\n", "line 1: \"G=T /a\" is no route"),
        ("# nothing\n", "there is no route in the list"),
        ("", "there is no route in the list"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn the_hosts_routes_win_and_the_rest_can_be_one() {
    let list = RouteList::parse("/users/{name}\n/files/*rest\n").unwrap();
    assert_eq!((list.len(), list.is_empty()), (2, false));
    let normalizer = RouteNormalizer::builder()
        .route_list(&list)
        .unmatched(Unmatched::Constant(":unmatched".to_owned()))
        .build()
        .unwrap();
    for (raw, expected) in
        [("/users/42", "/users/:name"), ("/files/a/b", "/files/*rest"), ("/wp-login.php", ":unmatched")]
    {
        let mut out = String::new();
        normalizer.normalize(Label::Route, raw, &mut out);
        assert_eq!(out, expected);
    }
}

#[cfg(not(feature = "openapi"))]
#[test]
fn a_document_needs_the_feature() {
    for text in ["{\"openapi\": \"3.0.0\"}", "openapi: 3.0.0\npaths: {}\n"] {
        assert!(matches!(RouteList::parse(text), Err(RouteListError::FeatureMissing)));
    }
}

#[cfg(feature = "openapi")]
mod openapi {
    use super::*;

    const YAML: &str = "\
openapi: 3.1.0
info: {title: Shop, version: '1'}
servers:
  - url: https://shop.example/api/{version}/
    variables:
      version: {default: v2, enum: [v1, v2]}
  - url: /internal
paths:
  x-note: {a: b}
  /users/{user-id}:
    get: {responses: {}}
  '/repos/{owner}/compare/{base}...{head}':
    servers: [{url: 'https://repos.example'}]
    get: *anchor
  /search?kind=user:
    get: {}
  /search?kind=post:
    get: {}
";
    const EXPECTED: [&str; 5] = [
        "/api/v2/users/{user-id}",
        "/internal/users/{user-id}",
        "/repos/{owner}/compare/{base}...{head}",
        "/api/v2/search",
        "/internal/search",
    ];

    #[test]
    fn a_yaml_document_gives_its_paths_below_its_servers() {
        assert_eq!(templates(&YAML.replace("*anchor", "{}")), EXPECTED);
        assert_eq!(templates(&YAML.replace("get: *anchor", "get: &anchor {}\n    put: *anchor")), EXPECTED);
        assert_eq!(templates("---\n\"openapi\" : \"3.0.3\"\n\"paths\":\n  /a: {}\n"), ["/a"]);
    }

    #[test]
    fn a_json_document_gives_its_paths_below_its_servers() {
        let json = r#"
{
  "openapi": "3.0.3",
  "servers": [{"url": "https://shop.example/api/{version}", "variables": {"version": {"default": "v2"}}}],
  "paths": {
    "/users/{id}": {"get": {}},
    "/users/{id}/posts": {"get": {}, "servers": [{"url": "/"}]}
  }
}"#;
        assert_eq!(templates(json), ["/api/v2/users/{id}", "/users/{id}/posts"]);
        let bad = json.replace("/users/{id}/posts", "/users/{id");
        let error = refused(&bad);
        assert!(error.starts_with("line 7: the route cannot be used: segment \"{id\""), "{error}");
        let conflict = json.replace("/users/{id}/posts", "/users/{name}").replace("[{\"url\": \"/\"}]", "[]");
        let error = refused(&conflict.replace(", \"servers\": []", ""));
        assert!(error.contains("conflicts with \"/api/v2/users/:id\""), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, expected) in [
            ("openapi: 3.0.0\ninfo: [\n", "line "),
            ("{\"openapi\": \"3.0.0\",\n \"paths\": }", "line 2: the document cannot be read"),
            ("swagger: '2.0'\npaths: {}\n", "line 1: the version is \"2.0\""),
            ("openapi: 2\npaths: {}\n", "line 1: the version is \"2\""),
            ("{}", "line 1: the version is \"\""),
            ("openapi: 3.0.0\ninfo: {}\n", "line 1: a map of `paths` expected"),
            ("openapi: 3.0.0\npaths: {}\n", "there is no route in the list"),
            (
                "openapi: 3.0.0\npaths:\n  /a: {}\n  b: {}\n",
                "line 4: a path that begins with a slash expected",
            ),
            ("openapi: 3.0.0\npaths:\n  /a/{id}: {}\n  /a/{name}: {}\n", "line 4: the route cannot be used"),
            ("openapi: 3.0.0\nservers:\n- {}\npaths:\n  /a: {}\n", "line 3: the `url` of a server expected"),
        ] {
            let error = refused(text);
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_document_cannot_take_all_memory_or_stack() {
        let deep = format!("openapi: 3.0.0\nx: {}\n", "[".repeat(100_000));
        assert!(RouteList::parse(&deep).is_err());
        let deep = format!("{{\"openapi\": \"3.0.0\", \"x\": {}", "[".repeat(100_000));
        assert!(matches!(RouteList::parse(&deep), Err(RouteListError::Syntax { .. })));
        let mut aliases = String::from("openapi: 3.0.0\na0: &a0 [x]\n");
        for level in 1..60 {
            let members = vec![format!("*a{}", level - 1); 10].join(", ");
            aliases.extend([format!("a{level}: &a{level} [{members}]\n")]);
        }
        assert_eq!(templates(&(aliases + "paths:\n  /a: {}\n")), ["/a"]);
    }
}
