//! The routes of an OpenAPI 3 document.

use super::document::Node;
use super::{Found, RouteListError};

/// Returns the paths of a document, each below the base paths of its servers.
pub(super) fn routes(document: &Node) -> Result<Vec<Found>, RouteListError> {
    let version = document.get("openapi");
    if !version.and_then(Node::text).is_some_and(|version| version.starts_with("3.")) {
        let found = version.or_else(|| document.get("swagger"));
        let version = found.and_then(Node::text).unwrap_or_default().to_owned();
        return Err(RouteListError::Version { line: found.unwrap_or(document).line, version });
    }
    let Some(paths) = document.get("paths") else {
        return Err(RouteListError::Structure { line: document.line, expected: "a map of `paths`" });
    };
    let common = base_paths(document)?;
    let mut found = Vec::new();
    for (path, line, item) in paths.entries().filter(|(path, ..)| !path.starts_with("x-")) {
        if !path.starts_with('/') {
            return Err(RouteListError::Structure { line, expected: "a path that begins with a slash" });
        }
        // A few documents tell operations apart by a query or a fragment.
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let own = if item.get("servers").is_some() { Some(base_paths(item)?) } else { None };
        for base in own.as_ref().unwrap_or(&common) {
            found.push(Found { line, template: format!("{base}{path}") });
        }
    }
    Ok(found)
}

/// Returns the paths of the servers, without a slash at the end. Without servers, it is the root.
fn base_paths(node: &Node) -> Result<Vec<String>, RouteListError> {
    let servers = node.get("servers").map(Node::members).unwrap_or_default();
    let mut bases = Vec::new();
    for server in servers {
        let Some(url) = server.get("url").and_then(Node::text) else {
            return Err(RouteListError::Structure { line: server.line, expected: "the `url` of a server" });
        };
        let base = base_path(&with_defaults(url, server.get("variables")));
        if !bases.contains(&base) {
            bases.push(base);
        }
    }
    if bases.is_empty() {
        bases.push(String::new());
    }
    Ok(bases)
}

/// Replaces the variables of a server's address by their defaults. One without a default is a parameter of the path.
fn with_defaults(url: &str, variables: Option<&Node>) -> String {
    let mut replaced = url.to_owned();
    for (name, _, variable) in variables.into_iter().flat_map(Node::entries) {
        if let Some(default) = variable.get("default").and_then(Node::text) {
            replaced = replaced.replace(&format!("{{{name}}}"), default);
        }
    }
    replaced
}

/// Returns the path of an address, which may be relative.
fn base_path(url: &str) -> String {
    let path = match url.split_once("://").map(|(_, rest)| rest).or_else(|| url.strip_prefix("//")) {
        Some(rest) => rest.find('/').map_or("", |start| &rest[start..]),
        None => url,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    if path.is_empty() || path == "." {
        String::new()
    } else {
        format!("/{path}")
    }
}
