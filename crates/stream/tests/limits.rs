//! Saturation, memory and allocation.

mod samples;

use std::io::{Read, Write};

use ron_accounting_stream::{Attribution, Counters, CountingStream};
use samples::{counters_at, Scripted, MINUTE_MS};

#[test]
fn sums_saturate_and_counting_goes_on() {
    let (counters, clock) = counters_at(0, Attribution::EachCall);
    counters.add_in(u64::MAX);
    counters.add_in(1);
    let mut stream = CountingStream::new(Scripted::default(), counters.clone());
    let _ = stream.read(&mut [0; 9]).unwrap();
    assert_eq!((counters.snapshot().total_in, counters.snapshot().per_min_in[0]), (u64::MAX, u64::MAX));
    clock.set(MINUTE_MS);
    let _ = stream.read(&mut [0; 4]).unwrap();
    counters.add_out(6);
    let snapshot = counters.snapshot();
    assert_eq!((snapshot.total_in, snapshot.per_min_in[0], snapshot.total_out), (u64::MAX, 4, 6));
}

#[test]
fn counting_and_snapshots_allocate_nothing() {
    let (counters, clock) = counters_at(0, Attribution::EachCall);
    let mut streams: Vec<_> =
        (0..10).map(|_| CountingStream::new(Scripted::default(), counters.clone())).collect();
    let mut buffer = [0; 100];
    let use_of_memory = allocation_counter::measure(|| {
        for _ in 0..200 {
            for stream in &mut streams {
                let _ = stream.read(&mut buffer).unwrap();
                let _ = stream.write(&buffer).unwrap();
            }
            counters.add_in(1);
            clock.advance(MINUTE_MS / 3);
            std::hint::black_box(counters.snapshot());
            std::hint::black_box(counters.totals());
        }
    });
    assert_eq!(use_of_memory.count_total, 0);
    assert_eq!(counters.totals().bytes_in, 10 * 200 * 100 + 200);
}

#[test]
fn memory_follows_the_streams_that_are_alive_and_not_those_that_were() {
    let counters = Counters::new();
    let open = || {
        let mut streams: Vec<_> =
            (0..50).map(|_| CountingStream::new(Scripted::default(), counters.clone())).collect();
        for stream in &mut streams {
            let _ = stream.read(&mut [0; 2]).unwrap();
        }
    };
    open();
    let use_of_memory = allocation_counter::measure(|| (0..100).for_each(|_| open()));
    assert_eq!(use_of_memory.bytes_current, 0);
    assert_eq!(counters.totals().bytes_in, 101 * 50 * 2);
}

#[test]
fn reset_may_be_called_at_any_time() {
    let (counters, clock) = counters_at(u64::MAX, Attribution::EachCall);
    counters.add_in(1);
    assert_eq!(counters.snapshot().per_min_in[0], 1, "the end of time is a minute like others");
    clock.set(0);
    counters.reset_minutes();
    counters.add_in(2);
    let snapshot = counters.snapshot();
    assert_eq!((snapshot.per_min_in[0], snapshot.minute_start_ms, snapshot.total_in), (2, 0, 3));
}
