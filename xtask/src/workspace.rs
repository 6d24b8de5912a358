//! Where the workspace is, what `cargo metadata` says about it, and commands that run in it.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use serde::Deserialize;

use crate::steps::capture;

/// The highest layer of the library crates.
pub(crate) const LIBRARY_LAYER_MAX: u8 = 4;

/// The workspace as cargo sees it.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    metadata: Metadata,
}

/// The part of `cargo metadata` that the verbs read.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: Vec<String>,
    pub(crate) resolve: Resolve,
    pub(crate) target_directory: PathBuf,
    pub(crate) workspace_root: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) edition: String,
    pub(crate) rust_version: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) metadata: Option<PackageMetadata>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Absent for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) optional: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct PackageMetadata {
    #[serde(default)]
    pub(crate) ron: Option<RonMetadata>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RonMetadata {
    pub(crate) layer: u8,
    /// Optional dependencies that may need a newer Rust than the crate, which then says so of their feature.
    #[serde(default)]
    pub(crate) newer: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) deps: Vec<NodeDependency>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct NodeDependency {
    pub(crate) pkg: String,
    pub(crate) dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct DependencyKind {
    pub(crate) kind: Option<String>,
}

impl Package {
    pub(crate) fn layer(&self) -> Option<u8> {
        self.metadata.as_ref()?.ron.as_ref().map(|ron| ron.layer)
    }

    /// Whether this is an optional dependency of which the manifest says that it may need a newer Rust.
    pub(crate) fn may_be_newer(&self, name: &str) -> bool {
        let ron = self.metadata.as_ref().and_then(|metadata| metadata.ron.as_ref());
        let is_optional = self.dependencies.iter().any(|known| known.name == name && known.optional);
        is_optional && ron.is_some_and(|ron| ron.newer.iter().any(|newer| newer == name))
    }
}

impl Workspace {
    /// Asks cargo about the workspace, with all features and for one platform, so that the answer is the same on each host.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let mut command = Command::new(cargo_program());
        command
            .args(["metadata", "--format-version", "1", "--all-features"])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu", "--manifest-path"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
        let metadata: Metadata = serde_json::from_str(&capture(&mut command)?)
            .context("cannot read the answer of `cargo metadata`")?;
        Ok(Self { root: metadata.workspace_root.clone(), metadata })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The members of the workspace.
    pub(crate) fn members(&self) -> Vec<&Package> {
        let ids = &self.metadata.workspace_members;
        self.metadata.packages.iter().filter(|package| ids.contains(&package.id)).collect()
    }

    /// The library crates, which promise Rust 1.80 and a public API.
    pub(crate) fn libraries(&self) -> Vec<&Package> {
        let is_library = |member: &&Package| member.layer().is_some_and(|layer| layer <= LIBRARY_LAYER_MAX);
        self.members().into_iter().filter(is_library).collect()
    }

    /// A folder or file below the target directory, wherever that is.
    pub(crate) fn target(&self, name: &str) -> PathBuf {
        self.metadata.target_directory.join(name)
    }

    /// A cargo command of the same toolchain, in the root of the workspace.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(cargo_program());
        command.args(arguments);
        command
    }

    /// Any command, in the root of the workspace.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root);
        command
    }
}

// Cargo tells the programs that it runs which cargo it is; by name the rustup proxy could choose another toolchain.
fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
