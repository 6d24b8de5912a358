//! Estimates of when an event first and last happened.
//!
//! A bucket says that something happened in it, but not when. The estimate is a time near its middle. If a finer unit does
//! not reach back as far as the bucket, the estimate lies between the two.

use chrono::{DateTime, Duration, Utc};

use super::{Interval, SingleEventCounter};
use crate::time::{
    calendar::Calendar,
    from_ms, signed,
    timeline::{Timeline, UnitCadence},
    unit::TimeUnit,
};

impl SingleEventCounter {
    /// Returns the clock's time, or the counter's if the clock is behind it.
    pub(crate) fn latest(&self, clock_now: DateTime<Utc>) -> DateTime<Utc> {
        clock_now.max(from_ms(signed(self.now_ms)))
    }

    /// Estimates how long ago the event was last counted.
    pub(crate) fn last_seen(&self, clock_now: DateTime<Utc>) -> Option<Duration> {
        let now = self.latest(clock_now);
        let mut finer: Option<&Interval> = None;
        for interval in &self.intervals {
            if let Some(age) = interval.buckets(0..usize::MAX).position(|count| count > 0) {
                let middle = match finer {
                    Some(finer) if age <= self.age_of(interval, self.reach(finer)) => {
                        let start = self.timeline.back(interval.unit, now, age.saturating_add(1));
                        start + (self.reach(finer) - start) / 2
                    }
                    _ => self.midway(interval, now, age),
                };
                return Some((now - middle).max(Duration::zero()));
            }
            finer = Some(interval);
        }
        None
    }

    /// Estimates how long ago the event was first counted.
    pub(crate) fn first_seen(&self, clock_now: DateTime<Utc>) -> Option<Duration> {
        let now = self.latest(clock_now);
        for (index, interval) in self.intervals.iter().enumerate().rev() {
            let Some(age) = self.oldest_used(interval.unit) else { continue };
            let Some(finer) = index.checked_sub(1).and_then(|index| self.intervals.get(index)) else {
                return Some((now - self.midway(interval, now, age)).max(Duration::zero()));
            };
            let reach = self.reach(finer);
            let beyond = self.age_of(interval, reach).saturating_add(1);
            if age > beyond {
                return Some((now - self.midway(interval, now, age)).max(Duration::zero()));
            }
            let here = self.sum(interval.unit, 0..beyond.saturating_add(1)).unwrap_or_default();
            let there = self.sum(finer.unit, 0..usize::MAX).unwrap_or_default();
            if here.count > there.count {
                let start = self.start(interval);
                let earliest = if age == 0 { start } else { self.timeline.back(interval.unit, start, age) };
                return Some((((now - earliest) + (now - reach)) / 2).max(Duration::zero()));
            }
        }
        None
    }

    /// Returns the start of the current bucket.
    fn start(&self, interval: &Interval) -> DateTime<Utc> {
        from_ms(self.timeline.cadence(interval.unit).start(interval.ring.newest()))
    }

    /// Returns the start of an interval's oldest bucket.
    fn reach(&self, interval: &Interval) -> DateTime<Utc> {
        self.timeline.back(interval.unit, self.start(interval), interval.ring.len())
    }

    /// Returns the age of the bucket of an interval that holds a time.
    fn age_of(&self, interval: &Interval, at: DateTime<Utc>) -> usize {
        let age = self.timeline.age(interval.unit, interval.ring.newest(), at.timestamp_millis());
        usize::try_from(age).unwrap_or(usize::MAX)
    }

    /// Returns the time that is taken as that of a bucket's events.
    fn midway(&self, interval: &Interval, now: DateTime<Utc>, age: usize) -> DateTime<Utc> {
        let start = self.start(interval);
        if age == 0 {
            return start + (now - start) / 2;
        }
        let unit = interval.unit;
        if self.timeline == Timeline::Calendar && unit == TimeUnit::Days {
            let today = signed(interval.ring.newest());
            let day = today.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX)).max(1);
            let noon = 12 * TimeUnit::Hours.length_ms();
            return from_ms(Calendar(chrono::Local).time_of_day(day, noon));
        }
        if let UnitCadence::Calendar(_) = self.timeline.cadence(unit) {
            let from = self.timeline.back(unit, now, age.saturating_add(1));
            let to = self.timeline.back(unit, now, age);
            return from + (to - from) / 2;
        }
        let half = Duration::milliseconds(unit.length_ms() / 2);
        let back = self.timeline.back(unit, start, age);
        back.checked_sub_signed(half).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}
