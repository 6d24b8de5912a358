//! Counters, timers and snapshots do what their names say.

use std::{sync::Arc, time::Duration};

use ron_accounting_telemetry::{
    FrameBytes, InstantClock, ManualClock, MonotonicClock, Stage, StageTimes, TelemetryCounters,
    TelemetrySnapshot, TelemetryTimer,
};

const FRAME: FrameBytes = FrameBytes { plaintext: 1000, compressed: 250, ciphertext: 266, overhead: 5 };

fn timer() -> (TelemetryTimer, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    clock.set_ns(1_000_000);
    (TelemetryTimer::start_with(clock.clone()), clock)
}

#[test]
fn each_helper_counts_its_frame_and_its_bytes() {
    let mut counters = TelemetryCounters::default();
    counters.add_header(12);
    assert_eq!(counters, TelemetryCounters { bytes_overhead: 12, ..TelemetryCounters::default() });
    counters.add_digest(53);
    assert_eq!((counters.frames_digest, counters.bytes_overhead), (1, 65));
    counters.add_terminator(21);
    assert_eq!((counters.frames_terminator, counters.bytes_overhead), (1, 86));
    counters.add_encrypt_data(FRAME);
    let expected = TelemetryCounters {
        frames_data: 1,
        frames_terminator: 1,
        frames_digest: 1,
        bytes_plaintext: 1000,
        bytes_compressed: 250,
        bytes_ciphertext: 266,
        bytes_overhead: 91,
    };
    assert_eq!(counters, expected);
}

#[test]
fn encrypting_and_decrypting_count_the_same() {
    let (mut there, mut back) = (TelemetryCounters::default(), TelemetryCounters::default());
    there.add_encrypt_data(FRAME);
    back.add_decrypt_data(FRAME);
    assert_eq!(there, back);
    assert_eq!(there.frames_data, 1);
}

#[test]
fn a_guard_times_its_scope_and_only_that() {
    let (mut timer, clock) = timer();
    clock.advance_ns(5);
    {
        let _guard = timer.stage(Stage::Read);
        clock.advance_ns(10);
    }
    let answer = timer.time(Stage::Write, || {
        clock.advance_ns(20);
        "answer"
    });
    assert_eq!(answer, "answer");
    drop(timer.stage(Stage::Read));
    clock.advance_ns(100);
    let times = timer.stage_times();
    assert_eq!((times.get_ns(Stage::Read), times.get_ns(Stage::Write), times.sum_ns()), (10, 20, 30));
    assert_eq!(timer.elapsed_ns(), 135);
}

#[test]
fn a_stage_that_is_left_by_an_error_or_a_panic_is_timed() {
    let (mut timer, clock) = timer();
    let failed: Result<(), &str> = timer.time(Stage::Decrypt, || {
        clock.advance_ns(7);
        Err("forged")
    });
    assert!(failed.is_err());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        timer.time(Stage::Decrypt, || {
            clock.advance_ns(8);
            panic!("on purpose")
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(timer.stage_times().decrypt(), Duration::from_nanos(15));
}

#[test]
fn each_stage_has_its_own_time_and_accessor() {
    let mut times = StageTimes::default();
    for (index, stage) in Stage::ALL.into_iter().enumerate() {
        times.add_ns(stage, 1 << index);
    }
    let by_name =
        [times.read(), times.compress(), times.encrypt(), times.decrypt(), times.decompress(), times.write()];
    assert_eq!(by_name.map(|time| time.as_nanos()), [1, 2, 4, 8, 16, 32]);
    assert_eq!(times.iter().map(|(_, time)| time).collect::<Vec<_>>(), by_name);
    assert_eq!(times.sum(), Duration::from_nanos(63));
    let names: Vec<_> = Stage::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["read", "compress", "encrypt", "decrypt", "decompress", "write"]);
}

#[test]
fn finishing_stops_the_run_once() {
    let (mut timer, clock) = timer();
    assert!(!timer.is_finished());
    clock.advance_ns(40);
    assert_eq!(timer.finish(), Duration::from_nanos(40));
    clock.advance_ns(40);
    assert_eq!(
        (timer.finish(), timer.elapsed_ns(), timer.is_finished()),
        (Duration::from_nanos(40), 40, true)
    );
}

#[test]
fn workers_bring_their_stages_and_not_their_elapsed_time() {
    let (mut timer, clock) = timer();
    assert_eq!(timer.workers(), 1);
    timer.time(Stage::Read, || clock.advance_ns(1));
    let (mut one, mut other) = (timer.worker(), timer.worker());
    one.time(Stage::Compress, || clock.advance_ns(10));
    other.time(Stage::Compress, || clock.advance_ns(20));
    timer.merge(&one);
    timer.merge(&other);
    assert_eq!((timer.stage_times().get_ns(Stage::Compress), timer.elapsed_ns()), (30, 31));
    assert_eq!(timer.workers(), 3, "the one that read, and two that compressed");
    let mut idle = TelemetryTimer::start();
    idle.merge(&one);
    idle.merge(&other);
    assert_eq!(idle.workers(), 2, "a timer that only waits is not a worker");
}

#[test]
fn a_snapshot_holds_what_was_counted_and_timed() {
    let (mut timer, clock) = timer();
    timer.time(Stage::Encrypt, || clock.advance_ns(500_000_000));
    timer.finish();
    let mut counters = TelemetryCounters::default();
    counters.add_encrypt_data(FRAME);
    let snapshot = TelemetrySnapshot::new(counters, &timer);
    assert_eq!(snapshot.counters(), counters);
    let bytes = (snapshot.bytes_plaintext(), snapshot.bytes_compressed(), snapshot.bytes_ciphertext());
    assert_eq!((bytes, snapshot.bytes_overhead()), ((1000, 250, 266), 5));
    let frames = (snapshot.frames_data(), snapshot.frames_terminator(), snapshot.frames_digest());
    assert_eq!(frames, (1, 0, 0));
    assert!((snapshot.compression_ratio() - 0.25).abs() < f64::EPSILON);
    assert!((snapshot.throughput_bytes_per_sec() - 2000.0).abs() < f64::EPSILON);
    assert_eq!((snapshot.elapsed(), snapshot.workers()), (Duration::from_millis(500), 1));
    assert_eq!(snapshot.stage_times(), timer.stage_times());
    assert!(snapshot.has_all_stages(&[Stage::Encrypt]));
    assert!(!snapshot.has_all_stages(&Stage::ENCRYPTION));
    assert!(snapshot.has_all_stages(&[]));
    timer.add(Stage::Write, Duration::from_nanos(1));
    assert!(TelemetrySnapshot::new(counters, &timer).has_all_stages(&[Stage::Encrypt, Stage::Write]));
}

#[test]
fn attaching_the_output_gives_a_new_snapshot() {
    let plain = TelemetrySnapshot::from(TelemetryCounters::default());
    assert_eq!((plain.output(), plain.bytes_output()), (None, None));
    let with = plain.clone().attach_output(vec![1, 2, 3]);
    assert_eq!((with.output(), with.bytes_output()), (Some(&[1, 2, 3][..]), Some(3)));
    assert_ne!(plain, with);
    assert_eq!(plain.output(), None);
}

#[test]
fn the_systems_clock_goes_forward() {
    let clock = InstantClock::default();
    let first = clock.now_ns();
    assert!(clock.now_ns() >= first);
    let mut timer = TelemetryTimer::start();
    timer.time(Stage::Read, || std::hint::black_box(0));
    let elapsed = timer.finish();
    assert!(timer.stage_times().sum() <= elapsed);
}
