//! What holds whatever streams, threads, clocks and readers do.

mod samples;

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read, Write},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use proptest::prelude::*;
use ron_accounting_stream::{Attribution, Counters, CountingStream, Totals, MINUTES};
use samples::{counters_at, Scripted, Step, MINUTE_MS};

#[derive(Debug, Clone)]
enum Action {
    Read(usize, usize),
    Write(usize, usize),
    Fail(usize),
    AddIn(u64),
    AddOut(u64),
    Clock(i64),
    Replace(usize),
    Reset,
    Snapshot,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0_usize..3, 0_usize..200).prop_map(|(stream, bytes)| Action::Read(stream, bytes)),
        4 => (0_usize..3, 0_usize..200).prop_map(|(stream, bytes)| Action::Write(stream, bytes)),
        1 => (0_usize..3).prop_map(Action::Fail),
        1 => (0_u64..1000).prop_map(Action::AddIn),
        1 => (0_u64..1000).prop_map(Action::AddOut),
        4 => prop_oneof![
            3 => 0..80_000_i64,
            1 => -200_000..0_i64,
            1 => 0..10_000_000_i64,
        ].prop_map(Action::Clock),
        1 => (0_usize..3).prop_map(Action::Replace),
        1 => Just(Action::Reset),
        2 => Just(Action::Snapshot),
    ]
}

/// The counters as one would write them without a thought about speed.
#[derive(Debug, Default)]
struct Model {
    totals: Totals,
    minutes: BTreeMap<u64, Totals>,
    newest: u64,
}

impl Model {
    fn count(&mut self, now_ms: u64, bytes_in: u64, bytes_out: u64) {
        self.newest = self.newest.max(now_ms / MINUTE_MS);
        let minute = self.minutes.entry(self.newest).or_default();
        for totals in [&mut self.totals, minute] {
            totals.bytes_in += bytes_in;
            totals.bytes_out += bytes_out;
        }
    }

    fn minute(&self, age: usize) -> Totals {
        let minute = self.newest.checked_sub(age as u64);
        minute.and_then(|minute| self.minutes.get(&minute)).copied().unwrap_or_default()
    }
}

proptest! {
    #[test]
    fn streams_that_look_at_each_call_agree_with_a_plain_model(actions in prop::collection::vec(action(), 1..80)) {
        let mut now_ms = 1 << 40;
        let (counters, clock) = counters_at(now_ms, Attribution::EachCall);
        let stream = || CountingStream::new(Scripted::default(), counters.clone());
        let mut streams = [stream(), stream(), stream()];
        let mut model = Model { newest: now_ms / MINUTE_MS, ..Model::default() };
        for action in actions {
            match action {
                Action::Read(index, bytes) => {
                    prop_assert_eq!(streams[index].read(&mut vec![0; bytes]).unwrap(), bytes);
                    model.count(now_ms, bytes as u64, 0);
                }
                Action::Write(index, bytes) => {
                    prop_assert_eq!(streams[index].write(&vec![0; bytes]).unwrap(), bytes);
                    model.count(now_ms, 0, bytes as u64);
                }
                Action::Fail(index) => {
                    streams[index].get_mut().0.push_back(Step::Fail(ErrorKind::Other));
                    prop_assert!(streams[index].read(&mut [0; 7]).is_err());
                }
                Action::AddIn(bytes) => {
                    counters.add_in(bytes);
                    model.count(now_ms, bytes, 0);
                }
                Action::AddOut(bytes) => {
                    counters.add_out(bytes);
                    model.count(now_ms, 0, bytes);
                }
                Action::Clock(step) => {
                    now_ms = now_ms.saturating_add_signed(step);
                    clock.set(now_ms);
                }
                Action::Replace(index) => streams[index] = stream(),
                Action::Reset => {
                    counters.reset_minutes();
                    model.minutes.clear();
                    model.newest = now_ms / MINUTE_MS;
                }
                Action::Snapshot => {
                    model.count(now_ms, 0, 0);
                    let snapshot = counters.snapshot();
                    prop_assert_eq!(Totals::from(snapshot), model.totals);
                    prop_assert_eq!(counters.totals(), model.totals);
                    prop_assert_eq!(snapshot.minute_start_ms, model.newest * MINUTE_MS);
                    for age in 0..MINUTES {
                        let minute = model.minute(age);
                        prop_assert_eq!(snapshot.per_min_in[age], minute.bytes_in, "{} minutes ago", age);
                        prop_assert_eq!(snapshot.per_min_out[age], minute.bytes_out, "{} minutes ago", age);
                    }
                }
            }
        }
    }

    /// Sampling moves bytes between neighbouring minutes at most, and never loses one.
    #[test]
    fn streams_that_sample_have_the_same_totals_and_never_a_later_minute(
        steps in prop::collection::vec((0_u64..40_000, 1_usize..300), 1..60),
    ) {
        let (exact, exact_clock) = counters_at(0, Attribution::EachCall);
        let (sampled, sampled_clock) = counters_at(0, Attribution::Sampled);
        let mut exact_stream = CountingStream::new(Scripted::default(), exact.clone());
        let mut sampled_stream = CountingStream::new(Scripted::default(), sampled.clone());
        for (ms, calls) in steps {
            exact_clock.advance(ms);
            sampled_clock.advance(ms);
            for _ in 0..calls {
                let _ = exact_stream.read(&mut [0; 10]).unwrap();
                let _ = sampled_stream.read(&mut [0; 10]).unwrap();
            }
        }
        let (exact, sampled) = (exact.snapshot(), sampled.snapshot());
        prop_assert_eq!(exact.total_in, sampled.total_in);
        let (mut exact_sum, mut sampled_sum) = (0, 0);
        for age in 0..MINUTES {
            exact_sum += exact.per_min_in[age];
            sampled_sum += sampled.per_min_in[age];
            prop_assert!(sampled_sum <= exact_sum, "shown in a later minute");
            prop_assert!(exact_sum - sampled_sum < 64 * 10, "later than the bound");
        }
        prop_assert_eq!(exact_sum, sampled_sum);
    }
}

#[test]
fn threads_that_share_counters_lose_nothing_while_readers_read() {
    const THREADS: u64 = 4;
    const STREAMS: u64 = 20;
    const CALLS: u64 = 200;
    let (counters, clock) = counters_at(0, Attribution::Sampled);
    let mut progress = counters.progress();
    let done = AtomicBool::new(false);
    let taken = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut taken, mut last) = (Totals::default(), 0);
            loop {
                let is_last = done.load(Relaxed);
                let snapshot = counters.snapshot();
                assert!(snapshot.total_in >= last, "totals never go back");
                last = snapshot.total_in;
                // The clock stays within the hour, so that every byte is in some minute.
                assert_eq!(snapshot.per_min_in.iter().sum::<u64>(), snapshot.total_in);
                assert_eq!(snapshot.per_min_out.iter().sum::<u64>(), snapshot.total_out);
                let gained = progress.take();
                taken.bytes_in += gained.bytes_in;
                taken.bytes_out += gained.bytes_out;
                if is_last {
                    return taken;
                }
            }
        });
        let writers: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..STREAMS {
                        let mut stream = CountingStream::new(Scripted::default(), counters.clone());
                        for _ in 0..CALLS {
                            let _ = stream.read(&mut [0; 3]).unwrap();
                            let _ = stream.write(&[0; 5]).unwrap();
                            counters.add_in(1);
                        }
                        clock.advance(MINUTE_MS / 2);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Relaxed);
        reader.join().unwrap()
    });
    let calls = THREADS * STREAMS * CALLS;
    assert_eq!(taken, Totals { bytes_in: calls * 4, bytes_out: calls * 5 });
    assert_eq!(counters.totals(), taken);
}

#[test]
fn handles_and_streams_go_to_other_threads() {
    fn everywhere<T: Send + Sync + 'static>() {}
    everywhere::<Counters>();
    everywhere::<CountingStream<std::net::TcpStream>>();
}
