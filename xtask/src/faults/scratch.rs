//! The copy of the workspace that faults are put into.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use super::catalogue::Fault;
use crate::{steps::capture, workspace::Workspace};

/// A copy of all files that git knows or would add, with a target folder of its own.
#[derive(Debug)]
pub(super) struct Scratch {
    root: PathBuf,
    target: PathBuf,
    cargo: PathBuf,
}

/// A fault that is in the copy now.
#[derive(Debug)]
#[must_use]
pub(super) struct Applied {
    originals: BTreeMap<PathBuf, String>,
}

impl Scratch {
    /// Brings the copy up to date. Files that did not change keep their times, so that little is built again.
    pub(super) fn prepare(workspace: &Workspace) -> anyhow::Result<Self> {
        let folder = workspace.target("historic-faults");
        let cargo = PathBuf::from(workspace.cargo(&[]).get_program());
        let scratch = Self { root: folder.join("workspace"), target: folder.join("target"), cargo };
        let listed = capture(workspace.command("git").args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ]))?;
        let names: Vec<&str> = listed.split('\0').filter(|name| !name.is_empty()).collect();
        for name in &names {
            // A file that was deleted and not committed is listed all the same.
            let Ok(bytes) = fs::read(workspace.root().join(name)) else { continue };
            let copy = scratch.root.join(name);
            if fs::read(&copy).is_ok_and(|old| old == bytes) {
                continue;
            }
            let folder = copy.parent().unwrap_or(&scratch.root);
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
            fs::write(&copy, bytes).with_context(|| format!("cannot write {}", copy.display()))?;
        }
        scratch.remove_others(&scratch.root, &|path| {
            workspace.root().join(path).exists() && names.iter().any(|name| Path::new(name).starts_with(path))
        })?;
        Ok(scratch)
    }

    /// Removes what is not in the workspace any more, as well as what failed tests have left.
    fn remove_others(&self, folder: &Path, is_known: &dyn Fn(&Path) -> bool) -> anyhow::Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            let is_folder = path.is_dir();
            let is_kept = path.strip_prefix(&self.root).is_ok_and(is_known);
            match (is_kept, is_folder) {
                (true, true) => self.remove_others(&path, is_known)?,
                (true, false) => {}
                (false, true) => fs::remove_dir_all(&path)?,
                (false, false) => fs::remove_file(&path)?,
            }
        }
        Ok(())
    }

    /// Puts a fault into the copy.
    pub(super) fn apply(&self, fault: &Fault) -> anyhow::Result<Applied> {
        let mut originals = BTreeMap::new();
        let mut changed: BTreeMap<PathBuf, String> = BTreeMap::new();
        for edit in &fault.edits {
            let path = self.root.join(&edit.file);
            let text = match changed.get(&path) {
                Some(text) => text.clone(),
                None => {
                    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?
                }
            };
            let with_fault = edit.apply(&fault.name, &text)?;
            originals.entry(path.clone()).or_insert(text);
            changed.insert(path, with_fault);
        }
        for (path, text) in changed {
            fs::write(path, text)?;
        }
        Ok(Applied { originals })
    }

    /// A cargo command in the copy.
    pub(super) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.cargo);
        // Building is most of the work.
        command
            .args(arguments)
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_INCREMENTAL", "true");
        command
    }

    /// Where a program writes what it has to say.
    pub(super) fn output(&self) -> PathBuf {
        self.target.join("output")
    }

    pub(super) fn simulate(&self) -> PathBuf {
        self.target.join("release").join("simulate")
    }
}

impl Applied {
    /// Takes the fault back out.
    pub(super) fn take_back(self) -> anyhow::Result<()> {
        for (path, text) in self.originals {
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}
