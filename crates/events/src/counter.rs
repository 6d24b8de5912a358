//! The counter of one event: a ring of buckets per tracked unit.
//!
//! # Invariants
//! 1. The newest bucket of each interval's ring is that of `now_ms`. Time never goes back: an earlier clock reading counts as
//!    `now_ms`, so that nothing rotates and nothing is lost while a clock is behind.
//! 2. Until `quiet_until_ms` no bucket of any unit ends, so that counting is one comparison and one addition per unit.
//! 3. `used_ms` is the latest time at which the event was counted, or zero if it is not known. It is never after `now_ms`.

mod absorb;
mod codec;
mod estimate;
#[cfg(feature = "serde")]
mod serial;
pub(crate) mod tracked_units;

use std::ops::Range;

use chrono::{DateTime, Utc};
use ron_accounting_window::Ring;

use crate::time::{from_ms, signed, timeline::Timeline, to_ms, unit::TimeUnit};
use tracked_units::TrackedUnits;

/// The counts of one event over all tracked units.
///
/// A counter is exported, merged and stored. It holds no reservations, and nothing of its store.
///
/// ```
/// use ron_accounting_events::{EventStore, SingleEventCounter};
/// let store = EventStore::new();
/// store.record("login");
/// let counter = store.export_all()?.remove("login").unwrap();
/// assert_eq!(SingleEventCounter::from_bytes(&counter.to_bytes())?, counter);
/// # Ok::<(), ron_accounting_events::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SingleEventCounter {
    timeline: Timeline,
    now_ms: u64,
    quiet_until_ms: u64,
    used_ms: u64,
    intervals: Box<[Interval]>,
}

/// The buckets of one unit.
#[derive(Debug, Clone)]
struct Interval {
    unit: TimeUnit,
    ring: Ring<u32>,
}

/// A sum, and whether it is less than what was counted because it saturated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sum {
    pub(crate) count: u32,
    pub(crate) saturated: bool,
}

impl Interval {
    fn new(unit: TimeUnit, buckets: usize) -> Self {
        Self { unit, ring: Ring::new(buckets) }
    }

    /// Adds to a bucket by number. Does nothing if the bucket is older than the ring.
    #[inline]
    fn add(&mut self, number: u64, count: u32) {
        if let Some(bucket) = self.ring.slot_mut(number) {
            *bucket = bucket.saturating_add(count);
        }
    }

    fn buckets(&self, range: Range<usize>) -> impl Iterator<Item = u32> + '_ {
        self.ring.recent().skip(range.start).take(range.end.saturating_sub(range.start)).copied()
    }
}

impl SingleEventCounter {
    pub(crate) fn new(tracked: &TrackedUnits, timeline: Timeline, now_ms: u64) -> Self {
        let intervals =
            tracked.intervals().iter().map(|(unit, buckets)| Interval::new(*unit, *buckets)).collect();
        let mut counter = Self { timeline, now_ms, quiet_until_ms: 0, used_ms: 0, intervals };
        counter.advance(now_ms);
        counter
    }

    /// Makes a counter without any unit.
    pub(crate) fn nothing() -> Self {
        let timeline = Timeline::Uniform { year: 1970 };
        Self { timeline, now_ms: 0, quiet_until_ms: u64::MAX, used_ms: 0, intervals: Box::default() }
    }

    /// Counts the event `count` times at the time to which the counter was last advanced.
    #[inline]
    pub fn record(&mut self, count: u32) {
        for interval in &mut self.intervals {
            let bucket = interval.ring.newest_mut();
            *bucket = bucket.saturating_add(count);
        }
        if count > 0 {
            self.used_ms = self.now_ms;
        }
    }

    /// Advances to `now`: buckets whose time is over become past ones. An earlier time changes nothing.
    pub fn advance_if_needed(&mut self, now: DateTime<Utc>) {
        self.advance(to_ms(now));
    }

    /// Advances to `now_ms`. Does nothing if the counter is at a later time already.
    #[inline]
    pub(crate) fn advance(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        if self.now_ms >= self.quiet_until_ms {
            self.rotate();
        }
    }

    #[cold]
    fn rotate(&mut self) {
        let now_ms = signed(self.now_ms);
        let mut quiet_until_ms = i64::MAX;
        for interval in &mut self.intervals {
            let (number, until_ms) = self.timeline.cadence(interval.unit).number_until(now_ms);
            interval.ring.advance(number, drop);
            quiet_until_ms = quiet_until_ms.min(until_ms);
        }
        self.quiet_until_ms = u64::try_from(quiet_until_ms).unwrap_or(0);
    }

    /// Counts the event `count` times at `at`, which must not be in the future. It is not counted in units whose buckets are all
    /// newer.
    pub(crate) fn record_at(&mut self, count: u32, at: DateTime<Utc>) {
        // Rounded up to the next millisecond, so that a time is never counted one bucket too early.
        let at_ms =
            at.timestamp_millis().saturating_add(i64::from(at.timestamp_subsec_nanos() % 1_000_000 > 0));
        for interval in &mut self.intervals {
            let newest = interval.ring.newest();
            let age = self.timeline.age(interval.unit, newest, at_ms);
            if let Some(number) = newest.checked_sub(age) {
                interval.add(number, count);
            }
        }
        if count > 0 {
            self.used_ms = self.used_ms.max(to_ms(at).min(self.now_ms));
        }
    }

    /// Returns the sum of a range of buckets, where bucket 0 is the current one, or `None` if the unit is not tracked.
    pub(crate) fn sum(&self, unit: TimeUnit, range: Range<usize>) -> Option<Sum> {
        let interval = self.interval(unit)?;
        let mut sum = 0_u64;
        let mut saturated = false;
        for count in interval.buckets(range) {
            sum = sum.saturating_add(u64::from(count));
            saturated |= count == u32::MAX;
        }
        let count = u32::try_from(sum).unwrap_or(u32::MAX);
        Some(Sum { count, saturated: saturated || count == u32::MAX })
    }

    /// Returns the counts of a range of buckets, or `None` if the unit is not tracked.
    pub(crate) fn buckets(&self, unit: TimeUnit, range: Range<usize>) -> Option<Vec<u32>> {
        Some(self.interval(unit)?.buckets(range).collect())
    }

    /// Returns how many buckets a unit has.
    pub(crate) fn bucket_count(&self, unit: TimeUnit) -> usize {
        self.interval(unit).map_or(0, |interval| interval.ring.len())
    }

    /// Returns the age of the newest bucket with a count.
    pub(crate) fn newest_used(&self, unit: TimeUnit) -> Option<usize> {
        self.interval(unit)?.buckets(0..usize::MAX).position(|count| count > 0)
    }

    /// Returns the age of the oldest bucket with a count.
    pub(crate) fn oldest_used(&self, unit: TimeUnit) -> Option<usize> {
        let interval = self.interval(unit)?;
        let mut oldest = None;
        for (age, count) in interval.buckets(0..usize::MAX).enumerate() {
            if count > 0 {
                oldest = Some(age);
            }
        }
        oldest
    }

    /// Returns whether no bucket of any unit has a count.
    pub(crate) fn is_empty(&self) -> bool {
        self.intervals.iter().all(|interval| interval.buckets(0..usize::MAX).all(|count| count == 0))
    }

    /// Returns the time to which the counter was last advanced.
    pub(crate) const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Returns when the event was last counted, if that is known.
    pub(crate) fn used(&self) -> Option<DateTime<Utc>> {
        (self.used_ms > 0).then(|| from_ms(signed(self.used_ms)))
    }

    /// Returns the bytes of this counter on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.intervals.iter().fold(0_usize, |bytes, interval| {
            let ring = interval.ring.len().saturating_mul(size_of::<u32>());
            bytes.saturating_add(size_of::<Interval>()).saturating_add(ring)
        })
    }

    /// Checks the invariants of a counter that was advanced, for tests.
    pub(crate) fn validate(&self) -> Result<(), String> {
        for Interval { unit, ring } in &self.intervals {
            ring.validate()?;
            let number = self.timeline.cadence(*unit).number(signed(self.now_ms));
            if ring.newest() != number {
                return Err(format!("1: the newest of the {unit:?} is {}, not {number}", ring.newest()));
            }
        }
        if self.used_ms > self.now_ms {
            return Err(format!("3: last used at {}, after {}", self.used_ms, self.now_ms));
        }
        Ok(())
    }

    fn interval(&self, unit: TimeUnit) -> Option<&Interval> {
        self.intervals.iter().find(|interval| interval.unit == unit)
    }

    fn matches(&self, tracked: &TrackedUnits, timeline: Timeline) -> bool {
        self.timeline == timeline
            && self.intervals.len() == tracked.intervals().len()
            && self
                .intervals
                .iter()
                .zip(tracked.intervals())
                .all(|(interval, (unit, buckets))| interval.unit == *unit && interval.ring.len() == *buckets)
    }
}

/// Counters are equal if they have the same units, buckets and counts at the same time.
impl PartialEq for SingleEventCounter {
    fn eq(&self, other: &Self) -> bool {
        self.timeline == other.timeline
            && self.now_ms == other.now_ms
            && self.used_ms == other.used_ms
            && self.intervals.len() == other.intervals.len()
            && self.intervals.iter().zip(&other.intervals).all(|(one, other)| {
                one.unit == other.unit
                    && one.ring.newest() == other.ring.newest()
                    && one.ring.newest_first().eq(other.ring.newest_first())
                    && one.ring.len() == other.ring.len()
            })
    }
}

impl Eq for SingleEventCounter {}
