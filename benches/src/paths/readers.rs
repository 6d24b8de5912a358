//! Two writers, while a third thread takes snapshots and seals all the time, and while it does not.
//!
//! There may be fewer cores than threads, so that processor time is what counts.

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use ron_accounting_core::{Dimension, Engine};
use ron_accounting_seal::Sealer;
use ron_accounting_window::History;
use ron_ledger_wire::Origin;

use crate::{
    crew::{Crew, Job},
    figures::{PathFigures, Target},
    label_sets::{LabelSets, Pattern, Walk},
    race::{Effort, Kind, Standings},
    slices::{ORIGIN, WINDOW},
};

const ALONE: &str = "writers alone";
const READ: &str = "writers that are read";

pub(super) fn measure(effort: Effort) -> Vec<PathFigures> {
    let mut standings = Standings::new();
    for _ in 0..effort.sittings {
        let [alone, read] = sitting(effort.turns(7));
        let lane = |name: &str, samples| (name.to_owned(), Kind::Ours, samples);
        standings.extend([lane(ALONE, alone), lane(READ, read)]);
    }
    let mut path = PathFigures::new(
        "readers",
        "processor time of two writers, one counter by 5 labels, while a third thread takes snapshots and seals back to back",
    );
    standings.tell(&mut path);
    path.ratio("throughput while read / alone", standings.ratio(ALONE, READ), Some(Target::AtLeast(0.95)));
    vec![path]
}

fn sitting(effort: Effort) -> [Vec<f64>; 2] {
    let engine = Engine::default();
    let sets = LabelSets::standard();
    let labels = sets.labels();
    let sequence = Pattern::EightyTwenty.sequence(labels.len());
    let write = |thread: usize, operations: u64| {
        let mut walk = Walk::new(&labels, &sequence).skip(thread * 7919);
        for _ in 0..operations {
            engine.record(black_box(walk.step()), Dimension::REQUESTS, 1);
        }
    };
    let jobs: [Job<'_>; 1] = [&write];
    let (reads, ends) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let history = History::new(&engine, 1);
            let mut sealer = Sealer::new(&engine, Origin::from_bytes(ORIGIN));
            while !ends.load(Ordering::Relaxed) {
                if reads.load(Ordering::Relaxed) {
                    black_box(history.snapshot(WINDOW));
                    black_box(sealer.seal(WINDOW, usize::MAX, |_| false));
                } else {
                    thread::park();
                }
            }
        });
        let samples = Crew::with(2, &jobs, |crew| {
            let operations = crew.calibrate(0, effort);
            let mut samples = [Vec::new(), Vec::new()];
            for _ in 0..effort.rounds {
                for (reading, samples) in [false, true].into_iter().zip(&mut samples) {
                    reads.store(reading, Ordering::Relaxed);
                    reader.thread().unpark();
                    crew.turn(0, 2, operations.div_ceil(8));
                    let took = crew.turn(0, 2, operations).processor();
                    samples.push(took.as_secs_f64() * 1e9 / (operations as f64 * 2.0));
                }
            }
            samples
        });
        ends.store(true, Ordering::Relaxed);
        reader.thread().unpark();
        samples
    })
}
