//! The programs that count, and what they print.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use anyhow::{bail, Context};
use serde::Deserialize;

use crate::{
    steps::{execute, Steps},
    workspace::Workspace,
};

/// The name of a benchmark's case says how many operations it does.
const OPERATIONS_PREFIX: &str = "per_";

pub(super) fn find_valgrind() -> anyhow::Result<()> {
    let found =
        Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        bail!("there is no `valgrind`, which counts instructions: install it (Debian: `apt-get install valgrind`)");
    }
    Ok(())
}

/// The runner of the version that the benchmarks are built with; built on first use, below the target directory.
pub(super) fn installed(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<PathBuf> {
    let packages = &workspace.metadata().packages;
    let package = packages.iter().find(|package| package.name == "gungraun-runner");
    let version = &package.context("Cargo.lock has no gungraun-runner")?.version;
    let program =
        workspace.target("tools/bin").join(format!("gungraun-runner{}", std::env::consts::EXE_SUFFIX));
    let is_there = Command::new(&program).arg("--version").output().is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == version)
    });
    if is_there {
        return Ok(program);
    }
    steps.step("building gungraun-runner, once (some minutes)", || {
        let build = workspace.target("tools/build");
        let arguments =
            ["install", "gungraun-runner", "--quiet", "--locked", "--force", "--version", version];
        let mut command = workspace.cargo(&arguments);
        execute(command.arg("--root").arg(workspace.target("tools")).env("CARGO_TARGET_DIR", &build))?;
        // The program is all that is needed.
        fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))
    })?;
    Ok(program)
}

/// A line of the runner's output: what one benchmark came to.
#[derive(Debug, Deserialize)]
struct Summary {
    function_name: String,
    id: Option<String>,
    profiles: Vec<Profile>,
}

#[derive(Debug, Deserialize)]
struct Profile {
    tool: String,
    data: ProfileData,
}

#[derive(Debug, Deserialize)]
struct ProfileData {
    total: Total,
}

#[derive(Debug, Deserialize)]
struct Total {
    metrics: Metrics,
}

#[derive(Debug, Deserialize)]
struct Metrics {
    #[serde(rename = "Ir")]
    instructions: Metric,
}

#[derive(Debug, Deserialize)]
struct Metric {
    values: Values,
}

#[derive(Debug, Deserialize)]
struct Values {
    new: f64,
}

/// Instructions per operation by path, to a tenth.
pub(super) fn instructions(output: &str) -> anyhow::Result<BTreeMap<String, f64>> {
    let lines = output.lines().filter(|line| line.starts_with('{'));
    let counts: BTreeMap<String, f64> = lines.map(path).collect::<anyhow::Result<_>>()?;
    if counts.is_empty() {
        bail!("the benchmarks printed no count:\n{output}");
    }
    Ok(counts)
}

fn path(line: &str) -> anyhow::Result<(String, f64)> {
    let summary: Summary =
        serde_json::from_str(line).with_context(|| format!("no summary of a benchmark: {line}"))?;
    let name = summary.function_name;
    let profile = summary.profiles.iter().find(|profile| profile.tool == "Callgrind");
    let counted = profile
        .with_context(|| format!("`{name}` was not counted"))?
        .data
        .total
        .metrics
        .instructions
        .values
        .new;
    let operations =
        summary.id.as_deref().and_then(|id| id.strip_prefix(OPERATIONS_PREFIX)?.parse::<f64>().ok());
    let operations = operations
        .with_context(|| format!("the case of `{name}` is not called `{OPERATIONS_PREFIX}` and a number"))?;
    Ok((name, (counted / operations * 10.0).round() / 10.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, id: &str, instructions: u64) -> String {
        format!(
            r#"{{"function_name":"{name}","group":"paths","id":"{id}","profiles":[{{"tool":"Callgrind","data":{{"parts":[],
            "total":{{"metrics":{{"Dr":{{"values":{{"new":1}}}},"Ir":{{"values":{{"new":{instructions},"old":7}}}}}},"regressions":[]}}}}}}]}}"#
        )
        .replace('\n', " ")
    }

    #[test]
    fn counts_are_divided_by_the_operations() {
        let output =
            format!("noise\n{}\n{}\n", line("meter", "per_10000", 600_042), line("seal", "per_1", 7));
        let counted = instructions(&output).unwrap();
        assert_eq!(counted, BTreeMap::from([("meter".to_owned(), 60.0), ("seal".to_owned(), 7.0)]));
    }

    #[test]
    fn output_without_counts_is_an_error() {
        assert!(instructions("nothing\n").is_err());
        assert!(instructions("{}").is_err());
        let error = instructions(&line("meter", "often", 1)).unwrap_err();
        assert_eq!(error.to_string(), "the case of `meter` is not called `per_` and a number");
    }
}
