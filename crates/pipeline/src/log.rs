//! The journal over the write-ahead log. `docs/durability.md` tells the protocol; this is its code.
//!
//! * `records`: what stands in a record. * `recovery`: from records to state, with the rules of what counts.
//! * `streams`, `index`: the state, by stream and by position. * `budgets`: how the room is shared out.
//! * `appending`, `acknowledgements`, `checkpoints`, `identity`: what is written.
//! * `carry`: moving what is needed out of a segment, so that it can go. `victims`: out of which segment.
//! * `pause`: leaving a failing disk alone.
//!
//! # When a record is released
//! Only when nothing depends on it, or when what replaces it is durable:
//! * A slice, when a durable head elsewhere says that it is acknowledged.
//! * A checkpoint, when the stream's next slices or its next checkpoint are durable.
//! * A head and the identity, when they are durable in another segment.
//! * Acknowledgements, with their segment.

mod acknowledgements;
mod appending;
mod budgets;
mod carry;
mod checkpoints;
mod identity;
mod index;
mod pause;
pub(crate) mod records;
mod recovery;
mod streams;
mod victims;

use std::collections::{BTreeMap, BTreeSet};

use ron_accounting_wal::{Position, RecordKind, Storage, Wal, WalError, WalOptions};
use ron_ledger_wire::{ClaimId, Head, Origin, SealedSlice, Seq, StreamId, CLAIM_ANCESTORS_MAX};

use acknowledgements::spare_full;
use budgets::Budgets;
use index::{Index, Item};
use pause::Pause;
use records::IdentityRecord;
use streams::StreamLog;

pub(crate) use recovery::Reader;

use crate::{
    journal::{Journal, Recovered, StreamCheckpoint},
    LogStats, PipelineError,
};

/// Heads or acknowledgements per record: far below the 4 MiB that a record can have, even with the longest names.
const ITEMS_PER_RECORD: usize = 1000;
/// How many of its openings a log remembers: this one, and as many as a claim names.
const CLAIMS_MAX: usize = CLAIM_ANCESTORS_MAX + 1;

/// Up to which limit a record may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Regular,
    Urgent,
    Reserved,
    Rescue,
}

#[derive(Debug)]
pub(crate) struct Log<S: Storage> {
    wal: Wal<S>,
    budgets: Budgets,
    streams: BTreeMap<StreamId, StreamLog>,
    index: Index,
    /// Slices that are appended and not durable.
    undurable: BTreeSet<(StreamId, Seq)>,
    /// The bytes of slices that the ledger has not.
    pending_bytes: u64,
    checkpoint_bytes: u64,
    head_bytes: u64,
    /// The highest number of a checkpoint.
    number: u64,
    identity: IdentityRecord,
    identity_at: Option<Position>,
    /// How many of the claims are durable.
    claims_durable: usize,
    /// How many of them the newest record has.
    claims_written: usize,
    /// Whether it lacks the claim that the ledger has taken.
    lacks_confirmed: bool,
    /// Up to where streams are acknowledged, as far as no record says so yet. Sorted, so that the bytes are the same each time.
    unnoted: BTreeMap<StreamId, Seq>,
    may_forget: bool,
    /// A stream whose head must not be dropped now, although it is idle.
    kept: Option<StreamId>,
    forgotten: u64,
    /// Of these, the ones that were not told to the pipeline yet.
    newly_forgotten: Vec<StreamId>,
    /// The first segment with parts of checkpoints that do not count yet, so that it must not be emptied.
    unfinished_from: Option<u64>,
    /// Streams whose counts had no room in the last checkpoint.
    uncovered: usize,
    /// Acknowledged slices that were found at the opening.
    reopenable: BTreeMap<StreamId, Vec<SealedSlice>>,
    /// Positions to release at the next commit: until then, what supersedes them may not be durable.
    superseded: Vec<Position>,
    pause: Pause,
    /// The same for files that cannot be deleted.
    reclaim_pause: Pause,
    /// Why the log does not work now.
    trouble: Option<String>,
    unreadable: u64,
}

impl<S: Storage + Send> Log<S>
where
    S::File: Send,
{
    /// Opens a log and tells what it remembers. `origin` is taken by a fresh log; one that exists keeps its own. `claim` is
    /// the id of this opening, none for a log whose slices others may export as well.
    pub(crate) fn open(
        storage: S,
        origin: Origin,
        claim: Option<ClaimId>,
        options: WalOptions,
        now_ms: u64,
    ) -> Result<(Self, Origin, Recovered), PipelineError> {
        let options = budgets::usable(options)?;
        let budgets = Budgets::new(&options);
        let mut reader = Reader::default();
        let (wal, report) =
            Wal::open_with(storage, *origin.as_bytes(), options, now_ms, |record| reader.take(record))?;
        let origin = Origin::from_bytes(wal.origin());
        let mut contents = reader.finish(origin, report.corrupt_segments.is_empty());
        let heads = contents.heads().collect();
        let pending = std::mem::take(&mut contents.pending);
        let live = std::mem::take(&mut contents.live);
        let unreadable = contents.unreadable.len() as u64;
        let errors = contents.unreadable.into_iter().chain(contents.orphans).collect();
        let mut reopenable: BTreeMap<StreamId, Vec<SealedSlice>> = BTreeMap::new();
        for slice in contents.acknowledged {
            reopenable.entry(slice.stream().clone()).or_default().push(slice);
        }
        let claims_durable = contents.identity.claims.len();
        let mut log = Self {
            wal,
            budgets,
            streams: contents.streams,
            index: contents.index,
            undurable: BTreeSet::new(),
            pending_bytes: 0,
            checkpoint_bytes: 0,
            head_bytes: 0,
            number: contents.number,
            identity: contents.identity,
            identity_at: contents.identity_at,
            claims_durable,
            claims_written: claims_durable,
            lacks_confirmed: false,
            unnoted: BTreeMap::new(),
            may_forget: false,
            kept: None,
            forgotten: 0,
            newly_forgotten: Vec::new(),
            unfinished_from: None,
            uncovered: 0,
            reopenable,
            superseded: contents.superseded,
            pause: Pause::default(),
            reclaim_pause: Pause::default(),
            trouble: None,
            unreadable,
        };
        if let Some(position) = log.identity_at {
            log.index.insert(position, Item::Identity, 0);
        }
        for usage in log.wal.usage() {
            log.index.note_change(usage.number);
        }
        log.count_bytes();
        log.doubt_poisoned();
        // A power cut brings back files of segments that were begun in vain. One that cannot be removed is no matter now.
        let _ = log.wal.retire_released();
        if let Some(claim) = claim {
            let surplus = log.identity.add_claim(*claim.as_bytes(), CLAIMS_MAX);
            log.claims_durable = log.claims_durable.saturating_sub(surplus);
            log.claims_written = log.claims_durable;
        }
        let recovered = Recovered { heads, pending, live, errors };
        Ok((log, origin, recovered))
    }

    fn count_bytes(&mut self) {
        self.pending_bytes = self.streams.values().map(StreamLog::pending_bytes).sum();
        let checkpoints = self.streams.values().filter_map(|stream| stream.checkpoint.as_ref());
        self.checkpoint_bytes = checkpoints.map(streams::StoredCheckpoint::bytes).sum();
        self.head_bytes = self.streams.values().filter_map(|stream| stream.head).map(|head| head.bytes).sum();
    }

    fn write(
        &mut self,
        limit: Limit,
        (kind, body): (RecordKind, &[u8]),
        item: Item,
        now_ms: u64,
    ) -> Result<Position, WalError> {
        let position = match limit {
            Limit::Regular => self.wal.append(kind, body, now_ms),
            Limit::Urgent => self.wal.append_urgent(kind, body, now_ms),
            Limit::Reserved => self.wal.append_reserved(kind, body, now_ms),
            Limit::Rescue => self.wal.append_rescued(kind, body, now_ms),
        }?;
        for stream in item.streams() {
            self.note_trace(stream, position);
        }
        self.index.insert(position, item, body.len() as u64);
        Ok(position)
    }

    fn note_trace(&mut self, stream: &StreamId, position: Position) {
        if let Some(log) = self.streams.get_mut(stream) {
            log.traces.insert(position.segment);
        }
    }

    /// Writes a record, and makes room for it as long as that helps.
    fn write_with_room(
        &mut self,
        limit: Limit,
        record: (RecordKind, &[u8]),
        item: &Item,
        now_ms: u64,
    ) -> Result<Position, WalError> {
        // Each round gets rid of the garbage of one segment.
        let mut rounds = self.wal.usage().len() + 1;
        loop {
            match self.write(limit, record, item.clone(), now_ms) {
                Err(error @ (WalError::Full { .. } | WalError::DiskFull { .. })) => {
                    if rounds == 0 || !self.make_room(&error, now_ms)? {
                        return Err(error);
                    }
                    rounds -= 1;
                }
                written => return written,
            }
        }
    }

    fn release(&mut self, position: Position) {
        self.index.remove(position);
        self.wal.release(position);
    }

    /// Releases what the recovery found to say nothing.
    fn release_superseded(&mut self, position: Position) {
        self.index.note_change(position.segment);
        self.wal.release(position);
    }

    fn release_all(&mut self, positions: impl IntoIterator<Item = Position>) {
        for position in positions {
            self.release(position);
        }
    }

    /// Syncs what is active, and takes note of what is durable by that.
    fn sync(&mut self) -> Result<(), WalError> {
        self.wal.sync_active()?;
        self.note_durable();
        Ok(())
    }

    fn note_durable(&mut self) {
        let poisoned = self.wal.poisoned();
        let mut moved = BTreeSet::new();
        let streams = &mut self.streams;
        self.undurable.retain(|(stream, seq)| {
            let stored = streams.get_mut(stream).and_then(|log| log.slices.get_mut(seq));
            let Some(stored) = stored else { return false };
            stored.is_durable = poisoned.binary_search(&stored.position.segment).is_err();
            if stored.is_durable {
                moved.insert(stream.clone());
            }
            !stored.is_durable
        });
        if self.identity_at.is_some_and(|position| poisoned.binary_search(&position.segment).is_err()) {
            self.claims_durable = self.claims_written;
        }
        for stream in moved {
            let Some(log) = self.streams.get_mut(&stream) else { continue };
            log.advance_durable();
            self.end_superseded_checkpoint(&stream);
        }
    }

    fn try_commit(&mut self, now_ms: u64) -> Result<(), WalError> {
        self.wal.check()?;
        self.rescue(now_ms)?;
        self.write_identity(now_ms)?;
        self.note_acknowledgements(now_ms).or_else(spare_full)?;
        self.sync()?;
        if self.undurable.is_empty() {
            for position in std::mem::take(&mut self.superseded) {
                self.release_superseded(position);
            }
        }
        self.reclaim(now_ms)
    }
}

impl<S: Storage + Send> Journal for Log<S>
where
    S::File: Send,
{
    fn slice_bytes_max(&self) -> usize {
        self.budgets.slice_bytes_max
    }

    fn admits(
        &self,
        stream: &StreamId,
        row_bytes: usize,
        slices: usize,
        planned: u64,
        is_urgent: bool,
    ) -> Option<u64> {
        let needed = Budgets::slices_bytes(row_bytes, slices);
        let log = self.streams.get(stream);
        let own = log.map_or(0, StreamLog::pending_bytes);
        // Without a ledger that can be asked each head stays for ever, so that the number of streams has a limit.
        let is_known = log.is_some() || self.may_forget || self.head_bytes <= 2 * self.budgets.heads;
        let has_share = own == 0 || own + needed <= self.budgets.slices_of_stream;
        // More than a share goes out in several rounds.
        let taken = needed.min(self.budgets.slices_of_stream);
        let has_room = is_urgent || self.pending_bytes + planned + taken <= self.budgets.slices;
        (is_known && has_share && has_room).then_some(taken)
    }

    fn append(
        &mut self,
        slices: &[SealedSlice],
        is_urgent: bool,
        now_ms: u64,
    ) -> Result<usize, PipelineError> {
        self.reopenable.clear();
        self.guarded(now_ms, |log| {
            log.rescue(now_ms)?;
            log.try_append(slices, is_urgent, now_ms)
        })
    }

    fn commit(&mut self, now_ms: u64) -> Result<(), PipelineError> {
        self.guarded(now_ms, |log| log.try_commit(now_ms))
    }

    fn is_durable(&self, slice: &SealedSlice) -> bool {
        self.streams.get(slice.stream()).is_some_and(|log| slice.seq() < log.durable_seq)
    }

    fn has_checkpoint(&self, stream: &StreamId) -> bool {
        self.streams.get(stream).is_some_and(|log| log.checkpoint.is_some())
    }

    fn acknowledge(&mut self, slices: &[SealedSlice], now_ms: u64) -> Result<(), PipelineError> {
        for slice in slices {
            self.note_acknowledged(slice);
        }
        self.unnoted.extend(slices.iter().map(|slice| (slice.stream().clone(), slice.seq())));
        self.guarded(now_ms, |log| {
            log.write_identity(now_ms)?;
            log.note_acknowledgements(now_ms).or_else(spare_full)?;
            log.reclaim(now_ms)
        })
    }

    fn checkpoint(&mut self, checkpoints: &[StreamCheckpoint], now_ms: u64) -> Result<bool, PipelineError> {
        self.guarded(now_ms, |log| log.try_checkpoint(checkpoints, now_ms))
    }

    fn discard(&mut self, heads: &[Head], now_ms: u64) -> Result<(), PipelineError> {
        self.guarded(now_ms, |log| log.try_discard(heads, now_ms))
    }

    fn maintain(&mut self, now_ms: u64) -> Result<(), PipelineError> {
        let is_due = !self.wal.poisoned().is_empty()
            || self.claims_durable < self.identity.claims.len()
            || !self.superseded.is_empty()
            || !self.unnoted.is_empty();
        let pause = self.pause;
        self.guarded(now_ms, |log| {
            log.wal.check()?;
            if is_due {
                log.try_commit(now_ms)?;
            }
            Ok(())
        })?;
        if !is_due {
            // That the folder is there does not show that the disk takes writes again: the next pause is as long as it would be.
            self.pause = pause;
        }
        Ok(())
    }

    fn allow_forgetting(&mut self) {
        self.may_forget = true;
    }

    fn is_failing(&self) -> bool {
        self.trouble.is_some()
    }

    fn has_forgotten(&self) -> bool {
        self.identity.has_forgotten
    }

    fn take_forgotten(&mut self) -> Vec<StreamId> {
        let mut forgotten = std::mem::take(&mut self.newly_forgotten);
        forgotten.retain(|stream| !self.streams.contains_key(stream));
        forgotten
    }

    fn acknowledged(&self, stream: &StreamId) -> Seq {
        self.streams.get(stream).map_or(Seq::FIRST, |log| log.acknowledged)
    }

    fn adopt(&mut self, head: &Head) {
        let log = self
            .streams
            .entry(head.stream().clone())
            .or_insert_with(|| StreamLog::new(head, head.next_seq()));
        let has_slices = log.slices.range(log.acknowledged..).next().is_some();
        if !has_slices && log.next_seq < head.next_seq() {
            (log.next_seq, log.last) = (head.next_seq(), head.last());
            (log.durable_seq, log.durable_last) = (head.next_seq(), head.last());
            log.acknowledged = head.next_seq();
            // Its counts were written when the head was not known, and belong behind it.
            if let Some(checkpoint) = &mut log.checkpoint {
                checkpoint.first_seq = head.next_seq();
            }
        }
    }

    fn claims(&self) -> Vec<ClaimId> {
        self.identity.claims.iter().take(self.claims_durable).copied().map(ClaimId::from_bytes).collect()
    }

    fn confirm_claim(&mut self, claim: ClaimId) {
        let claim = *claim.as_bytes();
        if self.identity.confirmed != Some(claim) && self.identity.claims.contains(&claim) {
            self.identity.confirmed = Some(claim);
            self.lacks_confirmed = true;
        }
    }

    fn reopen(&mut self, stream: &StreamId, seq: Seq) -> Option<Vec<SealedSlice>> {
        let log = self.streams.get_mut(stream)?;
        let mut slices = self.reopenable.get(stream)?.clone();
        slices.retain(|slice| slice.seq() >= seq);
        let is_whole = slices.first().is_some_and(|slice| slice.seq() == seq)
            && slices.len() as u64 == log.acknowledged.slices_since(seq)?;
        if !is_whole {
            return None;
        }
        for slice in &slices {
            let stored = log.slices.get_mut(&slice.seq())?;
            stored.slice = Some(slice.clone());
            self.pending_bytes += stored.bytes;
            self.index.revive(stored.position);
        }
        log.acknowledged = seq;
        Some(slices)
    }

    fn stats(&self) -> LogStats {
        let wal = self.wal.stats();
        LogStats {
            bytes: wal.bytes,
            segments: wal.segments,
            entries: wal.records,
            torn_tails: wal.torn_tails,
            corrupt_segments: wal.corrupt_segments,
            unreadable_records: self.unreadable,
            sync_failures: wal.sync_failures,
            streams: self.streams.len(),
            forgotten_streams: self.forgotten,
            uncovered_streams: self.uncovered,
            trouble: self.trouble.clone(),
            last_error: wal.last_error,
        }
    }

    fn validate(&self) -> Result<(), String> {
        // A disk that fails cannot tell how long its files are.
        if self.trouble.is_none() {
            self.wal.validate()?;
        }
        self.index.validate()?;
        for (stream, log) in &self.streams {
            log.validate().map_err(|error| format!("{stream}: {error}"))?;
        }
        let pending: u64 = self.streams.values().map(StreamLog::pending_bytes).sum();
        if pending != self.pending_bytes {
            return Err(format!("{} bytes are pending, and {pending} counted", self.pending_bytes));
        }
        Ok(())
    }
}
