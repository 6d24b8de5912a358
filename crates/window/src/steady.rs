//! Steady time: wall time that a wrong clock cannot carry away.
//!
//! # Why wall time alone is not enough
//! Windows are numbered by wall time, and their numbers never decrease. One reading that is a century ahead would open a
//! window that no later reading closes. So each reading of wall time is compared with the time that a monotonic clock
//! expects, and is followed only while the two agree.
//!
//! # Invariants
//! 1. The time given out never decreases.
//! 2. While no alarm is shown, the time given out is at most `jump_ms_max` away from wall time.
//! 3. While an alarm is shown, the time given out advances exactly as fast as the monotonic clock.

use crate::ClockReading;

/// How far wall time may be from the expected time where nothing else is set, in milliseconds: ten minutes.
pub const CLOCK_JUMP_MS_MAX_DEFAULT: u64 = 10 * 60 * 1000;

/// After how long a jump forward is accepted that has kept its distance, in milliseconds of the monotonic clock: an hour.
///
/// A machine that was suspended, or that started without knowing the date, is right after its jump, and nobody has to come
/// and say so. A single wrong reading, or a clock that is corrected within the hour, is never accepted.
pub const CLOCK_JUMP_ACCEPTED_AFTER_MS: u64 = 60 * 60 * 1000;

/// Which way a clock jumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JumpDirection {
    /// Wall time is ahead of the expected time.
    Forward,
    /// Wall time is behind the expected time.
    Backward,
}

/// Wall time is further from the expected time than is plausible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClockAlarm {
    /// Which way.
    pub direction: JumpDirection,
    /// How far wall time was away at the latest reading, in milliseconds.
    pub by_ms: u64,
    /// The expected time when the alarm began, in Unix milliseconds.
    pub since_ms: u64,
}

/// What a reading changed. Told once, so that it can be logged once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockEvent {
    /// An alarm began.
    Jumped(ClockAlarm),
    /// Wall time is within the limit again; the alarm is over.
    Returned,
    /// The alarm is over because wall time, as it is now, was accepted.
    Accepted(ClockAlarm),
}

/// What a reading led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Observation {
    /// The time that windows follow, in Unix milliseconds.
    pub now_ms: u64,
    /// What changed, if anything did.
    pub event: Option<ClockEvent>,
}

/// Turns readings of a clock into the time that windows follow.
///
/// Wall time is followed while it is at most `jump_ms_max` from the expected time, which is the last time given out plus
/// what the monotonic clock measured since. A step forward within the limit is followed at once. After a step back within
/// it, time stands still until wall time has caught up.
///
/// Beyond the limit there is an alarm, and the expected time is given out. The alarm ends when wall time comes back within
/// the limit. A jump forward ends as well when [`SteadyTime::accept`] says so, or by itself once it has kept its distance
/// for [`CLOCK_JUMP_ACCEPTED_AFTER_MS`]. A jump backward is never accepted, because time would have to stand still for as
/// long as the jump: set the clock right, or start the process again.
///
/// ```
/// use ron_accounting_window::{ClockReading, SteadyTime};
/// let reading = |wall_ms, elapsed_ms| ClockReading { wall_ms, elapsed_ms };
/// let mut time = SteadyTime::new(600_000, reading(1_000_000, 0));
/// assert_eq!(time.observe(reading(1_030_000, 1_000)).now_ms, 1_030_000);
/// assert_eq!(time.observe(reading(u64::MAX, 2_000)).now_ms, 1_031_000);
/// assert!(time.alarm().is_some());
/// assert_eq!(time.observe(reading(1_032_000, 3_000)).now_ms, 1_032_000);
/// assert!(time.alarm().is_none());
/// ```
#[derive(Debug, Clone)]
pub struct SteadyTime {
    jump_ms_max: u64,
    /// The time given out last.
    now_ms: u64,
    /// The monotonic clock then.
    elapsed_ms: u64,
    departure: Option<Departure>,
    alarms: u64,
}

/// An alarm, and since when wall time has kept its distance.
#[derive(Debug, Clone, Copy)]
struct Departure {
    alarm: ClockAlarm,
    kept_by_ms: u64,
    kept_since_elapsed_ms: u64,
}

impl SteadyTime {
    /// Starts at a reading, which is taken as it is.
    pub const fn new(jump_ms_max: u64, reading: ClockReading) -> Self {
        Self {
            jump_ms_max,
            now_ms: reading.wall_ms,
            elapsed_ms: reading.elapsed_ms,
            departure: None,
            alarms: 0,
        }
    }

    /// Takes in a reading and gives the time that windows follow.
    pub fn observe(&mut self, reading: ClockReading) -> Observation {
        // Readings of two threads may arrive in the wrong order.
        let elapsed_ms = self.elapsed_ms.max(reading.elapsed_ms);
        let expected_ms = self.now_ms.saturating_add(elapsed_ms - self.elapsed_ms);
        let by_ms = reading.wall_ms.abs_diff(expected_ms);
        self.elapsed_ms = elapsed_ms;
        let event = if by_ms <= self.jump_ms_max {
            self.departure.take().map(|_| ClockEvent::Returned)
        } else if reading.wall_ms > expected_ms {
            self.depart(JumpDirection::Forward, by_ms, expected_ms)
        } else {
            self.depart(JumpDirection::Backward, by_ms, expected_ms)
        };
        self.now_ms = if self.departure.is_some() { expected_ms } else { self.now_ms.max(reading.wall_ms) };
        Observation { now_ms: self.now_ms, event }
    }

    /// Accepts wall time after a jump forward, on an operator's decision. Returns the alarm that this ends; `None` if there
    /// is none, or if the clock jumped backward.
    pub fn accept(&mut self, reading: ClockReading) -> Option<ClockAlarm> {
        let _ = self.observe(reading);
        let alarm = self.alarm().filter(|alarm| alarm.direction == JumpDirection::Forward)?;
        self.departure = None;
        self.now_ms = self.now_ms.max(reading.wall_ms);
        Some(alarm)
    }

    /// The alarm, while there is one.
    pub fn alarm(&self) -> Option<ClockAlarm> {
        self.departure.map(|departure| departure.alarm)
    }

    /// How many alarms there were so far.
    pub const fn alarms(&self) -> u64 {
        self.alarms
    }

    /// Begins an alarm, or goes on with it, or accepts a jump that has kept its distance for long.
    fn depart(&mut self, direction: JumpDirection, by_ms: u64, expected_ms: u64) -> Option<ClockEvent> {
        let departure = self.departure.as_mut().filter(|departure| departure.alarm.direction == direction);
        let Some(departure) = departure else {
            let alarm = ClockAlarm { direction, by_ms, since_ms: expected_ms };
            self.departure =
                Some(Departure { alarm, kept_by_ms: by_ms, kept_since_elapsed_ms: self.elapsed_ms });
            self.alarms = self.alarms.saturating_add(1);
            return Some(ClockEvent::Jumped(alarm));
        };
        departure.alarm.by_ms = by_ms;
        if departure.kept_by_ms.abs_diff(by_ms) > self.jump_ms_max {
            (departure.kept_by_ms, departure.kept_since_elapsed_ms) = (by_ms, self.elapsed_ms);
        }
        let kept_for_ms = self.elapsed_ms - departure.kept_since_elapsed_ms;
        if direction == JumpDirection::Forward && kept_for_ms >= CLOCK_JUMP_ACCEPTED_AFTER_MS {
            return self.departure.take().map(|departure| ClockEvent::Accepted(departure.alarm));
        }
        None
    }
}
