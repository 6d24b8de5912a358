//! The sealer: one boundary, one reading, and per stream the next slices of its chain.
//!
//! # Room
//! A boundary is given the number of slices that there is room for downstream. A stream that does not fit is not read: its
//! counts stay in the cells, and its next slice starts where it began to wait. Streams that wait longest go first.

use std::collections::{BTreeMap, HashSet};

use ron_accounting_core::{Dimension, Engine, Reader, Reading, TenantId};
use ron_accounting_window::Span;
use ron_ledger_wire::{Head, Origin, SealedSlice, StreamId, MAX_SLICE_BYTES};

use crate::{
    grouping::grouped,
    key_forms::KeyForms,
    streams::{self, Streams},
    SealError,
};

/// Room for rows in a slice, for planning: what is left beside the longest frame.
const ROW_BYTES_PER_SLICE: usize = MAX_SLICE_BYTES - 4096;
/// What a row takes beside its key: an array head and the longest integer.
const ROW_BYTES_OVERHEAD: usize = 10;

/// Turns counts into slices, one stream after the other, and keeps the head of each.
#[derive(Debug)]
pub struct Sealer {
    engine: Engine,
    reader: Reader,
    reading: Reading,
    forms: KeyForms,
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
            forms: KeyForms::default(),
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

    /// Seals what was counted since the last time, as usage of `window`, into about `room` slices at most, leaving out the
    /// streams that `held` names. (A stream of more than 1 MiB becomes several slices; they may be a few more than planned
    /// if it grew in between.)
    pub fn seal(&mut self, window: Span, room: usize, held: impl Fn(&StreamId) -> bool) -> Sealed {
        let mut sealed = Sealed::default();
        let chosen = self.choose(window, room, held, &mut sealed);
        self.reader.take_if(|tenant, dimension| chosen.contains(&(tenant, dimension)), &mut self.reading);
        self.forms.learn(self.reading.rows());
        for stream in grouped(&self.reading, &self.forms, &self.engine) {
            let id = self.streams.id(stream.tenant, stream.name, stream.dimension);
            let chain = self.streams.chain(&id);
            let span = (chain.waits_since_ms.unwrap_or(window.start_ms), window.end_ms);
            if let Err(source) = streams::encode(&id, chain, span, stream.rows(), &mut sealed.slices) {
                chain.waits_since_ms = Some(span.0);
                for (row, increment) in &stream.rows {
                    self.reader.restore(row.key.clone(), stream.dimension, *increment);
                }
                sealed.errors.push(SealError { stream: id, source });
            }
        }
        if self.zeroize {
            self.reading.wipe();
        }
        sealed
    }

    /// Throws away what waiting streams counted, for a host that prefers that to a longer span. Returns how much it was, in
    /// units of all dimensions together.
    pub fn shed_waiting(&mut self) -> u128 {
        let streams = &self.streams;
        self.reader.take_if(|tenant, dimension| streams.is_waiting(tenant, dimension), &mut self.reading);
        self.streams.end_waiting();
        let shed = self.reading.rows().flat_map(|row| row.values).map(|value| u128::from(*value)).sum();
        if self.zeroize {
            self.reading.wipe();
        }
        shed
    }

    /// What would be sealed now, as the slices that would come next. Nothing is taken and no chain moves.
    pub fn preview(&mut self, window: Span) -> Sealed {
        let mut sealed = Sealed::default();
        self.reader.peek(&mut self.reading);
        self.forms.learn(self.reading.rows());
        for stream in grouped(&self.reading, &self.forms, &self.engine) {
            let id = self.streams.id(stream.tenant, stream.name, stream.dimension);
            let mut chain = self.streams.chain(&id).clone();
            let span = (chain.waits_since_ms.unwrap_or(window.start_ms), window.end_ms);
            if let Err(source) = streams::encode(&id, &mut chain, span, stream.rows(), &mut sealed.slices) {
                sealed.errors.push(SealError { stream: id, source });
            }
        }
        if self.zeroize {
            self.reading.wipe();
        }
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
        let rows = rows.iter().map(|(key, increment)| (key.as_slice(), *increment));
        let chain = self.streams.chain(stream);
        streams::encode(stream, chain, (window.start_ms, window.end_ms), rows, &mut slices)
            .map_err(|source| SealError { stream: stream.clone(), source })?;
        Ok(slices)
    }

    /// Shows what is not sealed yet: each key with one count per dimension.
    pub fn unsealed(&self, reading: &mut Reading) {
        self.reader.peek(reading);
    }

    /// The streams with usage that there is room for. Those that there is none for begin to wait.
    fn choose(
        &mut self,
        window: Span,
        room: usize,
        held: impl Fn(&StreamId) -> bool,
        sealed: &mut Sealed,
    ) -> HashSet<(TenantId, Dimension)> {
        self.reader.peek(&mut self.reading);
        self.forms.learn(self.reading.rows());
        let mut candidates = Vec::new();
        for stream in grouped(&self.reading, &self.forms, &self.engine) {
            let id = self.streams.id(stream.tenant, stream.name, stream.dimension);
            let bytes: usize = stream.rows().map(|(form, _)| form.len() + ROW_BYTES_OVERHEAD).sum();
            let waits_since_ms = self.streams.waits_since_ms(&id).unwrap_or(u64::MAX);
            candidates.push((waits_since_ms, id, bytes.div_ceil(ROW_BYTES_PER_SLICE), stream.place()));
        }
        candidates.sort_unstable();
        let mut room = room;
        let mut chosen = HashSet::new();
        for (_, id, slices, place) in candidates {
            if slices <= room && !held(&id) {
                room -= slices;
                chosen.insert(place);
            } else {
                self.streams.chain(&id).waits_since_ms.get_or_insert(window.start_ms);
                sealed.waiting += 1;
            }
        }
        chosen
    }
}
