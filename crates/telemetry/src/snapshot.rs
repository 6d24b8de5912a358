//! The report of a run: its counters and times, and what is calculated from them.

use std::time::Duration;

use crate::{sanity, SanityError, Stage, StageTimes, TelemetryCounters, TelemetryTimer};

/// What a run did. It cannot be changed: attaching the output makes a new one.
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
    /// Makes a snapshot of what was counted and timed. If the timer is still running, it is read now.
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

    /// Attaches the output of the run, for pipelines that work in memory. The bytes are not serialized, but their number is.
    #[must_use]
    pub fn attach_output(self, output: Vec<u8>) -> Self {
        Self { bytes_output: Some(output.len() as u64), output: Some(output), ..self }
    }

    /// Returns the attached output.
    pub fn output(&self) -> Option<&[u8]> {
        self.output.as_deref()
    }

    /// Returns the length of the attached output, in bytes. Unlike the output, it is serialized.
    pub const fn bytes_output(&self) -> Option<u64> {
        self.bytes_output
    }

    /// Returns all counters.
    pub const fn counters(&self) -> TelemetryCounters {
        self.counters
    }

    /// Returns the number of frames with data.
    pub const fn frames_data(&self) -> u64 {
        self.counters.frames_data
    }

    /// Returns the number of frames that end a stream.
    pub const fn frames_terminator(&self) -> u64 {
        self.counters.frames_terminator
    }

    /// Returns the number of frames with a digest.
    pub const fn frames_digest(&self) -> u64 {
        self.counters.frames_digest
    }

    /// Returns the bytes of data before compression.
    pub const fn bytes_plaintext(&self) -> u64 {
        self.counters.bytes_plaintext
    }

    /// Returns the bytes of data after compression.
    pub const fn bytes_compressed(&self) -> u64 {
        self.counters.bytes_compressed
    }

    /// Returns the bytes of data after encryption.
    pub const fn bytes_ciphertext(&self) -> u64 {
        self.counters.bytes_ciphertext
    }

    /// Returns the bytes of the encrypted stream that are not data.
    pub const fn bytes_overhead(&self) -> u64 {
        self.counters.bytes_overhead
    }

    /// Returns `bytes_compressed / bytes_plaintext`. It is below one if compression saves bytes, and one without plaintext.
    #[allow(clippy::cast_precision_loss)] // A ratio needs no more than 52 bits.
    pub fn compression_ratio(&self) -> f64 {
        match self.counters.bytes_plaintext {
            0 => 1.0,
            plaintext => self.counters.bytes_compressed as f64 / plaintext as f64,
        }
    }

    /// Returns the plaintext bytes per second of elapsed time. Zero if no time passed, since no rate was measured.
    #[allow(clippy::cast_precision_loss)] // A rate needs no more than 52 bits.
    pub fn throughput_bytes_per_sec(&self) -> f64 {
        match self.elapsed_ns {
            0 => 0.0,
            ns => self.counters.bytes_plaintext as f64 / (ns as f64 / 1e9),
        }
    }

    /// Returns how long the run took.
    pub const fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed_ns)
    }

    /// Returns how long the run took, in nanoseconds.
    pub const fn elapsed_ns(&self) -> u64 {
        self.elapsed_ns
    }

    /// Returns how many workers timed stages.
    pub const fn workers(&self) -> u32 {
        self.workers
    }

    /// Returns the time of each stage, summed over workers.
    pub const fn stage_times(&self) -> StageTimes {
        self.stage_times
    }

    /// Returns whether each of `stages` took time: [`Stage::ENCRYPTION`] or [`Stage::DECRYPTION`] for a whole pipeline.
    pub fn has_all_stages(&self, stages: &[Stage]) -> bool {
        stages.iter().all(|stage| self.stage_times.get_ns(*stage) > 0)
    }

    /// Fails with the first rule that the numbers break, in the order of [`SanityError`].
    pub fn sanity_check(&self) -> Result<(), SanityError> {
        self.violations().next().map_or(Ok(()), Err)
    }

    /// Returns all rules that the numbers break.
    pub fn violations(&self) -> impl Iterator<Item = SanityError> + '_ {
        sanity::violations(self)
    }
}

/// Makes a snapshot of counts alone: without time and stages, of one worker.
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
