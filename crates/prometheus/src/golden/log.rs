//! The write-ahead log.

use ron_accounting::export::LogStats;

use crate::text::Text;

pub(super) fn write(text: &mut Text<'_>, log: &LogStats) {
    let errors = [
        ("torn_tail", log.torn_tails),
        ("corrupt_segment", log.corrupt_segments),
        ("unreadable_record", log.unreadable_records),
        ("sync_failure", log.sync_failures),
    ];
    let all = errors.iter().fold(0_u64, |sum, (_, n)| sum.saturating_add(*n));
    text.counter("accounting_wal_errors_total", "Errors of the write-ahead log, of all kinds together.", all);
    text.counters("accounting_log_errors_total", "Errors of the write-ahead log.", "kind", errors);
    text.gauge(
        "accounting_log_trouble",
        "Whether the log does not work now: 1 or 0.",
        u8::from(log.trouble.is_some()),
    );
    text.gauge("accounting_log_bytes", "Bytes of all files of the log.", log.bytes);
    text.gauge("accounting_log_segments", "Segments of the log.", log.segments);
    text.gauge("accounting_log_records", "Records in the log.", log.entries);
    text.gauge("accounting_log_streams", "Streams that the log knows.", log.streams);
    text.counter(
        "accounting_log_forgotten_streams_total",
        "Idle streams that the log dropped to bound its size.",
        log.forgotten_streams,
    );
    text.gauge(
        "accounting_log_uncovered_streams",
        "Streams whose counts are not all in the last checkpoint. A kill loses these.",
        log.uncovered_streams,
    );
}
