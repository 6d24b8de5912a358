//! What counting costs per call, beside the bare stream in the same run.
//!
//! A `Read` of a byte slice is the cheapest stream there is, so that the difference is all counting. Rounds of the bare and of
//! the counted stream alternate, so that a machine that gets slower for a while slows both; each figure is the median of its
//! rounds, and the difference that of the paired rounds. Run with `cargo bench -p ron-accounting-stream`.

use std::{
    env,
    hint::black_box,
    io::Read,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use ron_accounting_stream::{Attribution, Counters, CountingStream};

const ROUNDS: usize = 301;
/// A round of one stream, about.
const ROUND: Duration = Duration::from_millis(1);
/// How many bytes lie in memory; it fits into a second-level cache.
const SOURCE: usize = 256 * 1024;

/// A slice that begins anew when it is read to its end.
trait Rewind: Read {
    fn rewind(&mut self, source: &'static [u8]);
}

impl Rewind for &'static [u8] {
    fn rewind(&mut self, source: &'static [u8]) {
        *self = source;
    }
}

impl Rewind for CountingStream<&'static [u8]> {
    fn rewind(&mut self, source: &'static [u8]) {
        *self.get_mut() = source;
    }
}

/// Nanoseconds per call over `passes` through the source.
#[inline(never)]
fn measure<R: Rewind>(stream: &mut R, source: &'static [u8], buffer: &mut [u8], passes: usize) -> f64 {
    let calls = source.len() / buffer.len() * passes;
    let started = Instant::now();
    for _ in 0..passes {
        stream.rewind(source);
        for _ in 0..source.len() / buffer.len() {
            black_box(stream.read(buffer).unwrap_or(0));
            // Whoever has the address may look at the bytes, so that they have to be there.
            black_box(buffer.as_ptr());
        }
    }
    nanoseconds(started.elapsed(), calls)
}

#[allow(clippy::cast_precision_loss)]
fn nanoseconds(elapsed: Duration, calls: usize) -> f64 {
    elapsed.as_nanos() as f64 / calls as f64
}

#[derive(Debug, Default)]
struct Figures {
    bare: Vec<f64>,
    counted: Vec<f64>,
}

impl Figures {
    fn line(&self, name: &str) -> String {
        let mut differences: Vec<f64> =
            self.counted.iter().zip(&self.bare).map(|(counted, bare)| counted - bare).collect();
        let (mut bare, mut counted) = (self.bare.clone(), self.counted.clone());
        format!(
            "{name:<44} {:>9.2} {:>9.2} {:>9.2}",
            median(&mut bare),
            median(&mut counted),
            median(&mut differences)
        )
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// All threads start each measurement together.
fn run(counters: &Counters, source: &'static [u8], size: usize, threads: usize, rounds: usize) -> Figures {
    let barrier = Barrier::new(threads);
    let worker = || {
        let mut bare = source;
        let mut counted = CountingStream::new(source, counters.clone());
        let mut buffer = vec![0; size];
        let passes = passes(measure(&mut bare, source, &mut buffer, 8), source.len() / size);
        let mut figures = Figures::default();
        for round in 0..rounds {
            // Whoever comes second finds the caches as the other left them, so they take turns.
            for counts in [round % 2 == 0, round % 2 == 1] {
                barrier.wait();
                if counts {
                    figures.counted.push(measure(&mut counted, source, &mut buffer, passes));
                } else {
                    figures.bare.push(measure(&mut bare, source, &mut buffer, passes));
                }
            }
        }
        figures
    };
    let mut all = Figures::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        for figures in workers.into_iter().filter_map(|worker| worker.join().ok()) {
            all.bare.extend(figures.bare);
            all.counted.extend(figures.counted);
        }
    });
    all
}

/// How often to go through the source to fill a round.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn passes(nanoseconds_per_call: f64, calls: usize) -> usize {
    (ROUND.as_nanos() as f64 / (nanoseconds_per_call * calls as f64)).clamp(1.0, 1e6) as usize
}

fn main() {
    // Without `--bench`, as in `cargo test`, once is enough to see that it works.
    let rounds = if env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    let source: &'static [u8] = Box::leak(vec![7; SOURCE].into_boxed_slice());
    println!("{:<44} {:>9} {:>9} {:>9}", "ns per call", "bare", "counted", "counting");
    for attribution in [Attribution::Sampled, Attribution::EachCall] {
        for threads in [1, 2] {
            for size in [64, 64 * 1024] {
                let counters = Counters::builder().attribution(attribution).build();
                let figures = run(&counters, source, size, threads, rounds);
                let name = format!("{attribution:?}, {threads} thread(s), {size} bytes");
                println!("{}", figures.line(&name));
                assert!(counters.totals().bytes_in > 0);
            }
        }
    }
}
