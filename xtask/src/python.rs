//! Python environments below the target directory, for the steps that run Python.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{bail, Context};

use crate::{steps::execute, workspace::Workspace};

/// The Python of an environment that holds exactly what the file of requirements asks for. It is kept until the file
/// changes.
pub(crate) fn environment(workspace: &Workspace, name: &str, requirements: &str) -> anyhow::Result<PathBuf> {
    let folder = workspace.target(name);
    let python = program(&folder);
    let file = workspace.root().join(requirements);
    let wanted = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let stamp = folder.join("requirements.txt");
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        println!("up to date: {}", folder.display());
        return Ok(python);
    }
    create(workspace, &folder)?;
    install(workspace, &python, &["--requirement", requirements])?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

/// The Python of a new, empty environment. One of that name is cleared.
pub(crate) fn fresh_environment(workspace: &Workspace, name: &str) -> anyhow::Result<PathBuf> {
    let folder = workspace.target(name);
    create(workspace, &folder)?;
    Ok(program(&folder))
}

/// `pip install` with these arguments.
pub(crate) fn install(workspace: &Workspace, python: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    execute(workspace.command(python).args(pip).args(arguments))
}

fn create(workspace: &Workspace, folder: &Path) -> anyhow::Result<()> {
    execute(workspace.command(system_python()?).args(["-m", "venv", "--clear"]).arg(folder))
}

fn program(folder: &Path) -> PathBuf {
    folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

fn system_python() -> anyhow::Result<&'static str> {
    let answers = |name: &&str| {
        let version = "import sys; sys.exit(sys.version_info < (3, 11))";
        Command::new(name).args(["-c", version]).status().is_ok_and(|status| status.success())
    };
    match ["python3", "python3.11", "python"].into_iter().find(answers) {
        Some(name) => Ok(name),
        None => {
            bail!("no Python of version 3.11 or newer is on the PATH; install it, with its `venv` module")
        }
    }
}
