//! Loom models: what must be true under every interleaving of a few threads. Run by `cargo xtask loom`.

mod eviction;
mod readings;

use std::collections::BTreeMap;

use crate::{
    labels,
    readers::ReaderId,
    state::{EngineState, Limits, ThreadState},
    CharacterNormalizer, Dimension, Dimensions, Labels, Outcome, Reading,
};
use loom::sync::Arc;

/// Explores all interleavings with up to as many preemptions as `LOOM_MAX_PREEMPTIONS` says, or two: these
/// find nearly all faults that more would find.
///
/// Loom remembers only the last access to an atomic, so a load and a store of a writer hide an earlier load
/// of a reader. In each model the main thread, which loom runs first, is therefore the one that writes cells.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = runs.clone();
    builder.check(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        model();
    });
    // A model that nothing interleaves proves nothing.
    let runs = runs.load(std::sync::atomic::Ordering::Relaxed);
    assert!(runs > 4, "only {runs} interleavings");
    println!("{runs} interleavings");
}

fn engine(label_sets: usize) -> Arc<EngineState> {
    let limits = Limits { label_sets, tenants: 1, detached_keys: 4, cache_entries: 4, hash_seed: None };
    Arc::new(EngineState::new(limits, Dimensions::one(), Box::new(CharacterNormalizer), false))
}

fn route(route: &str) -> Labels<'_> {
    labels().tenant("t").route(route)
}

fn add(engine: &EngineState, thread: &ThreadState, name: &str, n: u64) -> Outcome {
    engine.record(thread, &route(name), &[(Dimension::REQUESTS, n)])
}

/// Takes all and adds it to `totals`, by route.
fn take(engine: &EngineState, reader: ReaderId, totals: &mut BTreeMap<String, u64>) {
    let mut reading = Reading::default();
    engine.take(reader, |_, _| true, &mut reading);
    for row in reading.rows() {
        let route = row.key.labels().map_or("", |labels| labels.route);
        *totals.entry(route.to_owned()).or_default() += row.values[0];
    }
}

/// Takes all in two steps, as sealing does, and adds it to `totals`, by route.
fn see_and_take(engine: &EngineState, reader: ReaderId, totals: &mut BTreeMap<String, u64>) {
    let mut seen = Reading::default();
    engine.peek(reader, &mut seen);
    for row in seen.rows() {
        let route = row.key.labels().map_or("", |labels| labels.route);
        *totals.entry(route.to_owned()).or_default() += row.values[0];
    }
    engine.take_seen(reader, &seen);
}

/// A thread that takes in two steps, so many times, and returns what it took, by route.
fn spawn_sealing(
    engine: &Arc<EngineState>,
    reader: ReaderId,
    times: usize,
) -> loom::thread::JoinHandle<BTreeMap<String, u64>> {
    let engine = engine.clone();
    loom::thread::spawn(move || {
        let mut sealed = BTreeMap::new();
        (0..times).for_each(|_| see_and_take(&engine, reader, &mut sealed));
        sealed
    })
}

/// A thread that takes all once and returns it, by route.
fn spawn_reading(
    engine: &Arc<EngineState>,
    reader: ReaderId,
) -> loom::thread::JoinHandle<BTreeMap<String, u64>> {
    let engine = engine.clone();
    loom::thread::spawn(move || {
        let mut window = BTreeMap::new();
        take(&engine, reader, &mut window);
        window
    })
}
