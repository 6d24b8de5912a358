//! The serialized form of a snapshot. The order of its fields is the order in every format, and part of the interface.

use serde::{Deserialize, Serialize};

use crate::{Stage, StageTimes, TelemetryCounters, TelemetrySnapshot};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names)] // The unit is part of a field's name in other languages.
pub(crate) struct StageTimesRecord {
    read_ns: u64,
    compress_ns: u64,
    encrypt_ns: u64,
    decrypt_ns: u64,
    decompress_ns: u64,
    write_ns: u64,
}

impl From<StageTimes> for StageTimesRecord {
    fn from(times: StageTimes) -> Self {
        Self {
            read_ns: times.get_ns(Stage::Read),
            compress_ns: times.get_ns(Stage::Compress),
            encrypt_ns: times.get_ns(Stage::Encrypt),
            decrypt_ns: times.get_ns(Stage::Decrypt),
            decompress_ns: times.get_ns(Stage::Decompress),
            write_ns: times.get_ns(Stage::Write),
        }
    }
}

impl From<StageTimesRecord> for StageTimes {
    fn from(record: StageTimesRecord) -> Self {
        let mut times = Self::default();
        times.add_ns(Stage::Read, record.read_ns);
        times.add_ns(Stage::Compress, record.compress_ns);
        times.add_ns(Stage::Encrypt, record.encrypt_ns);
        times.add_ns(Stage::Decrypt, record.decrypt_ns);
        times.add_ns(Stage::Decompress, record.decompress_ns);
        times.add_ns(Stage::Write, record.write_ns);
        times
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnapshotRecord {
    frames_data: u64,
    frames_terminator: u64,
    frames_digest: u64,
    bytes_plaintext: u64,
    bytes_compressed: u64,
    bytes_ciphertext: u64,
    bytes_overhead: u64,
    bytes_output: Option<u64>,
    /// Written for readers without this crate. It is ignored when the record is read, since it follows from the counts.
    compression_ratio: f64,
    /// Written and ignored in the same way.
    throughput_bytes_per_sec: f64,
    elapsed_ns: u64,
    workers: u32,
    stage_times: StageTimes,
}

impl From<TelemetrySnapshot> for SnapshotRecord {
    fn from(snapshot: TelemetrySnapshot) -> Self {
        let TelemetryCounters {
            frames_data,
            frames_terminator,
            frames_digest,
            bytes_plaintext,
            bytes_compressed,
            bytes_ciphertext,
            bytes_overhead,
        } = snapshot.counters;
        Self {
            frames_data,
            frames_terminator,
            frames_digest,
            bytes_plaintext,
            bytes_compressed,
            bytes_ciphertext,
            bytes_overhead,
            bytes_output: snapshot.bytes_output,
            compression_ratio: snapshot.compression_ratio(),
            throughput_bytes_per_sec: snapshot.throughput_bytes_per_sec(),
            elapsed_ns: snapshot.elapsed_ns,
            workers: snapshot.workers,
            stage_times: snapshot.stage_times,
        }
    }
}

impl From<SnapshotRecord> for TelemetrySnapshot {
    fn from(record: SnapshotRecord) -> Self {
        Self {
            counters: TelemetryCounters {
                frames_data: record.frames_data,
                frames_terminator: record.frames_terminator,
                frames_digest: record.frames_digest,
                bytes_plaintext: record.bytes_plaintext,
                bytes_compressed: record.bytes_compressed,
                bytes_ciphertext: record.bytes_ciphertext,
                bytes_overhead: record.bytes_overhead,
            },
            stage_times: record.stage_times,
            elapsed_ns: record.elapsed_ns,
            workers: record.workers,
            bytes_output: record.bytes_output,
            output: None,
        }
    }
}
