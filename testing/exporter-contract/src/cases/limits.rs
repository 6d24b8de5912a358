//! The largest of everything that the wire allows.

use ron_ledger_wire::{Origin, StreamId, MAX_SLICE_BYTES, MAX_TEXT_BYTES};

use crate::{
    probe::Probe,
    samples::{chain, full_slice, slice, stream},
};

pub(crate) fn a_slice_of_full_size_is_accepted(probe: &Probe) {
    let stream = stream("acme");
    let (full, rows) = full_slice(&stream);
    let unused = MAX_SLICE_BYTES - full.bytes().len();
    if unused > 64 {
        probe.fail(format_args!("a full sample slice of {rows} rows leaves {unused} bytes"));
    }
    probe.accepts(&full);
    probe.finds_duplicate(&full);
    let next = slice(&stream, 1, Some(full.digest()), 1);
    probe.accepts(&next);
    probe.head_is(&stream, Some(&next));
}

pub(crate) fn the_longest_names_are_accepted(probe: &Probe) {
    let origin = Origin::from_bytes([0xff; 16]);
    let tenant = "\u{e9}".repeat(MAX_TEXT_BYTES / 2);
    let dimension = "d".repeat(MAX_TEXT_BYTES);
    let longest = StreamId::new(origin, &tenant, &dimension);
    let shorter = StreamId::new(origin, &tenant, &"d".repeat(MAX_TEXT_BYTES - 1));
    for stream in [longest, shorter] {
        let chain = chain(&stream, 2);
        probe.accepts_all(&chain);
        probe.head_is(&stream, chain.last());
    }
}

pub(crate) fn the_largest_increment_is_accepted(probe: &Probe) {
    let stream = stream("acme");
    let largest = slice(&stream, 0, None, u64::MAX);
    probe.accepts(&largest);
    probe.finds_duplicate(&largest);
    probe.head_is(&stream, Some(&largest));
}
