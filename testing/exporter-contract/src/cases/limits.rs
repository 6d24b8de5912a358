//! The largest of everything that the wire allows.

use ron_ledger_wire::{Origin, Seq, StreamId, SLICE_BYTES_MAX, TEXT_BYTES_MAX};

use crate::{
    probe::Probe,
    samples::{chain, full_slice, slice, stream},
};

pub(crate) fn a_slice_of_full_size_is_accepted(probe: &Probe) {
    let stream = stream("acme");
    let (full, rows) = full_slice(&stream);
    let unused = SLICE_BYTES_MAX - full.bytes().len();
    if unused > 64 {
        probe.fail(format_args!("a full sample slice of {rows} rows leaves {unused} bytes"));
    }
    probe.accepts(&full);
    probe.finds_duplicate(&full);
    let next = slice(&stream, Seq::new(1), Some(full.digest()), 1);
    probe.accepts(&next);
    probe.head_is(&stream, Some(&next));
}

pub(crate) fn the_longest_names_are_accepted(probe: &Probe) {
    let origin = Origin::from_bytes([0xff; 16]);
    let tenant = "\u{e9}".repeat(TEXT_BYTES_MAX / 2);
    let dimension = "d".repeat(TEXT_BYTES_MAX);
    let longest = StreamId::new(origin, &tenant, &dimension);
    let shorter = StreamId::new(origin, &tenant, &"d".repeat(TEXT_BYTES_MAX - 1));
    for stream in [longest, shorter] {
        let chain = chain(&stream, 2);
        probe.accepts_all(&chain);
        probe.head_is(&stream, chain.last());
    }
}

pub(crate) fn the_largest_increment_is_accepted(probe: &Probe) {
    let stream = stream("acme");
    let largest = slice(&stream, Seq::FIRST, None, u64::MAX);
    probe.accepts(&largest);
    probe.finds_duplicate(&largest);
    probe.head_is(&stream, Some(&largest));
}
