//! Do windows go on when the clock jumps, and does the instance say so?
#![cfg(feature = "export")]
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

#[path = "support/waiting.rs"]
mod waiting;
#[path = "support/warnings.rs"]
mod warnings;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use ron_accounting::{
    export::MemoryLedger,
    labels,
    window::{Clock, JumpDirection, ManualClock},
    AccError, Accounting, Labels,
};
use waiting::until;
use warnings::Warnings;

const FEED: Labels<'static> = labels().tenant("acme").route("/v1/feed");
const PATIENCE: Duration = Duration::from_secs(30);
const WINDOW: u64 = 10;
const START: u64 = 1_700_000_000_000;
const DAY: u64 = 86_400_000;
const CENTURY: u64 = 36_525 * DAY;

/// Tests of one file share their process, and it has one subscriber.
fn warnings() -> &'static Warnings {
    static WARNINGS: OnceLock<Warnings> = OnceLock::new();
    WARNINGS.get_or_init(Warnings::of_this_process)
}

struct Rig {
    acc: Accounting,
    clock: Arc<ManualClock>,
    ledger: MemoryLedger,
    windows: u64,
}

impl Rig {
    fn new() -> Self {
        warnings();
        let (clock, ledger) = (Arc::new(ManualClock::new(START)), MemoryLedger::new());
        let acc = Accounting::builder()
            .window_ms(WINDOW)
            .clock(clock.clone())
            .exporter(Arc::new(ledger.clone()))
            .export_jitter_ms(0)
            .build()
            .unwrap();
        Self { acc, clock, ledger, windows: 0 }
    }

    fn jump(&self, to_ms: u64) {
        self.clock.jump_to(to_ms);
    }

    /// Counts in this many windows, and sees each of them close.
    fn windows_pass(&mut self, count: u64) {
        for _ in 0..count {
            self.acc.incr_request(&FEED);
            self.clock.advance(WINDOW);
            self.windows += 1;
            until("the window is closed", || self.acc.stats().windows == self.windows);
        }
    }

    fn missing(&self) -> Vec<&'static str> {
        self.acc.readiness().missing().collect()
    }

    /// All is in the ledger, once, and no slice spans more than its window.
    fn assert_sound(&self) {
        self.acc.shutdown(PATIENCE).unwrap();
        assert_eq!(self.ledger.total("acme", "requests"), u128::from(self.windows));
        for slice in self.ledger.slices() {
            assert_eq!(slice.end_ms() - slice.start_ms(), WINDOW);
            assert!((START - WINDOW..START + DAY).contains(&slice.start_ms()));
        }
    }
}

#[test]
fn windows_go_on_after_one_reading_that_is_a_century_ahead() {
    let mut rig = Rig::new();
    rig.windows_pass(3);
    rig.jump(START + CENTURY);
    until("the jump is noticed", || rig.acc.stats().clock_alarm.is_some());
    rig.windows_pass(20);
    assert_eq!(rig.missing(), ["clock_ok"]);
    let alarm = rig.acc.stats().clock_alarm.unwrap();
    assert_eq!((alarm.direction, alarm.by_ms), (JumpDirection::Forward, CENTURY - 3 * WINDOW));
    until("windows are exported meanwhile", || rig.ledger.total("acme", "requests") > 20);

    rig.jump(START + 23 * WINDOW);
    until("the clock is right again", || rig.acc.readiness().is_ready());
    rig.windows_pass(3);
    assert_eq!(rig.acc.stats().clock_alarms, 1);
    warnings().assert_one(&["the clock jumped", &format!("by_ms={}", CENTURY - 3 * WINDOW)]);
    rig.assert_sound();
}

#[test]
fn windows_go_on_after_a_day_back() {
    let mut rig = Rig::new();
    rig.windows_pass(1);
    rig.jump(START - DAY);
    until("the jump is noticed", || rig.acc.stats().clock_alarm.is_some());
    rig.windows_pass(5);
    assert_eq!(rig.missing(), ["clock_ok"]);
    assert_eq!(rig.acc.stats().clock_alarm.unwrap().direction, JumpDirection::Backward);
    assert!(!rig.acc.accept_clock(), "time would have to stand still for a day");
    rig.jump(START + 6 * WINDOW);
    until("the clock is right again", || rig.acc.readiness().is_ready());
    rig.windows_pass(1);
    rig.assert_sound();
}

#[test]
fn steps_of_ntp_are_no_alarm() {
    for step_ms in [1000, 30_000] {
        let mut rig = Rig::new();
        rig.acc.incr_request(&FEED);
        rig.clock.jump_to(START + step_ms);
        rig.windows += 1;
        until("the step closes the window", || rig.acc.stats().windows == 1);
        rig.clock.jump_to(START);
        rig.acc.incr_request(&FEED);
        rig.clock.advance(step_ms + WINDOW);
        rig.windows += 1;
        until("the next window closes once time has caught up", || rig.acc.stats().windows == 2);
        assert_eq!((rig.missing(), rig.acc.stats().clock_alarms), (vec![], 0));
        rig.assert_sound();
    }
}

#[test]
fn an_operator_accepts_a_jump_that_lasts() {
    let mut rig = Rig::new();
    rig.windows_pass(1);
    assert!(!rig.acc.accept_clock(), "nothing to accept");
    rig.jump(START + DAY / 2);
    assert!(rig.acc.accept_clock(), "whether or not the ticker has seen it");
    assert!(rig.acc.readiness().is_ready());
    rig.windows_pass(3);
    assert_eq!(rig.acc.history()[0].start_ms, START + DAY / 2 + 2 * WINDOW);
    rig.assert_sound();
}

/// A clock of a host, which has no monotonic reading.
struct Plain(Arc<ManualClock>);

impl Clock for Plain {
    fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }
}

#[test]
fn a_clock_without_a_monotonic_reading_is_taken_as_it_is() {
    let clock = Arc::new(ManualClock::new(START));
    let acc = Accounting::builder().window_ms(WINDOW).clock(Arc::new(Plain(clock.clone()))).build().unwrap();
    acc.incr_request(&FEED);
    clock.jump_to(START + CENTURY);
    until("the window is closed", || acc.snapshot().start_ms == START + CENTURY);
    assert!(acc.readiness().is_ready() && !acc.accept_clock());
}

#[test]
fn the_limit_is_a_setting() {
    let clock = Arc::new(ManualClock::new(START));
    let builder = Accounting::builder().window_ms(WINDOW).clock(clock.clone());
    let acc = builder.clock_jump_ms_max(1000).build().unwrap();
    clock.jump_to(START + 1001);
    until("the jump is noticed", || !acc.readiness().clock_ok);
    for ms in [999, 86_400_001] {
        let error = Accounting::builder().clock_jump_ms_max(ms).build().unwrap_err();
        assert!(matches!(error, AccError::Config { variable: "clock_jump_ms_max", .. }), "{error}");
    }
}
