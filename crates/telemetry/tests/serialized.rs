//! The serialized form: names, order, and the way back.
#![cfg(feature = "serde")]

use std::{sync::Arc, time::Duration};

use ron_accounting_telemetry::{
    FrameBytes, ManualClock, Stage, TelemetryCounters, TelemetrySnapshot, TelemetryTimer,
};

fn snapshot() -> TelemetrySnapshot {
    let clock = Arc::new(ManualClock::default());
    let mut timer = TelemetryTimer::start_with(clock.clone());
    let mut counters = TelemetryCounters::default();
    counters.add_header(1);
    counters.add_encrypt_data(FrameBytes { plaintext: 1000, compressed: 250, ciphertext: 266, overhead: 5 });
    counters.add_digest(2);
    counters.add_terminator(3);
    for (index, stage) in Stage::ALL.into_iter().enumerate() {
        timer.add(stage, Duration::from_nanos(index as u64 + 1));
    }
    clock.set_ns(2_000);
    TelemetrySnapshot::new(counters, &timer)
}

const GOLDEN: &str = concat!(
    r#"{"frames_data":1,"frames_terminator":1,"frames_digest":1,"#,
    r#""bytes_plaintext":1000,"bytes_compressed":250,"bytes_ciphertext":266,"bytes_overhead":11,"#,
    r#""bytes_output":null,"compression_ratio":0.25,"throughput_bytes_per_sec":500000000.0,"#,
    r#""elapsed_ns":2000,"workers":1,"#,
    r#""stage_times":{"read_ns":1,"compress_ns":2,"encrypt_ns":3,"decrypt_ns":4,"decompress_ns":5,"write_ns":6}}"#,
);

#[test]
fn names_and_order_are_stable() {
    assert_eq!(serde_json::to_string(&snapshot()).unwrap(), GOLDEN);
    let counters = serde_json::to_string(&snapshot().counters()).unwrap();
    assert!(GOLDEN.starts_with(counters.strip_suffix('}').unwrap()), "the same names, in the same order");
    let times = serde_json::to_string(&snapshot().stage_times()).unwrap();
    assert!(GOLDEN.ends_with(&format!("\"stage_times\":{times}}}")));
    assert_eq!(serde_json::to_string(&Stage::ALL).unwrap().matches(char::is_uppercase).count(), 0);
}

#[test]
fn what_was_written_is_read_back() {
    let back: TelemetrySnapshot = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(back, snapshot());
    let with_output = snapshot().attach_output(vec![0; 277]);
    let text = serde_json::to_string(&with_output).unwrap();
    let back: TelemetrySnapshot = serde_json::from_str(&text).unwrap();
    assert_eq!((back.bytes_output(), back.output()), (Some(277), None), "the number of bytes, not the bytes");
    for stage in Stage::ALL {
        let text = serde_json::to_string(&stage).unwrap();
        assert_eq!(serde_json::from_str::<Stage>(&text).unwrap(), stage);
    }
}

#[test]
fn what_follows_from_the_counts_is_not_believed() {
    let changed = GOLDEN.replace("\"compression_ratio\":0.25", "\"compression_ratio\":9.75");
    let back: TelemetrySnapshot = serde_json::from_str(&changed).unwrap();
    assert!((back.compression_ratio() - 0.25).abs() < f64::EPSILON);
}

#[test]
fn missing_and_unknown_fields_are_refused() {
    for (from, to) in [
        ("\"workers\":1,", ""),
        ("\"workers\":1,", "\"workers\":1,\"new\":0,"),
        ("\"write_ns\"", "\"other_ns\""),
    ] {
        let changed = GOLDEN.replace(from, to);
        assert!(serde_json::from_str::<TelemetrySnapshot>(&changed).is_err(), "{changed}");
    }
}
