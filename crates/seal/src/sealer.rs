//! The sealer: one boundary, one reading, and per stream the next slices of its chain.
//!
//! # Admission
//! The caller decides stream by stream what is sealed. A stream that it does not admit is not taken: its counts stay in the
//! cells, and its next slice starts where it began to wait. Streams that wait longest are asked about first.
//!
//! # Whole streams
//! A sealing takes all counts of a stream or none. So whatever was counted of a stream before its slice `n` was sealed is
//! in slices up to `n`, also when label sets were evicted or folded in between. Recovery relies on it.

use std::collections::{BTreeMap, HashSet};

use ron_accounting_core::{Dimension, Engine, Reader, Reading, TenantId, LABEL_BYTES_MAX};
use ron_accounting_window::Span;
use ron_ledger_wire::{
    EncodeError, Head, Origin, SealedSlice, SortedKeys, StreamId, SLICE_BYTES_LEAST, SLICE_BYTES_MAX,
    TEXT_BYTES_MAX,
};

use crate::{
    layout::{Layout, TenantRows},
    streams::{self, Chain, Streams},
    SealError,
};

/// What a slice spends on other things than rows, for planning.
const FRAME_BYTES: usize = 4096;

const _: () = assert!(FRAME_BYTES < SLICE_BYTES_LEAST);
const _: () = assert!(LABEL_BYTES_MAX <= TEXT_BYTES_MAX, "a label that the engine takes fits the wire");

/// Turns counts into slices, one stream after the other, and keeps the head of each.
#[derive(Debug)]
pub struct Sealer {
    engine: Engine,
    reader: Reader,
    reading: Reading,
    layout: Layout,
    streams: Streams,
    slice_bytes_max: usize,
    zeroize: bool,
}

/// A stream with counts, and what its slices would take.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Candidate<'a> {
    /// The stream.
    pub stream: &'a StreamId,
    /// How many slices its counts fill, at the most.
    pub slices: usize,
    /// How many bytes of rows they hold, at the most.
    pub row_bytes: usize,
    /// The start of the first window that had to be left out; none if the stream does not wait.
    pub waits_since_ms: Option<u64>,
    /// The seq of its next slice; 0 if none was sealed or continued, or its head was forgotten.
    pub next_seq: u64,
}

/// What becomes of a stream's counts at a sealing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// They become slices.
    Seal,
    /// They stay, and the stream's next slice begins with this window at the latest.
    Wait,
    /// They stay, as if there was no sealing.
    Skip,
}

/// What came of sealing at one boundary.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Sealed {
    /// The slices, each stream's in order.
    pub slices: Vec<SealedSlice>,
    /// How many streams with usage had no room and wait.
    pub waiting: usize,
    /// Streams that the encoder refused. Their counts wait, too.
    pub errors: Vec<SealError>,
}

impl Sealer {
    /// A sealer of what `engine` counts from now on. With `zeroize`, counts are overwritten once they are sealed.
    pub fn new(engine: &Engine, origin: Origin, zeroize: bool) -> Self {
        Self {
            engine: engine.clone(),
            reader: engine.reader(),
            reading: Reading::default(),
            layout: Layout::default(),
            streams: Streams::new(origin, engine.dimensions().names().map(Into::into)),
            slice_bytes_max: SLICE_BYTES_MAX,
            zeroize,
        }
    }

    /// Makes slices end earlier than the format demands, from [`SLICE_BYTES_LEAST`] to [`SLICE_BYTES_MAX`].
    #[must_use]
    pub fn slice_bytes_max(mut self, bytes: usize) -> Self {
        self.slice_bytes_max = bytes.clamp(SLICE_BYTES_LEAST, SLICE_BYTES_MAX);
        self
    }

    /// The origin of all slices.
    pub const fn origin(&self) -> Origin {
        self.streams.origin()
    }

    /// Continues a stream where an earlier process left it. A head that is behind ours is ignored.
    pub fn continue_from(&mut self, head: &Head) {
        self.streams.set_head(head);
    }

    /// The head of each stream that was sealed or continued and not forgotten, sorted by stream.
    pub fn heads(&self) -> impl Iterator<Item = Head> + '_ {
        self.streams.heads()
    }

    /// Returns the head of a stream, if it was sealed or continued and not forgotten.
    pub fn head(&self, stream: &StreamId) -> Option<Head> {
        self.streams.head(stream)
    }

    /// Forgets the heads of streams, but of those that wait. They have to be continued before their next sealing.
    pub fn forget(&mut self, streams: &[StreamId]) {
        self.streams.forget(streams);
    }

    /// How many streams it remembers.
    pub fn known_streams(&self) -> usize {
        self.streams.len()
    }

    /// Seals what was counted since the last time, as usage of `window`, into `room` slices at most, leaving out the streams
    /// that `held` names. A stream of more than 1 MiB becomes several slices.
    ///
    /// Costs one reading of the cells, and per row a copy of its encoded key, an integer, and its share of the hash.
    pub fn seal(&mut self, window: Span, mut room: usize, held: impl Fn(&StreamId) -> bool) -> Sealed {
        self.seal_admitted(window, |candidate| {
            if candidate.slices > room || held(candidate.stream) {
                return Admission::Wait;
            }
            room -= candidate.slices;
            Admission::Seal
        })
    }

    /// Seals the streams that `admit` lets pass, as usage of `window`. It is asked once about each stream with counts, those
    /// that wait longest first.
    pub fn seal_admitted(&mut self, window: Span, admit: impl FnMut(&Candidate<'_>) -> Admission) -> Sealed {
        let mut sealed = Sealed::default();
        self.reader.peek(&mut self.reading);
        self.layout.update(self.reading.keys());
        let tenants = self.layout.rows(&self.reading);
        let bytes_max = self.slice_bytes_max;
        let streams = streams_of(&tenants, &self.reading, &self.engine, &mut self.streams);
        let mut left = HashSet::new();
        for (stream, admission) in self.streams.choose(&streams, window, bytes_max, admit) {
            if admission != Admission::Seal {
                left.insert(stream.counted());
                sealed.waiting += usize::from(admission == Admission::Wait);
                continue;
            }
            let chain = self.streams.chain(&stream.id);
            let waits_since_ms = chain.waits_since_ms;
            if let Err(source) = stream.encode(chain, window, bytes_max, &mut sealed.slices) {
                chain.waits_since_ms = Some(waits_since_ms.unwrap_or(window.start_ms));
                left.insert(stream.counted());
                sealed.errors.push(SealError { stream: stream.id.clone(), source });
            }
        }
        if !left.is_empty() {
            self.reading.retain(|tenant, dimension| !left.contains(&(tenant, dimension)));
        }
        self.reader.take_seen(&self.reading);
        self.wipe();
        sealed
    }

    /// The streams that wait.
    pub fn waiting(&self) -> Vec<StreamId> {
        self.streams.waiting()
    }

    /// Throws away what waiting streams counted, for a host that prefers that to a longer span. Returns how much it was, in
    /// units of all dimensions together.
    pub fn shed_waiting(&mut self) -> u128 {
        let streams = &self.streams;
        self.reader.take_if(|tenant, dimension| streams.is_waiting(tenant, dimension), &mut self.reading);
        self.streams.end_waiting();
        let shed = self.reading.rows().flat_map(|row| row.values).map(|value| u128::from(*value)).sum();
        self.wipe();
        shed
    }

    /// What would be sealed now, as the slices that would come next. Nothing is taken and no chain moves.
    pub fn preview(&mut self, window: Span) -> Sealed {
        let mut sealed = Sealed::default();
        self.reader.peek(&mut self.reading);
        self.layout.update(self.reading.keys());
        let tenants = self.layout.rows(&self.reading);
        for stream in streams_of(&tenants, &self.reading, &self.engine, &mut self.streams) {
            let mut chain = self.streams.chain_so_far(&stream.id);
            if let Err(source) = stream.encode(&mut chain, window, self.slice_bytes_max, &mut sealed.slices) {
                sealed.errors.push(SealError { stream: stream.id, source });
            }
        }
        self.wipe();
        sealed
    }

    /// Seals rows that were counted by an earlier process and recovered, as the next slices of their stream.
    pub fn seal_recovered(
        &mut self,
        stream: &StreamId,
        window: Span,
        rows: &BTreeMap<Vec<u8>, u64>,
    ) -> Result<Vec<SealedSlice>, SealError> {
        let mut slices = Vec::new();
        let mut keys = SortedKeys::default();
        let chain = self.streams.chain(stream);
        rows.keys()
            .try_for_each(|key| keys.push(key))
            .and_then(|()| {
                let rows = rows.values().copied().enumerate();
                let span = (window.start_ms, window.end_ms);
                streams::encode(stream, chain, span, self.slice_bytes_max, &keys, rows, &mut slices)
            })
            .map_err(|source| SealError { stream: stream.clone(), source })?;
        Ok(slices)
    }

    /// Shows what is not sealed yet: each key with one count per dimension.
    pub fn unsealed(&self, reading: &mut Reading) {
        self.reader.peek(reading);
    }

    fn wipe(&mut self) {
        if self.zeroize {
            self.reading.wipe();
        }
    }
}

/// A stream with usage.
pub(crate) struct UsedStream<'a> {
    pub(crate) id: StreamId,
    rows: &'a TenantRows<'a>,
    dimension: Dimension,
}

impl UsedStream<'_> {
    /// Where the engine counts the stream.
    fn counted(&self) -> (TenantId, Dimension) {
        (self.rows.tenant, self.dimension)
    }

    /// What the stream asks for in slices of `bytes_max`, at the most.
    pub(crate) fn candidate(&self, bytes_max: usize, chain: Option<&Chain>) -> Candidate<'_> {
        let per_slice = bytes_max - FRAME_BYTES;
        // The sum over the rows is needed only where it decides something.
        let row_bytes = match self.rows.row_bytes_max() {
            all if all <= per_slice => all,
            _ => self.rows.row_bytes(self.dimension),
        };
        let slices = row_bytes.div_ceil(per_slice).max(1);
        Candidate {
            stream: &self.id,
            slices,
            row_bytes,
            waits_since_ms: chain.and_then(|chain| chain.waits_since_ms),
            next_seq: chain.map_or(0, |chain| chain.next_seq),
        }
    }

    fn encode(
        &self,
        chain: &mut Chain,
        window: Span,
        bytes_max: usize,
        slices: &mut Vec<SealedSlice>,
    ) -> Result<(), EncodeError> {
        let span = (chain.waits_since_ms.unwrap_or(window.start_ms), window.end_ms);
        let rows = self.rows.of_dimension(self.dimension);
        streams::encode(&self.id, chain, span, bytes_max, self.rows.forms()?, rows, slices)
    }
}

/// The streams with usage, by tenant and dimension.
fn streams_of<'a>(
    tenants: &'a [TenantRows<'a>],
    reading: &Reading,
    engine: &Engine,
    streams: &mut Streams,
) -> Vec<UsedStream<'a>> {
    let used_at_all = engine.dimensions().iter().zip(reading.used_dimensions());
    let dimensions: Vec<_> = used_at_all.filter(|(_, used)| *used).map(|(dimension, _)| dimension).collect();
    let mut used = Vec::new();
    for rows in tenants {
        for dimension in dimensions.iter().copied().filter(|dimension| rows.uses(*dimension)) {
            let id = streams.id(rows.tenant, rows.name(), dimension);
            used.push(UsedStream { id, rows, dimension });
        }
    }
    used
}
