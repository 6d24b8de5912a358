//! The stages of a pipeline, and the time that each took: an array indexed by stage, which allocates nothing and has one
//! order.

use std::{fmt, ops::AddAssign, time::Duration};

/// A stage of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Stage {
    /// Input is read.
    Read,
    /// Plaintext is compressed.
    Compress,
    /// Compressed data is encrypted.
    Encrypt,
    /// Ciphertext is decrypted and verified.
    Decrypt,
    /// Compressed data is decompressed.
    Decompress,
    /// Output is written.
    Write,
}

impl Stage {
    /// All stages, in the order of their names in records.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Compress, Self::Encrypt, Self::Decrypt, Self::Decompress, Self::Write];
    /// The stages of an encrypting pipeline.
    pub const ENCRYPTION: [Self; 4] = [Self::Read, Self::Compress, Self::Encrypt, Self::Write];
    /// The stages of a decrypting pipeline.
    pub const DECRYPTION: [Self; 4] = [Self::Read, Self::Decrypt, Self::Decompress, Self::Write];

    /// Returns the name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Compress => "compress",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Decompress => "decompress",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The time that each stage took, in whole nanoseconds. Sums saturate after 584 years.
///
/// ```
/// use std::time::Duration;
/// use ron_accounting_telemetry::{Stage, StageTimes};
/// let mut times = StageTimes::default();
/// times.add(Stage::Read, Duration::from_millis(2));
/// times.add(Stage::Encrypt, Duration::from_millis(3));
/// assert_eq!(times.read(), Duration::from_millis(2));
/// assert_eq!(times.sum(), Duration::from_millis(5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(from = "crate::record::StageTimesRecord", into = "crate::record::StageTimesRecord")
)]
pub struct StageTimes {
    /// By [`Stage`], in the order of [`Stage::ALL`].
    ns: [u64; Stage::ALL.len()],
}

impl StageTimes {
    /// Adds to the time of a stage.
    pub fn add(&mut self, stage: Stage, duration: Duration) {
        self.add_ns(stage, u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds nanoseconds to the time of a stage.
    pub fn add_ns(&mut self, stage: Stage, ns: u64) {
        let sum = &mut self.ns[stage as usize];
        *sum = sum.saturating_add(ns);
    }

    /// Returns the time of a stage.
    pub const fn get(&self, stage: Stage) -> Duration {
        Duration::from_nanos(self.get_ns(stage))
    }

    /// Returns the time of a stage, in nanoseconds.
    pub const fn get_ns(&self, stage: Stage) -> u64 {
        self.ns[stage as usize]
    }

    /// Returns the time of [`Stage::Read`].
    pub const fn read(&self) -> Duration {
        self.get(Stage::Read)
    }

    /// Returns the time of [`Stage::Compress`].
    pub const fn compress(&self) -> Duration {
        self.get(Stage::Compress)
    }

    /// Returns the time of [`Stage::Encrypt`].
    pub const fn encrypt(&self) -> Duration {
        self.get(Stage::Encrypt)
    }

    /// Returns the time of [`Stage::Decrypt`].
    pub const fn decrypt(&self) -> Duration {
        self.get(Stage::Decrypt)
    }

    /// Returns the time of [`Stage::Decompress`].
    pub const fn decompress(&self) -> Duration {
        self.get(Stage::Decompress)
    }

    /// Returns the time of [`Stage::Write`].
    pub const fn write(&self) -> Duration {
        self.get(Stage::Write)
    }

    /// Returns the stages with their times.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> + '_ {
        Stage::ALL.into_iter().map(|stage| (stage, self.get(stage)))
    }

    /// Returns the time of all stages together. With several workers it may be more than the elapsed time.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns())
    }

    /// Returns the time of all stages together, in nanoseconds.
    pub fn sum_ns(&self) -> u64 {
        self.ns.iter().fold(0, |sum, ns| sum.saturating_add(*ns))
    }

    /// Adds the times of another worker.
    pub fn merge(&mut self, other: &Self) {
        for stage in Stage::ALL {
            self.add_ns(stage, other.get_ns(stage));
        }
    }
}

impl AddAssign for StageTimes {
    fn add_assign(&mut self, other: Self) {
        self.merge(&other);
    }
}
