//! Brings `GoAccess`, of the Debian package, below the target directory. Nothing is installed.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{bail, ensure, Context};

use crate::{
    steps::{capture, execute},
    workspace::Workspace,
};

/// Packages that every system has, and that must be the system's own.
const OF_THE_SYSTEM: [&str; 3] = ["libc6", "libgcc-s1", "gcc-"];

/// The program and what it needs.
#[derive(Debug)]
pub(super) struct GoAccess {
    pub(super) program: PathBuf,
    /// Where its libraries are, as the loader takes it.
    pub(super) libraries: OsString,
    pub(super) configuration: PathBuf,
}

/// Downloads and unpacks the package, unless it is there already. Needs no root.
pub(super) fn bring(workspace: &Workspace) -> anyhow::Result<GoAccess> {
    let folder = workspace.target("goaccess");
    let root = folder.join("root");
    let program = root.join("usr/bin/goaccess");
    if program.exists() {
        println!("up to date: {}", program.display());
    } else {
        for (name, package) in [("apt-get", "apt"), ("apt-cache", "apt"), ("dpkg-deb", "dpkg")] {
            let answers =
                Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
            ensure!(
                answers,
                "GoAccess comes as a Debian package, and there is no `{name}` here: run this on Debian or a system made \
                 from it (`{name}` is of its package {package}), or leave the peer out with `--without goaccess`"
            );
        }
        let packages = folder.join("packages");
        fs::create_dir_all(&packages).with_context(|| format!("cannot make {}", packages.display()))?;
        let downloaded =
            execute(Command::new("apt-get").arg("download").args(needed()?).current_dir(&packages));
        downloaded.context(
            "the lists of packages may be missing or old: run `apt-get update`, or leave the peer out with \
             `--without goaccess`",
        )?;
        for package in files(&packages)?.filter(|file| file.extension().is_some_and(|end| end == "deb")) {
            execute(Command::new("dpkg-deb").arg("-x").arg(package).arg(&root))?;
        }
    }
    let goaccess = GoAccess {
        libraries: libraries(&root)?,
        configuration: root.join("etc/goaccess/goaccess.conf"),
        program,
    };
    let mut version = Command::new(&goaccess.program);
    let version = capture(version.arg("--version").env("LD_LIBRARY_PATH", &goaccess.libraries))?;
    println!("{}", version.lines().next().unwrap_or_default());
    Ok(goaccess)
}

/// Returns the package, and the packages of its libraries.
fn needed() -> anyhow::Result<Vec<String>> {
    let mut command = Command::new("apt-cache");
    command.args([
        "depends",
        "--recurse",
        "--no-recommends",
        "--no-suggests",
        "--no-conflicts",
        "--no-breaks",
    ]);
    let listed = capture(command.args(["--no-replaces", "--no-enhances", "--no-pre-depends", "goaccess"]))?;
    let is_name = |line: &&str| line.starts_with(|first: char| first.is_ascii_alphanumeric());
    let is_ours = |name: &&str| !OF_THE_SYSTEM.iter().any(|system| name.starts_with(system));
    let packages: Vec<_> = listed.lines().filter(is_name).filter(is_ours).map(str::to_owned).collect();
    if packages.is_empty() {
        bail!("apt knows no package `goaccess`: run `apt-get update`");
    }
    Ok(packages)
}

/// Returns the folders that have libraries, separated by colons.
fn libraries(root: &Path) -> anyhow::Result<OsString> {
    let mut folders = Vec::new();
    for above in ["usr/lib", "lib"].map(|name| root.join(name)).iter().filter(|folder| folder.is_dir()) {
        folders.push(above.clone());
        folders.extend(files(above)?.filter(|file| file.is_dir()));
    }
    Ok(std::env::join_paths(folders)?)
}

fn files(folder: &Path) -> anyhow::Result<impl Iterator<Item = PathBuf>> {
    let files = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    Ok(files.filter_map(|file| Some(file.ok()?.path())))
}
