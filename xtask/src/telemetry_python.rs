//! `telemetry-python`: the Python binding of `telemetry`, tested as users get it.
//!
//! The wheel is built and installed into an environment that holds nothing else of ours, so that a file that the wheel lacks is
//! missed. Rust replays the scripted runs first: what it dumps is what the installed package is compared with.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{bail, ensure, Context};

use crate::{
    python,
    steps::{capture, execute, Steps},
    workspace::Workspace,
};

const BINDING: &str = "crates/telemetry-py";
const MODULE: &str = "ron_accounting_telemetry";
/// One wheel for Python 3.11 and all later ones.
const TAGS: &str = "-cp311-abi3-";

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    let folder = workspace.target("telemetry-python");
    let (mut wheel, mut python) = (PathBuf::new(), PathBuf::new());
    steps.step("python binding: wheel", || {
        let wheels = folder.join("wheels");
        clear(&wheels)?;
        build(workspace, &wheels)?;
        wheel = only_wheel(&names(&wheels)?)?;
        Ok(())
    })?;
    steps.step("python binding: a fresh environment with the wheel", || {
        python = python::fresh_environment(workspace, "telemetry-python/fresh")?;
        let requirements = format!("{BINDING}/requirements-test.txt");
        let wheel = wheel.to_string_lossy();
        python::install(workspace, &python, &["--requirement", &requirements, &wheel])
    })?;
    let dumps = folder.join("dumps");
    steps.step("python binding: runs replayed in Rust", || {
        clear(&dumps)?;
        dump(workspace, &dumps)
    })?;
    steps.step("python binding: pytest", || {
        let mut pytest = workspace.command(&python);
        pytest.args(["-B", "-m", "pytest", "--quiet", "--config-file"]);
        pytest.args([&format!("{BINDING}/pyproject.toml"), &format!("{BINDING}/tests")]);
        execute(pytest.env("TELEMETRY_DUMPS", &dumps))
    })?;
    steps.step("python binding: stubs say what the module has", || {
        // Not in the root, where Python would look for modules.
        let arguments = ["-B", "-m", "mypy.stubtest", "--concise", MODULE];
        execute(workspace.command(&python).args(arguments).current_dir(&folder))
    })
}

fn build(workspace: &Workspace, wheels: &Path) -> anyhow::Result<()> {
    let requirements = format!("{BINDING}/requirements-build.txt");
    let python = python::environment(workspace, "telemetry-python/build", &requirements)?;
    let mut maturin = workspace.command(&python);
    // The machine that builds is the one that installs: no need for libraries that are older than it.
    maturin.args(["-m", "maturin", "build", "--quiet", "--locked", "--compatibility", "linux"]);
    maturin.args(["--manifest-path", &format!("{BINDING}/Cargo.toml"), "--interpreter"]).arg(&python);
    execute(maturin.arg("--out").arg(wheels))
}

/// The only file of the folder, which is a wheel for each Python from 3.11.
fn only_wheel(files: &[PathBuf]) -> anyhow::Result<PathBuf> {
    let [wheel] = files else { bail!("maturin left {} files instead of one wheel", files.len()) };
    let name = wheel.file_name().unwrap_or_default().to_string_lossy();
    ensure!(
        name.contains(TAGS) && name.ends_with(".whl"),
        "`{name}` is no wheel with `{TAGS}` in its name; keep the feature abi3-py311 of pyo3"
    );
    Ok(wheel.clone())
}

fn dump(workspace: &Workspace, dumps: &Path) -> anyhow::Result<()> {
    let runs = names(&workspace.root().join(BINDING).join("tests/runs"))?;
    ensure!(!runs.is_empty(), "{BINDING}/tests/runs has no runs");
    for run in runs {
        let example = ["run", "--quiet", "--package", "ron-accounting-telemetry", "--all-features"];
        let mut command = workspace.cargo(&example);
        let text = capture(command.args(["--example", "dump_run", "--"]).arg(&run))?;
        let target = dumps.join(run.file_name().unwrap_or_default());
        fs::write(&target, text).with_context(|| format!("cannot write {}", target.display()))?;
        println!("{}", target.display());
    }
    Ok(())
}

fn clear(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

/// The files of a folder, sorted.
fn names(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut names = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(names: &[&str]) -> Result<PathBuf, String> {
        let files: Vec<_> = names.iter().map(PathBuf::from).collect();
        only_wheel(&files).map_err(|error| error.to_string())
    }

    #[test]
    fn one_wheel_for_all_pythons_passes() {
        let name = "wheels/x-0.1.0-cp311-abi3-linux_x86_64.whl";
        assert_eq!(verdict(&[name]), Ok(PathBuf::from(name)));
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(verdict(&["x-0.1.0-cp311-cp311-linux_x86_64.whl"]).unwrap_err().contains("abi3"));
        assert!(verdict(&["x-0.1.0-cp311-abi3-linux_x86_64.tar.gz"]).is_err());
        assert!(verdict(&[]).unwrap_err().contains("0 files"));
        assert!(verdict(&["a.whl", "b.whl"]).unwrap_err().contains("2 files"));
    }
}
