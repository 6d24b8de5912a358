//! The baseline file, and how a count compares with it.

use std::{collections::BTreeMap, fmt};

use anyhow::{ensure, Context};
use serde::{Deserialize, Serialize};

use super::UPDATE;

/// How much a path may change either way, in percent.
const CHANGE_MAX: f64 = 2.0;

/// Instructions per operation by path, and what they were compiled with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline {
    pub(super) toolchain: String,
    pub(super) target: String,
    pub(super) instructions: BTreeMap<String, f64>,
}

impl Baseline {
    pub(super) fn from_json(json: &str) -> anyhow::Result<Self> {
        serde_json::from_str(json).context("the baseline cannot be read")
    }

    pub(super) fn to_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} on {}", self.toolchain, self.target)?;
        for (path, instructions) in &self.instructions {
            writeln!(f, "{path:<24} {instructions:>12.1}")?;
        }
        Ok(())
    }
}

/// A count beside the baseline.
#[derive(Debug)]
pub(super) struct Comparison {
    /// By path: the baseline and the count, as far as they are there.
    rows: BTreeMap<String, (Option<f64>, Option<f64>)>,
}

impl Comparison {
    /// Counts of another compiler or machine are not to be compared.
    pub(super) fn new(baseline: &Baseline, counted: &Baseline) -> anyhow::Result<Self> {
        ensure!(
            (&baseline.toolchain, &baseline.target) == (&counted.toolchain, &counted.target),
            "the baseline is of Rust {} on {}, and this is Rust {} on {}: use that one, or run `{UPDATE}`",
            baseline.toolchain,
            baseline.target,
            counted.toolchain,
            counted.target,
        );
        let paths = baseline.instructions.keys().chain(counted.instructions.keys());
        let row = |path: &String| {
            let values = (baseline.instructions.get(path).copied(), counted.instructions.get(path).copied());
            (path.clone(), values)
        };
        Ok(Self { rows: paths.map(row).collect() })
    }

    /// How many paths changed by more than may be, appeared, or disappeared.
    pub(super) fn changed(&self) -> usize {
        self.rows.values().filter(|row| !is_same(**row)).count()
    }
}

fn is_same((before, now): (Option<f64>, Option<f64>)) -> bool {
    before.zip(now).is_some_and(|(before, now)| (now - before).abs() <= before * CHANGE_MAX / 100.0)
}

fn change(before: f64, now: f64) -> f64 {
    (now / before - 1.0) * 100.0
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<24} {:>12} {:>12} {:>9}", "path", "baseline", "now", "change")?;
        for (path, row) in &self.rows {
            let number =
                |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
            let change = row
                .0
                .zip(row.1)
                .map_or_else(String::new, |(before, now)| format!("{:+.1} %", change(before, now)));
            let mark = if is_same(*row) { "" } else { "  changed" };
            writeln!(f, "{path:<24} {:>12} {:>12} {change:>9}{mark}", number(row.0), number(row.1))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(instructions: &[(&str, f64)]) -> Baseline {
        Baseline {
            toolchain: "1.95.0".to_owned(),
            target: "x86_64-unknown-linux-gnu".to_owned(),
            instructions: instructions.iter().map(|(path, count)| ((*path).to_owned(), *count)).collect(),
        }
    }

    fn changed(before: &[(&str, f64)], now: &[(&str, f64)]) -> usize {
        Comparison::new(&baseline(before), &baseline(now)).unwrap().changed()
    }

    #[test]
    fn two_percent_either_way_is_the_limit() {
        let before = [("meter", 100.0)];
        assert_eq!(changed(&before, &[("meter", 102.0)]), 0);
        assert_eq!(changed(&before, &[("meter", 98.0)]), 0);
        assert_eq!(changed(&before, &[("meter", 102.1)]), 1);
        assert_eq!(changed(&before, &[("meter", 97.9)]), 1);
    }

    #[test]
    fn a_path_that_only_one_side_has_is_a_change() {
        assert_eq!(changed(&[("meter", 1.0)], &[("meter", 1.0), ("seal", 9.0)]), 1);
        assert_eq!(changed(&[("meter", 1.0), ("seal", 9.0)], &[("meter", 1.0)]), 1);
    }

    #[test]
    fn another_toolchain_or_target_is_not_compared() {
        let before = baseline(&[]);
        let error = Comparison::new(&before, &Baseline { toolchain: "1.96.0".to_owned(), ..before.clone() })
            .unwrap_err();
        assert!(error.to_string().contains("is of Rust 1.95.0 on x86_64"), "{error}");
        let other = Baseline { target: "aarch64-apple-darwin".to_owned(), ..before.clone() };
        assert!(Comparison::new(&before, &other).is_err());
    }

    #[test]
    fn the_table_shows_what_changed() {
        let comparison = Comparison::new(
            &baseline(&[("gone", 5.0), ("meter", 100.0), ("seal", 200.0)]),
            &baseline(&[("meter", 110.0), ("seal", 201.0)]),
        );
        let text = comparison.unwrap().to_string();
        assert!(
            text.contains("meter                           100.0        110.0   +10.0 %  changed\n"),
            "{text}"
        );
        assert!(text.contains("seal                            200.0        201.0    +0.5 %\n"), "{text}");
        assert!(
            text.contains("gone                              5.0            -            changed\n"),
            "{text}"
        );
    }

    #[test]
    fn a_baseline_comes_back_as_it_was_written() {
        let written = baseline(&[("meter", 12.25)]);
        assert_eq!(Baseline::from_json(&written.to_json().unwrap()).unwrap(), written);
    }
}
