//! Each rule is broken by a snapshot that keeps all others, and a sound run keeps them all.

use std::{sync::Arc, time::Duration};

use ron_accounting_telemetry::{
    ManualClock, SanityError, Stage, TelemetryCounters, TelemetrySnapshot, TelemetryTimer,
};

const SOUND: TelemetryCounters = TelemetryCounters {
    frames_data: 2,
    frames_terminator: 1,
    frames_digest: 1,
    bytes_plaintext: 1000,
    bytes_compressed: 400,
    bytes_ciphertext: 432,
    bytes_overhead: 90,
};

/// The only rule that is broken.
fn broken(snapshot: &TelemetrySnapshot) -> SanityError {
    let violations: Vec<_> = snapshot.violations().collect();
    let [violation] = violations[..] else { panic!("{violations:?}") };
    assert_eq!(snapshot.sanity_check(), Err(violation));
    violation
}

fn broken_counts(counters: TelemetryCounters) -> SanityError {
    broken(&counters.into())
}

/// A run of `elapsed_ns`, in which one worker or two spent `stages_ns` each.
fn timed(elapsed_ns: u64, stages_ns: &[u64]) -> TelemetrySnapshot {
    let clock = Arc::new(ManualClock::default());
    let mut timer = TelemetryTimer::start_with(clock.clone());
    for ns in stages_ns {
        let mut worker = timer.worker();
        worker.add(Stage::Encrypt, Duration::from_nanos(*ns));
        timer.merge(&worker);
    }
    clock.set_ns(elapsed_ns);
    timer.finish();
    TelemetrySnapshot::new(SOUND, &timer)
}

#[test]
fn sound_runs_pass() {
    assert_eq!(TelemetrySnapshot::from(SOUND).sanity_check(), Ok(()));
    assert_eq!(TelemetrySnapshot::from(TelemetryCounters::default()).sanity_check(), Ok(()));
    let empty_stream =
        TelemetryCounters { frames_terminator: 1, bytes_overhead: 33, ..TelemetryCounters::default() };
    assert_eq!(TelemetrySnapshot::from(empty_stream).sanity_check(), Ok(()), "no data, properly ended");
    let incompressible = TelemetryCounters { bytes_compressed: 1010, bytes_ciphertext: 1042, ..SOUND };
    assert_eq!(TelemetrySnapshot::from(incompressible).sanity_check(), Ok(()));
}

#[test]
fn data_comes_in_frames() {
    let counters = TelemetryCounters {
        frames_data: 0,
        bytes_plaintext: 3,
        bytes_compressed: 7,
        bytes_ciphertext: 9,
        ..SOUND
    };
    assert_eq!(broken_counts(counters), SanityError::DataWithoutFrames { bytes: 9 });
}

#[test]
fn data_does_not_vanish() {
    let counters = TelemetryCounters { bytes_compressed: 0, ..SOUND };
    let expected =
        SanityError::DataVanished { bytes_plaintext: 1000, bytes_compressed: 0, bytes_ciphertext: 432 };
    assert_eq!(broken_counts(counters), expected);
    let counters = TelemetryCounters { bytes_compressed: 0, bytes_ciphertext: 0, ..SOUND };
    assert!(matches!(broken_counts(counters), SanityError::DataVanished { .. }));
}

#[test]
fn encryption_does_not_shorten() {
    let counters = TelemetryCounters { bytes_ciphertext: 399, ..SOUND };
    let expected = SanityError::CiphertextTooShort { bytes_compressed: 400, bytes_ciphertext: 399 };
    assert_eq!(broken_counts(counters), expected);
    assert_eq!(
        TelemetrySnapshot::from(TelemetryCounters { bytes_ciphertext: 400, ..SOUND }).sanity_check(),
        Ok(())
    );
}

#[test]
fn a_stream_with_data_ends() {
    let counters = TelemetryCounters { frames_terminator: 0, frames_digest: 0, ..SOUND };
    assert_eq!(broken_counts(counters), SanityError::MissingTerminator { frames_data: 2 });
}

#[test]
fn a_stream_has_one_digest() {
    let counters = TelemetryCounters { frames_digest: 2, ..SOUND };
    let expected = SanityError::DigestWithoutTerminator { frames_digest: 2, frames_terminator: 1 };
    assert_eq!(broken_counts(counters), expected);
}

#[test]
fn terminators_and_digests_take_bytes() {
    let counters = TelemetryCounters { bytes_overhead: 0, ..SOUND };
    assert_eq!(broken_counts(counters), SanityError::MissingOverhead { frames: 2 });
}

#[test]
fn the_output_is_one_of_both_ends() {
    let with = |bytes| TelemetrySnapshot::from(SOUND).attach_output(vec![0; bytes]);
    assert_eq!(with(1000).sanity_check(), Ok(()), "decrypted");
    assert_eq!(with(522).sanity_check(), Ok(()), "encrypted");
    let expected = SanityError::OutputLength { bytes_output: 523, encrypted: 522, plaintext: 1000 };
    assert_eq!(broken(&with(523)), expected);
}

#[test]
fn a_worker_is_in_one_stage_at_a_time() {
    assert_eq!(timed(100, &[100]).sanity_check(), Ok(()));
    assert_eq!(timed(100, &[100, 100]).sanity_check(), Ok(()));
    let expected = SanityError::StagesExceedElapsed { stages_ns: 201, elapsed_ns: 100, workers: 2 };
    assert_eq!(broken(&timed(100, &[100, 101])), expected);
}

#[test]
fn all_violations_are_found_and_the_first_is_answered() {
    let counters = TelemetryCounters { frames_data: 0, bytes_compressed: 500, bytes_overhead: 0, ..SOUND };
    let snapshot = TelemetrySnapshot::from(counters).attach_output(vec![1]);
    let violations: Vec<_> = snapshot.violations().collect();
    assert!(
        matches!(
            violations[..],
            [
                SanityError::DataWithoutFrames { .. },
                SanityError::CiphertextTooShort { .. },
                SanityError::MissingOverhead { .. },
                SanityError::OutputLength { .. },
            ]
        ),
        "{violations:?}"
    );
    assert_eq!(snapshot.sanity_check(), Err(violations[0]));
    assert_eq!(
        violations[1].to_string(),
        "432 bytes of ciphertext are fewer than the 500 that were encrypted"
    );
}
