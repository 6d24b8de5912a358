//! The manifests share lints and the minimum Rust version, list all crates, and say what a library is.

use toml::{Table, Value};

use super::{files::File, msrv::MINOR, Finding};
use crate::workspace::{Package, Workspace, LIBRARY_LAYER_MAX};

/// The one crate that is built only when it is asked for by name.
const NO_DEFAULT_MEMBER: &str = "crates/telemetry-py";
/// What a library's manifest says to those who look for one.
const SHELF_KEYS: [&str; 3] = ["readme", "keywords", "categories"];

pub(super) fn check(workspace: &Workspace, files: &[File]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|file| file.path == path).and_then(|file| file.text.as_deref());
    let mut findings = Vec::new();
    let mut crates = Vec::new();
    for member in workspace.members() {
        let path = member.manifest_path.strip_prefix(workspace.root()).unwrap_or(&member.manifest_path);
        let path = path.to_string_lossy().replace('\\', "/");
        findings.extend(member_lints(&path, text(&path).unwrap_or_default()));
        findings.extend(minimum_rust(&path, member));
        findings.extend(on_the_shelf(&path, text(&path).unwrap_or_default(), member));
        crates.extend(
            path.strip_suffix("/Cargo.toml")
                .filter(|folder| folder.starts_with("crates/"))
                .map(str::to_owned),
        );
    }
    findings.extend(default_members(text("Cargo.toml").unwrap_or_default(), &crates));
    findings
}

/// `default-members` is the list of the crates, written out, because a glob cannot leave one out.
fn default_members(manifest: &str, crates: &[String]) -> Vec<Finding> {
    let listed = lookup(manifest, &["workspace", "default-members"]);
    let listed: Vec<&str> =
        listed.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str).collect();
    let expected = crates.iter().filter(|folder| *folder != NO_DEFAULT_MEMBER);
    let missing = expected.filter(|folder| !listed.contains(&folder.as_str()));
    missing
        .map(|folder| Finding {
            place: "Cargo.toml".to_owned(),
            what: format!("`{folder}` is no default member"),
            why: "a plain `cargo test` would leave it out, and nobody would notice",
            repair: "add it to `default-members`",
        })
        .collect()
}

fn on_the_shelf(path: &str, manifest: &str, member: &Package) -> Vec<Finding> {
    if member.layer().is_none_or(|layer| layer > LIBRARY_LAYER_MAX) {
        return Vec::new();
    }
    let missing = SHELF_KEYS.iter().filter(|key| lookup(manifest, &["package", key]).is_none());
    missing
        .map(|key| Finding {
            place: path.to_owned(),
            what: format!("has no `{key}`"),
            why: "a library is found by its keywords and judged by its README",
            repair: "add the key; a README of a dozen lines is enough",
        })
        .collect()
}

fn member_lints(path: &str, manifest: &str) -> Option<Finding> {
    let shared = lookup(manifest, &["lints", "workspace"]).as_ref().and_then(Value::as_bool) == Some(true);
    (!shared).then(|| Finding {
        place: path.to_owned(),
        what: "does not take the lints of the workspace".to_owned(),
        why: "without them the crate may use unsafe code and leave items undocumented, and nothing says so",
        repair: "add `[lints]` with `workspace = true`",
    })
}

fn minimum_rust(path: &str, member: &Package) -> Option<Finding> {
    let promised = member.layer().is_some_and(|layer| layer <= LIBRARY_LAYER_MAX);
    let declared = member.rust_version.as_deref();
    (promised && declared != Some(&format!("1.{MINOR}"))).then(|| Finding {
        place: path.to_owned(),
        what: format!("declares Rust {} instead of 1.{MINOR}", declared.unwrap_or("nothing")),
        why: "clippy's `incompatible_msrv` compares each call with what the manifest declares",
        repair: "set `rust-version = \"1.80\"`",
    })
}

fn lookup(manifest: &str, path: &[&str]) -> Option<Value> {
    let mut value = Value::Table(toml::from_str::<Table>(manifest).ok()?);
    for key in path {
        value = value.as_table_mut()?.remove(*key)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_is_no_default_member_is_found() {
        let manifest = "[workspace]\ndefault-members = [\"crates/a\"]";
        let crates = |names: &[&str]| names.iter().map(|name| format!("crates/{name}")).collect::<Vec<_>>();
        assert_eq!(default_members(manifest, &crates(&["a", "telemetry-py"])), []);
        assert_eq!(default_members(manifest, &crates(&["a", "time"])).len(), 1);
        assert_eq!(default_members("[workspace]", &crates(&["a"])).len(), 1);
    }

    #[test]
    fn a_library_can_be_found() {
        let member = |layer: u8| -> Package {
            let text = format!(
                r#"{{"id": "", "name": "m", "version": "", "edition": "", "rust_version": null, "manifest_path": "",
                    "dependencies": [], "metadata": {{"ron": {{"layer": {layer}}}}}}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let manifest = "[package]\nreadme = \"README.md\"\nkeywords = []\ncategories = []";
        assert_eq!(on_the_shelf("m", manifest, &member(4)), []);
        assert_eq!(on_the_shelf("m", "[package]", &member(4)).len(), 3);
        assert_eq!(on_the_shelf("m", "[package]", &member(5)), []);
    }

    #[test]
    fn a_member_takes_the_lints() {
        assert_eq!(member_lints("m", "[lints]\nworkspace = true"), None);
        assert!(member_lints("m", "[lints]\nworkspace = false").is_some());
        assert!(member_lints("m", "[package]\nname = \"m\"").is_some());
    }

    #[test]
    fn a_library_declares_the_promised_version() {
        let member = |layer: u8, version: &str| -> Package {
            serde_json::from_str(&format!(
                r#"{{"id": "", "name": "m", "version": "", "edition": "", "rust_version": {version}, "manifest_path": "",
                    "dependencies": [], "metadata": {{"ron": {{"layer": {layer}}}}}}}"#
            ))
            .unwrap()
        };
        assert_eq!(minimum_rust("m", &member(4, "\"1.80\"")), None);
        assert_eq!(minimum_rust("m", &member(5, "\"1.89\"")), None);
        assert!(minimum_rust("m", &member(4, "\"1.89\"")).is_some());
        assert!(minimum_rust("m", &member(0, "null")).is_some());
    }
}
