//! Steady time: wall time, protected against a wrong clock.
//!
//! # Why wall time alone is not enough
//! Windows are numbered by wall time, and their numbers never decrease. One reading that is a century ahead would open a
//! window that no later reading closes. So each reading of wall time is compared with the *expected time*: the last time
//! that was given out, and what a monotonic clock measured since. Wall time is followed only while the two agree.
//!
//! ```text
//!            wall time is within the limit
//!            +------------------+
//!            v                  |    jump           +----------------------------+
//!      follow wall time --------+-----------------> | alarm: give out the        |
//!            ^                                      | expected time              |
//!            |  Returned: within the limit again    |                            |
//!            +--------------------------------------| a jump backward never ends |
//!            |  Accepted: by an operator, or after  | in another way             |
//!            +---- an hour at the same distance ----+----------------------------+
//! ```
//!
//! # Invariants
//! 1. The time given out never decreases.
//! 2. While no alarm is shown, the time given out is at most `jump_ms_max` away from wall time.
//! 3. While an alarm is shown, the time given out advances exactly as fast as the monotonic clock.

use crate::ClockReading;

/// How far wall time may be from the expected time by default, in milliseconds: ten minutes.
pub const CLOCK_JUMP_MS_MAX_DEFAULT: u64 = 10 * 60 * 1000;

/// After how long a jump forward is accepted if wall time stays at the same distance, in milliseconds of the monotonic
/// clock: an hour.
///
/// The clock of a machine that was suspended, or that started without knowing the date, is right after its jump. So no
/// operator has to accept it. A single wrong reading, or a clock that is corrected within the hour, is never accepted.
pub const CLOCK_JUMP_ACCEPTED_AFTER_MS: u64 = 60 * 60 * 1000;

/// The direction in which a clock jumped.
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
    /// The direction.
    pub direction: JumpDirection,
    /// The distance of wall time from the expected time at the latest reading, in milliseconds.
    pub by_ms: u64,
    /// The expected time when the alarm began, in Unix milliseconds.
    pub since_ms: u64,
}

/// A change that a reading caused. It is reported once, so that it can be logged once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockEvent {
    /// An alarm began.
    Jumped(ClockAlarm),
    /// Wall time is within the limit again, so the alarm ended.
    Returned,
    /// Wall time was accepted as it is now, so the alarm ended.
    Accepted(ClockAlarm),
}

/// The result of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Observation {
    /// The time that windows follow, in Unix milliseconds.
    pub now_ms: u64,
    /// The change that the reading caused, if any.
    pub event: Option<ClockEvent>,
}

/// Turns readings of a clock into the time that windows follow.
///
/// Wall time is followed while it is at most `jump_ms_max` from the expected time. The expected time is the last time that
/// was given out, plus what the monotonic clock measured since. A step forward within the limit is followed at once. After a
/// step back within the limit, time does not advance until wall time has caught up.
///
/// Beyond the limit there is an alarm, and the expected time is given out. The alarm ends when wall time is within the limit
/// again. The alarm of a jump forward also ends when [`SteadyTime::accept`] is called, or once wall time has stayed at the
/// same distance for [`CLOCK_JUMP_ACCEPTED_AFTER_MS`]. A jump backward is never accepted, because time could not advance for
/// as long as the jump: correct the clock, or restart the process.
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
    /// The time that was given out last.
    now_ms: u64,
    /// What the monotonic clock showed then.
    elapsed_ms: u64,
    departure: Option<Departure>,
    alarms: u64,
}

/// An alarm, and since when wall time has stayed at the same distance.
#[derive(Debug, Clone, Copy)]
struct Departure {
    alarm: ClockAlarm,
    kept_by_ms: u64,
    kept_since_elapsed_ms: u64,
}

impl SteadyTime {
    /// Starts at a reading, which is not checked.
    pub const fn new(jump_ms_max: u64, reading: ClockReading) -> Self {
        Self {
            jump_ms_max,
            now_ms: reading.wall_ms,
            elapsed_ms: reading.elapsed_ms,
            departure: None,
            alarms: 0,
        }
    }

    /// Takes a reading, and returns the time that windows follow.
    pub fn observe(&mut self, reading: ClockReading) -> Observation {
        let last_ms = self.now_ms;
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
        debug_assert!(self.now_ms >= last_ms, "1: time went back from {last_ms} to {}", self.now_ms);
        debug_assert!(
            self.departure.is_some() || self.now_ms.abs_diff(reading.wall_ms) <= self.jump_ms_max,
            "2: {} is given out at {reading:?}, without an alarm",
            self.now_ms
        );
        Observation { now_ms: self.now_ms, event }
    }

    /// Accepts wall time after a jump forward, as an operator decided. Returns the alarm that this ends, or `None` if there is
    /// none or if the clock jumped backward.
    pub fn accept(&mut self, reading: ClockReading) -> Option<ClockAlarm> {
        let _ = self.observe(reading);
        let alarm = self.alarm().filter(|alarm| alarm.direction == JumpDirection::Forward)?;
        self.departure = None;
        self.now_ms = self.now_ms.max(reading.wall_ms);
        Some(alarm)
    }

    /// Returns the alarm, or `None` if there is none.
    pub fn alarm(&self) -> Option<ClockAlarm> {
        self.departure.map(|departure| departure.alarm)
    }

    /// Returns how many alarms there were so far.
    pub const fn alarms(&self) -> u64 {
        self.alarms
    }

    /// Begins an alarm, continues it, or accepts a jump whose distance has stayed the same for long enough.
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
