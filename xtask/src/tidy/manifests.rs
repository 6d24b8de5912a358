//! The manifests share lints and the minimum Rust version, and a checkout has the files that users look for.

use toml::{Table, Value};

use super::{
    files::File,
    msrv::{LAYER_MAX, MINOR},
    Finding,
};
use crate::workspace::{Package, Workspace};

const REQUIRED: [&str; 9] = [
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "deny.toml",
    "docs/architecture.md",
    "docs/configuration.md",
    "docs/wire-format.md",
    "rust-toolchain.toml",
];

pub(super) fn check(workspace: &Workspace, files: &[File]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|file| file.path == path).and_then(|file| file.text.as_deref());
    let mut findings = required(files);
    findings.extend(root_lints(text("Cargo.toml").unwrap_or_default()));
    for member in workspace.members() {
        let path = member.manifest_path.strip_prefix(workspace.root()).unwrap_or(&member.manifest_path);
        let path = path.to_string_lossy().replace('\\', "/");
        findings.extend(member_lints(&path, text(&path).unwrap_or_default()));
        findings.extend(minimum_rust(&path, member));
    }
    findings
}

fn required(files: &[File]) -> Vec<Finding> {
    REQUIRED
        .iter()
        .filter(|path| !files.iter().any(|file| file.path == **path))
        .map(|path| Finding {
            place: (*path).to_owned(),
            what: "is missing".to_owned(),
            why: "users, packagers and lawyers look for it in each checkout",
            repair: "write it, or restore it from git",
        })
        .collect()
}

fn root_lints(manifest: &str) -> Option<Finding> {
    let level = lookup(manifest, &["workspace", "lints", "rust", "unsafe_code"]);
    let forbidden = level.as_ref().and_then(Value::as_str) == Some("forbid");
    (!forbidden).then(|| Finding {
        place: "Cargo.toml".to_owned(),
        what: "[workspace.lints.rust] unsafe_code is not \"forbid\"".to_owned(),
        why: "no code here has shown a measured need for unsafe, so that none may slip in",
        repair: "restore the lint; a module that needs unsafe brings its measurement, its proof and a change of this rule",
    })
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
    let promised = member.layer().is_some_and(|layer| layer <= LAYER_MAX);
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
    fn each_required_file_is_missed() {
        let all: Vec<File> = REQUIRED.iter().map(|path| File::new(path, "")).collect();
        assert_eq!(required(&all), []);
        for index in 0..all.len() {
            let mut some = all.clone();
            let gone = some.remove(index);
            assert_eq!(required(&some)[0].place, gone.path);
        }
    }

    #[test]
    fn unsafe_code_stays_forbidden() {
        assert_eq!(root_lints("[workspace.lints.rust]\nunsafe_code = \"forbid\""), None);
        assert!(root_lints("[workspace.lints.rust]\nunsafe_code = \"deny\"").is_some());
        assert!(root_lints("[workspace]").is_some());
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
