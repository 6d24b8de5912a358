//! Milliseconds as seconds, and the buckets of spans of time.

/// Returns milliseconds as seconds.
pub(super) fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Where buckets of spans end, in milliseconds: where a bucket of the instance's own histogram ends, so that each count is exact.
/// They are finer around 0.150 s, which is the limit of the export's latency.
pub(super) const ENDS_MS: [u64; 24] = [
    1, 3, 7, 15, 31, 63, 127, 159, 191, 255, 511, 1023, 2047, 4095, 8191, 16_383, 32_767, 65_535, 131_071,
    262_143, 524_287, 1_048_575, 2_097_151, 4_194_303,
];
