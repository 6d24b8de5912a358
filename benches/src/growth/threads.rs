//! How much all threads get done together.

use std::hint::black_box;

use super::Plot;
use crate::{
    contestants::{Contestant, Measured, Metrics, Ours, PlainMap, Prometheus},
    crew::{Crew, Job},
    label_sets::{LabelSets, Pattern, Walk, CALLS},
    race::{median, Effort},
};

const THREADS: [usize; 3] = [1, 2, 4];

pub(super) fn measure(effort: Effort) -> Plot {
    let mut plot = Plot::new(
        "Recording by 5 labels, 2,048 label sets, 80/20",
        "threads",
        "million records per second, all threads",
    );
    line::<Ours>(&mut plot, effort);
    line::<Metrics>(&mut plot, effort);
    line::<Prometheus>(&mut plot, effort);
    line::<Measured>(&mut plot, effort);
    line::<PlainMap>(&mut plot, effort);
    plot
}

fn line<C: Contestant + Sync>(plot: &mut Plot, effort: Effort) {
    let sets = LabelSets::standard();
    let labels = sets.labels();
    let sequence = Pattern::EightyTwenty.sequence(labels.len());
    let contestant = C::new(&labels);
    let write = |thread: usize, operations: u64| {
        let mut walk = Walk::new(&labels, &sequence).skip(thread * 7919);
        for _ in 0..operations {
            contestant.record(black_box(walk.step()));
        }
    };
    let jobs: [Job<'_>; 1] = [&write];
    Crew::with(4, &jobs, |crew| {
        crew.turn(0, 4, CALLS as u64);
        let operations = crew.calibrate(0, effort.turns(4));
        for threads in THREADS {
            let rate = |_| {
                let wall = crew.turn(0, threads, operations).wall();
                threads as f64 * operations as f64 / wall.as_secs_f64() / 1e6
            };
            plot.point(C::NAME, threads as f64, median((0..effort.rounds).map(rate).collect()));
        }
    });
}
