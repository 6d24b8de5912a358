//! `oldest-rust`: a real toolchain of the version that the library crates promise builds them, with every feature that
//! promises it.
//!
//! Clippy and `tidy` compare what the manifests declare. Only the old cargo can tell whether it reads the manifests.

use crate::{
    steps::{execute, Steps},
    workspace::{Package, Workspace},
};

/// The minimum Rust version of layers 0 to 4.
const TOOLCHAIN: &str = "1.80.0";

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    steps.step(&format!("library crates with Rust {TOOLCHAIN}"), || {
        let install = ["toolchain", "install", TOOLCHAIN, "--profile", "minimal"];
        execute(workspace.command("rustup").args(install))?;
        let mut command = workspace.command("rustup");
        command.args(["run", TOOLCHAIN, "cargo", "check", "--locked"]);
        command.arg("--target-dir").arg(workspace.target("oldest-rust"));
        for member in workspace.libraries() {
            command.args(["--package", &member.name]);
            for feature in features(member) {
                command.args(["--features", &format!("{}/{feature}", member.name)]);
            }
        }
        execute(&mut command)
    })
}

/// All features but those that pull a dependency which may need a newer Rust.
fn features(package: &Package) -> Vec<&str> {
    let is_newer = |part: &String| part.strip_prefix("dep:").is_some_and(|name| package.may_be_newer(name));
    let kept = package.features.iter().filter(|(_, parts)| !parts.iter().any(is_newer));
    kept.map(|(name, _)| name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_needs_a_newer_rust_is_left_out() {
        let text = r#"{"id": "p", "name": "p", "version": "1.0.0", "edition": "2021", "rust_version": "1.80",
            "manifest_path": "", "metadata": {"ron": {"layer": 0, "newer": ["young"]}},
            "dependencies": [{"name": "young", "kind": null, "optional": true},
                             {"name": "old", "kind": null, "optional": true}],
            "features": {"a": ["dep:old"], "b": ["dep:young"], "c": []}}"#;
        let package: Package = serde_json::from_str(text).unwrap();
        assert_eq!(features(&package), ["a", "c"]);
    }
}
