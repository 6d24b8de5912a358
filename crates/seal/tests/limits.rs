//! What happens at the edge, and one beyond.

use ron_accounting_core::{labels, Dimension, Engine, LABEL_BYTES_MAX};
use ron_accounting_seal::Sealer;
use ron_accounting_window::Span;
use ron_ledger_wire::{Origin, SLICE_BYTES_LEAST, SLICE_BYTES_MAX};

const ORIGIN: Origin = Origin::from_bytes([7; 16]);
const WINDOW: Span = Span { start_ms: 0, end_ms: 60_000 };

/// Records `rows` rows of about 1 KiB and returns how long the slices are that come of it.
#[allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.
fn slice_bytes(rows: usize, slice_bytes_max: usize) -> Vec<usize> {
    let engine = Engine::builder().label_limit(10_000).build().unwrap();
    let mut sealer = Sealer::new(&engine, ORIGIN).slice_bytes_max(slice_bytes_max);
    let long = "x".repeat(1_000);
    for number in 0..rows {
        engine.record(&labels().tenant("acme").route(&format!("/{long}/{number}")), Dimension::REQUESTS, 1);
    }
    let sealed = sealer.seal(WINDOW, usize::MAX, |_| false);
    assert_eq!(sealed.slices.iter().map(ron_ledger_wire::SealedSlice::row_count).sum::<usize>(), rows);
    assert_eq!(sealer.validate(), Ok(()));
    sealed.slices.iter().map(|slice| slice.bytes().len()).collect()
}

#[test]
fn a_row_that_does_not_fit_begins_the_next_slice() {
    let rows = (1..100).find(|rows| slice_bytes(*rows, SLICE_BYTES_LEAST).len() == 2).unwrap();
    let [full, rest] = slice_bytes(rows, SLICE_BYTES_LEAST)[..] else { unreachable!() };
    assert!(full <= SLICE_BYTES_LEAST && full + 1_000 > SLICE_BYTES_LEAST, "{full}");
    assert!(rest < 2_000, "{rest}");
}

#[test]
fn the_longest_row_fits_in_the_smallest_slice() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN).slice_bytes_max(SLICE_BYTES_LEAST);
    let longest = "x".repeat(LABEL_BYTES_MAX);
    let key = labels().tenant(&longest).method(&longest).route(&longest).service(&longest).region(&longest);
    engine.record(&key, Dimension::REQUESTS, u64::MAX);
    // Planned for is one more, since rows are estimated.
    let sealed = sealer.seal(WINDOW, 2, |_| false);
    assert_eq!((sealed.slices.len(), sealed.waiting, sealed.errors.len()), (1, 0, 0));
    assert_eq!(sealed.slices[0].total(), u128::from(u64::MAX));
}

#[test]
fn slice_lengths_beyond_the_range_count_as_its_end() {
    assert_eq!(slice_bytes(20, 0), slice_bytes(20, SLICE_BYTES_LEAST));
    assert_eq!(slice_bytes(1_100, usize::MAX), slice_bytes(1_100, SLICE_BYTES_MAX));
    assert_eq!(slice_bytes(1_100, usize::MAX).len(), 2);
}

#[test]
fn a_count_at_the_end_of_its_range_is_sealed_as_it_is() {
    let engine = Engine::default();
    let mut sealer = Sealer::new(&engine, ORIGIN);
    let key = labels().tenant("acme").route("/");
    engine.record(&key, Dimension::REQUESTS, u64::MAX);
    engine.record(&key, Dimension::REQUESTS, 1);
    let sealed = sealer.seal(WINDOW, 1, |_| false);
    assert_eq!(sealed.slices[0].total(), u128::from(u64::MAX));
    engine.record(&key, Dimension::REQUESTS, 5);
    let next = sealer.seal(Span { start_ms: 60_000, end_ms: 120_000 }, 1, |_| false);
    assert!(next.slices[0].total() >= 5, "counting goes on after saturation");
}

#[test]
fn nothing_was_ever_counted() {
    let mut sealer = Sealer::new(&Engine::default(), ORIGIN).zeroize(true);
    let sealed = sealer.seal(WINDOW, 0, |_| true);
    assert!(sealed.slices.is_empty() && sealed.errors.is_empty() && sealed.waiting == 0);
    assert_eq!((sealer.shed_waiting(), sealer.preview(WINDOW).slices.len()), (0, 0));
    sealer.validate().unwrap();
}
