//! Rules for the numbers of a run, which hold for every format, compressor and cipher.
//!
//! A run that breaks one was counted wrongly, or lost a part of a stream.

use crate::TelemetrySnapshot;

/// A rule that a snapshot breaks. The documentation of each variant is the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SanityError {
    /// Bytes of data come in data frames.
    #[error("{bytes} bytes of data were counted without a data frame; count each frame with its bytes")]
    DataWithoutFrames {
        /// The largest of the three counts of data bytes.
        bytes: u64,
    },
    /// If there is plaintext, there are compressed bytes and ciphertext.
    #[error(
        "{bytes_plaintext} bytes of plaintext became {bytes_compressed} compressed and {bytes_ciphertext} encrypted ones; \
         a stage did not count"
    )]
    DataVanished {
        /// Bytes before compression.
        bytes_plaintext: u64,
        /// Bytes after compression.
        bytes_compressed: u64,
        /// Bytes after encryption.
        bytes_ciphertext: u64,
    },
    /// Encryption never shortens.
    #[error(
        "{bytes_ciphertext} bytes of ciphertext are fewer than the {bytes_compressed} that were encrypted"
    )]
    CiphertextTooShort {
        /// Bytes after compression.
        bytes_compressed: u64,
        /// Bytes after encryption.
        bytes_ciphertext: u64,
    },
    /// A stream with data ends with a terminator. Without one, the stream may have been cut.
    #[error("{frames_data} data frames have no terminator; the stream may have been cut")]
    MissingTerminator {
        /// Data frames.
        frames_data: u64,
    },
    /// A stream has at most one digest and exactly one terminator.
    #[error("{frames_digest} digest frames are more than the {frames_terminator} streams that ended")]
    DigestWithoutTerminator {
        /// Digest frames.
        frames_digest: u64,
        /// Terminator frames.
        frames_terminator: u64,
    },
    /// A terminator or digest frame takes bytes, all of which are overhead.
    #[error("{frames} terminator and digest frames took no bytes; count them as overhead")]
    MissingOverhead {
        /// Terminator and digest frames.
        frames: u64,
    },
    /// The output is the encrypted stream or the plaintext, so it is as long as one of them.
    #[error("the output of {bytes_output} bytes is neither the encrypted stream of {encrypted} bytes nor the plaintext of {plaintext}")]
    OutputLength {
        /// The length of the output.
        bytes_output: u64,
        /// The length of the encrypted stream: ciphertext and overhead.
        encrypted: u64,
        /// Bytes before compression.
        plaintext: u64,
    },
    /// A worker is in one stage at a time, so the stages take at most the elapsed time times the number of workers.
    #[error("stages took {stages_ns} ns, more than {workers} workers had in {elapsed_ns} ns; time stages with one timer per worker")]
    StagesExceedElapsed {
        /// The sum of the stage times.
        stages_ns: u64,
        /// The elapsed time.
        elapsed_ns: u64,
        /// The workers.
        workers: u32,
    },
}

/// Returns the broken rules, in the order of the variants.
pub(crate) fn violations(snapshot: &TelemetrySnapshot) -> impl Iterator<Item = SanityError> + '_ {
    let rules: [fn(&TelemetrySnapshot) -> Option<SanityError>; 8] = [
        data_without_frames,
        data_vanished,
        ciphertext_too_short,
        missing_terminator,
        digest_without_terminator,
        missing_overhead,
        output_length,
        stages_exceed_elapsed,
    ];
    rules.into_iter().filter_map(|rule| rule(snapshot))
}

fn data_without_frames(snapshot: &TelemetrySnapshot) -> Option<SanityError> {
    let bytes = snapshot.bytes_plaintext().max(snapshot.bytes_compressed()).max(snapshot.bytes_ciphertext());
    (snapshot.frames_data() == 0 && bytes > 0).then_some(SanityError::DataWithoutFrames { bytes })
}

fn data_vanished(snapshot: &TelemetrySnapshot) -> Option<SanityError> {
    let (bytes_plaintext, bytes_compressed, bytes_ciphertext) =
        (snapshot.bytes_plaintext(), snapshot.bytes_compressed(), snapshot.bytes_ciphertext());
    (bytes_plaintext > 0 && (bytes_compressed == 0 || bytes_ciphertext == 0))
        .then_some(SanityError::DataVanished { bytes_plaintext, bytes_compressed, bytes_ciphertext })
}

fn ciphertext_too_short(snapshot: &TelemetrySnapshot) -> Option<SanityError> {
    let (bytes_compressed, bytes_ciphertext) = (snapshot.bytes_compressed(), snapshot.bytes_ciphertext());
    (bytes_ciphertext < bytes_compressed)
        .then_some(SanityError::CiphertextTooShort { bytes_compressed, bytes_ciphertext })
}

fn missing_terminator(snapshot: &TelemetrySnapshot) -> Option<SanityError> {
    let frames_data = snapshot.frames_data();
    (frames_data > 0 && snapshot.frames_terminator() == 0)
        .then_some(SanityError::MissingTerminator { frames_data })
}

fn digest_without_terminator(snapshot: &TelemetrySnapshot) -> Option<SanityError> {
    let (frames_digest, frames_terminator) = (snapshot.frames_digest(), snapshot.frames_terminator());
    (frames_digest > frames_terminator)
        .then_some(SanityError::DigestWithoutTerminator { frames_digest, frames_terminator })
}

fn missing_overhead(snapshot: &TelemetrySnapshot) -> Option<SanityError> {
    let frames = snapshot.frames_terminator().saturating_add(snapshot.frames_digest());
    (frames > 0 && snapshot.bytes_overhead() == 0).then_some(SanityError::MissingOverhead { frames })
}

fn output_length(snapshot: &TelemetrySnapshot) -> Option<SanityError> {
    let bytes_output = snapshot.bytes_output()?;
    let encrypted = snapshot.bytes_ciphertext().saturating_add(snapshot.bytes_overhead());
    let plaintext = snapshot.bytes_plaintext();
    (![encrypted, plaintext].contains(&bytes_output)).then_some(SanityError::OutputLength {
        bytes_output,
        encrypted,
        plaintext,
    })
}

fn stages_exceed_elapsed(snapshot: &TelemetrySnapshot) -> Option<SanityError> {
    let (stages_ns, elapsed_ns, workers) =
        (snapshot.stage_times().sum_ns(), snapshot.elapsed_ns(), snapshot.workers());
    (u128::from(stages_ns) > u128::from(elapsed_ns) * u128::from(workers))
        .then_some(SanityError::StagesExceedElapsed { stages_ns, elapsed_ns, workers })
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        assert_errors!(SanityError {
            without_cause: {
                DataWithoutFrames => SanityError::DataWithoutFrames { bytes: 1 },
                DataVanished => SanityError::DataVanished {
                    bytes_plaintext: 1, bytes_compressed: 0, bytes_ciphertext: 0,
                },
                CiphertextTooShort => SanityError::CiphertextTooShort { bytes_compressed: 2, bytes_ciphertext: 1 },
                MissingTerminator => SanityError::MissingTerminator { frames_data: 1 },
                DigestWithoutTerminator => SanityError::DigestWithoutTerminator {
                    frames_digest: 2, frames_terminator: 1,
                },
                MissingOverhead => SanityError::MissingOverhead { frames: 1 },
                OutputLength => SanityError::OutputLength { bytes_output: 3, encrypted: 2, plaintext: 1 },
                StagesExceedElapsed => SanityError::StagesExceedElapsed { stages_ns: 3, elapsed_ns: 1, workers: 2 },
            }
            with_cause: {}
        });
    }
}
