//! From the records of a log to what they mean. `docs/durability.md` has a worked example.
//!
//! # The rules
//! 1. A record that was written again counts where it was written last.
//! 2. A slice counts if it follows from the ones before it, and if all slices of its group do. A power cut may keep a later
//!    slice and lose an earlier one, or keep part of a group; none of those was durable, so none was exported.
//! 3. Acknowledgements are believed. A stream never goes back behind what the ledger has.
//! 4. A stream's checkpoint counts only if its `first_seq` is the seq that comes next. If it is smaller, the slices since
//!    then have all that it has, since a sealing takes a whole stream. If it is greater, slices that it builds on are lost,
//!    and the checkpoint before it is still there. So no count is in a slice and in a checkpoint. Where the log knows a
//!    stream by checkpoints alone, because it dropped the head, the newest one counts and tells the head.
//!
//! Where durable records are damaged, a gap may be damage, so nothing is dropped because of it: the slices behind the gap
//! are kept for an operator.

use std::collections::{BTreeMap, BTreeSet};

use ron_accounting_wal::{Position, RecordKind, RecordRef};
use ron_accounting_window::Span;
use ron_ledger_wire::{encode_row_key, Digest, Head, Origin, SealedSlice, Seq, StreamId};

use super::{
    index::{Index, Item},
    records::{
        self, decode, kind, AcknowledgementRecord, EmptyRecord, Group, HeadRecord, IdentityRecord,
        PartHeader, HEAD_BYTES,
    },
    streams::{StoredCheckpoint, StoredHead, StoredSlice, StreamLog},
};
use crate::{journal::RecoveredRows, PipelineError, RecordError};

/// What the records of a log say.
#[derive(Debug, Default)]
pub(crate) struct LogContents {
    pub(super) streams: BTreeMap<StreamId, StreamLog>,
    pub(super) index: Index,
    /// Records that say nothing that others don't say as well.
    pub(super) superseded: Vec<Position>,
    pub(super) identity: IdentityRecord,
    pub(super) identity_at: Option<Position>,
    /// The highest number of a checkpoint.
    pub(super) number: u64,
    /// Slices that are not acknowledged, each stream's in order.
    pub(crate) pending: Vec<SealedSlice>,
    /// Slices that are acknowledged and were still there.
    pub(super) acknowledged: Vec<SealedSlice>,
    /// Counts that no slice has.
    pub(crate) live: Vec<RecoveredRows>,
    pub(crate) unreadable: Vec<PipelineError>,
    /// Slices that were dropped by rule 2.
    pub(super) orphans: Vec<PipelineError>,
}

/// A stream while it is read.
#[derive(Debug, Default)]
struct Reading {
    head: Option<StoredHead>,
    next_seq: Seq,
    last: Option<Digest>,
    acknowledged: Seq,
    slices: BTreeMap<Seq, FoundSlice>,
    checkpoints: BTreeMap<u64, Candidate>,
    traces: BTreeSet<u64>,
}

#[derive(Debug)]
struct FoundSlice {
    position: Position,
    group: Group,
    slice: SealedSlice,
    body_bytes: u64,
}

/// A checkpoint of one stream, whole only if all its parts are there.
#[derive(Debug, Default)]
struct Candidate {
    parts: BTreeMap<u64, (Position, SealedSlice)>,
    expected: Option<u64>,
    emptied: Option<(Position, Seq)>,
}

impl Candidate {
    fn is_whole(&self) -> bool {
        self.emptied.is_some() || self.expected == Some(self.parts.len() as u64)
    }

    fn first_seq(&self) -> Option<Seq> {
        let of_part = |(part, (_, slice)): (&u64, &(Position, SealedSlice))| {
            slice.seq().get().checked_sub(*part).map(Seq::new)
        };
        self.emptied.map(|(_, seq)| seq).or_else(|| self.parts.first_key_value().and_then(of_part))
    }
}

impl LogContents {
    /// The head of each stream that has one.
    pub(crate) fn heads(&self) -> impl Iterator<Item = Head> + '_ {
        let begun = self.streams.iter().filter(|(_, log)| !log.next_seq.is_first());
        begun.map(|(stream, log)| Head::new(stream.clone(), log.next_seq, log.last))
    }
}

/// Reads what a log says, record by record. Bodies are copied once at the most.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    contents: LogContents,
    streams: BTreeMap<StreamId, Reading>,
    /// Lists of names. Which streams they mean is known with the origin, which is known when all is read.
    lists: Vec<(Position, RecordKind, Vec<u8>)>,
    unreadable: BTreeMap<Position, RecordError>,
    number: u64,
    /// Version 1: how many parts each checkpoint has, all streams together, and how many were found.
    checkpoints_1: BTreeMap<u64, (Option<u64>, u64, BTreeSet<StreamId>)>,
}

impl Reader {
    /// Takes the next record of the log.
    pub(crate) fn take(&mut self, record: RecordRef<'_>) {
        let taken = self.take_body(record);
        self.note_unreadable(record.position, taken);
    }

    /// Returns what all records say together. `is_sound` tells that nothing in the log is damaged that was durable once.
    pub(crate) fn finish(mut self, origin: Origin, is_sound: bool) -> LogContents {
        for (position, kind, body) in std::mem::take(&mut self.lists) {
            let taken = self.take_list(origin, position, kind, &body);
            self.note_unreadable(position, taken);
        }
        self.end_checkpoints_1();
        let mut contents = self.contents;
        contents.number = self.number;
        let as_error = |(position, source): (Position, RecordError)| PipelineError::Record {
            position: position.to_string(),
            source,
        };
        contents.unreadable = self.unreadable.into_iter().map(as_error).collect();
        let is_sound = is_sound && contents.unreadable.is_empty();
        for (stream, reading) in self.streams {
            reading.conclude(stream, is_sound, &mut contents);
        }
        contents
    }

    fn note_unreadable(&mut self, position: Position, taken: Result<(), RecordError>) {
        if let Err(error) = taken {
            self.unreadable.insert(position, error);
        }
    }

    fn take_body(&mut self, RecordRef { position, kind, body }: RecordRef<'_>) -> Result<(), RecordError> {
        match kind {
            kind::SLICE => {
                let slice = records::read_slice(body)?;
                let group = Group::single(slice.seq());
                self.take_slice(FoundSlice { position, group, slice, body_bytes: body.len() as u64 });
            }
            kind::GROUPED_SLICE => {
                let (group, slice) = records::read_grouped(body)?;
                self.take_slice(FoundSlice { position, group, slice, body_bytes: body.len() as u64 });
            }
            kind::ACKNOWLEDGEMENTS | kind::HEADS | kind::EMPTY_CHECKPOINTS => {
                self.lists.push((position, kind, body.to_vec()));
            }
            kind::CHECKPOINT => {
                let (header, slice) = records::read_part(body)?;
                self.take_part(position, header, Some(header.parts), slice);
            }
            kind::CHECKPOINT_1 => {
                let (number, slice) = records::read_part_1(body)?;
                let stream = slice.stream().clone();
                let part = self.stream(&stream).checkpoints.get(&number).map_or(0, |known| known.parts.len());
                let header = PartHeader { number, part: part as u64, parts: u64::MAX };
                self.take_part(position, header, None, slice);
                let (_, found, streams) = self.checkpoints_1.entry(number).or_default();
                *found += 1;
                streams.insert(stream);
            }
            kind::CHECKPOINT_END_1 => {
                let (number, expected) = records::read_end_1(body)?;
                self.checkpoints_1.entry(number).or_default().0 = Some(expected);
                self.number = self.number.max(number);
                self.contents.superseded.push(position);
            }
            kind::IDENTITY => {
                let identity: IdentityRecord = decode(body)?;
                if identity.version > records::PAYLOAD_VERSION {
                    return Err(RecordError::NewerPayload { version: identity.version });
                }
                let before = self.contents.identity_at.replace(position);
                self.contents.superseded.extend(before);
                self.contents.identity = identity;
            }
            kind => return Err(RecordError::UnknownKind { kind }),
        }
        Ok(())
    }

    fn take_list(
        &mut self,
        origin: Origin,
        position: Position,
        kind: RecordKind,
        body: &[u8],
    ) -> Result<(), RecordError> {
        let item = match kind {
            kind::ACKNOWLEDGEMENTS => {
                Item::Heads(self.take_acknowledgements(origin, position, &decode::<Vec<_>>(body)?))
            }
            kind::HEADS => Item::Heads(self.take_heads(origin, position, &decode::<Vec<_>>(body)?)),
            _ => Item::Empty(self.take_empty(origin, position, &decode::<Vec<_>>(body)?)),
        };
        self.contents.index.insert(position, item, 0);
        Ok(())
    }

    fn stream(&mut self, stream: &StreamId) -> &mut Reading {
        self.streams.entry(stream.clone()).or_default()
    }

    fn take_slice(&mut self, found: FoundSlice) {
        let reading = self.stream(&found.slice.stream().clone());
        reading.traces.insert(found.position.segment);
        let again = reading.slices.insert(found.slice.seq(), found);
        self.contents.superseded.extend(again.map(|found| found.position));
    }

    fn take_part(
        &mut self,
        position: Position,
        header: PartHeader,
        expected: Option<u64>,
        slice: SealedSlice,
    ) {
        self.number = self.number.max(header.number);
        let reading = self.stream(&slice.stream().clone());
        reading.traces.insert(position.segment);
        let candidate = reading.checkpoints.entry(header.number).or_default();
        candidate.expected = expected;
        let again = candidate.parts.insert(header.part, (position, slice));
        self.contents.superseded.extend(again.map(|(position, _)| position));
    }

    fn take_heads(&mut self, origin: Origin, position: Position, heads: &[HeadRecord]) -> Vec<StreamId> {
        let mut streams = Vec::with_capacity(heads.len());
        for record in heads {
            let head = record.head(origin);
            let reading = self.stream(head.stream());
            streams.push(head.stream().clone());
            if head.next_seq() >= reading.next_seq {
                (reading.next_seq, reading.last) = (head.next_seq(), head.last());
            }
            reading.acknowledged = reading.acknowledged.max(record.acknowledged);
            let (acknowledged, bytes) = (record.acknowledged, record.stored_bytes());
            let head = StoredHead { position, acknowledged, lacks_digest: false, bytes };
            reading.head = Some(head);
            reading.traces.insert(position.segment);
        }
        streams
    }

    /// What is only said here is carried on as a head, when the segment goes.
    fn take_acknowledgements(
        &mut self,
        origin: Origin,
        position: Position,
        records: &[AcknowledgementRecord],
    ) -> Vec<StreamId> {
        let mut streams = Vec::with_capacity(records.len());
        for record in records {
            let stream = StreamId::new(origin, &record.tenant, &record.dimension);
            let acknowledged = record.seq.next();
            let bytes = (record.tenant.len() + record.dimension.len()) as u64 + HEAD_BYTES;
            let reading = self.stream(&stream);
            reading.traces.insert(position.segment);
            reading.acknowledged = reading.acknowledged.max(acknowledged);
            let digest = record.digest();
            if digest.is_some() && acknowledged >= reading.next_seq {
                (reading.next_seq, reading.last) = (acknowledged, digest);
            }
            if reading.head.map_or(true, |head| head.acknowledged < acknowledged) {
                let lacks_digest = digest.is_none();
                reading.head = Some(StoredHead { position, acknowledged, lacks_digest, bytes });
            }
            streams.push(stream);
        }
        streams
    }

    fn take_empty(&mut self, origin: Origin, position: Position, empty: &[EmptyRecord]) -> Vec<StreamId> {
        let mut streams = Vec::with_capacity(empty.len());
        for record in empty {
            self.number = self.number.max(record.number);
            let stream = StreamId::new(origin, &record.tenant, &record.dimension);
            let reading = self.stream(&stream);
            reading.traces.insert(position.segment);
            let candidate = reading.checkpoints.entry(record.number).or_default();
            candidate.emptied = Some((position, record.first_seq));
            streams.push(stream);
        }
        streams
    }

    /// A checkpoint of version 1 was whole only with its end. Then each stream's part of it is whole.
    fn end_checkpoints_1(&mut self) {
        for (number, (expected, found, streams)) in std::mem::take(&mut self.checkpoints_1) {
            for stream in streams.iter().filter(|_| expected == Some(found)) {
                if let Some(candidate) = self.stream(stream).checkpoints.get_mut(&number) {
                    candidate.expected = Some(candidate.parts.len() as u64);
                }
            }
        }
    }
}

impl Reading {
    fn conclude(mut self, stream: StreamId, is_sound: bool, contents: &mut LogContents) {
        self.trust_acknowledgements();
        if is_sound {
            self.drop_orphans(&stream, contents);
        }
        if let Some((seq, found)) = self.slices.last_key_value() {
            if *seq >= self.next_seq {
                (self.next_seq, self.last) = (seq.next(), Some(found.slice.digest()));
            }
        }
        if self.slices.is_empty() && self.head.is_none() {
            self.trust_checkpoint();
        }
        let head = Head::new(stream.clone(), self.next_seq, self.last);
        let mut log = StreamLog::new(&head, self.acknowledged.min(self.next_seq));
        log.traces = self.traces;
        log.head = self.head;
        for (seq, FoundSlice { position, group, slice, body_bytes }) in self.slices {
            let bytes = slice.bytes().len() as u64;
            let is_pending = seq >= log.acknowledged;
            contents.index.insert(position, Item::Slice { stream: stream.clone(), seq }, body_bytes);
            if is_pending {
                contents.pending.push(slice.clone());
            } else {
                contents.index.bury(position);
                contents.acknowledged.push(slice.clone());
            }
            let digest = slice.digest();
            let slice = is_pending.then_some(slice);
            let stored = StoredSlice { position, slice, digest, group, bytes, is_durable: true };
            log.slices.insert(seq, stored);
        }
        for (number, candidate) in self.checkpoints.into_iter().rev() {
            let counts = candidate.is_whole() && candidate.first_seq() == Some(log.next_seq);
            if !counts || log.checkpoint.is_some() {
                contents.superseded.extend(candidate.parts.into_values().map(|(position, _)| position));
                continue;
            }
            let parts: Vec<_> = match candidate.emptied {
                Some(_) => Vec::new(),
                None => candidate.parts.into_values().collect(),
            };
            contents.live.extend(live_counts(&stream, &parts));
            for (part, (position, slice)) in parts.iter().enumerate() {
                let item = Item::Part { stream: stream.clone(), number, part };
                contents.index.insert(*position, item, slice.bytes().len() as u64 + PartHeader::BYTES);
            }
            let emptied_at = candidate.emptied.map(|(position, _)| position);
            let first_seq = log.next_seq;
            log.checkpoint = Some(StoredCheckpoint { number, first_seq, parts, emptied_at });
        }
        let pending = log.slices.range(log.acknowledged..).count() as u64;
        log.has_gap = log.next_seq.slices_since(log.acknowledged) != Some(pending);
        contents.streams.insert(stream, log);
    }

    /// Rule 3. If the digest is lost as well, sealing fails until an operator has dealt with it.
    fn trust_acknowledgements(&mut self) {
        if self.acknowledged > self.next_seq {
            self.next_seq = self.acknowledged;
            let before = self.acknowledged.checked_prev().and_then(|seq| self.slices.get(&seq));
            self.last = before.map(|found| found.slice.digest());
        }
    }

    /// Rule 4, without a head.
    fn trust_checkpoint(&mut self) {
        let newest = self.checkpoints.values().rev().find(|candidate| candidate.is_whole());
        let first = newest.and_then(|candidate| candidate.parts.first_key_value());
        if let Some((_, (_, slice))) = first {
            (self.next_seq, self.last) = (slice.seq(), slice.previous());
            self.acknowledged = slice.seq();
        }
    }

    /// Rule 2.
    fn drop_orphans(&mut self, stream: &StreamId, contents: &mut LogContents) {
        let (mut next_seq, mut last) = (self.next_seq, self.last);
        while let Some((seq, found)) = self.slices.range(next_seq..).next() {
            if *seq > next_seq {
                if !found.group.is_resumed {
                    break;
                }
                // What comes before it is in the ledger.
                (next_seq, last) = (*seq, found.slice.previous());
                self.acknowledged = self.acknowledged.max(next_seq);
            }
            let end = found.group.last.max(next_seq);
            let Some(digest) = self.chain_through(next_seq, last, end) else { break };
            (next_seq, last) = (end.next(), Some(digest));
        }
        for (seq, found) in self.slices.split_off(&next_seq) {
            contents.superseded.push(found.position);
            contents.orphans.push(PipelineError::Orphan { stream: stream.clone(), seq });
        }
    }

    /// The digest of slice `end`, if all from `first` to it are there, linked to each other and to `last`.
    fn chain_through(&self, first: Seq, mut last: Option<Digest>, end: Seq) -> Option<Digest> {
        for seq in (first.get()..=end.get()).map(Seq::new) {
            let slice = &self.slices.get(&seq)?.slice;
            // A head whose digest is lost cannot judge.
            if slice.previous() != last && (last.is_some() || seq.is_first()) {
                return None;
            }
            last = Some(slice.digest());
        }
        last
    }
}

/// The counts of a checkpoint, as the rows of one sealing.
fn live_counts(stream: &StreamId, parts: &[(Position, SealedSlice)]) -> Option<RecoveredRows> {
    let mut rows: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    let (mut start_ms, mut end_ms) = (u64::MAX, 0);
    for (_, slice) in parts {
        start_ms = start_ms.min(slice.start_ms());
        end_ms = end_ms.max(slice.end_ms());
        for row in slice.decode().rows {
            let mut key = Vec::new();
            encode_row_key(&row.key, &mut key);
            // Slices that had no room in the log and later counts may have the same key.
            let known = rows.entry(key).or_default();
            *known = known.saturating_add(row.increment);
        }
    }
    let window = Span { start_ms, end_ms };
    (!rows.is_empty()).then(|| RecoveredRows { stream: stream.clone(), window, rows })
}
