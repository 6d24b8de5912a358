//! The same requests in every format.

use std::{hint::black_box, time::Instant};

use anyhow::ensure;
use ron_accounting_access_log::{Format, Lines, Parser, Times};

use super::{child, contest::LOG_HOURS, median, Setting};
use crate::{
    access_logs::{self, LogFormat, FORMATS},
    figures::{PathFigures, Target},
    race::Kind,
};

/// Within this multiple of a combined line.
const TARGET: Target = Target::AtMost(1.5);
/// A part of the contest's log, with as many lines in a window.
const SHARE: u64 = 4;

/// What a whole import costs, by format.
pub fn imports(setting: &Setting) -> anyhow::Result<PathFigures> {
    let lines = setting.lines / SHARE;
    let log_of = |format: &LogFormat| setting.folder.join(format!("{}.log", format.name));
    for format in &FORMATS {
        access_logs::write(&log_of(format), format, lines, LOG_HOURS / SHARE)?;
    }
    let cost_file = setting.folder.join("cost.json");
    let mut seconds = vec![Vec::new(); FORMATS.len()];
    for _ in 0..setting.rounds {
        for (format, seconds) in FORMATS.iter().zip(&mut seconds) {
            let (import, _) = setting.import(&log_of(format), format.format)?;
            seconds.push(child::run(&import, None, &cost_file)?.seconds);
        }
    }
    let title = format!("{lines} lines of the same requests into a new ledger, by format");
    let mut figures = PathFigures::new("import, formats", &title);
    for (format, seconds) in FORMATS.iter().zip(&seconds) {
        let kind = if format.name == FORMATS[0].name { Kind::Floor } else { Kind::Ours };
        figures.figure(format.name, kind, lines as f64 / median(seconds.iter().copied()), "lines/s");
    }
    add_ratios(&mut figures, &seconds);
    for format in &FORMATS {
        std::fs::remove_file(log_of(format))?;
    }
    Ok(figures)
}

/// What reading a line costs, by format.
pub fn parsing(setting: &Setting) -> anyhow::Result<PathFigures> {
    let lines = (setting.lines / 50).max(1_000);
    let logs = FORMATS.map(|format| access_logs::text(&format, lines));
    let times = Times::new().with_zone("UTC")?;
    let mut nanoseconds = vec![Vec::new(); FORMATS.len()];
    for _ in 0..setting.rounds * 10 {
        for ((format, log), nanoseconds) in FORMATS.iter().zip(&logs).zip(&mut nanoseconds) {
            let kind: Format = format.format.parse()?;
            let mut lines_of_log = Lines::new(log.as_bytes());
            let mut parser = Parser::new(&kind, lines_of_log.sample()?, &times, &[])?;
            let (mut requests, mut bytes) = (0_u64, 0_u64);
            let start = Instant::now();
            while let Some(line) = lines_of_log.next()? {
                if let Ok(Some(request)) = line.and_then(|line| parser.parse(line)) {
                    requests += 1;
                    bytes += request.bytes_sent.unwrap_or(0);
                }
            }
            nanoseconds.push(start.elapsed().as_secs_f64() * 1e9 / lines as f64);
            ensure!(requests == lines, "{}: {requests} of {lines} lines could be read", format.name);
            black_box(bytes);
        }
    }
    let title = format!("reading {lines} lines of the same requests from memory, by format");
    let mut figures = PathFigures::new("lines, formats", &title);
    let bytes: Vec<f64> = logs.iter().map(|log| log.len() as f64 / lines as f64).collect();
    for ((format, nanoseconds), bytes) in FORMATS.iter().zip(&nanoseconds).zip(&bytes) {
        let kind = if format.name == FORMATS[0].name { Kind::Floor } else { Kind::Ours };
        figures.figure(format.name, kind, median(nanoseconds.iter().copied()), "ns");
        figures.figure(format!("{}: length", format.name), kind, *bytes, "B");
    }
    add_ratios(&mut figures, &nanoseconds);
    let per_byte: Vec<Vec<f64>> = nanoseconds
        .iter()
        .zip(&bytes)
        .map(|(nanoseconds, bytes)| nanoseconds.iter().map(|value| value / bytes).collect())
        .collect();
    for (format, ratio) in FORMATS.iter().zip(ratios(&per_byte)).skip(1) {
        figures.ratio(format!("per byte: {} / combined", format.name), ratio, None);
    }
    Ok(figures)
}

fn add_ratios(figures: &mut PathFigures, costs: &[Vec<f64>]) {
    for (format, ratio) in FORMATS.iter().zip(ratios(costs)).skip(1) {
        figures.ratio(format!("{} / combined", format.name), ratio, Some(TARGET));
    }
}

/// Returns how each compares with the first, within each round.
fn ratios(costs: &[Vec<f64>]) -> impl Iterator<Item = f64> + '_ {
    let first = costs.first().map(Vec::as_slice).unwrap_or_default();
    costs.iter().map(move |costs| median(costs.iter().zip(first).map(|(cost, first)| cost / first)))
}
