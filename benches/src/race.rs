//! The method: contestants take turns.
//!
//! A machine is never quiet, and two measurements that are minutes apart measure the machine. So each contestant runs for a
//! few milliseconds, then the next one, round and round; whatever slows the machine for a while slows all of them. A
//! ratio is computed within each round, and the median of these is what counts.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::figures::PathFigures;

/// What a contestant is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// This workspace.
    Ours,
    /// A library that one could pick instead.
    Library,
    /// What one would write without a library.
    Plain,
    /// The least work that could do the job.
    Floor,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How often everything is set up anew: hash seeds and memory layouts are a matter of luck.
    pub sittings: usize,
    /// How often each contestant has its turn in a sitting.
    pub rounds: usize,
    /// How long a turn takes, about.
    pub turn: Duration,
}

impl Effort {
    /// For figures that one can rely on.
    pub const FULL: Self = Self { sittings: 5, rounds: 21, turn: Duration::from_millis(3) };
    /// To see that everything still runs.
    pub const QUICK: Self = Self { sittings: 1, rounds: 3, turn: Duration::from_micros(200) };

    /// The same, with other turns.
    #[must_use]
    pub fn turns(self, factor: u32) -> Self {
        Self { turn: self.turn * factor, ..self }
    }
}

/// Somebody who does something a number of times and says how long it took.
pub struct Entrant<'a> {
    name: String,
    kind: Kind,
    run: Box<dyn FnMut(u64) -> Duration + 'a>,
}

impl std::fmt::Debug for Entrant<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entrant").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a> Entrant<'a> {
    /// An entrant whose time includes each call of `operation` and nothing else.
    pub fn new(name: impl Into<String>, kind: Kind, mut operation: impl FnMut() + 'a) -> Self {
        let run = move |operations| {
            let start = Instant::now();
            for _ in 0..operations {
                operation();
            }
            start.elapsed()
        };
        Self::timed(name, kind, run)
    }

    /// An entrant that prepares each operation: `operation` says how long the part took that counts.
    pub fn prepared(
        name: impl Into<String>,
        kind: Kind,
        mut operation: impl FnMut() -> Duration + 'a,
    ) -> Self {
        Self::timed(name, kind, move |operations| (0..operations).map(|_| operation()).sum())
    }

    /// An entrant that does its operations and measures them by itself.
    pub fn timed(name: impl Into<String>, kind: Kind, run: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self { name: name.into(), kind, run: Box::new(run) }
    }

    /// The same entrant under another name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// How many operations fill a turn.
    fn calibrate(&mut self, turn: Duration) -> u64 {
        let mut operations = 1;
        loop {
            let took = (self.run)(operations);
            if took >= turn / 2 || operations >= 1 << 40 {
                let scale = turn.as_secs_f64() / took.as_secs_f64().max(1e-9);
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                // of this order, and positive
                return ((operations as f64 * scale) as u64).max(1);
            }
            operations *= 2;
        }
    }
}

/// How long one call of a function took.
pub fn time_of<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = black_box(work());
    (start.elapsed(), result)
}

/// Lets the entrants of each line-up take turns. All line-ups are alike.
pub fn race<'a>(effort: Effort, mut line_up: impl FnMut() -> Vec<Entrant<'a>>) -> Standings {
    let mut standings = Standings::new();
    for _ in 0..effort.sittings {
        let mut entrants = line_up();
        let operations: Vec<u64> =
            entrants.iter_mut().map(|entrant| entrant.calibrate(effort.turn)).collect();
        let mut samples = vec![Vec::with_capacity(effort.rounds); entrants.len()];
        for _ in 0..effort.rounds {
            for ((entrant, operations), samples) in entrants.iter_mut().zip(&operations).zip(&mut samples) {
                // The others have just used the caches; who does one thing all day has them for itself.
                (entrant.run)(operations.div_ceil(8));
                let took = (entrant.run)(*operations);
                samples.push(took.as_secs_f64() * 1e9 / *operations as f64);
            }
        }
        let lanes = entrants.into_iter().zip(samples);
        standings.extend(lanes.map(|(entrant, samples)| (entrant.name, entrant.kind, samples)));
    }
    standings
}

/// What a race came to.
#[derive(Debug, Clone, Default)]
pub struct Standings {
    lanes: Vec<Lane>,
}

#[derive(Debug, Clone)]
struct Lane {
    name: String,
    kind: Kind,
    /// Nanoseconds per operation, by round.
    samples: Vec<f64>,
}

impl Standings {
    /// Standings without a round.
    pub const fn new() -> Self {
        Self { lanes: Vec::new() }
    }

    /// Adds rounds: each entrant's samples in nanoseconds per operation.
    pub fn extend(&mut self, lanes: impl IntoIterator<Item = (String, Kind, Vec<f64>)>) {
        for (name, kind, samples) in lanes {
            match self.lanes.iter_mut().find(|lane| lane.name == name) {
                Some(lane) => lane.samples.extend(samples),
                None => self.lanes.push(Lane { name, kind, samples }),
            }
        }
    }

    fn lane(&self, name: &str) -> &Lane {
        self.lanes.iter().find(|lane| lane.name == name).expect("the entrant takes part")
    }

    /// An entrant's median, in nanoseconds per operation.
    pub fn median(&self, name: &str) -> f64 {
        median(self.lane(name).samples.clone())
    }

    /// What `name` costs in units of what `to` costs.
    pub fn ratio(&self, name: &str, to: &str) -> f64 {
        let pairs = self.lane(name).samples.iter().zip(&self.lane(to).samples);
        median(pairs.map(|(value, unit)| value / unit).collect())
    }

    /// What `name` costs beyond what `base` costs, in nanoseconds per operation.
    pub fn difference(&self, name: &str, base: &str) -> f64 {
        let pairs = self.lane(name).samples.iter().zip(&self.lane(base).samples);
        median(pairs.map(|(value, base)| value - base).collect())
    }

    /// The entrant of this kind that costs least.
    pub fn cheapest(&self, kind: Kind) -> Option<&str> {
        let lanes = self.lanes.iter().filter(|lane| lane.kind == kind);
        lanes.map(|lane| lane.name.as_str()).min_by(|a, b| self.median(a).total_cmp(&self.median(b)))
    }

    /// Each entrant with its median, in nanoseconds per operation.
    pub fn medians(&self) -> impl Iterator<Item = (&str, f64)> {
        self.lanes.iter().map(|lane| (lane.name.as_str(), median(lane.samples.clone())))
    }

    /// Each entrant with what it is and its median, in nanoseconds per operation.
    pub fn medians_with_kinds(&self) -> impl Iterator<Item = (&str, Kind, f64)> {
        self.lanes.iter().map(|lane| (lane.name.as_str(), lane.kind, median(lane.samples.clone())))
    }

    /// Adds each entrant's median to the figures of a path.
    pub fn tell(&self, path: &mut PathFigures) {
        for lane in &self.lanes {
            path.figure(&lane.name, lane.kind, median(lane.samples.clone()), "ns");
        }
    }
}

/// The middle value; the mean of both if there are two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        None => f64::NAN,
        Some(value) if values.len() % 2 == 1 => *value,
        Some(value) => f64::midpoint(values[middle - 1], *value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_slow_spell_of_the_machine_does_not_change_a_ratio() {
        let mut standings = Standings::new();
        standings.extend([
            ("half".to_owned(), Kind::Ours, vec![1.0, 10.0, 1.0]),
            ("whole".to_owned(), Kind::Floor, vec![2.0, 20.0, 2.0]),
        ]);
        assert!((standings.ratio("half", "whole") - 0.5).abs() < 1e-9);
        assert!((standings.difference("whole", "half") - 1.0).abs() < 1e-9);
        assert_eq!(standings.cheapest(Kind::Floor), Some("whole"));
        assert_eq!(standings.cheapest(Kind::Library), None);
    }

    #[test]
    fn each_entrant_does_what_its_turn_asks() {
        let calls = std::cell::Cell::new(0_u64);
        let effort = Effort { sittings: 3, rounds: 2, turn: Duration::from_nanos(800) };
        let entrant = || {
            Entrant::prepared("counting", Kind::Ours, || {
                calls.set(calls.get() + 1);
                Duration::from_nanos(100)
            })
        };
        let standings = race(effort, || vec![entrant()]);
        assert!((standings.median("counting") - 100.0).abs() < 1e-6);
        // 1 + 2 + 4 to calibrate, then 8 and a warm-up of 1 in each round.
        assert_eq!(calls.get(), 3 * (7 + 2 * 9));
    }
}
