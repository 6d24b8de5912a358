//! All streams of one origin: the chain of each, and which of them wait.
//!
//! # Invariants
//! 1. A chain without slices has no digest to link to. One with slices has it, unless the head that it was continued from had
//!    none: then the stream is not sealed, and its counts wait.
//! 2. The ids are those of their tenant and dimension, each once.
//!
//! A stream is *known* while it has a chain here. Reading, such as a preview, does not make it known.

use std::collections::{BTreeMap, HashMap, HashSet};

use ron_accounting_core::{Dimension, TenantId};
use ron_accounting_window::Span;
use ron_ledger_wire::{Head, Origin, StreamId};

use crate::{chain::Chain, layout::TenantRows, used_stream::UsedStream, Admission, Candidate};

/// The streams of one origin.
#[derive(Debug)]
pub(crate) struct Streams {
    origin: Origin,
    dimensions: Vec<Box<str>>,
    chains: BTreeMap<StreamId, Chain>,
    /// The ids of streams that had counts, so that their texts are not built again at each boundary.
    ids: HashMap<(TenantId, Dimension), StreamId>,
}

impl Streams {
    pub(crate) fn new(origin: Origin, dimensions: impl Iterator<Item = Box<str>>) -> Self {
        Self { origin, dimensions: dimensions.collect(), chains: BTreeMap::new(), ids: HashMap::new() }
    }

    pub(crate) const fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns the id of a tenant's stream, and remembers it.
    pub(crate) fn intern_id(&mut self, tenant: TenantId, name: &str, dimension: Dimension) -> StreamId {
        let make = || {
            let dimension = self.dimensions.get(dimension.index());
            debug_assert!(dimension.is_some(), "a dimension of another engine");
            StreamId::new(self.origin, name, dimension.map_or("", |name| name))
        };
        self.ids.entry((tenant, dimension)).or_insert_with(make).clone()
    }

    /// Forgets the ids of all other tenants than these, which are sorted. A tenant that comes back may have another number, and
    /// its streams still have one id each.
    pub(crate) fn forget_tenants_but(&mut self, tenants: &[TenantRows<'_>]) {
        self.ids.retain(|(tenant, _), _| tenants.binary_search_by_key(tenant, TenantRows::tenant_id).is_ok());
    }

    /// Returns the chain of a stream, and begins one if the stream is not known.
    pub(crate) fn chain_or_begin(&mut self, stream: &StreamId) -> &mut Chain {
        self.chains.entry(stream.clone()).or_default()
    }

    /// Returns the chain of a stream, if the stream is known.
    pub(crate) fn chain(&self, stream: &StreamId) -> Option<&Chain> {
        self.chains.get(stream)
    }

    pub(crate) fn heads(&self) -> impl Iterator<Item = Head> + '_ {
        self.chains.iter().map(|(stream, chain)| chain.head(stream))
    }

    pub(crate) fn head(&self, stream: &StreamId) -> Option<Head> {
        self.chain(stream).filter(|chain| !chain.next_seq().is_first()).map(|chain| chain.head(stream))
    }

    /// Forgets streams, but those that wait.
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
        let waiting = self.chains.iter().filter(|(_, chain)| chain.waits_since_ms().is_some());
        waiting.map(|(stream, _)| stream.clone()).collect()
    }

    pub(crate) fn is_waiting(&self, tenant: TenantId, dimension: Dimension) -> bool {
        self.ids.get(&(tenant, dimension)).is_some_and(|stream| self.waits_since_ms(stream).is_some())
    }

    /// Ends all waits. Streams without a slice are no longer known.
    pub(crate) fn end_waits(&mut self) {
        self.chains.retain(|_, chain| {
            chain.end_wait();
            !chain.next_seq().is_first()
        });
    }

    /// Calls `admit` with each of the streams, those that wait longest first. Returns the admissions in the order of `streams`.
    pub(crate) fn choose<'a>(
        &mut self,
        streams: &'a [UsedStream<'a>],
        window: Span,
        bytes_max: usize,
        mut admit: impl FnMut(&Candidate<'_>) -> Admission,
    ) -> Vec<(&'a UsedStream<'a>, Admission)> {
        let mut admissions: Vec<_> = streams.iter().map(|stream| (stream, Admission::Skip)).collect();
        let mut longest_wait_first: Vec<_> = admissions.iter_mut().collect();
        longest_wait_first.sort_by_cached_key(|(stream, _)| {
            (self.waits_since_ms(stream.id()).unwrap_or(u64::MAX), stream.id().clone())
        });
        for (stream, admission) in longest_wait_first {
            *admission = admit(&stream.candidate(bytes_max, self.chain(stream.id())));
            if *admission == Admission::Wait {
                self.chain_or_begin(stream.id()).wait_since(window.start_ms);
            }
        }
        admissions
    }

    fn waits_since_ms(&self, stream: &StreamId) -> Option<u64> {
        self.chain(stream).and_then(Chain::waits_since_ms)
    }

    /// Checks the invariants.
    pub(crate) fn validate(&self) -> Result<(), String> {
        for (stream, chain) in &self.chains {
            chain.validate().map_err(|reason| format!("1: {stream}: {reason}"))?;
        }
        let mut ids = HashSet::new();
        for ((_, dimension), stream) in &self.ids {
            let name = self.dimensions.get(dimension.index()).map(|name| &**name);
            if stream.origin() != self.origin || name != Some(stream.dimension()) || !ids.insert(stream) {
                return Err(format!("2: {stream} is not the only one of {name:?} and {}", self.origin));
            }
        }
        Ok(())
    }
}
