//! What the library crates depend on allows the oldest Rust that they promise.
//!
//! Development dependencies are exempt, since users do not build them, and optional ones that a manifest names as
//! `package.metadata.ron.newer`: who enables their feature reads that it needs a newer Rust. Build dependencies
//! of dependencies are not: the same old compiler builds them.

use std::collections::BTreeMap;

use super::Finding;
use crate::workspace::{Metadata, Node, Package, LIBRARY_LAYER_MAX};

/// The minor number of the minimum Rust version of layers 0 to 4.
pub(super) const MINOR: u32 = 80;
/// Rust 1.85 brought edition 2024, so that an older edition is the only sign of age in a manifest without a version.
const EDITION_MAX: &str = "2021";

pub(super) fn check(metadata: &Metadata) -> Vec<Finding> {
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let mut pulled_by: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open: Vec<&str> = metadata
        .packages
        .iter()
        .filter(|package| package.layer().is_some_and(|layer| layer <= LIBRARY_LAYER_MAX))
        .map(|package| package.id.as_str())
        .collect();
    for id in &open {
        pulled_by.insert(id, id);
    }
    let mut findings = Vec::new();
    while let Some(id) = open.pop() {
        let (Some(package), Some(node)) = (packages.get(id), nodes.get(id)) else { continue };
        if let Some(what) = too_new(package) {
            let user =
                pulled_by.get(id).and_then(|id| packages.get(id)).map_or("", |user| user.name.as_str());
            findings.push(Finding {
                place: format!("{} {}, used by {user}", package.name, package.version),
                what,
                why: "the library crates promise to build with Rust 1.80, and hosts with a slow toolchain rely on it",
                repair: "pin an older version with `cargo update -p NAME --precise VERSION`, or choose another crate",
            });
        }
        for dependency in &node.deps {
            let needed = dependency.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"));
            let is_exempt =
                packages.get(dependency.pkg.as_str()).is_some_and(|it| package.may_be_newer(&it.name));
            if needed && !is_exempt && !pulled_by.contains_key(dependency.pkg.as_str()) {
                pulled_by.insert(&dependency.pkg, id);
                open.push(&dependency.pkg);
            }
        }
    }
    findings
}

fn too_new(package: &Package) -> Option<String> {
    match &package.rust_version {
        Some(version) => match minor(version) {
            Some(minor) if minor <= MINOR => None,
            Some(_) => Some(format!("needs Rust {version}, which is newer than 1.{MINOR}")),
            None => Some(format!("needs Rust `{version}`, which is no version 1.x")),
        },
        None if package.edition.as_str() <= EDITION_MAX => None,
        None => Some(format!("declares no Rust version and has edition {}", package.edition)),
    }
}

/// The minor number of `1.80` or `1.80.1`.
fn minor(version: &str) -> Option<u32> {
    let mut parts = version.split('.');
    (parts.next()? == "1").then_some(())?;
    parts.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The library depends on `dep`, which depends on `deep`; `kind` is that of the first step.
    fn metadata(kind: &str, rust_version: &str, edition: &str) -> Metadata {
        with_library(
            kind,
            rust_version,
            edition,
            "\"dependencies\": [], \"metadata\": {\"ron\": {\"layer\": 0}}",
        )
    }

    fn with_library(kind: &str, rust_version: &str, edition: &str, library: &str) -> Metadata {
        let text = format!(
            r#"{{
            "packages": [
              {{"id": "lib", "name": "lib", "version": "0.1.0", "edition": "2021", "rust_version": "1.80",
                "manifest_path": "", {library}}},
              {{"id": "dep", "name": "dep", "version": "1.2.3", "edition": "2021", "rust_version": "1.56.0",
                "manifest_path": "", "dependencies": [], "metadata": {{"docs": 1}}}},
              {{"id": "deep", "name": "deep", "version": "2.0.0", "edition": "{edition}", "rust_version": {rust_version},
                "manifest_path": "", "dependencies": [], "metadata": null}}],
            "workspace_members": ["lib"], "target_directory": "", "workspace_root": "",
            "resolve": {{"nodes": [
              {{"id": "lib", "deps": [{{"pkg": "dep", "dep_kinds": [{{"kind": {kind}}}]}}]}},
              {{"id": "dep", "deps": [{{"pkg": "deep", "dep_kinds": [{{"kind": "build"}}]}}]}},
              {{"id": "deep", "deps": []}}]}}
            }}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn findings(kind: &str, rust_version: &str, edition: &str) -> Vec<String> {
        let found = check(&metadata(kind, rust_version, edition));
        found.into_iter().map(|finding| format!("{}: {}", finding.place, finding.what)).collect()
    }

    #[test]
    fn dependencies_of_the_same_age_pass() {
        assert_eq!(findings("null", "\"1.80\"", "2021"), [""; 0]);
        assert_eq!(findings("null", "\"1.80.1\"", "2021"), [""; 0]);
        assert_eq!(findings("null", "null", "2018"), [""; 0]);
    }

    #[test]
    fn a_newer_dependency_is_found_however_deep() {
        let found = findings("null", "\"1.81\"", "2021");
        assert_eq!(found, ["deep 2.0.0, used by dep: needs Rust 1.81, which is newer than 1.80"]);
        assert_eq!(findings("null", "\"2.0\"", "2021").len(), 1);
        assert_eq!(findings("null", "null", "2024").len(), 1);
    }

    #[test]
    fn an_optional_dependency_that_is_named_is_exempt() {
        let found = |optional: bool, newer: &str| {
            let library = format!(
                r#""dependencies": [{{"name": "dep", "kind": null, "optional": {optional}}}],
                "metadata": {{"ron": {{"layer": 0, "newer": [{newer}]}}}}"#
            );
            check(&with_library("null", "\"1.95\"", "2024", &library)).len()
        };
        assert_eq!((found(true, "\"dep\""), found(true, ""), found(false, "\"dep\"")), (0, 1, 1));
    }

    #[test]
    fn development_dependencies_are_exempt() {
        assert_eq!(findings("\"dev\"", "\"1.95\"", "2024"), [""; 0]);
        assert_eq!(findings("\"build\"", "\"1.95\"", "2024").len(), 1);
    }
}
