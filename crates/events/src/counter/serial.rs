//! How serde serializes a counter: as the bytes of its stored form in binary formats, as named fields in human-readable ones.
//!
//! Both contain the version and the checksum of the same bytes, so that damage is found in any format.

use std::fmt;

use serde::{
    de::{self, SeqAccess, Visitor},
    Deserialize, Deserializer, Serialize, Serializer,
};

use super::{codec::VERSION, SingleEventCounter};
use crate::time::{timeline::Timeline, unit::TimeUnit};

/// The named fields.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u8,
    checksum: u32,
    /// The anchor year of uniform buckets, or null on the calendar.
    uniform_since: Option<i32>,
    now_ms: u64,
    last_used_ms: Option<u64>,
    intervals: Vec<IntervalRecord>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IntervalRecord {
    unit: TimeUnit,
    newest: u64,
    /// Newest first.
    counts: Vec<u32>,
}

impl Serialize for SingleEventCounter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.to_bytes();
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&bytes);
        }
        let interval = |interval: &super::Interval| IntervalRecord {
            unit: interval.unit,
            newest: interval.ring.newest(),
            counts: interval.buckets(0..usize::MAX).collect(),
        };
        Record {
            version: VERSION,
            checksum: checksum(&bytes),
            uniform_since: match self.timeline {
                Timeline::Calendar => None,
                Timeline::Uniform { year } => Some(year),
            },
            now_ms: self.now_ms,
            last_used_ms: (self.used_ms > 0).then_some(self.used_ms),
            intervals: self.intervals.iter().map(interval).collect(),
        }
        .serialize(serializer)
    }
}

/// Returns the checksum at the end of the stored form.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.last_chunk().map_or(0, |checksum| u32::from_le_bytes(*checksum))
}

impl<'de> Deserialize<'de> for SingleEventCounter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return deserializer.deserialize_byte_buf(Bytes);
        }
        let record = Record::deserialize(deserializer)?;
        if record.version != VERSION {
            return Err(de::Error::custom(format_args!(
                "stored counter has version {}, this build reads version {VERSION}",
                record.version
            )));
        }
        let timeline = record.uniform_since.map_or(Timeline::Calendar, |year| Timeline::Uniform { year });
        let times = (record.now_ms, record.last_used_ms.unwrap_or(0));
        let parts = record.intervals.into_iter().map(|part| (part.unit, part.newest, part.counts)).collect();
        Self::from_parts(timeline, times, parts)
            .filter(|counter| checksum(&counter.to_bytes()) == record.checksum)
            .ok_or_else(|| de::Error::custom("stored counter is damaged: its checksum does not match"))
    }
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = SingleEventCounter;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a counter")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        SingleEventCounter::from_bytes(bytes).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = sequence.next_element()? {
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}
