//! Counters of frames and bytes. They are plain numbers: each worker has its own, and they are added up later.

use std::ops::AddAssign;

/// Frames and bytes of a run, or of a part of it.
///
/// Encrypting and decrypting the same stream count the same numbers. All sums saturate, so that merging gives the same result in
/// any order.
///
/// ```
/// use ron_accounting_telemetry::TelemetryCounters;
/// let (mut one, mut other) = (TelemetryCounters::default(), TelemetryCounters::default());
/// one.add_header(12);
/// other.add_terminator(21);
/// one += other;
/// assert_eq!((one.frames_terminator, one.bytes_overhead), (1, 33));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct TelemetryCounters {
    /// Frames that carry data.
    pub frames_data: u64,
    /// Frames that end a stream.
    pub frames_terminator: u64,
    /// Frames that carry a digest of the stream.
    pub frames_digest: u64,
    /// Bytes of data before compression.
    pub bytes_plaintext: u64,
    /// Bytes of data after compression and before encryption.
    pub bytes_compressed: u64,
    /// Bytes of data after encryption, with what the cipher adds to them (a tag, padding).
    pub bytes_ciphertext: u64,
    /// Bytes of the encrypted stream that carry no data: the header, the framing of data, and whole terminator and digest
    /// frames. The encrypted stream is `bytes_ciphertext + bytes_overhead` long.
    pub bytes_overhead: u64,
}

/// The sizes of one data frame, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FrameBytes {
    /// Before compression.
    pub plaintext: usize,
    /// After compression.
    pub compressed: usize,
    /// After encryption, with the cipher's tag.
    pub ciphertext: usize,
    /// The framing: kind, length, number.
    pub overhead: usize,
}

impl TelemetryCounters {
    /// Counts the header of a stream, of `bytes`.
    pub fn add_header(&mut self, bytes: usize) {
        add(&mut self.bytes_overhead, bytes);
    }

    /// Counts a data frame that was compressed and encrypted.
    pub fn add_encrypt_data(&mut self, frame: FrameBytes) {
        self.add_data(frame);
    }

    /// Counts a data frame that was decrypted and decompressed.
    pub fn add_decrypt_data(&mut self, frame: FrameBytes) {
        self.add_data(frame);
    }

    /// Counts the frame that ends a stream, of `bytes`.
    pub fn add_terminator(&mut self, bytes: usize) {
        add(&mut self.frames_terminator, 1);
        add(&mut self.bytes_overhead, bytes);
    }

    /// Counts the frame with the stream's digest, of `bytes`.
    pub fn add_digest(&mut self, bytes: usize) {
        add(&mut self.frames_digest, 1);
        add(&mut self.bytes_overhead, bytes);
    }

    /// Adds the counters of another worker.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            frames_data,
            frames_terminator,
            frames_digest,
            bytes_plaintext,
            bytes_compressed,
            bytes_ciphertext,
            bytes_overhead,
        } = other;
        for (sum, part) in [
            (&mut self.frames_data, frames_data),
            (&mut self.frames_terminator, frames_terminator),
            (&mut self.frames_digest, frames_digest),
            (&mut self.bytes_plaintext, bytes_plaintext),
            (&mut self.bytes_compressed, bytes_compressed),
            (&mut self.bytes_ciphertext, bytes_ciphertext),
            (&mut self.bytes_overhead, bytes_overhead),
        ] {
            *sum = sum.saturating_add(*part);
        }
    }

    fn add_data(&mut self, frame: FrameBytes) {
        add(&mut self.frames_data, 1);
        add(&mut self.bytes_plaintext, frame.plaintext);
        add(&mut self.bytes_compressed, frame.compressed);
        add(&mut self.bytes_ciphertext, frame.ciphertext);
        add(&mut self.bytes_overhead, frame.overhead);
    }
}

fn add(sum: &mut u64, bytes: usize) {
    *sum = sum.saturating_add(bytes as u64);
}

impl AddAssign for TelemetryCounters {
    fn add_assign(&mut self, other: Self) {
        self.merge(&other);
    }
}

impl AddAssign<&Self> for TelemetryCounters {
    fn add_assign(&mut self, other: &Self) {
        self.merge(other);
    }
}
