//! The sealer: one boundary, one reading, and per stream the next slices of its chain.
//!
//! The documentation of the crate draws the steps of a sealing.
//!
//! # Admission
//! The caller decides stream by stream what is sealed. A stream that it does not admit is not taken: its counts stay in the
//! engine, and its next slice starts where it began to wait. The stream that waits longest is asked about first.
//!
//! # Whole streams
//! A sealing takes all counts of a stream or none. So whatever was counted of a stream before its slice `n` was sealed is
//! in slices up to `n`, also when label sets were evicted or folded in between. Recovery relies on it.

use std::collections::{BTreeMap, HashSet};

use ron_accounting_core::{Dimension, Engine, Reader, Reading, DIMENSION_NAME_BYTES_MAX, LABEL_BYTES_MAX};
use ron_accounting_window::Span;
use ron_ledger_wire::{
    Head, Origin, SealedSlice, SortedKeys, StreamId, SLICE_BYTES_LEAST, SLICE_BYTES_MAX, TEXT_BYTES_MAX,
};

use crate::{
    chain::SliceSpec,
    layout::{Layout, TenantRows},
    streams::Streams,
    used_stream::UsedStream,
    Admission, Candidate, SealError,
};

const _: () = assert!(LABEL_BYTES_MAX <= TEXT_BYTES_MAX, "a label that the engine takes fits the wire");
const _: () = assert!(DIMENSION_NAME_BYTES_MAX <= TEXT_BYTES_MAX, "a dimension that it takes fits the wire");

/// Turns counts into slices, one stream after the other, and keeps the head of each.
///
/// ```
/// use ron_accounting_core::{labels, Dimension, Engine};
/// use ron_accounting_seal::Sealer;
/// use ron_accounting_window::Span;
/// use ron_ledger_wire::{Origin, Seq};
///
/// let engine = Engine::default();
/// let mut sealer = Sealer::new(&engine, Origin::from_bytes([7; 16]));
/// let minute = |number: u64| Span { start_ms: number * 60_000, end_ms: (number + 1) * 60_000 };
///
/// engine.record(&labels().tenant("acme").route("/"), Dimension::REQUESTS, 3);
/// // The first boundary admits no slice: the stream waits, and its counts stay in the engine.
/// assert_eq!(sealer.seal(minute(0), 0, |_| false).waiting, 1);
///
/// engine.record(&labels().tenant("acme").route("/"), Dimension::REQUESTS, 4);
/// let sealed = sealer.seal(minute(1), 10, |_| false);
/// let slice = &sealed.slices[0];
/// assert_eq!(slice.seq(), Seq::FIRST);
/// assert_eq!((slice.start_ms(), slice.end_ms(), slice.total()), (0, 120_000, 7));
/// ```
///
/// # Invariants
/// 1. Each unit that the engine counted since the sealer was made is in one slice, or still in the engine, or was shed.
/// 2. The slices of a stream are numbered without gaps, and each is linked to the one before.
/// 3. The spans of a stream's slices do not overlap, if those of the windows do not.
/// 4. Between calls, no counts are in the sealer's memory if they are to be zeroized.
///
/// The parts have invariants of their own. [`Sealer::validate`] checks them and what can be seen from here; the first three
/// are checked by the tests, which read the slices.
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

/// The result of sealing at one boundary.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Sealed {
    /// The slices, each stream's in order.
    pub slices: Vec<SealedSlice>,
    /// How many streams with counts were not admitted and wait.
    pub waiting: usize,
    /// The streams that could not be encoded. They wait, too.
    pub errors: Vec<SealError>,
}

impl Sealer {
    /// Makes a sealer of what `engine` counts from now on.
    pub fn new(engine: &Engine, origin: Origin) -> Self {
        Self {
            engine: engine.clone(),
            reader: engine.reader().hold_tenants(),
            reading: Reading::default(),
            layout: Layout::default(),
            streams: Streams::new(origin, engine.dimensions().names().map(Into::into)),
            slice_bytes_max: SLICE_BYTES_MAX,
            zeroize: false,
        }
    }

    /// Sets whether counts are overwritten in the sealer's memory once they are sealed. Not so by default.
    #[must_use]
    pub fn zeroize(mut self, zeroize: bool) -> Self {
        self.zeroize = zeroize;
        self
    }

    /// Makes slices end earlier than the format demands, from [`SLICE_BYTES_LEAST`] to [`SLICE_BYTES_MAX`]. A value
    /// outside counts as the nearer of the two.
    #[must_use]
    pub fn slice_bytes_max(mut self, bytes: usize) -> Self {
        self.slice_bytes_max = bytes.clamp(SLICE_BYTES_LEAST, SLICE_BYTES_MAX);
        self
    }

    /// Returns the origin of all slices.
    pub const fn origin(&self) -> Origin {
        self.streams.origin()
    }

    /// Continues a stream where an earlier process left it. A head that is behind the sealer's own is ignored.
    pub fn continue_from(&mut self, head: &Head) {
        self.streams.chain_or_begin(head.stream()).continue_from(head);
    }

    /// Returns the head of each known stream, sorted by stream. A stream is known once it was sealed or continued, or has
    /// to wait, until it is forgotten. If it only waits, its head has number 0.
    pub fn heads(&self) -> impl Iterator<Item = Head> + '_ {
        self.streams.heads()
    }

    /// Returns the head of a stream, or `None` if it has no slice or was forgotten.
    pub fn head(&self, stream: &StreamId) -> Option<Head> {
        self.streams.head(stream)
    }

    /// Forgets the heads of streams. Those that wait are kept. A forgotten stream has to be continued before its next
    /// sealing, or its numbers begin again.
    pub fn forget(&mut self, streams: &[StreamId]) {
        self.streams.forget(streams);
    }

    /// Returns the number of known streams.
    pub fn known_streams(&self) -> usize {
        self.streams.len()
    }

    /// Seals what was counted since the last time, as usage of `window`, into at most `slices_max` slices. The streams for
    /// which `is_held` returns `true` wait. A stream of more than 1 MiB becomes several slices.
    ///
    /// Costs one reading of the cells, and for each row a copy of its encoded key, an integer, and its part of the digest.
    pub fn seal(&mut self, window: Span, slices_max: usize, is_held: impl Fn(&StreamId) -> bool) -> Sealed {
        let mut slices_left = slices_max;
        self.seal_admitted(window, |candidate| {
            if candidate.slices > slices_left || is_held(candidate.stream) {
                return Admission::Wait;
            }
            slices_left -= candidate.slices;
            Admission::Seal
        })
    }

    /// Seals the streams for which `admit` returns [`Admission::Seal`], as usage of `window`. It is called once for each stream
    /// with counts, and first for the one that waits longest.
    pub fn seal_admitted(&mut self, window: Span, admit: impl FnMut(&Candidate<'_>) -> Admission) -> Sealed {
        let mut sealed = Sealed::default();
        self.reader.peek(&mut self.reading);
        let has_changed = self.layout.update(self.reading.keys());
        let tenants = self.layout.rows(&self.reading);
        if has_changed {
            self.streams.forget_tenants_but(&tenants);
        }
        let bytes_max = self.slice_bytes_max;
        let used = used_streams(&tenants, &self.reading, &self.engine, &mut self.streams);
        let mut left_out = HashSet::new();
        for (stream, admission) in self.streams.choose(&used, window, bytes_max, admit) {
            if admission != Admission::Seal {
                left_out.insert(stream.tenant_and_dimension());
                sealed.waiting += usize::from(admission == Admission::Wait);
                continue;
            }
            let chain = self.streams.chain_or_begin(stream.id());
            if let Err(source) = stream.seal(chain, window, bytes_max, &mut sealed.slices) {
                chain.wait_since(window.start_ms);
                left_out.insert(stream.tenant_and_dimension());
                sealed.errors.push(SealError { stream: stream.id().clone(), source });
            }
        }
        if !left_out.is_empty() {
            self.reading.retain(|tenant, dimension| !left_out.contains(&(tenant, dimension)));
        }
        self.reader.take_seen(&self.reading);
        self.wipe();
        sealed
    }

    /// Returns the streams that wait.
    pub fn waiting(&self) -> Vec<StreamId> {
        self.streams.waiting()
    }

    /// Takes the counts of all waiting streams and drops them, for a host that prefers this to a longer span. Returns how
    /// much it was, in units of all dimensions together.
    pub fn shed_waiting(&mut self) -> u128 {
        let streams = &self.streams;
        self.reader.take_if(|tenant, dimension| streams.is_waiting(tenant, dimension), &mut self.reading);
        self.streams.end_waits();
        let shed = self.reading.rows().flat_map(|row| row.values).map(|value| u128::from(*value)).sum();
        self.wipe();
        shed
    }

    /// Returns the slices that sealing all streams would make now. Nothing is taken, and no chain changes.
    pub fn preview(&mut self, window: Span) -> Sealed {
        let mut sealed = Sealed::default();
        self.reader.peek(&mut self.reading);
        let has_changed = self.layout.update(self.reading.keys());
        let tenants = self.layout.rows(&self.reading);
        if has_changed {
            self.streams.forget_tenants_but(&tenants);
        }
        for stream in used_streams(&tenants, &self.reading, &self.engine, &mut self.streams) {
            let mut chain = self.streams.chain(stream.id()).cloned().unwrap_or_default();
            if let Err(source) = stream.seal(&mut chain, window, self.slice_bytes_max, &mut sealed.slices) {
                sealed.errors.push(SealError { stream: stream.id().clone(), source });
            }
        }
        self.wipe();
        sealed
    }

    /// Seals rows that an earlier process counted and that were recovered, as the next slices of their stream. `rows` are
    /// counts by encoded key.
    pub fn seal_recovered(
        &mut self,
        stream: &StreamId,
        window: Span,
        rows: &BTreeMap<Vec<u8>, u64>,
    ) -> Result<Vec<SealedSlice>, SealError> {
        let mut slices = Vec::new();
        let mut keys = SortedKeys::default();
        let spec = SliceSpec { stream, span: window, bytes_max: self.slice_bytes_max };
        let chain = self.streams.chain_or_begin(stream);
        rows.keys()
            .try_for_each(|key| keys.push(key))
            .and_then(|()| chain.seal_rows(spec, &keys, rows.values().copied().enumerate(), &mut slices))
            .map_err(|source| SealError { stream: stream.clone(), source })?;
        Ok(slices)
    }

    /// Fills `reading` with what is not sealed yet: each key with one count per dimension.
    pub fn unsealed(&self, reading: &mut Reading) {
        self.reader.peek(reading);
    }

    /// Checks the invariants of the layout, the chains and the sealer's own memory, for tests to run between their steps.
    /// The error says which one does not hold. Costs as much as encoding every key.
    pub fn validate(&self) -> Result<(), String> {
        self.layout.validate().map_err(|reason| format!("layout: {reason}"))?;
        self.streams.validate().map_err(|reason| format!("streams: {reason}"))?;
        if self.zeroize && !self.reading.is_empty() {
            return Err("sealer: 4: counts were not overwritten".into());
        }
        Ok(())
    }

    fn wipe(&mut self) {
        if self.zeroize {
            self.reading.wipe();
        }
    }
}

/// Returns the streams with counts, by tenant and dimension.
fn used_streams<'a>(
    tenants: &'a [TenantRows<'a>],
    reading: &Reading,
    engine: &Engine,
    streams: &mut Streams,
) -> Vec<UsedStream<'a>> {
    let used = engine.dimensions().iter().zip(reading.used_dimensions());
    let dimensions: Vec<Dimension> = used.filter(|(_, used)| *used).map(|(dimension, _)| dimension).collect();
    let mut used = Vec::new();
    for rows in tenants {
        for dimension in dimensions.iter().copied().filter(|dimension| rows.has_counts(*dimension)) {
            let id = streams.intern_id(rows.tenant_id(), rows.tenant(), dimension);
            used.push(UsedStream::new(id, rows, dimension));
        }
    }
    used
}
