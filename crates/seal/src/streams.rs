//! Where each stream stands: its head, and since when its counts wait.

use std::collections::{BTreeMap, HashMap};

use ron_accounting_core::{Dimension, TenantId};
use ron_accounting_window::Span;
use ron_ledger_wire::{Digest, EncodeError, Head, Origin, SealedSlice, SliceBuilder, SortedKeys, StreamId};

use crate::sealer::{Admission, Candidate, UsedStream};

/// A stream's chain so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    pub(crate) next_seq: u64,
    pub(crate) last: Option<Digest>,
    /// The start of the first window whose counts are not sealed yet, while a boundary had to pass the stream over.
    pub(crate) waits_since_ms: Option<u64>,
}

/// All streams of one origin.
#[derive(Debug)]
pub(crate) struct Streams {
    origin: Origin,
    dimensions: Vec<Box<str>>,
    chains: BTreeMap<StreamId, Chain>,
    ids: HashMap<(TenantId, Dimension), StreamId>,
}

impl Streams {
    pub(crate) fn new(origin: Origin, dimensions: impl Iterator<Item = Box<str>>) -> Self {
        Self { origin, dimensions: dimensions.collect(), chains: BTreeMap::new(), ids: HashMap::new() }
    }

    pub(crate) const fn origin(&self) -> Origin {
        self.origin
    }

    pub(crate) fn id(&mut self, tenant: TenantId, name: &str, dimension: Dimension) -> StreamId {
        let make = || {
            let dimension = self.dimensions.get(dimension.index()).map_or("", |name| name);
            StreamId::new(self.origin, name, dimension)
        };
        self.ids.entry((tenant, dimension)).or_insert_with(make).clone()
    }

    pub(crate) fn chain(&mut self, stream: &StreamId) -> &mut Chain {
        self.chains.entry(stream.clone()).or_default()
    }

    /// A copy of the chain, which does not make the stream known.
    pub(crate) fn chain_so_far(&self, stream: &StreamId) -> Chain {
        self.chains.get(stream).cloned().unwrap_or_default()
    }

    pub(crate) fn set_head(&mut self, head: &Head) {
        let chain = self.chain(head.stream());
        if head.next_seq() > chain.next_seq {
            chain.next_seq = head.next_seq();
            chain.last = head.last();
        }
    }

    pub(crate) fn heads(&self) -> impl Iterator<Item = Head> + '_ {
        self.chains.iter().map(|(stream, chain)| Head::new(stream.clone(), chain.next_seq, chain.last))
    }

    pub(crate) fn head(&self, stream: &StreamId) -> Option<Head> {
        let chain = self.chains.get(stream).filter(|chain| chain.next_seq > 0)?;
        Some(Head::new(stream.clone(), chain.next_seq, chain.last))
    }

    pub(crate) fn forget(&mut self, streams: &[StreamId]) {
        for stream in streams {
            if self.waits_since_ms(stream).is_none() {
                self.chains.remove(stream);
            }
        }
        let chains = &self.chains;
        self.ids.retain(|_, stream| chains.contains_key(stream));
    }

    pub(crate) fn len(&self) -> usize {
        self.chains.len()
    }

    pub(crate) fn waiting(&self) -> Vec<StreamId> {
        let waiting = self.chains.iter().filter(|(_, chain)| chain.waits_since_ms.is_some());
        waiting.map(|(stream, _)| stream.clone()).collect()
    }

    pub(crate) fn is_waiting(&self, tenant: TenantId, dimension: Dimension) -> bool {
        self.ids.get(&(tenant, dimension)).is_some_and(|stream| self.waits_since_ms(stream).is_some())
    }

    pub(crate) fn end_waiting(&mut self) {
        self.chains.retain(|_, chain| {
            chain.waits_since_ms = None;
            chain.next_seq > 0
        });
    }

    /// Asks about each of the streams, those that wait longest first, and returns the answers in the streams' own order.
    pub(crate) fn choose<'a>(
        &mut self,
        streams: &'a [UsedStream<'a>],
        window: Span,
        bytes_max: usize,
        mut admit: impl FnMut(&Candidate<'_>) -> Admission,
    ) -> Vec<(&'a UsedStream<'a>, Admission)> {
        let mut chosen: Vec<_> = streams.iter().map(|stream| (stream, Admission::Skip)).collect();
        let mut by_waiting: Vec<_> = chosen.iter_mut().collect();
        by_waiting.sort_by_cached_key(|(stream, _)| {
            (self.waits_since_ms(&stream.id).unwrap_or(u64::MAX), stream.id.clone())
        });
        for (stream, admission) in by_waiting {
            *admission = admit(&stream.candidate(bytes_max, self.chains.get(&stream.id)));
            if *admission == Admission::Wait {
                self.chain(&stream.id).waits_since_ms.get_or_insert(window.start_ms);
            }
        }
        chosen
    }

    pub(crate) fn waits_since_ms(&self, stream: &StreamId) -> Option<u64> {
        self.chains.get(stream).and_then(|chain| chain.waits_since_ms)
    }
}

/// Encodes rows, ascending by index of their key, as the slices that follow `chain`, and moves it. More than fit in one
/// become several, of the same span. On an error the chain stays where it was.
pub(crate) fn encode(
    stream: &StreamId,
    chain: &mut Chain,
    (start_ms, end_ms): (u64, u64),
    bytes_max: usize,
    keys: &SortedKeys,
    rows: impl Iterator<Item = (usize, u64)>,
    slices: &mut Vec<SealedSlice>,
) -> Result<(), EncodeError> {
    let first = slices.len();
    let mut next = chain.clone();
    let result = encode_rows(stream, &mut next, (start_ms, end_ms), bytes_max, keys, rows, slices);
    match result {
        Ok(()) => *chain = next,
        Err(_) => slices.truncate(first),
    }
    result
}

fn encode_rows(
    stream: &StreamId,
    chain: &mut Chain,
    (start_ms, end_ms): (u64, u64),
    bytes_max: usize,
    keys: &SortedKeys,
    mut rows: impl Iterator<Item = (usize, u64)>,
    slices: &mut Vec<SealedSlice>,
) -> Result<(), EncodeError> {
    let begin = |chain: &Chain| {
        let builder = SliceBuilder::new(stream, chain.next_seq, start_ms, end_ms, chain.last)?;
        Ok::<_, EncodeError>(builder.bytes_max(bytes_max))
    };
    let mut builder = begin(chain)?;
    while let Some(row) = builder.push_sorted(keys, &mut rows)? {
        if builder.is_empty() {
            return Err(EncodeError::Full);
        }
        finish(builder, chain, slices)?;
        builder = begin(chain)?;
        if builder.push_sorted(keys, [row])?.is_some() {
            return Err(EncodeError::Full);
        }
    }
    if !builder.is_empty() {
        finish(builder, chain, slices)?;
    }
    Ok(())
}

fn finish(
    builder: SliceBuilder,
    chain: &mut Chain,
    slices: &mut Vec<SealedSlice>,
) -> Result<(), EncodeError> {
    let slice = builder.finish()?;
    chain.next_seq += 1;
    chain.last = Some(slice.digest());
    chain.waits_since_ms = None;
    slices.push(slice);
    Ok(())
}
