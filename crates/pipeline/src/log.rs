//! The journal over the write-ahead log.
//!
//! # Records
//! Slices, as their exact bytes; acknowledgements; heads; and checkpoints, which are slices that were not sealed yet.
//!
//! # When a record is written
//! Heads and checkpoints count upon the slices before them, so they are written only when all of those are durable: no
//! power cut leaves a head or a checkpoint behind whose slices are gone.
//!
//! # When a record is released
//! * A slice, when it is acknowledged.
//! * An acknowledgement, at once. As long as its slice stands in the log, a newer head says so, too.
//! * Heads, when a newer segment holds them all again.
//! * A checkpoint, when the next one is durable.

mod records;
mod recovery;
mod upkeep;

use std::collections::{BTreeMap, HashMap};

use ron_accounting_wal::{Position, RecordKind, Storage, Wal, WalError, WalOptions};
use ron_ledger_wire::{Head, Origin, SealedSlice, StreamId};

use records::kind;
pub(crate) use recovery::read;

use crate::{
    journal::{Journal, Recovered},
    LogStats, PipelineError,
};

/// Heads or acknowledgements per record: far below the 4 MiB that a record can have, even with the longest names.
const ITEMS_PER_RECORD: usize = 1000;

#[derive(Debug)]
pub(crate) struct Log<S: Storage> {
    wal: Wal<S>,
    /// Slices that are not acknowledged, and where they stand.
    slices: HashMap<(StreamId, u64), (Position, SealedSlice)>,
    standings: BTreeMap<StreamId, Standing>,
    head_positions: Vec<Position>,
    /// The segment in which the heads end; none if they have to be written again.
    heads_end: Option<u64>,
    checkpoint: Checkpoint,
    /// The newest segment that has a slice or an acknowledgement. Heads in an older one are behind.
    newest: Option<u64>,
    /// Whether there are slices that may not be durable.
    is_unsynced: bool,
    /// Whether anything changed since room was last made, so that making room can help.
    has_changed: bool,
    unreadable: u64,
}

/// How far a stream has come.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) head: Head,
    /// The ledger has all slices before this seq.
    pub(crate) acknowledged: u64,
}

/// The durable copy of the live counts.
#[derive(Debug, Default)]
pub(crate) struct Checkpoint {
    pub(crate) number: u64,
    /// What it says, to be written again if its segment cannot be trusted any more.
    pub(crate) slices: Vec<SealedSlice>,
    pub(crate) positions: Vec<Position>,
}

impl Checkpoint {
    fn is_of(&self, slices: &[SealedSlice]) -> bool {
        self.slices.iter().map(SealedSlice::digest).eq(slices.iter().map(SealedSlice::digest))
    }

    fn is_lost(&self) -> bool {
        self.positions.is_empty() && !self.slices.is_empty()
    }
}

impl<S: Storage + Send> Log<S>
where
    S::File: Send,
{
    /// Opens a log and tells what it remembers. `origin` is taken by a fresh log; one that exists keeps its own.
    pub(crate) fn open(
        storage: S,
        origin: Origin,
        options: WalOptions,
        now_ms: u64,
    ) -> Result<(Self, Origin, Recovered), PipelineError> {
        let (wal, recovery) = Wal::open(storage, *origin.as_bytes(), options, now_ms)?;
        let origin = Origin::from_bytes(wal.origin());
        let found = read(origin, recovery.records, recovery.report.corrupt_segments.is_empty());
        let is_unsafe = !wal.poisoned().is_empty();
        let mut log = Self {
            wal,
            slices: found.slices,
            standings: found.standings,
            // Nobody knows whether the newest heads are all there, so the oldest count.
            heads_end: found.head_positions.first().map(|position| position.segment),
            head_positions: found.head_positions,
            checkpoint: found.checkpoint,
            newest: found.newest,
            is_unsynced: is_unsafe,
            has_changed: true,
            unreadable: found.unreadable.len() as u64,
        };
        log.release_all(&found.superseded);
        let recovered = Recovered {
            heads: log.standings.values().map(|standing| standing.head.clone()).collect(),
            pending: found.pending,
            is_unsafe,
            live: found.live,
            errors: found.unreadable.into_iter().chain(found.orphans).collect(),
        };
        Ok((log, origin, recovered))
    }

    fn try_checkpoint(&mut self, slices: &[SealedSlice], now_ms: u64) -> Result<(), WalError> {
        if self.is_unsynced {
            self.try_commit(now_ms)?;
        }
        let positions = self.with_room(now_ms, |log| log.write_checkpoint(slices, Wal::append, now_ms))?;
        if let Err(error) = self.wal.sync() {
            self.release_all(&positions);
            return Err(error);
        }
        let old = std::mem::replace(&mut self.checkpoint.positions, positions);
        self.checkpoint.slices = slices.to_vec();
        self.release_all(&old);
        self.has_changed = true;
        self.give_back(now_ms)
    }
}

impl<S: Storage + Send> Journal for Log<S>
where
    S::File: Send,
{
    fn append(&mut self, slice: &SealedSlice, now_ms: u64) -> Result<(), PipelineError> {
        let position = self.with_room(now_ms, |log| log.wal.append(kind::SLICE, slice.bytes(), now_ms))?;
        self.newest = Some(position.segment);
        (self.is_unsynced, self.has_changed) = (true, true);
        let stream = slice.stream().clone();
        let head = Head::new(stream.clone(), slice.seq() + 1, Some(slice.digest()));
        match self.standings.get_mut(&stream) {
            // A slice that is written again may have successors.
            Some(standing) if standing.head.next_seq() >= head.next_seq() => {}
            Some(standing) => standing.head = head,
            None => drop(self.standings.insert(stream.clone(), Standing { head, acknowledged: 0 })),
        }
        if let Some((old, _)) = self.slices.insert((stream, slice.seq()), (position, slice.clone())) {
            self.release_all(&[old]);
        }
        Ok(())
    }

    fn commit(&mut self, now_ms: u64) -> Result<(), PipelineError> {
        Ok(self.commit_with_rewrites(now_ms)?)
    }

    fn tidy(&mut self, now_ms: u64) -> Result<(), PipelineError> {
        if self.heads_are_behind() {
            self.commit_with_rewrites(now_ms)?;
        }
        Ok(())
    }

    fn acknowledge(&mut self, slices: &[SealedSlice], now_ms: u64) -> Result<(), PipelineError> {
        self.has_changed = true;
        for slice in slices {
            let (stream, seq) = (slice.stream(), slice.seq());
            if let Some((position, _)) = self.slices.remove(&(stream.clone(), seq)) {
                self.release_all(&[position]);
            }
            if let Some(standing) = self.standings.get_mut(stream) {
                standing.acknowledged = standing.acknowledged.max(seq + 1);
            }
        }
        for chunk in slices.chunks(ITEMS_PER_RECORD) {
            let list: Vec<_> = chunk.iter().map(records::AcknowledgementRecord::from).collect();
            let position =
                self.wal.append_reserved(kind::ACKNOWLEDGEMENTS, &records::encode(&list), now_ms)?;
            self.wal.release(position);
            self.newest = Some(position.segment);
        }
        // The heads follow at once into a segment that was begun with these. Else acknowledgements could take the last
        // reserve of a full log, and heads that have no room keep everything from being deleted.
        self.tidy(now_ms)
    }

    fn checkpoint(&mut self, slices: &[SealedSlice], now_ms: u64) -> Result<(), PipelineError> {
        if !self.is_unsynced && self.checkpoint.is_of(slices) && !self.checkpoint.is_lost() {
            return Ok(());
        }
        match self.try_checkpoint(slices, now_ms) {
            Err(error) if upkeep::needs_rewrite(&error) => {
                self.commit_with_rewrites(now_ms)?;
                Ok(self.try_checkpoint(slices, now_ms)?)
            }
            done => Ok(done?),
        }
    }

    fn stats(&self) -> LogStats {
        let wal = self.wal.stats();
        LogStats {
            bytes: wal.bytes,
            segments: wal.segments,
            entries: wal.entries,
            torn_tails: wal.torn_tails,
            corrupt_segments: wal.corrupt_segments,
            unreadable_records: self.unreadable,
            sync_failures: wal.sync_failures,
            last_error: wal.last_error,
        }
    }
}

/// The records of a kind, for those who only look.
pub(crate) const fn kind_name(kind: RecordKind) -> &'static str {
    match kind {
        kind::SLICE => "slice",
        kind::ACKNOWLEDGEMENTS => "acknowledgements",
        kind::HEADS => "heads",
        kind::CHECKPOINT => "checkpoint",
        kind::CHECKPOINT_END => "checkpoint end",
        _ => "unknown",
    }
}
