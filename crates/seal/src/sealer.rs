//! The sealer: one boundary, one reading, and per stream the next slices of its chain.
//!
//! # Room
//! A boundary is given the number of slices that there is room for downstream. A stream that does not fit is not read: its
//! counts stay in the cells, and its next slice starts where it began to wait. Streams that wait longest go first.

use std::collections::{BTreeMap, HashSet};

use ron_accounting_core::{Dimension, Engine, Reader, Reading, TenantId};
use ron_accounting_window::Span;
use ron_ledger_wire::{EncodeError, Head, Origin, SealedSlice, SortedKeys, StreamId, MAX_SLICE_BYTES};

use crate::{
    layout::{Layout, TenantRows},
    streams::{self, Chain, Streams},
    SealError,
};

/// Room for rows in a slice, for planning: what is left beside the longest frame.
const ROW_BYTES_PER_SLICE: usize = MAX_SLICE_BYTES - 4096;

/// Turns counts into slices, one stream after the other, and keeps the head of each.
#[derive(Debug)]
pub struct Sealer {
    engine: Engine,
    reader: Reader,
    reading: Reading,
    layout: Layout,
    streams: Streams,
    zeroize: bool,
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
            zeroize,
        }
    }

    /// The origin of all slices.
    pub const fn origin(&self) -> Origin {
        self.streams.origin()
    }

    /// Continues a stream where an earlier process left it. A head that is behind ours is ignored.
    pub fn continue_from(&mut self, head: &Head) {
        self.streams.set_head(head);
    }

    /// The head of each stream that was ever sealed or continued, sorted by stream.
    pub fn heads(&self) -> impl Iterator<Item = Head> + '_ {
        self.streams.heads()
    }

    /// Seals what was counted since the last time, as usage of `window`, into `room` slices at most, leaving out the streams
    /// that `held` names. A stream of more than 1 MiB becomes several slices.
    ///
    /// Costs one reading of the cells, and per row a copy of its encoded key, an integer, and their share of BLAKE3.
    pub fn seal(&mut self, window: Span, room: usize, held: impl Fn(&StreamId) -> bool) -> Sealed {
        let mut sealed = Sealed::default();
        self.reader.peek(&mut self.reading);
        self.layout.update(self.reading.keys());
        let tenants = self.layout.rows(&self.reading);
        let streams = streams_of(&tenants, &self.reading, &self.engine, &mut self.streams);
        let mut left = HashSet::new();
        for (stream, has_room) in self.streams.choose(&streams, window, room, held) {
            if !has_room {
                left.insert(stream.place());
                sealed.waiting += 1;
                continue;
            }
            let chain = self.streams.chain(&stream.id);
            let waits_since_ms = chain.waits_since_ms;
            if let Err(source) = stream.encode(chain, window, &mut sealed.slices) {
                chain.waits_since_ms = Some(waits_since_ms.unwrap_or(window.start_ms));
                left.insert(stream.place());
                sealed.errors.push(SealError { stream: stream.id.clone(), source });
            }
        }
        if !left.is_empty() {
            self.reading.leave(|tenant, dimension| left.contains(&(tenant, dimension)));
        }
        self.reader.take_seen(&self.reading);
        self.wipe();
        sealed
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
            let mut chain = self.streams.chain(&stream.id).clone();
            if let Err(source) = stream.encode(&mut chain, window, &mut sealed.slices) {
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
                streams::encode(stream, chain, (window.start_ms, window.end_ms), &keys, rows, &mut slices)
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
    pub(crate) fn place(&self) -> (TenantId, Dimension) {
        (self.rows.tenant, self.dimension)
    }

    /// How many slices it takes, at the most.
    pub(crate) fn slices(&self) -> usize {
        if self.rows.row_bytes_max() <= ROW_BYTES_PER_SLICE {
            return 1;
        }
        self.rows.row_bytes(self.dimension).div_ceil(ROW_BYTES_PER_SLICE).max(1)
    }

    fn encode(
        &self,
        chain: &mut Chain,
        window: Span,
        slices: &mut Vec<SealedSlice>,
    ) -> Result<(), EncodeError> {
        let span = (chain.waits_since_ms.unwrap_or(window.start_ms), window.end_ms);
        let rows = self.rows.of_dimension(self.dimension);
        streams::encode(&self.id, chain, span, self.rows.forms()?, rows, slices)
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
