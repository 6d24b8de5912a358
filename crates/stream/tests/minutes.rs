//! Which byte is in which minute: order, gaps, clocks that misbehave, and when streams notice a new minute.

mod samples;

use std::io::{ErrorKind, Read};

use ron_accounting_stream::{Attribution, Counters, CountingStream, CALLS_BETWEEN_CLOCK_READS_MAX, MINUTES};
use samples::{counters_at, Scripted, Step, MINUTE_MS};

fn read<S: Read>(stream: &mut CountingStream<S>, bytes: usize) {
    assert_eq!(stream.read(&mut vec![0; bytes]).ok(), Some(bytes));
}

fn minutes(counters: &Counters) -> Vec<u64> {
    let snapshot = counters.snapshot();
    let last = snapshot.per_min_in.iter().rposition(|bytes| *bytes > 0);
    snapshot.per_min_in[..last.map_or(0, |last| last + 1)].to_vec()
}

#[test]
fn the_newest_minute_is_first_and_gaps_are_zero() {
    let (counters, clock) = counters_at(10 * MINUTE_MS, Attribution::default());
    counters.add_in(1);
    clock.set(11 * MINUTE_MS - 1);
    counters.add_in(1);
    clock.set(11 * MINUTE_MS);
    counters.add_in(4);
    clock.set(15 * MINUTE_MS + 5);
    counters.add_in(8);
    counters.add_out(9);
    assert_eq!(minutes(&counters), [8, 0, 0, 0, 4, 2]);
    let snapshot = counters.snapshot();
    assert_eq!((snapshot.per_min_out[0], snapshot.total_out), (9, 9));
    assert_eq!(snapshot.minute_start_ms, 15 * MINUTE_MS);
}

#[test]
fn the_oldest_minute_falls_out_and_stays_in_the_totals() {
    let (counters, clock) = counters_at(0, Attribution::default());
    counters.add_in(1);
    clock.advance(MINUTE_MS * (MINUTES as u64 - 1));
    assert_eq!(counters.snapshot().per_min_in[MINUTES - 1], 1);
    clock.advance(MINUTE_MS);
    assert_eq!((minutes(&counters), counters.snapshot().total_in), (vec![], 1));
    clock.advance(1 << 50);
    counters.add_in(2);
    assert_eq!((minutes(&counters), counters.snapshot().total_in), (vec![2], 3));
}

#[test]
fn a_clock_that_steps_back_reopens_no_minute() {
    let (counters, clock) = counters_at(100 * MINUTE_MS, Attribution::EachCall);
    let mut stream = CountingStream::new(Scripted::default(), counters.clone());
    read(&mut stream, 1);
    clock.set(98 * MINUTE_MS);
    read(&mut stream, 2);
    counters.add_in(4);
    assert_eq!(minutes(&counters), [7]);
    assert_eq!(counters.snapshot().minute_start_ms, 100 * MINUTE_MS);
    clock.set(101 * MINUTE_MS);
    read(&mut stream, 8);
    assert_eq!(minutes(&counters), [8, 7]);
}

#[test]
fn reset_keeps_the_totals_and_trusts_the_clock_again() {
    let (counters, clock) = counters_at(100 * MINUTE_MS, Attribution::EachCall);
    let mut stream = CountingStream::new(Scripted::default(), counters.clone());
    read(&mut stream, 5);
    clock.set(7 * MINUTE_MS);
    counters.reset_minutes();
    let snapshot = counters.snapshot();
    assert_eq!((snapshot.total_in, snapshot.per_min_in), (5, [0; MINUTES]));
    assert_eq!(snapshot.minute_start_ms, 7 * MINUTE_MS, "an error of the clock is forgotten");
    read(&mut stream, 3);
    clock.set(8 * MINUTE_MS);
    read(&mut stream, 4);
    assert_eq!((minutes(&counters), counters.snapshot().total_in), (vec![4, 3], 12));
}

#[test]
fn a_stream_that_looks_at_each_call_is_exact() {
    let (counters, clock) = counters_at(0, Attribution::EachCall);
    let mut stream = CountingStream::new(Scripted::default(), counters.clone());
    for _ in 0..500 {
        read(&mut stream, 1);
    }
    clock.set(MINUTE_MS);
    read(&mut stream, 7);
    clock.set(2 * MINUTE_MS);
    assert_eq!(minutes(&counters), [0, 7, 500]);
}

/// Reads one byte per call while the clock does not advance, then sets the clock to the next minute. Returns how many more
/// calls it takes until the stream notices.
fn calls_until_noticed(calls_before: usize, between: impl FnOnce(&Counters)) -> u64 {
    let (counters, clock) = counters_at(0, Attribution::Sampled);
    let mut stream = CountingStream::new(Scripted::default(), counters.clone());
    for _ in 0..calls_before {
        read(&mut stream, 1);
    }
    clock.set(MINUTE_MS);
    between(&counters);
    for _ in 0..1000 {
        read(&mut stream, 1);
    }
    let per_min = counters.snapshot().per_min_in;
    let late = per_min[1] - calls_before as u64;
    assert_eq!(per_min[0], 1000 - late, "each byte is in one of both");
    late
}

#[test]
fn a_sampling_stream_is_late_by_less_than_the_bound() {
    let late: Vec<u64> = (0..400).map(|calls| calls_until_noticed(calls, |_| {})).collect();
    assert_eq!(late[0], 0, "the first call reads the clock");
    assert!(late.iter().all(|late| *late < u64::from(CALLS_BETWEEN_CLOCK_READS_MAX)), "{late:?}");
    for (calls, late) in late.iter().enumerate() {
        assert!(*late <= calls as u64, "at most as many as in the burst before: {late} of {calls}");
    }
    assert!(late.contains(&(u64::from(CALLS_BETWEEN_CLOCK_READS_MAX) - 1)), "and the bound is reached");
}

#[test]
fn a_sampling_stream_is_not_late_once_anyone_has_looked() {
    for calls in [1, 10, 100, 300] {
        assert_eq!(calls_until_noticed(calls, Counters::roll), 0);
        assert_eq!(calls_until_noticed(calls, |counters| assert!(counters.snapshot().total_in > 0)), 0);
        assert_eq!(calls_until_noticed(calls, |counters| counters.add_out(1)), 0);
        let look_of_another = |counters: &Counters| {
            read(&mut CountingStream::new(Scripted::default(), counters.clone()), 0);
        };
        assert_eq!(calls_until_noticed(calls, look_of_another), 0);
    }
}

#[test]
fn slow_calls_are_exact_even_after_a_burst_of_fast_ones() {
    let (counters, clock) = counters_at(0, Attribution::Sampled);
    let mut stream = CountingStream::new(Scripted::default(), counters.clone());
    for _ in 0..500 {
        read(&mut stream, 1);
    }
    for _ in 0..100 {
        clock.advance(1);
        read(&mut stream, 1);
    }
    for minute in 1..=3 {
        clock.set(minute * MINUTE_MS);
        read(&mut stream, 10);
    }
    assert_eq!(minutes(&counters), [10, 10, 10, 600]);
}

#[test]
fn the_call_after_one_that_would_have_blocked_is_exact() {
    let (counters, clock) = counters_at(0, Attribution::Sampled);
    let mut stream = CountingStream::new(Scripted::default(), counters.clone());
    for _ in 0..500 {
        read(&mut stream, 1);
    }
    stream.get_mut().0.push_back(Step::Fail(ErrorKind::WouldBlock));
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    clock.set(MINUTE_MS);
    read(&mut stream, 3);
    assert_eq!(minutes(&counters), [3, 500]);
}

#[test]
fn a_dropped_stream_keeps_its_minutes() {
    let (counters, clock) = counters_at(0, Attribution::EachCall);
    let mut stream = CountingStream::new(Scripted::default(), counters.clone());
    read(&mut stream, 5);
    drop(stream);
    clock.set(MINUTE_MS);
    let mut next = CountingStream::new(Scripted::default(), counters.clone());
    read(&mut next, 6);
    drop(next.into_inner());
    clock.set(2 * MINUTE_MS);
    assert_eq!(minutes(&counters), [0, 6, 5]);
}
