//! A report: what was measured, on what, and how it compares with the targets.

use std::{fmt, fs, path::Path};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::{steps::capture, workspace::Workspace};

/// What one run measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    /// The figures are of a run that is too short to rely on.
    pub(super) quick: bool,
    pub(super) paths: Vec<PathFigures>,
}

#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) rustc: String,
}

/// What the measuring programs write about a path.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PathFigures {
    pub(super) path: String,
    pub(super) title: String,
    pub(super) figures: Vec<Figure>,
    pub(super) ratios: Vec<Ratio>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) value: f64,
    pub(super) unit: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ratio {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) target: Option<Target>,
    /// Absent without a target. Computed here.
    #[serde(default)]
    pub(super) met: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
        }
    }
}

impl Ratio {
    /// `met`, `missed`, or nothing without a target.
    pub(super) const fn verdict(&self) -> &'static str {
        match self.met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "",
        }
    }

    pub(super) fn target(&self) -> String {
        self.target.map_or_else(String::new, |target| target.to_string())
    }
}

impl Report {
    pub(super) fn new(workspace: &Workspace, quick: bool) -> anyhow::Result<Self> {
        let rustc = capture(workspace.command("rustc").arg("--version"))?.trim().to_owned();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let machine = Machine { processor: processor(), cores, rustc };
        Ok(Self { machine, quick, paths: Vec::new() })
    }

    /// Adds what a measuring program wrote.
    pub(super) fn read(&mut self, file: &Path) -> anyhow::Result<()> {
        let json = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let paths: Vec<PathFigures> = serde_json::from_str(&json)
            .with_context(|| format!("{} is no list of figures", file.display()))?;
        self.extend(paths);
        Ok(())
    }

    pub(super) fn extend(&mut self, paths: impl IntoIterator<Item = PathFigures>) {
        self.paths.extend(paths.into_iter().map(|mut path| {
            for ratio in &mut path.ratios {
                ratio.met = ratio.target.map(|target| target.is_met(ratio.value));
            }
            path
        }));
    }

    fn ratios(&self) -> impl Iterator<Item = &Ratio> {
        self.paths.iter().flat_map(|path| &path.ratios)
    }

    /// How many targets are missed.
    pub(super) fn missed(&self) -> usize {
        self.ratios().filter(|ratio| ratio.met == Some(false)).count()
    }
}

/// What the system calls its processor, where it says so.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

/// With as many digits as a reader can use.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if size > 0.0 && size < 0.1 => format!("{value:.4}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, cores, rustc } = &self.machine;
        writeln!(f, "{processor}, {cores} cores, {rustc}")?;
        if self.quick {
            writeln!(f, "A quick run: the figures are not to be relied on.")?;
        }
        for path in &self.paths {
            writeln!(f, "\n{}: {}", path.path, path.title)?;
            let width =
                path.figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or_default();
            for Figure { name, kind, value, unit } in &path.figures {
                writeln!(f, "  {name:<width$}  {:>10} {unit:<6} {kind}", number(*value))?;
            }
            let width = path.ratios.iter().map(|ratio| ratio.name.chars().count()).max().unwrap_or_default();
            for ratio in &path.ratios {
                let line = format!(
                    "  {:<width$}  {:>10}   {:<8} {}",
                    ratio.name,
                    number(ratio.value),
                    ratio.target(),
                    ratio.verdict()
                );
                writeln!(f, "{}", line.trim_end())?;
            }
        }
        let targets = self.ratios().filter(|ratio| ratio.met.is_some()).count();
        writeln!(f, "\n{} of {targets} targets met", targets - self.missed())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::bench) fn report() -> Report {
        let json = r#"[{"path": "meter", "title": "a handle", "figures": [
            {"name": "ours", "kind": "ours", "value": 1.0, "unit": "ns"},
            {"name": "fetch_add", "kind": "floor", "value": 11.25, "unit": "ns"}
        ], "ratios": [
            {"name": "ours / fetch_add", "value": 0.0889, "target": {"at_most": 0.3}},
            {"name": "2 threads / 1", "value": 1.5, "target": {"at_least": 1.85}},
            {"name": "ours / peer", "value": 0.1, "target": null}
        ]}]"#;
        let machine = Machine { processor: "P".to_owned(), cores: 2, rustc: "rustc 1".to_owned() };
        let mut report = Report { machine, quick: false, paths: Vec::new() };
        report.extend(serde_json::from_str::<Vec<PathFigures>>(json).unwrap());
        report
    }

    #[test]
    fn every_target_is_met_or_missed() {
        let report = report();
        let verdicts: Vec<_> = report.ratios().map(Ratio::verdict).collect();
        assert_eq!(verdicts, ["met", "missed", ""]);
        assert_eq!(report.missed(), 1);
    }

    #[test]
    fn the_table_is_aligned_and_counts() {
        let text = report().to_string();
        assert!(
            text.contains("  ours             1.00 ns     ours\n  fetch_add        11.2 ns     floor\n"),
            "{text}"
        );
        assert!(text.contains("  ours / fetch_add      0.0889   ≤ 0.3    met\n"), "{text}");
        assert!(text.contains("  2 threads / 1           1.50   ≥ 1.85   missed\n"), "{text}");
        assert!(text.ends_with("\n1 of 2 targets met\n"), "{text}");
    }
}
