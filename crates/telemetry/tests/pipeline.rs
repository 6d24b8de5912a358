//! A real pipeline: files compressed by zstd and encrypted by ChaCha20-Poly1305, by one worker and by several.

#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

#[path = "../examples/encrypt_files/pipeline.rs"]
mod pipeline;

use std::{fs, path::PathBuf};

use pipeline::Pipeline;
use ron_accounting_telemetry::{Stage, TelemetrySnapshot};

const KEY: [u8; 32] = [9; 32];

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn encrypt(&self, plaintext: &[u8], workers: usize) -> (Vec<u8>, TelemetrySnapshot) {
        fs::write(self.path("plain"), plaintext).unwrap();
        let snapshot =
            Pipeline::new(KEY, workers).encrypt_file(&self.path("plain"), &self.path("sealed")).unwrap();
        (fs::read(self.path("sealed")).unwrap(), snapshot)
    }

    fn decrypt(&self, workers: usize) -> (Vec<u8>, TelemetrySnapshot) {
        let snapshot =
            Pipeline::new(KEY, workers).decrypt_file(&self.path("sealed"), &self.path("again")).unwrap();
        (fs::read(self.path("again")).unwrap(), snapshot)
    }
}

/// What every run keeps to, whoever ran it.
fn check(snapshot: &TelemetrySnapshot, stages: &[Stage], workers: u32) {
    snapshot.sanity_check().unwrap();
    assert!(snapshot.has_all_stages(stages), "{snapshot:?}");
    let other = Stage::ALL.into_iter().filter(|stage| !stages.contains(stage));
    assert!(other.map(|stage| snapshot.stage_times().get(stage)).all(|time| time.is_zero()));
    assert!(snapshot.workers() <= workers);
    assert!(snapshot.stage_times().sum() <= snapshot.elapsed() * snapshot.workers());
    assert!(snapshot.throughput_bytes_per_sec() > 0.0);
}

#[test]
fn one_worker_and_several_count_the_same_for_the_same_input() {
    let files = Files::new();
    let plaintext = pipeline::text(700_000);
    let (sealed, alone) = files.encrypt(&plaintext, 1);
    check(&alone, &Stage::ENCRYPTION, 1);
    assert_eq!((alone.bytes_plaintext(), alone.frames_data()), (700_000, 11));
    for workers in [2, 3, 16] {
        let (sealed_by_many, by_many) = files.encrypt(&plaintext, workers);
        check(&by_many, &Stage::ENCRYPTION, u32::try_from(workers).unwrap() + 1);
        assert_eq!(by_many.counters(), alone.counters());
        assert!(sealed_by_many == sealed, "{workers} workers wrote other bytes");

        let (again, back) = files.decrypt(workers);
        check(&back, &Stage::DECRYPTION, u32::try_from(workers).unwrap() + 1);
        assert!(again == plaintext);
        assert_eq!(back.counters(), alone.counters(), "both ways count the same");
    }
    let (_, back) = files.decrypt(1);
    check(&back, &Stage::DECRYPTION, 1);
}

#[test]
fn every_byte_of_the_stream_is_counted_once() {
    let files = Files::new();
    for bytes in [0, 1, 65_535, 65_536, 65_537, 200_000] {
        let plaintext = pipeline::text(bytes);
        let (sealed, snapshot) = files.encrypt(&plaintext, 2);
        assert_eq!(snapshot.bytes_plaintext(), bytes as u64);
        assert_eq!(snapshot.bytes_ciphertext() + snapshot.bytes_overhead(), sealed.len() as u64);
        assert_eq!(snapshot.output(), Some(&sealed[..]));
        assert_eq!(snapshot.bytes_ciphertext(), snapshot.bytes_compressed() + 16 * snapshot.frames_data());
        assert_eq!((snapshot.frames_digest(), snapshot.frames_terminator()), (1, 1));
        let (again, back) = files.decrypt(2);
        assert_eq!((again.len(), back.bytes_output()), (bytes, Some(bytes as u64)));
    }
}

#[test]
fn an_empty_file_has_defined_values() {
    let files = Files::new();
    let (_, snapshot) = files.encrypt(b"", 3);
    snapshot.sanity_check().unwrap();
    assert_eq!((snapshot.frames_data(), snapshot.bytes_plaintext()), (0, 0));
    assert!((snapshot.compression_ratio() - 1.0).abs() < f64::EPSILON);
    assert!(snapshot.throughput_bytes_per_sec().abs() < f64::EPSILON);
}

#[test]
fn ratios_stay_stable_as_the_input_grows() {
    let files = Files::new();
    let ratio = |bytes| files.encrypt(&pipeline::text(bytes), 2).1.compression_ratio();
    let (small, large) = (ratio(512 << 10), ratio(16 << 20));
    assert!((small - large).abs() / large < 0.02, "{small} and {large}");
    assert!(large < 0.5, "it compresses at all: {large}");
}

#[test]
fn a_stream_that_was_cut_or_changed_is_refused() {
    let files = Files::new();
    let (sealed, _) = files.encrypt(&pipeline::text(150_000), 1);
    let refused = |stream: &[u8]| {
        fs::write(files.path("sealed"), stream).unwrap();
        Pipeline::new(KEY, 2).decrypt_file(&files.path("sealed"), &files.path("again")).is_err()
    };
    for cut in [0, 7, 8, 12, sealed.len() / 2, sealed.len() - 21, sealed.len() - 1] {
        assert!(refused(&sealed[..cut]), "cut at {cut}");
    }
    for index in [3, 8, 20, sealed.len() / 2, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert!(refused(&changed), "changed at {index}");
    }
    assert!(!refused(&sealed));
}
