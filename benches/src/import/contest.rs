//! A million lines into a new ledger, and `GoAccess` on the same file, in turns.

use anyhow::Context;

use super::{
    child::{self, Cost},
    median, parity, Setting,
};
use crate::{
    access_logs::{self, FORMATS},
    figures::{PathFigures, Target},
    race::Kind,
};

/// The made-up log has the traffic of so many hours of an average day.
pub(super) const LOG_HOURS: u64 = 84;

/// Measures, and compares the counts. Fails if they differ.
pub fn contest(setting: &Setting) -> anyhow::Result<PathFigures> {
    let made = setting.folder.join("access.log");
    let log = if let Some(log) = &setting.log {
        log
    } else {
        access_logs::write(&made, &FORMATS[0], setting.lines, LOG_HOURS)?;
        &made
    };
    let (cost_file, report) = (setting.folder.join("cost.json"), setting.folder.join("goaccess.json"));
    let few = setting.folder.join("goaccess-few.json");
    let (mut ours, mut peers, mut peers_with_few) = (Vec::new(), Vec::new(), Vec::new());
    let summary_file = setting.folder.join("summary.json");
    let mut compared = None;
    for _ in 0..setting.rounds {
        let (import, ledger) = setting.import(log, "combined")?;
        ours.push(child::run(&import, Some(&summary_file), &cost_file)?);
        if let Some(goaccess) = &setting.goaccess {
            peers.push(child::run(&goaccess.report(log, &report, true), None, &cost_file)?);
            peers_with_few.push(child::run(&goaccess.report(log, &few, false), None, &cost_file)?);
            if compared.is_none() {
                compared = Some(parity::compare(&setting.node, &ledger, &report, &setting.comparison)?);
            }
        }
    }
    let summary: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&summary_file)?)?;
    let figure = |name: &str| summary[name].as_u64().with_context(|| format!("the summary has no {name}"));
    let (lines, windows) = (figure("lines_metered")?, figure("windows")?);
    let bytes = std::fs::metadata(log)?.len() as f64 / lines as f64;

    let title = format!(
        "{lines} combined lines of {bytes:.0} bytes into a new ledger, in {windows} windows of a minute"
    );
    let mut figures = PathFigures::new("import", &title);
    let mut add = |name: &str, kind: Kind, costs: &[Cost]| {
        let seconds = median(costs.iter().map(|cost| cost.seconds));
        figures.figure(format!("{name}: lines"), kind, lines as f64 / seconds, "/s");
        figures.figure(format!("{name}: time"), kind, seconds, "s");
        let processor = median(costs.iter().map(|cost| cost.processor_seconds));
        figures.figure(format!("{name}: processor time"), kind, processor, "s");
        figures.figure(
            format!("{name}: memory"),
            kind,
            median(costs.iter().map(|cost| cost.memory_mib)),
            "MiB",
        );
    };
    add("ours", Kind::Ours, &ours);
    if !peers.is_empty() {
        add("GoAccess", Kind::Library, &peers);
        add("GoAccess, three panels", Kind::Library, &peers_with_few);
    }
    if let Some(compared) = compared {
        figures.figure("counts that are the same", Kind::Library, compared as f64, "");
    }
    let ratio = |of: fn(&Cost) -> f64, peers: &[Cost]| {
        median(peers.iter().zip(&ours).map(|(peer, ours)| of(peer) / of(ours)))
    };
    if !peers.is_empty() {
        let target = Some(Target::AtLeast(5.0));
        figures.ratio("time: GoAccess / ours", ratio(|cost| cost.seconds, &peers), target);
        figures.ratio(
            "time: GoAccess, three panels / ours",
            ratio(|cost| cost.seconds, &peers_with_few),
            None,
        );
        figures.ratio("processor time: GoAccess / ours", ratio(|cost| cost.processor_seconds, &peers), None);
    }
    let memory = ours.iter().map(|cost| cost.memory_mib).fold(0.0, f64::max);
    figures.ratio("ours: memory at its peak, MiB", memory, Some(Target::AtMost(64.0)));
    let cores = median(ours.iter().map(|cost| cost.processor_seconds / cost.seconds));
    figures.ratio("ours: cores in use", cores, Some(Target::AtLeast(1.5)));
    Ok(figures)
}
