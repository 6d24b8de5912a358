//! From the sealing to the acknowledgement, with a ledger that is far away and not always well.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{ensure, Context as _};
use ron_accounting::{
    export::{Ack, Exporter, Head, MemoryLedger, PutError, SealedSlice, Seq, StreamId},
    labels,
    normalize::CharacterNormalizer,
    Accounting, Dimension,
};
use tempfile::tempdir_in;

use super::Size;
use crate::{
    figures::{PathFigures, Target},
    label_sets::Dice,
    race::Kind,
};

const TENANTS: usize = 100;
const DIMENSIONS: [Dimension; 3] = [Dimension::REQUESTS, Dimension::BYTES_IN, Dimension::BYTES_OUT];
const SEAL_EVERY: Duration = Duration::from_millis(400);
/// What a put takes, and in one of [`SLOW_ONCE_IN`] puts.
const LATENCY_MS: std::ops::Range<usize> = 5..40;
const SLOW_MS: std::ops::Range<usize> = 200..800;
const SLOW_ONCE_IN: usize = 100;
/// One of so many puts is refused, and one of so many is stored although its answer is lost.
const REFUSED_ONCE_IN: usize = 100;
const LOST_ONCE_IN: usize = 400;
/// The upper bounds of a histogram's bars, in milliseconds.
const BARS_MS: [u64; 8] = [10, 20, 50, 100, 200, 500, 1000, 2000];

pub(super) fn measure(size: Size, folder: &Path) -> anyhow::Result<Vec<PathFigures>> {
    let sealings = match size {
        Size::Full => 150,
        Size::Quick => 3,
    };
    let place = tempdir_in(folder).context("cannot make a folder")?;
    Ok(vec![
        run("export, from memory", None, sealings, [600.0, 50.0])?,
        run("export, with a log", Some(place.path()), sealings, [1000.0, 80.0])?,
    ])
}

fn run(name: &str, log: Option<&Path>, sealings: u64, targets: [f64; 2]) -> anyhow::Result<PathFigures> {
    let ledger = Arc::new(FarLedger::new());
    let exporter: Arc<dyn Exporter> = ledger.clone();
    // Windows are closed here, so that the moment is known; the export is that of the façade's threads.
    let builder =
        Accounting::builder().normalizer(CharacterNormalizer).window_ms(86_400_000).exporter(exporter);
    let builder = match log {
        Some(folder) => builder.wal_dir(folder),
        None => builder,
    };
    let accounting = builder.build()?;
    let mut sealed_at = Vec::new();
    let started = Instant::now();
    for sealing in 0..sealings {
        for tenant in 0..TENANTS {
            let tenant = format!("tenant-{tenant}");
            let labels = labels().tenant(&tenant).method("GET").route("/v1").service("store").region("eu-1");
            accounting.record_each(&labels, &DIMENSIONS.map(|dimension| (dimension, 1 + sealing)));
        }
        let due = SEAL_EVERY * u32::try_from(sealing)?;
        thread::sleep(due.saturating_sub(started.elapsed()));
        sealed_at.push(Instant::now());
        let slices = accounting.seal_now();
        ensure!(slices.len() == TENANTS * DIMENSIONS.len(), "each stream has a slice in each sealing");
    }
    accounting.shutdown(Duration::from_secs(60))?;
    let stats = accounting.stats().export.context("there is a ledger")?;
    let duplicates = 100.0 * stats.duplicates as f64 / stats.acknowledged as f64;

    let times = ledger.acknowledged();
    let (mut latency, mut wait) = (Histogram::default(), Histogram::default());
    for ((stream, sealing), acknowledged) in &times {
        let sealed = sealed_at[usize::try_from(sealing.get())?];
        latency.add(acknowledged.saturating_duration_since(sealed));
        let before = sealing.checked_prev().and_then(|before| times.get(&(stream.clone(), before)));
        // As long as the slice before it is not acknowledged, it may not go.
        wait.add(before.map_or(Duration::ZERO, |before| before.saturating_duration_since(sealed)));
    }
    let title = format!(
        "{} streams sealed every {} ms for a ledger that takes {} to {} ms a put, {} to {} ms in 1 %, refuses 1 %, and loses an answer in 0.25 %",
        TENANTS * DIMENSIONS.len(),
        SEAL_EVERY.as_millis(),
        LATENCY_MS.start,
        LATENCY_MS.end,
        SLOW_MS.start,
        SLOW_MS.end,
    );
    let mut path = PathFigures::new(name, &title);
    latency.tell("enqueued to acknowledged", &mut path);
    wait.tell("waiting for order", &mut path);
    path.figure("acknowledged slices", Kind::Ours, stats.acknowledged as f64, "");
    path.figure("duplicates", Kind::Ours, duplicates, "%");
    let [latency_ms, wait_ms] = targets;
    path.ratio("enqueued to acknowledged, p99, ms", latency.quantile(0.99), Some(Target::AtMost(latency_ms)));
    path.ratio("waiting for order, p99, ms", wait.quantile(0.99), Some(Target::AtMost(wait_ms)));
    path.ratio("duplicates, %", duplicates, Some(Target::AtMost(0.5)));
    Ok(path)
}

/// A ledger in memory behind a network.
struct FarLedger {
    ledger: MemoryLedger,
    dice: Mutex<(Dice, usize)>,
    /// When each slice was acknowledged.
    acknowledged: Mutex<HashMap<(StreamId, Seq), Instant>>,
}

impl FarLedger {
    fn new() -> Self {
        let acknowledged = Mutex::new(HashMap::new());
        Self { ledger: MemoryLedger::new(), dice: Mutex::new((Dice(1), 0)), acknowledged }
    }

    fn acknowledged(&self) -> HashMap<(StreamId, Seq), Instant> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Exporter for FarLedger {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        let (latency_ms, is_refused, is_lost) = {
            let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
            let (dice, puts) = &mut *dice;
            *puts += 1;
            let range = if dice.below(SLOW_ONCE_IN) == 0 { SLOW_MS } else { LATENCY_MS };
            let latency_ms = range.start + dice.below(range.len());
            (latency_ms, dice.below(REFUSED_ONCE_IN) == 0, *puts % LOST_ONCE_IN == LOST_ONCE_IN / 2)
        };
        thread::sleep(Duration::from_millis(latency_ms as u64));
        let unavailable = || Err(PutError::unavailable("it is far away"));
        if is_refused {
            return batch.iter().map(|_| unavailable()).collect();
        }
        let answers = self.ledger.put_batch(batch);
        if is_lost {
            return batch.iter().map(|_| unavailable()).collect();
        }
        let now = Instant::now();
        let mut acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        for (slice, _) in batch.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()) {
            acknowledged.entry((slice.stream().clone(), slice.seq())).or_insert(now);
        }
        answers
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        self.ledger.head(stream)
    }
}

/// How long things took.
#[derive(Debug, Default)]
struct Histogram(Vec<Duration>);

impl Histogram {
    fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// The time that this share of them did not exceed, in milliseconds.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an index
    fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let index = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(index.saturating_sub(1)).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    }

    fn tell(&self, what: &str, path: &mut PathFigures) {
        for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)] {
            path.figure(format!("{what}, {name}"), Kind::Ours, self.quantile(share), "ms");
        }
        let mut below = Duration::ZERO;
        let bars = BARS_MS.map(Duration::from_millis).into_iter().chain([Duration::MAX]);
        for bar in bars {
            let is_first = below.is_zero();
            let count = self.0.iter().filter(|took| (is_first || **took > below) && **took <= bar).count();
            if count == 0 && self.0.iter().all(|took| *took <= below) {
                break;
            }
            let share = 100.0 * count as f64 / self.0.len() as f64;
            let bounds = if bar == Duration::MAX {
                format!("more than {} ms", below.as_millis())
            } else {
                format!("{} to {} ms", below.as_millis(), bar.as_millis())
            };
            path.figure(format!("{what}, {bounds}"), Kind::Ours, share, "%");
            below = bar;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_so_many_did_not_exceed() {
        let histogram = Histogram((1..=100).map(Duration::from_millis).collect());
        for (share, expected) in [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)] {
            assert!((histogram.quantile(share) - expected).abs() < 1e-9, "{share}");
        }
        assert!(Histogram::default().quantile(0.5).is_nan());
    }
}
