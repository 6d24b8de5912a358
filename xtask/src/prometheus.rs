//! `prometheus`: programs of others read the metrics.
//!
//! A program in Python parses both formats with prometheus-client, and lets a real Prometheus scrape a node: its sums must equal
//! the ledger's. Rules and dashboard in `docs/ops` are checked there, too. Prometheus comes from the system's packages, without
//! root, below the target directory.

use std::{
    env::consts::EXE_SUFFIX,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{bail, Context};

use crate::{
    python,
    steps::{execute, Steps},
    without::{Service, Without},
    workspace::Workspace,
};

const CHECKER: &str = "testing/prometheus/check.py";
const REQUIREMENTS: &str = "testing/prometheus/requirements.txt";

/// Prometheus and the tool that checks its files.
#[derive(Debug)]
struct Programs {
    prometheus: PathBuf,
    promtool: PathBuf,
}

impl Programs {
    /// The programs of a folder; with an empty path, those on the PATH.
    fn in_folder(folder: &Path) -> Self {
        let program = |name: &str| folder.join(format!("{name}{EXE_SUFFIX}"));
        Self { prometheus: program("prometheus"), promtool: program("promtool") }
    }

    fn run(&self) -> bool {
        [&self.prometheus, &self.promtool].into_iter().all(|program| {
            Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
        })
    }
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, without: &Without) -> anyhow::Result<()> {
    let mut python = PathBuf::new();
    steps.step("python environment for the metrics", || {
        python = python::environment(workspace, "prometheus-python", REQUIREMENTS)?;
        Ok(())
    })?;
    let mut programs = None;
    if !without.leaves_out(Service::Prometheus) {
        steps.step("Prometheus and promtool", || {
            programs = Some(bring(workspace)?);
            Ok(())
        })?;
    }
    steps.step("a node, and the program that asks its ledger", || {
        // The packages and features of `test`: what that step built is not built again.
        let arguments = ["build", "--quiet", "--workspace", "--bins", "--examples", "--all-features"];
        execute(&mut workspace.cargo(&arguments))
    })?;
    let name = match &programs {
        Some(_) => "metrics, read by prometheus-client, promtool and Prometheus",
        None => "metrics, read by prometheus-client alone",
    };
    steps.step(name, || {
        let program = |name: &str| workspace.target(&format!("debug/{name}{EXE_SUFFIX}"));
        let mut check = workspace.command(&python);
        check.args(["-B", CHECKER, "--node"]).arg(program("examples/serve_metrics"));
        check.arg("--usage").arg(program("ron-accounting"));
        check.arg("--folder").arg(workspace.target("prometheus-check"));
        if let Some(Programs { prometheus, promtool }) = &programs {
            check.arg("--prometheus").arg(prometheus).arg("--promtool").arg(promtool);
        }
        execute(&mut check)
    })
}

/// Finds the programs, or unpacks the system's package below the target directory.
fn bring(workspace: &Workspace) -> anyhow::Result<Programs> {
    let folder = workspace.target("prometheus");
    let unpacked = Programs::in_folder(&folder.join("usr/bin"));
    for programs in [Programs::in_folder(Path::new("")), unpacked] {
        if programs.run() {
            println!("found: {} and {}", programs.prometheus.display(), programs.promtool.display());
            return Ok(programs);
        }
    }
    unpack(workspace, &folder).context(
        "Prometheus cannot be had as a package of the system. Install it, for example with `apt-get install prometheus`, so that \
         `prometheus` and `promtool` are on the PATH; or leave it out with `--without prometheus`",
    )?;
    let programs = Programs::in_folder(&folder.join("usr/bin"));
    if !programs.run() {
        bail!("the package in {} has no Prometheus that runs here", folder.display());
    }
    Ok(programs)
}

fn unpack(workspace: &Workspace, folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    for part in ["lists/partial", "cache/archives/partial"] {
        let part = folder.join(part);
        fs::create_dir_all(&part).with_context(|| format!("cannot create {}", part.display()))?;
    }
    let apt = |verb: &[&str], settings: &[String]| {
        let mut command = workspace.command("apt-get");
        // For root, too, the download needs no user of its own.
        command.args(["--quiet=2", "-o", "APT::Sandbox::User=root"]).current_dir(folder);
        for setting in settings {
            command.args(["-o", setting]);
        }
        execute(command.args(verb))
    };
    let download = ["download", "prometheus"];
    if apt(&download, &[]).is_err() {
        // The system has no list of packages, or an old one. One of our own needs no root.
        let own = |setting: &str, part: &str| format!("{setting}={}", folder.join(part).display());
        let settings = [own("Dir::State::Lists", "lists"), own("Dir::Cache", "cache")];
        apt(&["update"], &settings)?;
        apt(&download, &settings)?;
    }
    let is_package = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    let files = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let package = files.filter_map(|file| Some(file.ok()?.path())).find(is_package);
    let package = package.context("apt-get left no package")?;
    execute(workspace.command("dpkg-deb").arg("--extract").arg(package).arg(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_are_not_there_are_not_taken_for_some_that_run() {
        assert!(!Programs::in_folder(Path::new("no/such/folder")).run());
    }
}
