//! The suites that may catch a fault, cheapest first.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{bail, Context};
use serde::Deserialize;

use super::{catalogue::Fault, scratch::Scratch};

/// How long the code as it is may take.
const PATIENCE_MAX: Duration = Duration::from_secs(1_800);
/// A program that takes so much longer with a fault than without never ends.
const PATIENCE_FACTOR: u32 = 8;
const PATIENCE_MIN: Duration = Duration::from_secs(30);
const SIMULATION: &str = "ron-accounting-simulation";

/// A suite of tests.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) name: &'static str,
    package: &'static str,
    /// The crates whose faults it may see.
    crates: &'static [&'static str],
}

/// All suites.
pub(super) const SUITES: [Suite; 8] = [
    Suite { name: "wal", package: "ron-accounting-wal", crates: &["wal"] },
    Suite { name: "window", package: "ron-accounting-window", crates: &["window"] },
    Suite { name: "seal", package: "ron-accounting-seal", crates: &["seal"] },
    Suite { name: "export", package: "ron-accounting-export", crates: &["export"] },
    Suite { name: "sqlite", package: "ron-accounting-sqlite", crates: &["sink-sqlite"] },
    Suite {
        name: "pipeline",
        package: "ron-accounting-pipeline",
        crates: &["wal", "pipeline", "seal", "export"],
    },
    Suite { name: "façade", package: "ron-accounting", crates: &["accounting", "window", "sink-sqlite"] },
    Suite { name: "simulation", package: SIMULATION, crates: &["wal", "pipeline", "seal", "export"] },
];

/// What a suite found: names of tests, or seeds.
#[derive(Debug, Default)]
pub(super) struct Findings {
    failed: BTreeSet<String>,
    of: u64,
    what: &'static str,
    /// A program that did not end.
    is_endless: bool,
    /// What the slowest program took.
    slowest: Option<Duration>,
}

impl Findings {
    /// Whether anything is wrong that is not `known`.
    pub(super) fn exceeds(&self, known: &Self) -> bool {
        self.is_endless || self.failed.difference(&known.failed).next().is_some()
    }

    fn add(&mut self, output: &Output) {
        self.is_endless |= output.status.is_none();
        self.slowest = self.slowest.max(Some(output.elapsed));
    }

    /// How long a program may take when there is a fault, if this was found without.
    fn patience(&self) -> Duration {
        self.slowest.map_or(PATIENCE_MAX, |slowest| PATIENCE_MIN + slowest * PATIENCE_FACTOR)
    }

    /// What is wrong and not `known`, for a table.
    pub(super) fn told(&self, known: &Self) -> String {
        let failed = self.failed.difference(&known.failed).count();
        let mut told = match failed {
            0 => "-".to_owned(),
            _ => format!("{failed} of {} {}", self.of, self.what),
        };
        if self.is_endless {
            told.push_str(", does not end");
        }
        told
    }
}

impl Suite {
    pub(super) fn reaches(&self, fault: &Fault) -> bool {
        let folder_of = |file: &str| file.split('/').nth(1).map(str::to_owned);
        fault.edits.iter().filter_map(|edit| folder_of(&edit.file)).any(|name| self.crates.contains(&&*name))
    }

    /// Builds the suite and runs it. What was found without a fault tells how long it may take.
    pub(super) fn run(&self, scratch: &Scratch, seeds: u64, known: &Findings) -> anyhow::Result<Findings> {
        let patience = known.patience();
        if self.package == SIMULATION {
            return simulate(scratch, seeds, patience);
        }
        let arguments = ["test", "--no-run", "--lib", "--tests", "--all-features", "--package", self.package];
        let mut found = Findings { what: "tests", ..Findings::default() };
        for program in build(scratch, &arguments)? {
            let output = run(Command::new(&program.path).current_dir(&program.folder), scratch, patience)?;
            let lines = output.text.lines().filter_map(|line| line.strip_prefix("test "));
            for (name, result) in lines.filter_map(|line| line.rsplit_once(" ... ")) {
                found.of += 1;
                if result == "FAILED" {
                    found.failed.insert(format!("{} {name}", program.target));
                }
            }
            found.add(&output);
            if output.status == Some(false) && !output.text.contains("test result: FAILED") {
                found.failed.insert(format!("{} as a whole", program.target));
            }
        }
        Ok(found)
    }
}

fn simulate(scratch: &Scratch, seeds: u64, patience: Duration) -> anyhow::Result<Findings> {
    build(scratch, &["build", "--release", "--package", SIMULATION, "--bin", "simulate"])?;
    let mut found = Findings { what: "worlds", of: seeds, ..Findings::default() };
    let mut command = Command::new(scratch.simulate());
    command.args(["--told", "0", "--seeds", &seeds.to_string()]);
    let output = run(&mut command, scratch, patience)?;
    let listed = output.text.lines().find_map(|line| line.strip_prefix("failed seeds:"));
    found.failed.extend(listed.unwrap_or_default().split_whitespace().map(str::to_owned));
    found.add(&output);
    if output.status == Some(false) && listed.is_none() {
        found.failed.insert("the simulator itself".to_owned());
    }
    Ok(found)
}

/// A test program that was built.
#[derive(Debug)]
struct Program {
    target: String,
    path: PathBuf,
    folder: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(default)]
    executable: Option<PathBuf>,
    #[serde(default)]
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    profile: Option<Profile>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Profile {
    test: bool,
}

/// Builds, and returns the test programs. A fault that does not compile is an error of the catalogue.
fn build(scratch: &Scratch, arguments: &[&str]) -> anyhow::Result<Vec<Program>> {
    let mut command = scratch.cargo(arguments);
    command.args(["--quiet", "--message-format", "json-render-diagnostics"]);
    let log = scratch.output();
    fs::create_dir_all(log.parent().unwrap_or(&log))?;
    let output = command.stderr(File::create(&log)?).output().context("cannot start cargo")?;
    if !output.status.success() {
        let told = fs::read_to_string(&log).unwrap_or_default();
        bail!("the catalogue is wrong, its code does not compile:\n{told}");
    }
    let mut programs = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: Message = serde_json::from_str(line).context("cannot read a message of cargo")?;
        let is_test = message.profile.is_some_and(|profile| profile.test);
        let (Some(path), Some(manifest), Some(target), true) =
            (message.executable, message.manifest_path, message.target, is_test)
        else {
            continue;
        };
        let folder = manifest.parent().context("a manifest without a folder")?.to_owned();
        programs.push(Program { target: target.name, path, folder });
    }
    Ok(programs)
}

/// What came of a program.
#[derive(Debug)]
struct Output {
    text: String,
    /// Whether it was content; none if it had to be stopped.
    status: Option<bool>,
    elapsed: Duration,
}

fn run(command: &mut Command, scratch: &Scratch, patience: Duration) -> anyhow::Result<Output> {
    let path = scratch.output();
    let mut child = command
        // One run is to be like the other, and a failure need not be made small.
        .env("PROPTEST_RNG_SEED", "1")
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(File::create(&path)?)
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    let started = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status.success()),
            None if started.elapsed() > patience => {
                child.kill()?;
                child.wait()?;
                break None;
            }
            None => thread::sleep(Duration::from_millis(20)),
        }
    };
    let elapsed = started.elapsed();
    let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
    Ok(Output { text, status, elapsed })
}
