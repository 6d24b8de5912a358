//! Compresses and encrypts files with zstd and ChaCha20-Poly1305, by one worker and by four, and reports each run.
//!
//! The two runs write the same bytes and count the same; only their times differ.

mod pipeline;

use std::fs;

use anyhow::Context;
use pipeline::Pipeline;
use ron_accounting_telemetry::{Stage, TelemetrySnapshot};

fn report(name: &str, snapshot: &TelemetrySnapshot) {
    println!(
        "{name:<22} {:>9} -> {:>8} bytes, ratio {:.3}, {:>6.1} MB/s",
        snapshot.bytes_plaintext(),
        snapshot.bytes_ciphertext() + snapshot.bytes_overhead(),
        snapshot.compression_ratio(),
        snapshot.throughput_bytes_per_sec() / 1e6,
    );
    for (stage, time) in snapshot.stage_times().iter().filter(|(_, time)| !time.is_zero()) {
        println!("    {stage:<12} {time:>12.1?}");
    }
}

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("words.txt");
    fs::write(&input, pipeline::text(4 << 20))
        .with_context(|| format!("cannot write {}", input.display()))?;

    let encrypt = |name, workers| -> anyhow::Result<_> {
        let output = folder.path().join(format!("words.{workers}"));
        let snapshot = Pipeline::new([7; 32], workers).encrypt_file(&input, &output)?;
        report(name, &snapshot);
        snapshot.sanity_check()?;
        assert!(snapshot.has_all_stages(&Stage::ENCRYPTION));
        Ok((output, snapshot.counters()))
    };
    let (one, counters) = encrypt("encrypt, one worker", 1)?;
    let (four, four_counters) = encrypt("encrypt, four workers", 4)?;
    assert_eq!(counters, four_counters);
    assert_eq!(fs::read(one)?, fs::read(&four)?);

    let plain = folder.path().join("words.again");
    let snapshot = Pipeline::new([7; 32], 4).decrypt_file(&four, &plain)?;
    report("decrypt, four workers", &snapshot);
    snapshot.sanity_check()?;
    assert!(snapshot.has_all_stages(&Stage::DECRYPTION));
    assert_eq!(snapshot.counters(), counters, "both ways count the same");
    assert_eq!(fs::read(&plain)?, fs::read(&input)?);
    Ok(())
}
