//! Does steady time follow a clock that can be trusted, and hold on when it cannot?
#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use proptest::prelude::*;
use ron_accounting_window::{
    Clock, ClockEvent, ClockReading, JumpDirection, ManualClock, SteadyTime, CLOCK_JUMP_ACCEPTED_AFTER_MS,
    CLOCK_JUMP_MS_MAX_DEFAULT,
};

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;
const CENTURY: u64 = 36_525 * DAY;
const START: u64 = 1_700_000_000_000;

/// A manual clock, and the time that windows follow by it.
struct Rig {
    clock: ManualClock,
    time: SteadyTime,
}

impl Rig {
    fn new() -> Self {
        let clock = ManualClock::new(START);
        let time = SteadyTime::new(CLOCK_JUMP_MS_MAX_DEFAULT, reading(&clock));
        Self { clock, time }
    }

    fn look(&mut self) -> (u64, Option<ClockEvent>) {
        let observed = self.time.observe(reading(&self.clock));
        (observed.now_ms, observed.event)
    }

    fn step(&self, ms: i64) {
        self.clock.jump_to(self.clock.now_ms().saturating_add_signed(ms));
    }
}

fn reading(clock: &ManualClock) -> ClockReading {
    clock.reading().unwrap()
}

#[test]
fn steps_within_the_limit_are_no_alarm() {
    for seconds in [1, 30, 599] {
        let mut rig = Rig::new();
        rig.step(seconds * 1000);
        assert_eq!(rig.look(), (START + seconds.unsigned_abs() * SECOND, None), "followed at once");
        let highest = START + seconds.unsigned_abs() * SECOND;
        rig.step(-seconds * 1000);
        assert_eq!(rig.look(), (highest, None), "time stands still");
        rig.clock.advance(seconds.unsigned_abs() * SECOND - 1);
        assert_eq!(rig.look(), (highest, None));
        rig.clock.advance(2);
        assert_eq!(rig.look(), (highest + 1, None), "and goes on once the clock has caught up");
        assert_eq!((rig.time.alarm(), rig.time.alarms()), (None, 0));
    }
}

#[test]
fn many_small_steps_back_are_a_jump() {
    let mut rig = Rig::new();
    rig.step(-400_000);
    assert_eq!(rig.look(), (START, None));
    rig.step(-400_000);
    let (now, event) = rig.look();
    assert_eq!(now, START);
    assert!(matches!(event, Some(ClockEvent::Jumped(alarm)) if alarm.by_ms == 800_000));
}

#[test]
fn one_wrong_reading_is_shown_once_and_leaves_nothing() {
    for (jump, direction) in [(CENTURY, JumpDirection::Forward), (0, JumpDirection::Backward)] {
        let mut rig = Rig::new();
        rig.clock.jump_to(if jump == 0 { START - DAY } else { START + jump });
        rig.clock.advance(SECOND);
        let (now, event) = rig.look();
        assert_eq!(now, START + SECOND);
        let Some(ClockEvent::Jumped(alarm)) = event else { panic!("{event:?}") };
        assert_eq!((alarm.direction, alarm.since_ms), (direction, START + SECOND));
        assert_eq!(alarm.by_ms, if jump == 0 { DAY } else { CENTURY });
        rig.clock.advance(SECOND);
        assert_eq!(rig.look(), (START + 2 * SECOND, None), "no second event, and time goes on");
        rig.clock.jump_to(START + 2 * SECOND);
        assert_eq!(rig.look(), (START + 2 * SECOND, Some(ClockEvent::Returned)));
        assert_eq!((rig.time.alarm(), rig.time.alarms()), (None, 1));
    }
}

#[test]
fn a_jump_forward_that_lasts_is_accepted_by_an_operator_at_once() {
    let mut rig = Rig::new();
    rig.step(DAY.signed());
    assert!(matches!(rig.look(), (START, Some(ClockEvent::Jumped(_)))));
    let accepted = rig.time.accept(reading(&rig.clock)).unwrap();
    assert_eq!(accepted.by_ms, DAY);
    assert_eq!(rig.look(), (START + DAY, None));
    assert_eq!(rig.time.accept(reading(&rig.clock)), None, "nothing is left to accept");
}

#[test]
fn a_suspended_machine_is_accepted_after_an_hour() {
    let mut rig = Rig::new();
    rig.step(8 * HOUR.signed());
    rig.look();
    let mut events = Vec::new();
    for _ in 0..CLOCK_JUMP_ACCEPTED_AFTER_MS / (60 * SECOND) {
        rig.clock.advance(60 * SECOND);
        events.extend(rig.look().1);
    }
    assert!(matches!(events[..], [ClockEvent::Accepted(alarm)] if alarm.by_ms == 8 * HOUR), "{events:?}");
    assert_eq!(rig.look(), (START + 9 * HOUR, None));
    assert_eq!(rig.time.alarms(), 1);
}

#[test]
fn a_clock_that_keeps_jumping_is_not_accepted() {
    let mut rig = Rig::new();
    for minute in 1..=240 {
        rig.step(HOUR.signed());
        rig.clock.advance(60 * SECOND);
        assert_eq!(rig.look().0, START + minute * 60 * SECOND);
    }
    assert!(rig.time.alarm().is_some());
}

#[test]
fn a_jump_back_is_never_accepted() {
    let mut rig = Rig::new();
    rig.step(-DAY.signed());
    rig.look();
    assert_eq!(rig.time.accept(reading(&rig.clock)), None);
    rig.clock.advance(3 * HOUR);
    assert_eq!(rig.look(), (START + 3 * HOUR, None));
    assert_eq!(rig.time.alarm().unwrap().direction, JumpDirection::Backward);
}

#[test]
fn setting_a_manual_clock_forwards_is_time_that_passes() {
    let clock = ManualClock::new(5);
    clock.set(9);
    assert_eq!(reading(&clock), ClockReading { wall_ms: 9, elapsed_ms: 4 });
    clock.set(1);
    assert_eq!(reading(&clock), ClockReading { wall_ms: 1, elapsed_ms: 4 });
    clock.jump_to(100);
    clock.advance(1);
    assert_eq!(reading(&clock), ClockReading { wall_ms: 101, elapsed_ms: 5 });
}

/// `i64::try_from` for constants that fit.
trait Signed {
    fn signed(self) -> i64;
}

impl Signed for u64 {
    fn signed(self) -> i64 {
        i64::try_from(self).unwrap_or(i64::MAX)
    }
}

#[derive(Debug, Clone)]
enum Move {
    Passes(u64),
    Steps(i64),
    Jumps(u64),
    Accepted,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (0..3_000_000_u64).prop_map(Move::Passes),
        3 => (-700_000..700_000_i64).prop_map(Move::Steps),
        1 => any::<u64>().prop_map(Move::Jumps),
        1 => Just(Move::Accepted),
    ];
    prop::collection::vec(one, 0..60)
}

proptest! {
    #[test]
    fn time_never_decreases_and_departs_from_wall_time_only_under_an_alarm(
        start: u64,
        limit in 1_000_u64..=86_400_000,
        moves in moves(),
    ) {
        let clock = ManualClock::new(start);
        let mut time = SteadyTime::new(limit, reading(&clock));
        let (mut before, mut elapsed_before) = (start, 0);
        for step in moves {
            match step {
                Move::Passes(ms) => clock.advance(ms),
                Move::Steps(ms) => clock.jump_to(clock.now_ms().saturating_add_signed(ms)),
                Move::Jumps(ms) => clock.jump_to(ms),
                Move::Accepted => drop(time.accept(reading(&clock))),
            }
            let was_shown = time.alarm().is_some();
            let at = reading(&clock);
            let now = time.observe(at).now_ms;
            prop_assert!(now >= before);
            if time.alarm().is_none() {
                prop_assert!(now.abs_diff(at.wall_ms) <= limit);
            } else if was_shown {
                prop_assert_eq!(now, before.saturating_add(at.elapsed_ms - elapsed_before), "as fast as the other clock");
            }
            prop_assert_eq!(time.observe(at).now_ms, now, "a reading seen twice changes nothing");
            (before, elapsed_before) = (now, at.elapsed_ms);
        }
    }
}
