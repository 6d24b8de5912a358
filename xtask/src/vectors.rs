//! `vectors`: a program in another language, with public packages only, checks the wire format.
//!
//! It checks the vectors that are kept in git, and then slices that the binary exported a moment ago: the first proves
//! that the format has not moved, the second that the code still writes it.

use std::{
    env::consts::EXE_SUFFIX,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{bail, Context};

use crate::{
    python,
    steps::{execute, Steps},
    workspace::Workspace,
};

const VECTORS: &str = "testing/vectors/slice-v1";
const CHECKER: &str = "testing/vectors/check.py";
const REQUIREMENTS: &str = "testing/vectors/requirements.txt";

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    let mut python = PathBuf::new();
    steps.step("python environment", || {
        python = python::environment(workspace, "python-venv", REQUIREMENTS)?;
        Ok(())
    })?;
    steps.step("the checker's own tests", || {
        let unittest = ["-B", "-m", "unittest", "discover", "--start-directory", "testing/vectors"];
        execute(workspace.command(&python).args(unittest))
    })?;
    steps.step("vectors in git, checked in Python", || {
        execute(workspace.command(&python).args([CHECKER, VECTORS]))
    })?;
    steps.step("slices of the binary, checked in Python", || check_export(workspace, &python))
}

fn check_export(workspace: &Workspace, python: &Path) -> anyhow::Result<()> {
    let folder = workspace.target("vectors-check");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let (log, ledger, slices) = (folder.join("access.log"), folder.join("usage.db"), folder.join("slices"));
    fs::write(&log, access_log()).with_context(|| format!("cannot write {}", log.display()))?;

    // The features of the whole workspace, as in `test`: what that step built is not built again.
    execute(&mut workspace.cargo(&["build", "--quiet", "--workspace", "--bins", "--all-features"]))?;
    let program = workspace.target(&format!("debug/ron-accounting{EXE_SUFFIX}"));
    let node = |arguments: &[&str]| {
        let mut command = workspace.command(&program);
        command.args(arguments);
        command
    };
    execute(node(&["import", "--amnesia", "--tenant", "=acme", "--ledger"]).arg(&ledger).arg(&log))?;
    execute(node(&["slices", "--ledger"]).arg(&ledger).arg("--export").arg(&slices))?;
    if fs::read_dir(&slices)
        .with_context(|| format!("nothing was exported to {}", slices.display()))?
        .next()
        .is_none()
    {
        bail!("the import of {} gave no slice", log.display());
    }
    execute(workspace.command(python).arg(CHECKER).arg(&slices))
}

/// Three minutes of a small site: several windows, so that the chains have links to check.
fn access_log() -> String {
    let mut log = String::new();
    for second in 0..180_u32 {
        let path = ["/", "/v1/objects/17", "/search?q=rust", "/static/site.css"][second as usize % 4];
        let (minute, second) = (second / 60, second % 60);
        // Writing to a String cannot fail.
        let _ = writeln!(
            log,
            "192.0.2.{second} - - [21/Jul/2026:10:{minute:02}:{second:02} +0000] \"GET {path} HTTP/1.1\" 200 {} \"-\" \"check\"",
            1_000 + second,
        );
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_spans_several_windows_and_each_line_is_whole() {
        let log = access_log();
        assert_eq!(log.lines().count(), 180);
        for minute in ["10:00:", "10:01:", "10:02:"] {
            assert_eq!(log.lines().filter(|line| line.contains(minute)).count(), 60);
        }
        assert!(log.lines().all(|line| line.matches('"').count() == 6));
    }
}
