//! Moving what is needed out of a segment, so that its file can go.
//!
//! Copies come from memory. A segment is emptied by itself: copy, sync, release, delete. So it takes room for the needed
//! part of one segment, not of the whole log, and a failure leaves the old segment as it was.

use std::collections::BTreeSet;

use ron_accounting_wal::{Limit as WalLimit, Position, RecordKind, SegmentUsage, Storage, WalError};
use ron_ledger_wire::{Seq, StreamId};

use super::{
    index::Item,
    records::{self, kind, EmptyRecord, HeadRecord, PartHeader, HEAD_BYTES},
    streams::{StoredHead, StoredSlice},
    Limit, Log, ITEMS_PER_RECORD,
};

/// What was written to empty a segment, and takes effect once it is durable.
#[derive(Debug, Default)]
struct Carried {
    copies: Vec<(Item, Position)>,
    heads: Vec<(StreamId, StoredHead)>,
    forgotten: Vec<StreamId>,
}

impl<S: Storage + Send> Log<S>
where
    S::File: Send,
{
    /// What stands in a poisoned segment was read, perhaps from a page cache that cannot reach the disk.
    pub(super) fn doubt_poisoned(&mut self) {
        for position in self.wal.unsafe_positions() {
            let Some(Item::Slice { stream, seq }) = self.index.item(position).cloned() else { continue };
            if !self.index.is_live(position) {
                continue;
            }
            if let Some(log) = self.streams.get_mut(&stream) {
                log.doubt(seq);
            }
            self.undurable.insert((stream, seq));
        }
    }

    /// Empties the segments whose sync failed.
    pub(super) fn rescue(&mut self, now_ms: u64) -> Result<(), WalError> {
        for segment in self.wal.poisoned().to_vec() {
            match self.carry_out(segment, now_ms) {
                // Files of failed creations, which a power cut brings back, may be all that fills the log.
                Err(WalError::Full { .. } | WalError::DiskFull { .. }) if self.wal.retire_released()? > 0 => {
                    self.carry_out(segment, now_ms)?;
                }
                carried => carried?,
            }
        }
        Ok(())
    }

    /// Deletes the closed segments of which little has to be copied. Looks only at those in which something was released.
    pub(super) fn reclaim(&mut self, now_ms: u64) -> Result<(), WalError> {
        if self.reclaim_pause.is_on(now_ms) {
            return Ok(());
        }
        let has_surplus = self.may_forget && self.head_bytes > self.budgets.heads;
        for usage in self.wal.usage() {
            let is_due = has_surplus || self.index.has_changed(usage.number);
            if usage.is_active || usage.is_poisoned || !is_due {
                continue;
            }
            if !self.is_spent(&usage) {
                self.index.note_seen(usage.number);
                continue;
            }
            match self.carry_out(usage.number, now_ms) {
                Ok(()) => self.reclaim_pause.end(),
                Err(error @ (WalError::SyncFailed { .. } | WalError::AppendFailed { .. })) => {
                    return Err(error)
                }
                // A file that cannot be deleted now must not stop the export.
                Err(_) => {
                    self.reclaim_pause.begin(now_ms);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Frees some room, so that a write that failed with `error` is worth another try.
    pub(super) fn make_room(&mut self, error: &WalError, now_ms: u64) -> Result<bool, WalError> {
        let limit = match error {
            WalError::Full { limit, .. } => *limit,
            _ => WalLimit::Bytes,
        };
        // On a full disk the copies have to fit into what the active segment keeps: half of them would only use that up.
        let is_disk_full = matches!(error, WalError::DiskFull { .. });
        let fits = |log: &Self, usage: &SegmentUsage| {
            !is_disk_full || log.bytes_to_copy(usage.number) <= log.wal.active_room()
        };
        let mut victim = self.victim(limit, |usage| !usage.is_active && fits(self, usage));
        if victim.is_none() && self.victim(limit, |usage| usage.is_active).is_some() {
            match self.wal.rotate(now_ms) {
                Ok(()) => victim = self.victim(limit, |usage| !usage.is_active),
                Err(WalError::Full { .. } | WalError::DiskFull { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let Some(segment) = victim else { return Ok(false) };
        let emptied = match self.carry_out(segment, now_ms) {
            // Files that a power cut brings back can fill the reserve. The copies take less than they free, and one file.
            Err(WalError::Full { .. }) => self.carry_out_within(Limit::Rescue, segment, now_ms),
            emptied => emptied,
        };
        match emptied {
            Ok(()) => Ok(true),
            Err(WalError::Full { .. } | WalError::DiskFull { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Copies what is needed of a segment, syncs, and deletes it. On an error the segment stays as it is.
    pub(super) fn carry_out(&mut self, segment: u64, now_ms: u64) -> Result<(), WalError> {
        let is_poisoned = self.wal.poisoned().contains(&segment);
        let limit = if is_poisoned { Limit::Rescue } else { Limit::Reserved };
        self.carry_out_within(limit, segment, now_ms)
    }

    fn carry_out_within(&mut self, limit: Limit, segment: u64, now_ms: u64) -> Result<(), WalError> {
        let records = self.index.in_segment(segment);
        let mut carried = Carried::default();
        if let Err(error) = self
            .copy_all(segment, limit, &records, &mut carried, now_ms)
            .and_then(|()| self.wal.sync_active())
        {
            let copies = carried.copies.iter().map(|(_, position)| *position);
            let heads: BTreeSet<_> = carried.heads.iter().map(|(_, head)| head.position).collect();
            self.release_all(copies.chain(heads).collect::<Vec<_>>());
            return Err(error);
        }
        self.apply(segment, carried);
        self.release_all(records.into_iter().map(|(position, _)| position));
        self.note_durable();
        // What the recovery found superseded in this segment can go with it: what supersedes it is durable now, or elsewhere.
        let (here, elsewhere) = std::mem::take(&mut self.superseded)
            .into_iter()
            .partition(|position| position.segment == segment);
        self.superseded = elsewhere;
        let here: Vec<Position> = here;
        if self.undurable.is_empty() {
            for position in here {
                self.release_superseded(position);
            }
        } else {
            self.superseded.extend(here);
        }
        self.wal.retire_released()?;
        self.forget_traces(segment);
        Ok(())
    }

    /// A segment is deleted, so that no stream has anything there.
    fn forget_traces(&mut self, segment: u64) {
        if self.wal.usage().iter().any(|usage| usage.number == segment) {
            return;
        }
        for log in self.streams.values_mut() {
            log.traces.remove(&segment);
        }
    }

    fn copy_all(
        &mut self,
        segment: u64,
        limit: Limit,
        records: &[(Position, Item)],
        carried: &mut Carried,
        now_ms: u64,
    ) -> Result<(), WalError> {
        let mut heads = BTreeSet::new();
        let mut emptied = Vec::new();
        for (position, item) in records {
            match item {
                Item::Slice { stream, seq } if self.needs_head(stream, *seq, segment) => {
                    heads.insert(stream.clone());
                }
                Item::Slice { .. } | Item::Part { .. } => {
                    if let Some((kind, body)) = self.body_of(*position, item) {
                        let copy = self.write(limit, (kind, &body), item.clone(), now_ms)?;
                        carried.copies.push((item.clone(), copy));
                    }
                }
                Item::Empty(streams) => emptied.extend(streams.iter().filter_map(|stream| {
                    let checkpoint = self.streams.get(stream)?.checkpoint.as_ref()?;
                    let is_here = checkpoint.emptied_at == Some(*position);
                    is_here.then(|| (stream.clone(), checkpoint.number, checkpoint.first_seq))
                })),
                Item::Heads(streams) => {
                    let is_here = |stream: &&StreamId| {
                        let head = self.streams.get(*stream).and_then(|log| log.head);
                        head.is_some_and(|head| head.position == *position)
                    };
                    heads.extend(streams.iter().filter(is_here).cloned());
                }
                Item::Identity => {
                    // A copy in a segment whose sync failed may never be durable, so that this one is still needed.
                    let poisoned = self.wal.poisoned();
                    let is_elsewhere = self.identity_at.is_some_and(|copy| {
                        copy != *position && poisoned.binary_search(&copy.segment).is_err()
                    });
                    if !is_elsewhere {
                        self.put_identity(limit, now_ms)?;
                    }
                }
                Item::Acknowledgements => {}
            }
        }
        if !emptied.is_empty() {
            carried.copies.push(self.write_emptied(limit, &emptied, now_ms)?);
        }
        self.copy_heads(segment, limit, heads, carried, now_ms)
    }

    /// Whether a slice is acknowledged, and no durable head in another segment says so.
    pub(super) fn needs_head(&self, stream: &StreamId, seq: Seq, segment: u64) -> bool {
        let Some(log) = self.streams.get(stream) else { return false };
        let is_said = |head: &StoredHead| {
            head.position.segment != segment && head.acknowledged > seq && !head.lacks_digest
        };
        let is_acknowledged = log.slices.get(&seq).is_some_and(|stored| stored.slice.is_none());
        is_acknowledged && !log.head.as_ref().is_some_and(is_said)
    }

    /// What has to be written again of a slice or of a part of a checkpoint, if the record at `position` is the one that
    /// counts.
    fn body_of(&self, position: Position, item: &Item) -> Option<(RecordKind, Vec<u8>)> {
        match item {
            Item::Slice { stream, seq } => {
                let stored = self.streams.get(stream)?.slices.get(seq)?;
                let slice = stored.slice.as_ref().filter(|_| stored.position == position)?;
                Some(records::slice(stored.group, slice))
            }
            Item::Part { stream, number, part } => {
                let checkpoint = self.streams.get(stream)?.checkpoint.as_ref()?;
                let (stored_at, slice) = checkpoint.parts.get(*part)?;
                let is_current = checkpoint.number == *number && *stored_at == position;
                let parts = checkpoint.parts.len() as u64;
                let header = PartHeader { number: *number, part: *part as u64, parts };
                is_current.then(|| (kind::CHECKPOINT, records::part(header, slice)))
            }
            _ => None,
        }
    }

    fn copy_heads(
        &mut self,
        segment: u64,
        limit: Limit,
        streams: BTreeSet<StreamId>,
        carried: &mut Carried,
        now_ms: u64,
    ) -> Result<(), WalError> {
        let (kept, forgotten) = self.choose_heads(segment, streams);
        if !forgotten.is_empty() && !self.identity.has_forgotten {
            self.identity.has_forgotten = true;
            self.put_identity(limit, now_ms)?;
        }
        carried.forgotten = forgotten;
        for chunk in kept.chunks(ITEMS_PER_RECORD) {
            let list: Vec<_> = chunk
                .iter()
                .filter_map(|stream| {
                    let log = self.streams.get(stream)?;
                    Some(HeadRecord::new(&log.durable_head(stream), log.acknowledged.min(log.durable_seq)))
                })
                .collect();
            let record = (kind::HEADS, &*records::encode(&list));
            let position = self.write(limit, record, Item::Heads(chunk.to_vec()), now_ms)?;
            for (stream, record) in chunk.iter().zip(list) {
                let (acknowledged, bytes) = (record.acknowledged, record.stored_bytes());
                let head = StoredHead { position, acknowledged, lacks_digest: false, bytes };
                carried.heads.push((stream.clone(), head));
            }
        }
        Ok(())
    }

    /// Which heads are written again, and which streams are forgotten: idle ones that have nothing in any other segment,
    /// while heads take more than their share and the ledger can be asked.
    pub(super) fn choose_heads(
        &self,
        segment: u64,
        streams: BTreeSet<StreamId>,
    ) -> (Vec<StreamId>, Vec<StreamId>) {
        let mut surplus = self.head_bytes.saturating_sub(self.budgets.heads);
        let others: BTreeSet<u64> = self
            .wal
            .usage()
            .into_iter()
            .map(|usage| usage.number)
            .filter(|number| *number != segment)
            .collect();
        streams.into_iter().partition(|stream| {
            let Some(log) = self.streams.get(stream) else { return false };
            let is_last_trace = log.traces.is_disjoint(&others);
            let is_idle = log.is_idle() && self.kept.as_ref() != Some(stream);
            let is_dropped = self.may_forget && surplus > 0 && is_idle && is_last_trace;
            if is_dropped {
                surplus = surplus.saturating_sub(log.head.map_or(HEAD_BYTES, |head| head.bytes));
            }
            !is_dropped
        })
    }

    /// Writes that the checkpoints of these streams were emptied: each with its number and `first_seq`.
    pub(super) fn write_emptied(
        &mut self,
        limit: Limit,
        emptied: &[(StreamId, u64, Seq)],
        now_ms: u64,
    ) -> Result<(Item, Position), WalError> {
        let of_stream = |(stream, number, first_seq): &(StreamId, u64, Seq)| EmptyRecord {
            tenant: stream.tenant().into(),
            dimension: stream.dimension().into(),
            number: *number,
            first_seq: *first_seq,
        };
        let list: Vec<_> = emptied.iter().map(of_stream).collect();
        let item = Item::Empty(emptied.iter().map(|(stream, ..)| stream.clone()).collect());
        let record = (kind::EMPTY_CHECKPOINTS, &*records::encode(&list));
        let position = self.write(limit, record, item.clone(), now_ms)?;
        Ok((item, position))
    }

    /// The copies are durable: they are what counts from now on.
    fn apply(&mut self, segment: u64, carried: Carried) {
        for (item, copy) in carried.copies {
            match item {
                Item::Slice { stream, seq } => {
                    let Some(log) = self.streams.get_mut(&stream) else { continue };
                    if let Some(stored) = log.slices.get_mut(&seq) {
                        stored.position = copy;
                    }
                }
                Item::Part { stream, part, .. } => {
                    let Some(log) = self.streams.get_mut(&stream) else { continue };
                    let checkpoint = log.checkpoint.as_mut();
                    if let Some(slot) = checkpoint.and_then(|checkpoint| checkpoint.parts.get_mut(part)) {
                        slot.0 = copy;
                    }
                }
                Item::Empty(streams) => {
                    for stream in streams {
                        let checkpoint =
                            self.streams.get_mut(&stream).and_then(|log| log.checkpoint.as_mut());
                        if let Some(checkpoint) = checkpoint {
                            checkpoint.emptied_at = Some(copy);
                        }
                    }
                }
                Item::Heads(_) | Item::Identity | Item::Acknowledgements => {}
            }
        }
        for (stream, head) in carried.heads {
            let Some(log) = self.streams.get_mut(&stream) else { continue };
            self.head_bytes += head.bytes;
            if let Some(old) = log.head.replace(head) {
                self.head_bytes -= old.bytes;
                self.index.note_change(old.position.segment);
            }
        }
        for stream in carried.forgotten {
            self.forgotten += 1;
            // Noted later, it would be an acknowledgement without its digest.
            self.unnoted.remove(&stream);
            if let Some(log) = self.streams.remove(&stream) {
                self.head_bytes -= log.head.map_or(0, |head| head.bytes);
            }
            self.newly_forgotten.push(stream);
        }
        self.note_again(segment);
        // Acknowledged slices of this segment leave no trace but the head.
        for (_, item) in self.index.in_segment(segment) {
            if let Item::Slice { stream, seq } = item {
                let Some(log) = self.streams.get_mut(&stream) else { continue };
                let is_gone =
                    |stored: &StoredSlice| stored.slice.is_none() && stored.position.segment == segment;
                if log.slices.get(&seq).is_some_and(is_gone) {
                    log.slices.remove(&seq);
                }
            }
        }
    }
}
