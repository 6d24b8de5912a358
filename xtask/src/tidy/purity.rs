//! Async runtimes and serde stay out of the layers that must not know them.

use std::collections::BTreeSet;

use super::{msrv::LAYER_MAX, Finding};
use crate::{profiles::dependency_tree, workspace::Workspace};

/// The highest layer that may not have a runtime under any feature.
const SANS_IO_LAYER_MAX: u8 = 2;
/// Not on the way from count to ledger but used on their own: with a feature they may know a runtime.
const STANDALONE: [&str; 2] = ["ron-accounting-events", "ron-accounting-stream"];
/// Packages that do without serde until a feature asks for it.
const WITHOUT_SERDE: [&str; 8] = [
    "ron-accounting-core",
    "ron-accounting-export",
    "ron-accounting-seal",
    "ron-accounting-stream",
    "ron-accounting-telemetry",
    "ron-accounting-wal",
    "ron-accounting-window",
    "ron-ledger-wire",
];

pub(super) fn check(workspace: &Workspace) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for member in workspace.members() {
        let name = member.name.as_str();
        let by_default = dependency_tree(workspace, &["-p", name])?;
        match member.layer() {
            Some(layer) if layer <= SANS_IO_LAYER_MAX && !STANDALONE.contains(&name) => {
                findings.extend(runtime(name, &dependency_tree(workspace, &["-p", name, "--all-features"])?));
            }
            Some(layer) if layer <= LAYER_MAX => findings.extend(runtime(name, &by_default)),
            _ => {}
        }
        if WITHOUT_SERDE.contains(&name) {
            findings.extend(serde(name, &by_default));
        }
    }
    Ok(findings)
}

fn runtime(package: &str, tree: &BTreeSet<String>) -> Option<Finding> {
    tree.contains("tokio").then(|| Finding {
        place: package.to_owned(),
        what: "pulls `tokio`".to_owned(),
        why: "time, bytes and answers are arguments below the pipeline's driver, so that each run can be repeated exactly",
        repair: "move the code to a layer above, or behind the driver feature of the pipeline",
    })
}

fn serde(package: &str, tree: &BTreeSet<String>) -> Option<Finding> {
    ["serde", "serde_core"].into_iter().find(|name| tree.contains(*name)).map(|name| Finding {
        place: package.to_owned(),
        what: format!("pulls `{name}` with its default features"),
        why: "the wire has one strict codec of its own, and small hosts must not pay for a second one",
        repair: "put the dependency behind the feature `serde`, off by default",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(names: &[&str]) -> BTreeSet<String> {
        names.iter().copied().map(str::to_owned).collect()
    }

    #[test]
    fn a_runtime_is_found_by_its_exact_name() {
        assert!(runtime("p", &tree(&["p", "tokio-macros-like"])).is_none());
        assert!(runtime("p", &tree(&["p", "tokio"])).is_some());
    }

    #[test]
    fn serde_and_its_core_are_found() {
        assert!(serde("p", &tree(&["p", "thiserror"])).is_none());
        assert!(serde("p", &tree(&["p", "serde"])).is_some());
        assert!(serde("p", &tree(&["p", "serde_core"])).is_some());
    }
}
