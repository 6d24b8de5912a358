//! Many worlds on several threads, and what they add up to.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        Mutex, PoisonError,
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    report::Failure,
    story::Story,
    world::{run, Outcome, Probing},
};

/// Which worlds to run.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The first seed.
    pub first: u64,
    /// How many seeds.
    pub seeds: u64,
    /// Threads.
    pub jobs: usize,
    /// Whether each story runs twice and must give the same bytes.
    pub is_twice: bool,
    /// Ends after so many failures.
    pub failures_max: usize,
    /// How many crash probes.
    pub probing: Probing,
}

/// What came of a campaign.
#[derive(Debug, Default)]
pub struct Summary {
    /// Worlds that ran.
    pub worlds: u64,
    /// Steps of them.
    pub steps: u64,
    /// Deaths in the stories.
    pub crashes: u64,
    /// Of those, power cuts.
    pub power_cuts: u64,
    /// Operations of the stories' disks.
    pub operations: u64,
    /// Distinct durable images with their ledgers, at deaths in stories and in probes.
    pub crash_states: HashSet<u64>,
    /// Stories that failed, by check and seed.
    pub failures: BTreeMap<&'static str, Vec<(u64, Failure)>>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Summary {
    /// How many stories failed.
    pub fn failure_count(&self) -> usize {
        self.failures.values().map(Vec::len).sum()
    }

    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.worlds += 1;
        self.steps += outcome.steps;
        self.crashes += outcome.crashes;
        self.power_cuts += outcome.power_cuts;
        self.operations += outcome.operations;
        self.crash_states.extend(outcome.crash_states);
        if let Some(failure) = outcome.failure {
            self.failures.entry(failure.check).or_default().push((seed, failure));
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} worlds, {} steps, {} crashes, {} power cuts, {} distinct crash states, {} disk operations, {:.1} s",
            self.worlds,
            self.steps,
            self.crashes,
            self.power_cuts,
            self.crash_states.len(),
            self.operations,
            self.elapsed.as_secs_f64()
        )?;
        for (check, failures) in &self.failures {
            let seeds: Vec<String> = failures.iter().take(8).map(|(seed, _)| seed.to_string()).collect();
            writeln!(f, "  {check}: {} worlds, such as {}", failures.len(), seeds.join(", "))?;
        }
        write!(f, "{} failures", self.failure_count())
    }
}

/// Runs a story, twice if asked for, and compares the bytes.
pub fn run_once_or_twice(story: &Story, probing: Probing, is_twice: bool) -> Outcome {
    let mut outcome = run(story, probing);
    if is_twice && outcome.failure.is_none() {
        let again = run(story, Probing::NONE);
        if again.fingerprint != outcome.fingerprint {
            let detail = "the same story gave other bytes of slices or of the log".to_owned();
            outcome.failure = Some(Failure::new("determinism", detail));
        }
    }
    outcome
}

impl Campaign {
    /// Runs all worlds.
    pub fn run(&self) -> Summary {
        let started = Instant::now();
        let next = AtomicU64::new(self.first);
        let is_over = AtomicBool::new(false);
        let summary = Mutex::new(Summary::default());
        thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= self.first.saturating_add(self.seeds) {
                            return;
                        }
                        let outcome = run_once_or_twice(&Story::generate(seed), self.probing, self.is_twice);
                        let mut summary = summary.lock().unwrap_or_else(PoisonError::into_inner);
                        summary.add(seed, outcome);
                        is_over.fetch_or(summary.failure_count() >= self.failures_max, Ordering::Relaxed);
                    }
                });
            }
        });
        let mut summary = summary.into_inner().unwrap_or_else(PoisonError::into_inner);
        summary.elapsed = started.elapsed();
        summary
    }
}
