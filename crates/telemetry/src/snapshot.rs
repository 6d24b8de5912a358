//! The report of a run: counters and times, frozen, with what follows from them.

use std::time::Duration;

use crate::{sanity, SanityError, Stage, StageTimes, TelemetryCounters, TelemetryTimer};

/// What a run did. It cannot be changed: attaching the output gives a new one.
///
/// ```
/// use ron_accounting_telemetry::{TelemetryCounters, TelemetrySnapshot};
/// let nothing = TelemetrySnapshot::from(TelemetryCounters::default());
/// assert_eq!((nothing.compression_ratio(), nothing.throughput_bytes_per_sec()), (1.0, 0.0));
/// assert_eq!(nothing.sanity_check(), Ok(()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(from = "crate::record::SnapshotRecord", into = "crate::record::SnapshotRecord")
)]
pub struct TelemetrySnapshot {
    pub(crate) counters: TelemetryCounters,
    pub(crate) stage_times: StageTimes,
    pub(crate) elapsed_ns: u64,
    pub(crate) workers: u32,
    pub(crate) bytes_output: Option<u64>,
    pub(crate) output: Option<Vec<u8>>,
}

impl TelemetrySnapshot {
    /// What was counted and timed. A timer that runs on is read as of now.
    pub fn new(counters: TelemetryCounters, timer: &TelemetryTimer) -> Self {
        Self {
            counters,
            stage_times: timer.stage_times(),
            elapsed_ns: timer.elapsed_ns(),
            workers: timer.workers(),
            bytes_output: None,
            output: None,
        }
    }

    /// The same with the output of the run, as pipelines that work in memory return it. The bytes are not serialized, their
    /// number is.
    #[must_use]
    pub fn attach_output(self, output: Vec<u8>) -> Self {
        Self { bytes_output: Some(output.len() as u64), output: Some(output), ..self }
    }

    /// The attached output.
    pub fn output(&self) -> Option<&[u8]> {
        self.output.as_deref()
    }

    /// The length of the attached output, in bytes; it outlives the bytes in serialized form.
    pub const fn bytes_output(&self) -> Option<u64> {
        self.bytes_output
    }

    /// All counters.
    pub const fn counters(&self) -> TelemetryCounters {
        self.counters
    }

    /// Frames that carry data.
    pub const fn frames_data(&self) -> u64 {
        self.counters.frames_data
    }

    /// Frames that end a stream.
    pub const fn frames_terminator(&self) -> u64 {
        self.counters.frames_terminator
    }

    /// Frames that carry a digest.
    pub const fn frames_digest(&self) -> u64 {
        self.counters.frames_digest
    }

    /// Bytes of data before compression.
    pub const fn bytes_plaintext(&self) -> u64 {
        self.counters.bytes_plaintext
    }

    /// Bytes of data after compression.
    pub const fn bytes_compressed(&self) -> u64 {
        self.counters.bytes_compressed
    }

    /// Bytes of data after encryption.
    pub const fn bytes_ciphertext(&self) -> u64 {
        self.counters.bytes_ciphertext
    }

    /// Bytes of the encrypted stream that carry no data.
    pub const fn bytes_overhead(&self) -> u64 {
        self.counters.bytes_overhead
    }

    /// `bytes_compressed / bytes_plaintext`: below one if compression saves. Without plaintext it is one: nothing was saved,
    /// nothing was lost.
    #[allow(clippy::cast_precision_loss)] // A ratio needs no more than 52 bits.
    pub fn compression_ratio(&self) -> f64 {
        match self.counters.bytes_plaintext {
            0 => 1.0,
            plaintext => self.counters.bytes_compressed as f64 / plaintext as f64,
        }
    }

    /// Plaintext bytes per second of elapsed time. If no time passed it is zero: no rate was measured.
    #[allow(clippy::cast_precision_loss)] // Nor does a rate.
    pub fn throughput_bytes_per_sec(&self) -> f64 {
        match self.elapsed_ns {
            0 => 0.0,
            ns => self.counters.bytes_plaintext as f64 / (ns as f64 / 1e9),
        }
    }

    /// How long the run took.
    pub const fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed_ns)
    }

    /// The same in nanoseconds.
    pub const fn elapsed_ns(&self) -> u64 {
        self.elapsed_ns
    }

    /// How many workers timed stages.
    pub const fn workers(&self) -> u32 {
        self.workers
    }

    /// The time of each stage, summed over workers.
    pub const fn stage_times(&self) -> StageTimes {
        self.stage_times
    }

    /// Whether each of `stages` took time: [`Stage::ENCRYPTION`] or [`Stage::DECRYPTION`] for a whole pipeline.
    pub fn has_all_stages(&self, stages: &[Stage]) -> bool {
        stages.iter().all(|stage| self.stage_times.get_ns(*stage) > 0)
    }

    /// The first rule that the numbers break, in the order of [`SanityError`].
    pub fn sanity_check(&self) -> Result<(), SanityError> {
        self.violations().next().map_or(Ok(()), Err)
    }

    /// All rules that the numbers break.
    pub fn violations(&self) -> impl Iterator<Item = SanityError> + '_ {
        sanity::violations(self)
    }
}

/// A snapshot of counts alone: no time, no stages, one worker.
impl From<TelemetryCounters> for TelemetrySnapshot {
    fn from(counters: TelemetryCounters) -> Self {
        Self {
            counters,
            stage_times: StageTimes::default(),
            elapsed_ns: 0,
            workers: 1,
            bytes_output: None,
            output: None,
        }
    }
}
