//! `simulate`: the durability protocol over faulty disks and faulty ledgers, from many seeds.
//!
//! With `--coverage` it also says which lines of the protocol the simulator reaches on its own. That takes the tools of the
//! LLVM that the compiler was built with: another LLVM does not read its profiles.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{bail, Context};
use clap::Args;
use serde::Deserialize;

use crate::{
    steps::{capture, execute, Steps},
    workspace::Workspace,
};

const PACKAGE: &str = "ron-accounting-simulation";
/// The crates whose lines count.
const COVERED: [&str; 4] = ["pipeline", "wal", "seal", "export"];
/// Doubles for tests of other crates, and the door to real files.
const NOT_SIMULATED: [&str; 3] = ["wal/src/fault/", "wal/src/directory.rs", "export/src/memory.rs"];
/// Stories of the façade that run beside the worlds for the lines that are reached.
const COVERAGE_FACADES: &str = "40";
/// Names are not compressed, since not every build of the tools can read that.
const RUSTFLAGS: &str = "-C instrument-coverage -C llvm-args=-enable-name-compression=false";
/// Lines in a hundred that the simulator must reach alone.
const LINES_MIN: f64 = 90.0;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// How many worlds
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Runs each story twice, which must give the same bytes
    #[arg(long)]
    twice: bool,
    /// Drives the façade over real directories, so many seeds, instead of worlds
    #[arg(long)]
    facade: Option<u64>,
    /// Prints the lines of pipeline, log, sealing and export that the simulator reaches
    #[arg(long)]
    coverage: bool,
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, options: &Options) -> anyhow::Result<()> {
    if options.coverage {
        return steps.step("simulation, with coverage", || coverage(workspace, options));
    }
    steps.step("simulation", || {
        let mut command =
            workspace.cargo(&["run", "--release", "--package", PACKAGE, "--bin", "simulate", "--"]);
        execute(with_options(&mut command, options))
    })
}

fn with_options<'a>(command: &'a mut Command, options: &Options) -> &'a mut Command {
    command.args(["--seeds", &options.seeds.to_string(), "--from", &options.from.to_string()]);
    if options.twice {
        command.arg("--twice");
    }
    if let Some(seeds) = options.facade {
        command.args(["--facade", &seeds.to_string()]);
    }
    command
}

fn coverage(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    let tools = Tools::find(workspace)?;
    let target = workspace.target("coverage");
    execute(
        workspace
            .cargo(&["build", "--release", "--package", PACKAGE, "--bin", "simulate"])
            .env("CARGO_TARGET_DIR", &target)
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("RUSTFLAGS", RUSTFLAGS),
    )?;
    let program = target.join("release").join("simulate");
    let merged = target.join("simulate.profdata");
    let raw = ["worlds", "scenarios", "facade"].map(|part| target.join(format!("{part}.profraw")));
    let [mut worlds, mut scenarios, mut facade] = [(); 3].map(|()| workspace.command(&program));
    with_options(&mut worlds, options);
    scenarios.arg("--scenarios");
    facade.args(["--facade", COVERAGE_FACADES]);
    // What was reached is of interest even if something failed.
    let mut simulated = Ok(());
    for (command, raw) in [&mut worlds, &mut scenarios, &mut facade].into_iter().zip(&raw) {
        let result = execute(command.env("LLVM_PROFILE_FILE", raw));
        simulated = simulated.and(result);
    }
    execute(workspace.command(&tools.profdata).args(["merge", "-sparse", "-o"]).arg(&merged).args(&raw))?;
    let sources = COVERED.map(|name| workspace.root().join("crates").join(name).join("src"));
    let profile = format!("-instr-profile={}", merged.display());
    let exported = capture(
        workspace
            .command(&tools.cov)
            .args(["export", "-summary-only", &profile])
            .arg(&program)
            .args(&sources),
    )?;
    let export: Export = serde_json::from_str(&exported).context("the answer of llvm-cov is not readable")?;
    let reached = print_lines(workspace.root(), &export);
    simulated?;
    if reached < LINES_MIN {
        bail!("the simulator reaches {reached:.1} % of the lines, less than {LINES_MIN} %");
    }
    Ok(())
}

/// Prints the lines reached by file and by crate, and returns how many of a hundred it were together.
fn print_lines(root: &Path, export: &Export) -> f64 {
    let mut crates: BTreeMap<String, Lines> = BTreeMap::new();
    let crates_folder = root.join("crates");
    let files = export.data.iter().flat_map(|data| &data.files);
    for file in files {
        let Ok(path) = file.filename.strip_prefix(&crates_folder) else { continue };
        let name = path.display().to_string();
        if NOT_SIMULATED.iter().any(|other| name.starts_with(other)) {
            continue;
        }
        let lines = file.summary.lines;
        println!("{:>6.1} % of {:>4} lines  {name}", lines.percent(), lines.count);
        let folder = name.split('/').next().unwrap_or_default().to_owned();
        for total in [folder, "together".to_owned()] {
            let total = crates.entry(total).or_default();
            total.count += lines.count;
            total.covered += lines.covered;
        }
    }
    println!();
    for (name, lines) in &crates {
        println!("{:>6.1} % of {:>4} lines  {name}", lines.percent(), lines.count);
    }
    println!("without {}", NOT_SIMULATED.join(", "));
    crates.get("together").copied().unwrap_or_default().percent()
}

/// The tools that read the compiler's profiles.
#[derive(Debug)]
struct Tools {
    profdata: PathBuf,
    cov: PathBuf,
}

impl Tools {
    /// From the toolchain, or from the variables that `cargo llvm-cov` knows as well, or from the path.
    fn find(workspace: &Workspace) -> anyhow::Result<Self> {
        let version = capture(workspace.command("rustc").arg("-vV"))?;
        let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let (host, llvm) = (field("host:").unwrap_or_default(), field("LLVM version:").unwrap_or_default());
        let major = llvm.split('.').next().unwrap_or_default();
        let sysroot = capture(workspace.command("rustc").args(["--print", "sysroot"]))?;
        let bundled = PathBuf::from(sysroot.trim()).join("lib").join("rustlib").join(host).join("bin");
        let tool = |name: &str, variable: &str| {
            let in_toolchain = bundled.join(name);
            let named = env::var_os(variable).map(PathBuf::from);
            named.or_else(|| in_toolchain.exists().then_some(in_toolchain)).unwrap_or_else(|| name.into())
        };
        let tools =
            Self { profdata: tool("llvm-profdata", "LLVM_PROFDATA"), cov: tool("llvm-cov", "LLVM_COV") };
        let told = Command::new(&tools.cov).arg("--version").output();
        let told =
            told.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        if !told.contains(&format!("LLVM version {major}.")) {
            bail!(
                "coverage needs llvm-profdata and llvm-cov of LLVM {major}, and `{}` is none; run `rustup component \
                 add llvm-tools`, or name others with LLVM_PROFDATA and LLVM_COV",
                tools.cov.display()
            );
        }
        Ok(tools)
    }
}

#[derive(Debug, Deserialize)]
struct Export {
    data: Vec<ExportData>,
}

#[derive(Debug, Deserialize)]
struct ExportData {
    files: Vec<ExportFile>,
}

#[derive(Debug, Deserialize)]
struct ExportFile {
    filename: PathBuf,
    summary: Summary,
}

#[derive(Debug, Deserialize)]
struct Summary {
    lines: Lines,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Lines {
    count: u32,
    covered: u32,
}

impl Lines {
    fn percent(self) -> f64 {
        100.0 * f64::from(self.covered) / f64::from(self.count.max(1))
    }
}
