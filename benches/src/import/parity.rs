//! Whether both programs counted the same: requests and bytes, in all, by day and by hour of the day.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path, process::Command};

use anyhow::{bail, ensure, Context};
use serde_json::Value;

/// Requests and bytes by `all`, `day 20150517` and `hour 09`.
type Counts = BTreeMap<String, [u64; 2]>;

/// Compares the ledger with the report of `GoAccess`, writes both side by side, and fails if they differ.
pub(super) fn compare(node: &Path, ledger: &Path, report: &Path, comparison: &Path) -> anyhow::Result<usize> {
    let ours = of_ledger(node, ledger)?;
    let peers = of_report(report)?;
    let mut text = "what,requests,requests_goaccess,bytes,bytes_goaccess,\n".to_owned();
    let mut differing = 0;
    let names: std::collections::BTreeSet<_> = ours.keys().chain(peers.keys()).collect();
    for name in &names {
        let [ours, peers] = [&ours, &peers].map(|counts| counts.get(*name).copied().unwrap_or_default());
        let verdict = if ours == peers { "same" } else { "DIFFERENT" };
        differing += usize::from(ours != peers);
        writeln!(text, "{name},{},{},{},{},{verdict}", ours[0], peers[0], ours[1], peers[1])?;
    }
    fs::write(comparison, text).with_context(|| format!("cannot write {}", comparison.display()))?;
    ensure!(
        differing == 0,
        "the programs counted differently in {differing} of {} figures: see {}",
        names.len(),
        comparison.display()
    );
    Ok(names.len())
}

fn of_ledger(node: &Path, ledger: &Path) -> anyhow::Result<Counts> {
    let by = ["usage", "--by", "window,dimension", "--format", "json", "--ledger"];
    let output = Command::new(node).args(by).arg(ledger).output()?;
    ensure!(output.status.success(), "`ron-accounting usage` ended with {}", output.status);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).context("usage is no JSON")?;
    let mut counts = Counts::new();
    for row in &rows {
        // `2015-05-17T10:05:00Z`
        let window = row["window"].as_str().context("a row without a window")?;
        let at = match row["dimension"].as_str() {
            Some("requests") => 0,
            Some("bytes_out") => 1,
            other => bail!("an unexpected dimension {other:?}"),
        };
        let units = number(&row["inc"])?;
        let day = window.get(..10).context("a window without a day")?.replace('-', "");
        let hour = window.get(11..13).context("a window without an hour")?;
        for name in ["all".to_owned(), format!("day {day}"), format!("hour {hour}")] {
            counts.entry(name).or_default()[at] += units;
        }
    }
    Ok(counts)
}

fn of_report(report: &Path) -> anyhow::Result<Counts> {
    let report: Value = serde_json::from_slice(&fs::read(report)?).context("the report is no JSON")?;
    let general = &report["general"];
    let mut counts = Counts::new();
    counts.insert("all".to_owned(), [number(&general["valid_requests"])?, number(&general["bandwidth"])?]);
    for (panel, prefix) in [("visitors", "day"), ("visit_time", "hour")] {
        let rows = report[panel]["data"].as_array().with_context(|| format!("the report has no {panel}"))?;
        for row in rows {
            let name = row["data"].as_str().context("a row without a name")?;
            let units = [number(&row["hits"]["count"])?, number(&row["bytes"]["count"])?];
            counts.insert(format!("{prefix} {name}"), units);
        }
    }
    Ok(counts)
}

/// Large numbers are text.
fn number(value: &Value) -> anyhow::Result<u64> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.with_context(|| format!("{value} is no number"))
}
