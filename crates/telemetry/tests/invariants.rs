//! What holds for all numbers.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use ron_accounting_telemetry::{
    FrameBytes, ManualClock, Stage, StageTimes, TelemetryCounters, TelemetrySnapshot, TelemetryTimer,
};

/// Small numbers, and those at which sums saturate.
fn count() -> impl Strategy<Value = u64> {
    prop_oneof![0..1000_u64, (u64::MAX - 1000)..=u64::MAX, any::<u64>()]
}

fn counters() -> impl Strategy<Value = TelemetryCounters> {
    prop::array::uniform7(count()).prop_map(|counts| {
        let [frames_data, frames_terminator, frames_digest, bytes_plaintext, bytes_compressed, bytes_ciphertext, bytes_overhead] =
            counts;
        TelemetryCounters {
            frames_data,
            frames_terminator,
            frames_digest,
            bytes_plaintext,
            bytes_compressed,
            bytes_ciphertext,
            bytes_overhead,
        }
    })
}

fn stage_times() -> impl Strategy<Value = StageTimes> {
    prop::array::uniform6(count()).prop_map(|counts| {
        let mut times = StageTimes::default();
        for (stage, ns) in Stage::ALL.into_iter().zip(counts) {
            times.add_ns(stage, ns);
        }
        times
    })
}

fn stage() -> impl Strategy<Value = Stage> {
    prop::sample::select(&Stage::ALL[..])
}

fn sum<T: Copy + std::ops::AddAssign>(a: T, b: T) -> T {
    let mut sum = a;
    sum += b;
    sum
}

proptest! {
    #[test]
    fn merging_is_commutative_and_associative(a in counters(), b in counters(), c in counters()) {
        prop_assert_eq!(sum(a, b), sum(b, a));
        prop_assert_eq!(sum(sum(a, b), c), sum(a, sum(b, c)));
        prop_assert_eq!(sum(a, TelemetryCounters::default()), a);
        let saturated = a.bytes_plaintext.saturating_add(b.bytes_plaintext);
        prop_assert_eq!(sum(a, b).bytes_plaintext, saturated);
        let (mut by_reference, mut by_merge) = (a, a);
        by_reference += &b;
        by_merge.merge(&b);
        prop_assert_eq!((by_reference, by_merge), (sum(a, b), sum(a, b)));
    }

    #[test]
    fn merging_stage_times_is_commutative_and_associative(a in stage_times(), b in stage_times(), c in stage_times()) {
        prop_assert_eq!(sum(a, b), sum(b, a));
        prop_assert_eq!(sum(sum(a, b), c), sum(a, sum(b, c)));
        prop_assert_eq!(sum(a, StageTimes::default()), a);
        for stage in Stage::ALL {
            prop_assert_eq!(sum(a, b).get_ns(stage), a.get_ns(stage).saturating_add(b.get_ns(stage)));
        }
    }

    #[test]
    fn workers_together_count_what_one_would(
        frames in prop::collection::vec((0_usize..5000, 0_usize..5000, 0_usize..5000, 0_usize..20), 0..40),
        workers in 1_usize..5,
    ) {
        let mut alone = TelemetryCounters::default();
        let mut parts = vec![TelemetryCounters::default(); workers];
        for (index, (plaintext, compressed, ciphertext, overhead)) in frames.into_iter().enumerate() {
            let frame = FrameBytes { plaintext, compressed, ciphertext, overhead };
            alone.add_encrypt_data(frame);
            parts[index % workers].add_encrypt_data(frame);
        }
        let merged = parts.iter().rev().fold(TelemetryCounters::default(), |all, part| sum(all, *part));
        prop_assert_eq!(merged, alone);
    }

    #[test]
    fn ratios_and_rates_are_finite_and_not_negative(
        counters in counters(),
        elapsed_ns in prop_oneof![Just(0), Just(1), count()],
        output in prop::option::of(0_usize..100),
    ) {
        let clock = Arc::new(ManualClock::default());
        let timer = TelemetryTimer::start_with(clock.clone());
        clock.set_ns(elapsed_ns);
        let mut snapshot = TelemetrySnapshot::new(counters, &timer);
        if let Some(bytes) = output {
            snapshot = snapshot.attach_output(vec![0; bytes]);
        }
        for value in [snapshot.compression_ratio(), snapshot.throughput_bytes_per_sec()] {
            prop_assert!(value.is_finite() && value >= 0.0, "{value}");
        }
        if elapsed_ns == 0 {
            prop_assert!(snapshot.throughput_bytes_per_sec().abs() < f64::EPSILON);
        }
        if counters.bytes_plaintext == 0 {
            prop_assert!((snapshot.compression_ratio() - 1.0).abs() < f64::EPSILON);
        }
        // No input makes the rules panic.
        prop_assert_eq!(snapshot.violations().next(), snapshot.sanity_check().err());
    }

    /// Whatever the clock shows, backwards included.
    #[test]
    fn stages_of_one_timer_never_take_longer_than_the_run(
        steps in prop::collection::vec((stage(), 0_u64..1000, 0_u64..1000), 0..30),
    ) {
        let clock = Arc::new(ManualClock::default());
        let mut timer = TelemetryTimer::start_with(clock.clone());
        let mut model = StageTimes::default();
        for (stage, within, between) in steps {
            timer.time(stage, || clock.advance_ns(within));
            model.add(stage, Duration::from_nanos(within));
            clock.advance_ns(between);
        }
        prop_assert_eq!(timer.stage_times(), model);
        prop_assert!(timer.stage_times().sum() <= timer.finish());
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_time(readings in prop::collection::vec(count(), 1..10)) {
        let clock = Arc::new(ManualClock::default());
        clock.set_ns(u64::MAX);
        let mut timer = TelemetryTimer::start_with(clock.clone());
        for reading in readings {
            clock.set_ns(u64::MAX);
            timer.time(Stage::Read, || clock.set_ns(reading));
            prop_assert_eq!(timer.elapsed_ns(), 0);
        }
        prop_assert_eq!(timer.stage_times().sum_ns(), 0);
    }
}
