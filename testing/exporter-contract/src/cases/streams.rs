//! Several streams in one ledger.

use ron_ledger_wire::{Origin, StreamId};

use crate::{
    probe::Probe,
    samples::{chain, stream},
};

pub(crate) fn an_unknown_stream_has_no_head(probe: &Probe) {
    let (known, unknown) = (stream("acme"), stream("globex"));
    probe.head_is(&known, None);
    let chain = chain(&known, 2);
    for slice in &chain {
        probe.accepts(slice);
        probe.head_is(&known, Some(slice));
        probe.head_is(&unknown, None);
    }
}

pub(crate) fn streams_are_independent(probe: &Probe) {
    let (one, other) = (Origin::from_bytes([1; 16]), Origin::from_bytes([2; 16]));
    check_apart(
        probe,
        &[
            StreamId::new(one, "acme", "requests"),
            StreamId::new(other, "acme", "requests"),
            StreamId::new(one, "acme", "bytes_in"),
            StreamId::new(one, "globex", "requests"),
        ],
    );
}

pub(crate) fn streams_that_look_alike_are_kept_apart(probe: &Probe) {
    let origin = Origin::from_bytes([0; 16]);
    let names = [
        ("a/b", "c"),
        ("a", "b/c"),
        ("acme", "requests"),
        ("Acme", "requests"),
        ("acme ", "requests"),
        ("acme", ""),
        ("", "acme"),
        ("", ""),
        ("\u{e9}", "x"),
        ("e\u{301}", "x"),
        ("1", "x"),
        ("1.0", "x"),
        ("a\0b", "x"),
        ("a\0", "x"),
        ("a", "x"),
        ("'; drop table slices; --", "\"x\""),
        ("%", "_"),
    ];
    let streams: Vec<StreamId> =
        names.iter().map(|(tenant, dimension)| StreamId::new(origin, tenant, dimension)).collect();
    check_apart(probe, &streams);
}

/// Gives each stream a chain of another length, in turns.
fn check_apart(probe: &Probe, streams: &[StreamId]) {
    let chains: Vec<_> = (2..).zip(streams).map(|(length, stream)| chain(stream, length)).collect();
    for turn in 0..=streams.len() + 1 {
        for slice in chains.iter().filter_map(|chain| chain.get(turn)) {
            probe.accepts(slice);
        }
    }
    for (stream, chain) in streams.iter().zip(&chains) {
        probe.head_is(stream, chain.last());
        probe.finds_duplicates(chain);
    }
}
