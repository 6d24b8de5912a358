//! `profiles`: what each feature profile pulls, and that each builds alone.
//!
//! In the workspace build cargo unifies the features of all members, so that a missing `cfg` or a dependency too many
//! stays hidden. Only a build of one package with one feature set shows it: cargo-hack makes one for each feature, and clippy
//! does the building, because it also finds what is unused under that feature set alone. Who may use a runtime or SQLite
//! under any feature is said in `deny.toml`.

use std::collections::BTreeSet;

use anyhow::bail;

use crate::{
    steps::{capture, execute, Steps},
    tools::Tools,
    workspace::Workspace,
};

const FACADE: &str = "ron-accounting";

/// A package with a feature set, and what its tree of normal dependencies must keep to.
struct Purity {
    name: &'static str,
    arguments: &'static [&'static str],
    /// The only packages of ours in the tree.
    ours: &'static [&'static str],
    /// Packages that must not be in the tree.
    without: &'static [&'static str],
    reason: &'static str,
}

const PURITY: &[Purity] = &[
    Purity {
        name: "micronode",
        arguments: &["-p", FACADE, "--no-default-features", "--features", "micronode"],
        ours: &[FACADE, "ron-accounting-core", "ron-accounting-window"],
        without: &["tokio", "serde", "serde_core", "ciborium", "rusqlite"],
        reason: "micronode is for hosts that want counters and windows and nothing else",
    },
    Purity {
        name: "ledger-wire alone",
        arguments: &["-p", "ron-ledger-wire"],
        ours: &["ron-ledger-wire"],
        without: &["tokio", "serde", "serde_core", "ciborium", "rusqlite"],
        reason: "whoever reads slices needs the format and nothing that counts",
    },
    Purity {
        name: "macronode",
        arguments: &["-p", FACADE, "--no-default-features", "--features", "macronode"],
        ours: &[
            FACADE,
            "ron-accounting-core",
            "ron-accounting-export",
            "ron-accounting-normalize",
            "ron-accounting-pipeline",
            "ron-accounting-seal",
            "ron-accounting-wal",
            "ron-accounting-window",
            "ron-ledger-wire",
        ],
        without: &["tokio", "rusqlite"],
        reason: "the façade composes; a ledger and a runtime are the choice of the host",
    },
    Purity {
        name: "tower",
        arguments: &["-p", "ron-accounting-tower"],
        ours: &[FACADE, "ron-accounting-core", "ron-accounting-tower", "ron-accounting-window"],
        without: &["tokio", "hyper", "serde", "rusqlite"],
        reason: "a middleware takes the host's server and runtime as they are",
    },
    Purity {
        name: "tower without axum",
        arguments: &["-p", "ron-accounting-tower", "--no-default-features"],
        ours: &[FACADE, "ron-accounting-core", "ron-accounting-tower", "ron-accounting-window"],
        without: &["axum", "tower", "futures-util", "tokio", "hyper", "serde", "rusqlite"],
        reason: "services without axum need the traits alone",
    },
];

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

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    for purity in PURITY {
        steps.step(&format!("profile {}: dependencies", purity.name), || {
            let tree = dependency_tree(workspace, purity.arguments)?;
            check_purity(purity, &tree)
        })?;
    }
    steps.step("libraries without serde until it is asked for", || {
        WITHOUT_SERDE
            .iter()
            .try_for_each(|package| without_serde(package, &dependency_tree(workspace, &["-p", package])?))
    })?;
    let tools = Tools::install(workspace, steps)?;
    steps.step("each library with no feature, each single one, and all", || {
        let mut command = workspace.command(tools.program("cargo-hack"));
        command.args(["hack", "clippy", "--quiet", "--each-feature"]);
        for member in workspace.libraries() {
            command.args(["--package", &member.name]);
        }
        execute(command.args(["--", "-D", "warnings"]))
    })
}

fn without_serde(package: &str, tree: &BTreeSet<String>) -> anyhow::Result<()> {
    match ["serde", "serde_core"].into_iter().find(|name| tree.contains(*name)) {
        Some(name) => bail!(
            "{package} pulls `{name}` with its default features, and small hosts must not pay for a second codec: \
             put it behind the feature `serde`, off by default"
        ),
        None => Ok(()),
    }
}

/// The names in the normal dependency tree of a package.
fn dependency_tree(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let mut command = workspace.cargo(&["tree", "--edges", "normal", "--prefix", "none"]);
    Ok(names(&capture(command.args(arguments))?))
}

/// Reads lines such as `serde v1.0.229 (*)`.
fn names(tree: &str) -> BTreeSet<String> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn check_purity(purity: &Purity, tree: &BTreeSet<String>) -> anyhow::Result<()> {
    let stranger = tree.iter().find(|name| name.starts_with("ron-") && !purity.ours.contains(&name.as_str()));
    let forbidden = purity.without.iter().find(|name| tree.contains(**name));
    if let Some(name) = stranger.map(String::as_str).or(forbidden.copied()) {
        bail!(
            "profile {} pulls `{name}`: {}. Find the way with `cargo tree {} -e normal -i {name}`",
            purity.name,
            purity.reason,
            purity.arguments.join(" "),
        );
    }
    let missing = purity.ours.iter().find(|name| !tree.contains(**name));
    if let Some(name) = missing {
        bail!("profile {} no longer pulls `{name}`; correct its list in xtask/src/profiles.rs", purity.name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICRO: &Purity = &PURITY[0];

    fn verdict(tree: &str) -> String {
        check_purity(MICRO, &names(tree)).map_or_else(|error| error.to_string(), |()| "pure".to_owned())
    }

    #[test]
    fn a_tree_with_only_what_is_allowed_is_pure() {
        let tree = "ron-accounting v0.1.0 (/x)\nron-accounting-core v0.1.0 (/x)\nron-accounting-window v0.1.0 (/x) (*)\ncfg-if v1\n";
        assert_eq!(verdict(tree), "pure");
    }

    #[test]
    fn a_package_of_ours_too_many_or_a_forbidden_one_is_named() {
        let base = "ron-accounting v0\nron-accounting-core v0\nron-accounting-window v0\n";
        assert!(verdict(&format!("{base}ron-accounting-seal v0\n")).contains("pulls `ron-accounting-seal`"));
        assert!(verdict(&format!("{base}serde v1.0.0 (*)\n")).contains("pulls `serde`"));
        assert!(verdict(&format!("{base}serde_json v1.0.0\n")).contains("pure"));
    }

    #[test]
    fn serde_and_its_core_are_found() {
        let found = |tree: &str| without_serde("p", &names(tree)).is_err();
        assert!(!found("p v0\nthiserror v2\nserde_json v1\n"));
        assert!(found("p v0\nserde v1\n") && found("p v0\nserde_core v1\n"));
    }

    #[test]
    fn a_list_that_names_too_much_is_corrected() {
        assert!(verdict("ron-accounting v0\n").contains("no longer pulls"));
    }
}
