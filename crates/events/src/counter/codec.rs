//! A counter as bytes: version, content, checksum.
//!
//! | field | bytes |
//! | --- | --- |
//! | version | 1, which is 1 |
//! | timeline | 1: 0 calendar, 1 uniform |
//! | anchor year | 4, zero for calendar |
//! | now, last use | 8 each, Unix milliseconds; last use 0 if not known |
//! | intervals | 1, how many |
//! | per interval | unit (1), buckets, number of the newest bucket, number of non-empty buckets, non-empty buckets |
//! | per non-empty bucket, newest first | number of empty buckets since the one before, count |
//! | checksum | 4: CRC32C of all before |
//!
//! Fixed-width numbers are little endian, all others are LEB128. The decoder accepts only what the encoder writes.

use ron_accounting_window::Ring;

use super::{
    tracked_units::{TrackedUnits, BUCKETS_MAX},
    Interval, SingleEventCounter,
};
use crate::{
    time::{timeline::Timeline, unit::TimeUnit, MS_MAX},
    Error, Result,
};

/// The version of the stored form.
pub(crate) const VERSION: u8 = 1;
const CHECKSUM_LEN: usize = 4;

impl SingleEventCounter {
    /// Returns the counter as bytes, with a version and a checksum, for storages and formats of your own.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        bytes.push(VERSION);
        let (tag, year) = match self.timeline {
            Timeline::Calendar => (0, 0),
            Timeline::Uniform { year } => (1, year),
        };
        bytes.push(tag);
        bytes.extend_from_slice(&year.to_le_bytes());
        bytes.extend_from_slice(&self.now_ms.to_le_bytes());
        bytes.extend_from_slice(&self.used_ms.to_le_bytes());
        bytes.push(u8::try_from(self.intervals.len()).unwrap_or(u8::MAX));
        for interval in &self.intervals {
            bytes.push(interval.unit as u8);
            put(&mut bytes, interval.ring.len() as u64);
            put(&mut bytes, interval.ring.newest());
            let used = || interval.buckets(0..usize::MAX).enumerate().filter(|(_, count)| *count > 0);
            put(&mut bytes, used().count() as u64);
            let mut next = 0;
            for (age, count) in used() {
                put(&mut bytes, (age - next) as u64);
                put(&mut bytes, u64::from(count));
                next = age + 1;
            }
        }
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Returns the counter that [`SingleEventCounter::to_bytes`] wrote.
    ///
    /// Fails with [`Error::Serialization`] if the version is unknown, the checksum does not match, or the bytes are not what
    /// `to_bytes` writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let damaged = |what: &str| Error::Serialization(format!("stored counter is damaged: {what}"));
        let Some(&version) = bytes.first() else {
            return Err(damaged("it is empty"));
        };
        if version != VERSION {
            return Err(Error::Serialization(format!(
                "stored counter has version {version}, this build reads version {VERSION}"
            )));
        }
        let (content, checksum) =
            bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or_else(|| damaged("it ends before its checksum"))?;
        if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
            return Err(damaged("its checksum does not match"));
        }
        let mut input = Input(content);
        let counter = input.counter().ok_or_else(|| damaged("its fields contradict each other"))?;
        if input.0.is_empty() {
            Ok(counter)
        } else {
            Err(damaged("it goes on after its end"))
        }
    }

    /// Makes a counter of its parts, or returns `None` if they are not consistent. `buckets` are newest first.
    pub(super) fn from_parts(
        timeline: Timeline,
        (now_ms, used_ms): (u64, u64),
        parts: Vec<(TimeUnit, u64, Vec<u32>)>,
    ) -> Option<Self> {
        let units = parts.iter().map(|(unit, _, buckets)| (*unit, buckets.len())).collect::<Vec<_>>();
        let tracked = TrackedUnits::new(units.clone()).ok()?;
        let year_valid = !matches!(timeline, Timeline::Uniform { year } if !(1..=9999).contains(&year));
        if tracked.intervals() != units
            || units.is_empty()
            || now_ms > MS_MAX
            || used_ms > now_ms
            || !year_valid
        {
            return None;
        }
        let mut intervals = Vec::with_capacity(parts.len());
        for (unit, newest, buckets) in parts {
            if newest > timeline.cadence(unit).number(crate::time::signed(MS_MAX)) {
                return None;
            }
            let mut ring = Ring::new(buckets.len());
            ring.advance(newest, drop);
            for (age, count) in buckets.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                *ring.slot_mut(newest.checked_sub(age as u64)?)? = count;
            }
            intervals.push(Interval { unit, ring });
        }
        let intervals = intervals.into_boxed_slice();
        Some(Self { timeline, now_ms, quiet_until_ms: 0, used_ms, intervals })
    }
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = number.to_le_bytes()[0] & 0x7f;
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

/// The bytes that are left to read. Each method returns `None` at the end, and for bytes that the encoder never writes.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take()?;
            let low = u64::from(byte & 0x7f);
            if shift == 63 && low > 1 {
                return None;
            }
            number |= low << shift;
            if byte & 0x80 == 0 {
                return (byte != 0 || shift == 0).then_some(number);
            }
        }
        None
    }

    fn counter(&mut self) -> Option<SingleEventCounter> {
        let [_version, tag] = self.take()?;
        let year = i32::from_le_bytes(self.take()?);
        let timeline = match (tag, year) {
            (0, 0) => Timeline::Calendar,
            (1, year) => Timeline::Uniform { year },
            _ => return None,
        };
        let now_ms = u64::from_le_bytes(self.take()?);
        let used_ms = u64::from_le_bytes(self.take()?);
        let [intervals] = self.take()?;
        let mut parts = Vec::new();
        for _ in 0..intervals {
            let [unit] = self.take()?;
            let unit = *TimeUnit::TRACKED.get(usize::from(unit))?;
            let len = usize::try_from(self.number()?).ok().filter(|len| (1..=BUCKETS_MAX).contains(len))?;
            let newest = self.number()?;
            let used = self.number()?;
            let mut buckets = vec![0; len];
            let mut age = 0_usize;
            for _ in 0..used {
                age = age.checked_add(usize::try_from(self.number()?).ok()?)?;
                let count = u32::try_from(self.number()?).ok().filter(|count| *count > 0)?;
                *buckets.get_mut(age)? = count;
                age += 1;
            }
            if parts.len() >= TimeUnit::TRACKED.len() {
                return None;
            }
            parts.push((unit, newest, buckets));
        }
        SingleEventCounter::from_parts(timeline, (now_ms, used_ms), parts)
    }
}
