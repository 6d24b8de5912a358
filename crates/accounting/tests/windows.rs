//! Does every count land in its window, once, whatever the clock does? And do the threads that roll windows end?
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

#[path = "support/waiting.rs"]
mod waiting;

use std::{
    sync::{Arc, Mutex},
    thread,
};

use ron_accounting::{
    labels,
    window::{Clock, ManualClock, SystemClock},
    Accounting, Dimension, Labels,
};
use waiting::until;

const FEED: Labels<'static> = labels().tenant("acme").method("GET").route("/v1/feed");
const OTHER: Labels<'static> = FEED.tenant("other");

fn by_hand(now_ms: u64) -> Accounting {
    Accounting::builder().manual().clock(Arc::new(ManualClock::new(now_ms))).build().unwrap()
}

/// The closed windows, newest first: their start and their requests.
fn windows(acc: &Accounting) -> Vec<(u64, u64)> {
    acc.history().iter().map(|window| (window.start_ms, window.total(Dimension::REQUESTS))).collect()
}

#[test]
fn a_window_closes_at_its_boundary_and_not_before() {
    let acc = by_hand(90_000);
    assert_eq!((acc.snapshot().start_ms, acc.snapshot().window_ms), (60_000, 60_000));
    acc.incr_request(&FEED);
    acc.tick(119_999).unwrap();
    assert_eq!((windows(&acc), acc.stats().windows), (vec![], 0));
    acc.tick(120_000).unwrap();
    assert_eq!((windows(&acc), acc.stats().windows), (vec![(60_000, 1)], 1));
    assert_eq!((acc.snapshot().start_ms, acc.snapshot().entries().len()), (120_000, 0));
}

#[test]
fn a_snapshot_changes_nothing() {
    let acc = by_hand(0);
    acc.record(&FEED, Dimension::REQUESTS, 3);
    for _ in 0..3 {
        assert_eq!(acc.snapshot().total(Dimension::REQUESTS), 3);
    }
    acc.tick(60_000).unwrap();
    assert_eq!(windows(&acc), [(0, 3)]);
}

#[test]
fn history_keeps_the_last_windows_newest_first() {
    let acc = Accounting::builder()
        .manual()
        .clock(Arc::new(ManualClock::new(0)))
        .window_ms(1000)
        .history_windows(3)
        .build()
        .unwrap();
    for second in 1..=5 {
        acc.record(&FEED, Dimension::REQUESTS, second);
        acc.tick(second * 1000).unwrap();
    }
    assert_eq!(windows(&acc), [(4000, 5), (3000, 4), (2000, 3)]);
    assert_eq!(acc.stats().windows, 5);
    assert_eq!(acc.history()[0].window_ms, 1000);
}

#[test]
fn a_boundary_that_is_seen_twice_rolls_once() {
    let acc = by_hand(0);
    acc.incr_request(&FEED);
    acc.tick(60_000).unwrap();
    acc.incr_request(&FEED);
    acc.tick(60_000).unwrap();
    assert_eq!((windows(&acc), acc.stats().windows), (vec![(0, 1)], 1));
    acc.tick(120_000).unwrap();
    assert_eq!(windows(&acc), [(60_000, 1), (0, 1)]);
}

#[test]
fn a_clock_that_steps_back_reopens_no_window() {
    let acc = by_hand(0);
    acc.incr_request(&FEED);
    acc.tick(60_000).unwrap();
    acc.incr_request(&FEED);
    for now_ms in [59_999, 0, 119_999] {
        acc.tick(now_ms).unwrap();
        assert_eq!((windows(&acc), acc.snapshot().start_ms), (vec![(0, 1)], 60_000), "at {now_ms}");
    }
    acc.tick(120_000).unwrap();
    assert_eq!(windows(&acc), [(60_000, 1), (0, 1)]);
}

#[test]
fn a_clock_that_jumps_forward_closes_one_window() {
    let acc = by_hand(0);
    acc.incr_request(&FEED);
    acc.tick(600_000_000).unwrap();
    assert_eq!((windows(&acc), acc.stats().windows), (vec![(0, 1)], 1));
    assert_eq!(acc.snapshot().start_ms, 600_000_000);
}

#[test]
fn a_window_without_usage_leaves_nothing() {
    let acc = by_hand(0);
    acc.tick(60_000).unwrap();
    acc.incr_request(&FEED);
    acc.tick(120_000).unwrap();
    acc.tick(180_000).unwrap();
    assert_eq!((windows(&acc), acc.stats().windows), (vec![(60_000, 1)], 1));
}

#[test]
fn an_idle_label_set_is_let_go_unless_a_meter_holds_it() {
    let acc =
        Accounting::builder().manual().clock(Arc::new(ManualClock::new(0))).idle_windows(2).build().unwrap();
    acc.incr_request(&FEED);
    let meter = acc.meter(&OTHER);
    for minute in 1..=10 {
        acc.tick(minute * 60_000).unwrap();
    }
    let stats = acc.stats().engine;
    assert_eq!((stats.label_sets, stats.evicted_age), (1, 1));
    meter.incr_request();
    acc.incr_request(&FEED);
    let snapshot = acc.snapshot();
    assert_eq!(snapshot.entries().len(), 2);
    assert!(snapshot.entries().all(|entry| entry.requests() == 1));
}

#[test]
fn the_ticker_follows_its_clock() {
    let clock = Arc::new(ManualClock::new(0));
    let acc = Accounting::builder().window_ms(10).clock(clock.clone()).build().unwrap();
    assert!(acc.readiness().is_ready());
    for window in 1..=20 {
        acc.record(&FEED, Dimension::REQUESTS, window);
        clock.advance(10);
        until("the window is closed", || acc.stats().windows == window);
        assert_eq!(windows(&acc)[0], ((window - 1) * 10, window));
    }
    // No later reading of the clock may have closed a window twice.
    clock.set(100);
    acc.incr_request(&FEED);
    clock.set(210);
    until("the last window is closed", || acc.stats().windows == 21);
    assert_eq!(windows(&acc)[0], (200, 1));
    assert_eq!(acc.history().len(), 5);
}

#[test]
fn the_ticker_rolls_windows_of_real_time() {
    let acc = Accounting::builder().window_ms(10).clock(Arc::new(SystemClock)).build().unwrap();
    until("three windows are closed", || {
        acc.incr_request(&FEED);
        acc.stats().windows >= 3
    });
    let starts: Vec<_> = windows(&acc).into_iter().map(|(start_ms, _)| start_ms).collect();
    assert!(starts.windows(2).all(|pair| pair[0] >= pair[1] + 10 && pair[0] % 10 == 0), "{starts:?}");
}

#[test]
fn dropping_the_last_handle_ends_the_threads() {
    let clock = Arc::new(ManualClock::new(0));
    let acc = Accounting::builder().clock(clock.clone()).build().unwrap();
    let clone = acc.clone();
    drop(acc);
    assert!(clone.readiness().is_ready(), "a handle is left");
    drop(clone);
    // The thread had a share in the clock.
    assert_eq!(Arc::strong_count(&clock), 1);
}

/// A clock that is broken for threads without a test.
#[derive(Default)]
struct Broken {
    panicked: Mutex<bool>,
}

impl Clock for Broken {
    fn now_ms(&self) -> u64 {
        if thread::current().name() == Some("accounting-ticker") {
            *self.panicked.lock().unwrap() = true;
            panic!("on purpose: the ticker must not go silently");
        }
        0
    }
}

#[test]
fn a_ticker_that_died_shows_in_readiness_and_counting_goes_on() {
    let clock = Arc::new(Broken::default());
    let acc = Accounting::builder().clock(clock.clone()).build().unwrap();
    until("the ticker has ended", || !acc.readiness().is_ready());
    assert!(*clock.panicked.lock().unwrap());
    assert_eq!(acc.readiness().missing().collect::<Vec<_>>(), ["boundary_ticker_ok"]);
    acc.incr_request(&FEED);
    acc.tick(60_000).unwrap();
    assert_eq!(windows(&acc), [(0, 1)]);
}

#[test]
fn a_tick_is_the_only_time_that_an_instance_at_a_given_time_has() {
    let acc = Accounting::builder().manual_at(60_000).build().unwrap();
    acc.incr_request(&labels().tenant("acme"));
    acc.tick(119_999).unwrap();
    assert!(acc.history().is_empty());
    acc.tick(120_000).unwrap();
    let closed = acc.history();
    assert_eq!((closed[0].start_ms, closed[0].total(Dimension::REQUESTS)), (60_000, 1));
    assert!(acc.readiness().boundary_ticker_ok && acc.readiness().clock_ok);
}
