//! Two threads against one: the same handle, the same label sets, different label sets.

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
};

use crossbeam_utils::CachePadded;
use ron_accounting::Labels;

use crate::{
    contestants::{
        Bound, Contestant, Measured, Metrics, OpenTelemetry, Ours, PlainMap, Prometheus, PrometheusClient,
    },
    crew::{Crew, Job},
    figures::{PathFigures, Target},
    label_sets::{LabelSets, Pattern, Walk, CALLS},
    race::{Effort, Kind, Standings},
};

type NamedJob<'a> = (&'static str, Kind, Box<dyn Fn(usize, u64) + Sync + 'a>);

pub(super) fn meter(effort: Effort) -> Vec<PathFigures> {
    let line_up = || {
        vec![
            meter_job::<Ours>(),
            own_cells(),
            shared_cell(),
            meter_job::<Metrics>(),
            meter_job::<Prometheus>(),
            meter_job::<PrometheusClient>(),
            meter_job::<OpenTelemetry>(),
        ]
    };
    let path = PathFigures::new("meter, 2 threads", "the same handle on two threads");
    vec![compare(path, 1.85, effort, line_up)]
}

/// What the machine can do at best.
fn own_cells() -> NamedJob<'static> {
    let cells = [(); 2].map(|()| CachePadded::new(AtomicU64::new(0)));
    let job = move |thread: usize, operations| {
        for _ in 0..operations {
            let cell = black_box(&cells[thread]);
            cell.store(cell.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    };
    ("a cell per thread", Kind::Floor, Box::new(job))
}

fn shared_cell() -> NamedJob<'static> {
    let cell = CachePadded::new(AtomicU64::new(0));
    let job = move |_, operations| {
        for _ in 0..operations {
            black_box(&cell).fetch_add(1, Ordering::Relaxed);
        }
    };
    ("fetch_add", Kind::Plain, Box::new(job))
}

fn meter_job<B: Bound + 'static>() -> NamedJob<'static> {
    let sets = LabelSets::with_count(1);
    let labels = sets.labels();
    let contestant = B::new(&labels);
    let handle = contestant.bind(&labels[0]);
    let job = move |_, operations| {
        for _ in 0..operations {
            contestant.increment(black_box(&handle));
        }
    };
    (B::NAME, B::KIND, Box::new(job))
}

pub(super) fn record(effort: Effort) -> Vec<PathFigures> {
    let sets = LabelSets::standard();
    let labels = sets.labels();
    let (first, second) = labels.split_at(labels.len() / 2);
    let same = PathFigures::new(
        "record, 2 threads, same sets",
        "one counter by 5 labels, both threads use all label sets",
    );
    let disjoint = PathFigures::new(
        "record, 2 threads, disjoint sets",
        "one counter by 5 labels, each thread uses label sets of its own",
    );
    vec![
        compare(same, 1.65, effort, || record_jobs([&labels, &labels])),
        compare(disjoint, 1.65, effort, || record_jobs([first, second])),
    ]
}

fn record_jobs<'a>(labels: [&'a [Labels<'a>]; 2]) -> Vec<NamedJob<'a>> {
    vec![
        record_job::<Ours>(labels),
        record_job::<Metrics>(labels),
        record_job::<Prometheus>(labels),
        record_job::<PrometheusClient>(labels),
        record_job::<Measured>(labels),
        record_job::<OpenTelemetry>(labels),
        record_job::<PlainMap>(labels),
    ]
}

/// Each thread has label sets and calls them 80/20, in another order than the other thread.
fn record_job<'a, C: Contestant + Sync + 'a>(labels: [&'a [Labels<'a>]; 2]) -> NamedJob<'a> {
    let all: Vec<_> = labels.concat();
    let contestant = C::new(&all);
    let sequences = labels.map(|labels| Pattern::EightyTwenty.sequence(labels.len()));
    let job = move |thread: usize, operations| {
        let mut walk = Walk::new(labels[thread], &sequences[thread]).skip(thread * 7919);
        for _ in 0..operations {
            contestant.record(black_box(walk.step()));
        }
    };
    (C::NAME, C::KIND, Box::new(job))
}

/// Each job on one thread and on two, in turns; how much more gets done by two is ours to keep above `at_least`.
fn compare<'a>(
    mut path: PathFigures,
    at_least: f64,
    effort: Effort,
    mut line_up: impl FnMut() -> Vec<NamedJob<'a>>,
) -> PathFigures {
    let effort = effort.turns(2);
    let mut standings = Standings::new();
    for _ in 0..effort.sittings {
        let jobs = line_up();
        let samples = sitting(&jobs, effort);
        standings.extend(jobs.iter().zip(samples).flat_map(|((name, kind, _), [one, two])| {
            [(on(name, 1), *kind, one), (on(name, 2), *kind, two)]
        }));
    }
    standings.tell(&mut path);
    for (name, kind, _) in line_up() {
        let gain = standings.ratio(&on(name, 1), &on(name, 2));
        let target = (kind == Kind::Ours).then_some(Target::AtLeast(at_least));
        path.ratio(format!("{name}: throughput of 2 threads / of 1"), gain, target);
    }
    path
}

fn on(name: &str, threads: usize) -> String {
    let plural = if threads == 1 { "" } else { "s" };
    format!("{name}, {threads} thread{plural}")
}

/// Nanoseconds per operation of all threads together, by round: on one thread and on two.
fn sitting(named: &[NamedJob<'_>], effort: Effort) -> Vec<[Vec<f64>; 2]> {
    let jobs: Vec<Job<'_>> = named.iter().map(|(_, _, job)| &**job).collect();
    Crew::with(2, &jobs, |crew| {
        let calibrate = |job| {
            // Both threads see all that there is to see.
            crew.turn(job, 2, CALLS as u64);
            crew.calibrate(job, effort)
        };
        let operations: Vec<u64> = (0..jobs.len()).map(calibrate).collect();
        let mut samples = vec![[Vec::new(), Vec::new()]; jobs.len()];
        for _ in 0..effort.rounds {
            for (job, (operations, samples)) in operations.iter().zip(&mut samples).enumerate() {
                for (threads, samples) in (1..).zip(samples) {
                    crew.turn(job, threads, operations.div_ceil(8));
                    let wall = crew.quiet_turn(job, threads, *operations).wall();
                    samples.push(wall.as_secs_f64() * 1e9 / (*operations as f64 * threads as f64));
                }
            }
        }
        samples
    })
}
