//! Bytes per label set and per thread.

use std::{sync::Barrier, thread};

use allocation_counter::measure as count;
use ron_accounting::Labels;
use ron_accounting_benches::{
    contestants::{
        Contestant, Lookup, Measured, Metrics, OpenTelemetry, Ours, OwnedLabels, PlainMap, Prometheus,
        PrometheusClient,
    },
    figures::{PathFigures, Target},
    label_sets::{LabelSets, LABEL_SETS},
    race::Kind,
};

const AMOUNTS: [u64; 3] = [1, 512, 4096];
const MIB: f64 = 1024.0 * 1024.0;

pub(super) fn measure() -> Vec<PathFigures> {
    let sets = LabelSets::standard();
    let labels = sets.labels();
    vec![one_thread(&labels), many_threads(&labels)]
}

fn one_thread(labels: &[Labels<'_>]) -> PathFigures {
    let mut path = PathFigures::new(
        "memory",
        "bytes per label set, one thread: everything that 2,048 label sets take, by their number",
    );
    let mut tell = |name: &str, kind, bytes: u64| {
        path.figure(name, kind, bytes as f64 / LABEL_SETS as f64, "B");
    };
    let ours = bytes::<Ours>(labels, one_counter);
    tell("ours, one counter", Kind::Ours, ours);
    tell("ours, three counters", Kind::Ours, bytes::<Ours>(labels, three_counters));
    tell("metrics", Kind::Library, bytes::<Metrics>(labels, one_counter));
    tell("prometheus", Kind::Library, bytes::<Prometheus>(labels, one_counter));
    tell("prometheus-client", Kind::Library, bytes::<PrometheusClient>(labels, one_counter));
    tell("measured", Kind::Library, bytes::<Measured>(labels, one_counter));
    tell("opentelemetry_sdk", Kind::Library, bytes::<OpenTelemetry>(labels, one_counter));
    tell("dashmap, three counters", Kind::Plain, bytes::<PlainMap>(labels, one_counter));
    tell("hashbrown, three counters", Kind::Plain, bytes::<Lookup>(labels, one_counter));
    tell("the strings alone", Kind::Floor, strings(labels));
    path.ratio("bytes per label set", ours as f64 / LABEL_SETS as f64, Some(Target::AtMost(320.0)));
    path
}

fn one_counter<C: Contestant>(contestant: &C, labels: &Labels<'_>) {
    contestant.record(labels);
}

fn three_counters<C: Contestant>(contestant: &C, labels: &Labels<'_>) {
    contestant.record_each(labels, AMOUNTS);
}

/// What a contestant holds once it has counted under all label sets.
fn bytes<C: Contestant>(labels: &[Labels<'_>], record: impl Fn(&C, &Labels<'_>)) -> u64 {
    let mut contestant = None;
    let counted = count(|| {
        let contestant = contestant.insert(C::new(labels));
        for labels in labels {
            record(contestant, labels);
        }
    });
    drop(contestant);
    counted.bytes_current.max(0).unsigned_abs()
}

fn strings(labels: &[Labels<'_>]) -> u64 {
    let mut owned = Vec::new();
    let counted = count(|| owned = labels.iter().map(OwnedLabels::from).collect());
    drop(owned);
    counted.bytes_current.max(0).unsigned_abs()
}

fn many_threads(labels: &[Labels<'_>]) -> PathFigures {
    let mut path =
        PathFigures::new("memory, threads", "everything that 2,048 label sets take, used by all threads");
    let total = |threads| shared::<Ours>(labels, threads) as f64;
    let one = total(1);
    let sixteen = total(16);
    path.figure("1 thread", Kind::Ours, one / MIB, "MiB");
    path.figure("16 threads", Kind::Ours, sixteen / MIB, "MiB");
    path.figure("each further thread", Kind::Ours, (sixteen - one) / 15.0 / 1024.0, "KiB");
    path.ratio("MiB with 16 threads", sixteen / MIB, Some(Target::AtMost(8.0)));
    path
}

/// What is held while this many threads live that have all counted under all label sets.
fn shared<C: Contestant + Sync>(labels: &[Labels<'_>], threads: usize) -> u64 {
    let mut contestant = None;
    let built = count(|| contestant = Some(C::new(labels))).bytes_current;
    let Some(contestant) = contestant else { return 0 };
    let (contestant, all_done) = (&contestant, &Barrier::new(threads));
    let recorded: i64 = thread::scope(|scope| {
        let record = || {
            let counted = count(|| labels.iter().for_each(|labels| contestant.record_each(labels, AMOUNTS)));
            // A thread that starts after another has ended could take over what that one had.
            all_done.wait();
            counted.bytes_current
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(record)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
    });
    (built + recorded).max(0).unsigned_abs()
}
