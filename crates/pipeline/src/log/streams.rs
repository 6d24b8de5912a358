//! What the log knows of one stream.

use std::collections::{BTreeMap, BTreeSet};

use ron_accounting_wal::Position;
use ron_ledger_wire::{Digest, Head, SealedSlice, Seq, StreamId};

use super::records::Group;

/// One stream: where its chain ends, which of its slices are in the log, and its checkpoint.
///
/// # Invariants
/// 1. `acknowledged <= durable_seq <= next_seq`.
/// 2. The slices from `acknowledged` to `next_seq` are all there, with their content.
/// 3. A checkpoint that is kept has `first_seq >= durable_seq`: it counts what no durable slice does.
#[derive(Debug)]
pub(super) struct StreamLog {
    /// The seq of the slice that is appended next, and the digest of the one before it.
    pub(super) next_seq: Seq,
    pub(super) last: Option<Digest>,
    /// The same for the chain as far as it is durable, in whole groups.
    pub(super) durable_seq: Seq,
    pub(super) durable_last: Option<Digest>,
    /// The ledger has all slices before this seq.
    pub(super) acknowledged: Seq,
    pub(super) slices: BTreeMap<Seq, StoredSlice>,
    pub(super) checkpoint: Option<StoredCheckpoint>,
    /// The newest durable record of the head, and what it says was acknowledged.
    pub(super) head: Option<StoredHead>,
    /// The segments that have records of the stream, needed or not: the next start reads them all. May name some that are
    /// deleted.
    pub(super) traces: BTreeSet<u64>,
    /// Damage took slices that are not acknowledged.
    pub(super) has_gap: bool,
}

/// A slice in the log.
#[derive(Debug)]
pub(super) struct StoredSlice {
    pub(super) position: Position,
    /// None once it is acknowledged.
    pub(super) slice: Option<SealedSlice>,
    pub(super) digest: Digest,
    pub(super) group: Group,
    pub(super) bytes: u64,
    pub(super) is_durable: bool,
}

/// The durable copy of a stream's counts that were not sealed when it was written.
#[derive(Debug)]
pub(super) struct StoredCheckpoint {
    pub(super) number: u64,
    /// The seq that the stream's next slice had then. As soon as that slice is durable, the checkpoint says nothing.
    pub(super) first_seq: Seq,
    /// The counts, in the form of slices. None: they were thrown away on purpose.
    pub(super) parts: Vec<(Position, SealedSlice)>,
    /// The record that says so.
    pub(super) emptied_at: Option<Position>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct StoredHead {
    pub(super) position: Position,
    pub(super) acknowledged: Seq,
    /// Acknowledgements, which lack the digest that the next slice links to.
    pub(super) lacks_digest: bool,
    pub(super) bytes: u64,
}

impl StoredCheckpoint {
    pub(super) fn bytes(&self) -> u64 {
        self.parts.iter().map(|(_, slice)| slice.bytes().len() as u64).sum()
    }

    /// Whether it says the same as `slices`.
    pub(super) fn is_of(&self, slices: &[SealedSlice]) -> bool {
        self.parts.iter().map(|(_, slice)| slice.digest()).eq(slices.iter().map(SealedSlice::digest))
    }

    pub(super) fn positions(&self) -> impl Iterator<Item = Position> + '_ {
        self.parts.iter().map(|(position, _)| *position).chain(self.emptied_at)
    }
}

impl StreamLog {
    /// A stream whose chain ends with `head`, all of it durable and acknowledged up to `acknowledged`.
    pub(super) fn new(head: &Head, acknowledged: Seq) -> Self {
        Self {
            next_seq: head.next_seq(),
            last: head.last(),
            durable_seq: head.next_seq(),
            durable_last: head.last(),
            acknowledged,
            slices: BTreeMap::new(),
            checkpoint: None,
            head: None,
            traces: BTreeSet::new(),
            has_gap: false,
        }
    }

    /// The durable end of the chain.
    pub(super) fn durable_head(&self, stream: &StreamId) -> Head {
        Head::new(stream.clone(), self.durable_seq, self.durable_last)
    }

    /// The bytes of slices that the ledger has not.
    pub(super) fn pending_bytes(&self) -> u64 {
        self.slices.range(self.acknowledged..).map(|(_, stored)| stored.bytes).sum()
    }

    /// Whether nothing but the head is left of the stream.
    pub(super) fn is_idle(&self) -> bool {
        self.acknowledged == self.next_seq && self.checkpoint.is_none()
    }

    /// A slice turned out not to be durable: the durable end goes back to it.
    pub(super) fn doubt(&mut self, seq: Seq) {
        let Some(stored) = self.slices.get_mut(&seq) else { return };
        stored.is_durable = false;
        let first = stored.group.first.min(seq);
        if first < self.durable_seq && first >= self.acknowledged {
            self.durable_seq = first;
            self.durable_last = match self.slices.get(&first).and_then(|stored| stored.slice.as_ref()) {
                Some(slice) => slice.previous(),
                None => None,
            };
        }
    }

    /// Moves the durable end over the groups of which every slice is durable.
    pub(super) fn advance_durable(&mut self) {
        while let Some(stored) = self.slices.get(&self.durable_seq) {
            let last = stored.group.last.max(self.durable_seq);
            let mut group = self.slices.range(self.durable_seq..=last);
            let is_whole = last.next().slices_since(self.durable_seq) == Some(group.clone().count() as u64)
                && group.all(|(_, stored)| stored.is_durable);
            let Some(end) = self.slices.get(&last).filter(|_| is_whole) else { return };
            self.durable_last = Some(end.digest);
            self.durable_seq = last.next();
        }
    }

    /// Checks the invariants.
    pub(super) fn validate(&self) -> Result<(), String> {
        if self.acknowledged > self.durable_seq || self.durable_seq > self.next_seq {
            return Err(format!(
                "acknowledged {}, durable {}, next {}",
                self.acknowledged, self.durable_seq, self.next_seq
            ));
        }
        let pending = self.slices.range(self.acknowledged..).filter(|(_, stored)| stored.slice.is_some());
        let count = pending.clone().count() as u64;
        if !self.has_gap && self.next_seq.slices_since(self.acknowledged) != Some(count) {
            let seqs: Vec<_> = pending.map(|(seq, _)| seq.get()).collect();
            return Err(format!("{seqs:?} are there of {} to {}", self.acknowledged, self.next_seq));
        }
        match &self.checkpoint {
            Some(checkpoint) if checkpoint.first_seq < self.durable_seq => {
                Err(format!("the checkpoint is of {}, {} is durable", checkpoint.first_seq, self.durable_seq))
            }
            _ => Ok(()),
        }
    }
}
