//! Replays a scripted run and prints what it came to, as JSON: the reference for bindings in other languages.
//!
//! Usage: `dump_run SCRIPT.json`. The script is a list of steps, each an object with one key. A binding replays the same
//! script with a clock that is set by hand and must arrive at the same fields and values.

use std::{env, fs, io, sync::Arc, time::Duration};

use anyhow::Context;
use ron_accounting_telemetry::{
    FrameBytes, ManualClock, SanityError, Stage, StageTimes, TelemetryCounters, TelemetrySnapshot,
    TelemetryTimer,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    AddHeader(usize),
    AddEncryptData {
        plaintext: usize,
        compressed: usize,
        ciphertext: usize,
        overhead: usize,
    },
    AddDecryptData {
        plaintext: usize,
        compressed: usize,
        ciphertext: usize,
        overhead: usize,
    },
    AddTerminator(usize),
    AddDigest(usize),
    /// What another worker counted.
    Merge(TelemetryCounters),
    /// A stage that takes so many nanoseconds.
    Stage(Stage, u64),
    /// Time that passes outside of all stages.
    PassNs(u64),
    /// A worker that is in one stage for so many nanoseconds while the clock stands still for the others.
    Worker(Stage, u64),
    Finish(()),
    AttachOutput(usize),
}

#[derive(Debug, Serialize)]
struct Dump {
    counters: TelemetryCounters,
    stage_times: StageTimes,
    snapshot: TelemetrySnapshot,
    violations: Vec<Violation>,
}

#[derive(Debug, Serialize)]
struct Violation {
    rule: String,
    message: String,
}

impl From<SanityError> for Violation {
    fn from(error: SanityError) -> Self {
        // The name of the variant, without its values.
        let rule = format!("{error:?}").split(' ').next().unwrap_or_default().to_owned();
        Self { rule, message: error.to_string() }
    }
}

fn main() -> anyhow::Result<()> {
    let path = env::args().nth(1).context("usage: dump_run SCRIPT.json")?;
    let script = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let steps: Vec<Step> = serde_json::from_str(&script).with_context(|| format!("cannot use {path}"))?;

    let clock = Arc::new(ManualClock::default());
    let mut timer = TelemetryTimer::start_with(clock.clone());
    let mut counters = TelemetryCounters::default();
    let mut output = None;
    for step in steps {
        match step {
            Step::AddHeader(bytes) => counters.add_header(bytes),
            Step::AddEncryptData { plaintext, compressed, ciphertext, overhead } => {
                counters.add_encrypt_data(FrameBytes { plaintext, compressed, ciphertext, overhead });
            }
            Step::AddDecryptData { plaintext, compressed, ciphertext, overhead } => {
                counters.add_decrypt_data(FrameBytes { plaintext, compressed, ciphertext, overhead });
            }
            Step::AddTerminator(bytes) => counters.add_terminator(bytes),
            Step::AddDigest(bytes) => counters.add_digest(bytes),
            Step::Merge(other) => counters += other,
            Step::Stage(stage, ns) => timer.time(stage, || clock.advance_ns(ns)),
            Step::PassNs(ns) => clock.advance_ns(ns),
            Step::Worker(stage, ns) => {
                let mut worker = timer.worker();
                worker.add(stage, Duration::from_nanos(ns));
                timer.merge(&worker);
            }
            Step::Finish(()) => drop(timer.finish()),
            Step::AttachOutput(bytes) => output = Some(vec![0; bytes]),
        }
    }
    let mut snapshot = TelemetrySnapshot::new(counters, &timer);
    if let Some(output) = output {
        snapshot = snapshot.attach_output(output);
    }
    let violations = snapshot.violations().map(Violation::from).collect();
    let dump = Dump { counters, stage_times: timer.stage_times(), snapshot, violations };
    serde_json::to_writer_pretty(io::stdout().lock(), &dump).context("cannot write the dump")?;
    println!();
    Ok(())
}
