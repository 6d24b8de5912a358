//! The durable copy of the counts that are not sealed, one checkpoint per stream.
//!
//! Each stream's is by itself: it is written when its counts changed, and the old one is released when the new one is
//! durable. One that does not fit keeps the old one, which has less and nothing wrong.

use ron_accounting_wal::{Storage, WalError};
use ron_ledger_wire::{Head, SealedSlice, Seq, StreamId};

use super::{
    index::Item,
    records::{self, kind, PartHeader},
    streams::{StoredCheckpoint, StreamLog},
    Limit, Log, ITEMS_PER_RECORD,
};
use crate::journal::StreamCheckpoint;

impl<S: Storage + Send> Log<S>
where
    S::File: Send,
{
    /// Writes the checkpoints that changed. Returns whether every stream's is up to date.
    pub(super) fn try_checkpoint(
        &mut self,
        checkpoints: &[StreamCheckpoint],
        now_ms: u64,
    ) -> Result<bool, WalError> {
        if !self.undurable.is_empty() {
            self.try_commit(now_ms)?;
        }
        let mut written: Vec<(StreamId, StoredCheckpoint)> = Vec::new();
        let (mut uncovered, mut fault) = (0, None);
        for StreamCheckpoint { stream, slices } in checkpoints {
            let known = self.streams.get(stream).and_then(|log| log.checkpoint.as_ref());
            if known.is_some_and(|known| known.is_of(slices)) {
                continue;
            }
            let first_seq = slices.first().map_or(Seq::FIRST, SealedSlice::seq);
            let is_durable = self.streams.get(stream).map_or(true, |log| log.durable_seq == first_seq);
            if !is_durable || !self.has_room_for(stream, slices) {
                uncovered += 1;
                continue;
            }
            match self.write_checkpoint(stream, slices, first_seq, now_ms) {
                Ok(checkpoint) => written.push((stream.clone(), checkpoint)),
                Err(WalError::Full { .. }) => uncovered += 1,
                Err(error) => {
                    fault = Some(error);
                    break;
                }
            }
        }
        let synced = match fault {
            Some(error) => Err(error),
            None => self.sync(),
        };
        self.unfinished_from = None;
        if let Err(error) = synced {
            for (_, checkpoint) in &written {
                self.release_all(checkpoint.positions().collect::<Vec<_>>());
            }
            return Err(error);
        }
        for (stream, checkpoint) in written {
            self.replace_checkpoint(&stream, Some(checkpoint));
        }
        self.uncovered = uncovered;
        self.reclaim(now_ms)?;
        Ok(uncovered == 0)
    }

    fn has_room_for(&self, stream: &StreamId, slices: &[SealedSlice]) -> bool {
        let sizes = slices.iter().map(|slice| slice.bytes().len() as u64);
        let bytes: u64 = sizes.clone().sum();
        let known = self.streams.get(stream).and_then(|log| log.checkpoint.as_ref());
        let others = self.checkpoint_bytes - known.map_or(0, StoredCheckpoint::bytes);
        others + bytes <= self.budgets.checkpoints && self.budgets.admits_checkpoint(sizes)
    }

    fn write_checkpoint(
        &mut self,
        stream: &StreamId,
        slices: &[SealedSlice],
        first_seq: Seq,
        now_ms: u64,
    ) -> Result<StoredCheckpoint, WalError> {
        // The number is used up even by half a checkpoint, so that recovery never mixes two.
        self.number += 1;
        let number = self.number;
        self.ensure_known(&Head::new(
            stream.clone(),
            first_seq,
            slices.first().and_then(SealedSlice::previous),
        ));
        let mut checkpoint = StoredCheckpoint { number, first_seq, parts: Vec::new(), emptied_at: None };
        for (part, slice) in slices.iter().enumerate() {
            let header = PartHeader { number, part: part as u64, parts: slices.len() as u64 };
            let record = (kind::CHECKPOINT, &*records::part(header, slice));
            let item = Item::Part { stream: stream.clone(), number, part };
            match self.write_with_room(Limit::Regular, record, &item, now_ms) {
                Ok(position) => {
                    self.unfinished_from.get_or_insert(position.segment);
                    checkpoint.parts.push((position, slice.clone()));
                }
                Err(error) => {
                    self.release_all(checkpoint.positions().collect::<Vec<_>>());
                    return Err(error);
                }
            }
        }
        Ok(checkpoint)
    }

    /// Takes note of a stream before anything of it is written: also what fails leaves traces.
    fn ensure_known(&mut self, head: &Head) {
        if !self.streams.contains_key(head.stream()) {
            self.streams.insert(head.stream().clone(), StreamLog::new(head, head.next_seq()));
        }
    }

    /// Writes that what the streams' checkpoints have is thrown away. It is written for each of them: the records of a
    /// checkpoint that failed may be in the log although it is not known here.
    pub(super) fn try_discard(&mut self, heads: &[Head], now_ms: u64) -> Result<(), WalError> {
        let mut emptied = Vec::new();
        for head in heads {
            self.number += 1;
            emptied.push((head.stream().clone(), self.number, head.next_seq()));
        }
        let mut positions = Vec::new();
        for chunk in emptied.chunks(ITEMS_PER_RECORD) {
            match self.write_emptied(Limit::Reserved, chunk, now_ms) {
                Ok((_, position)) => positions.extend(chunk.iter().map(|_| position)),
                Err(error) => {
                    self.release_all(positions);
                    return Err(error);
                }
            }
        }
        if let Err(error) = self.sync() {
            self.release_all(positions);
            return Err(error);
        }
        for ((head, (stream, number, first_seq)), position) in heads.iter().zip(emptied).zip(positions) {
            self.ensure_known(head);
            self.note_trace(&stream, position);
            let emptied_at = Some(position);
            let checkpoint = StoredCheckpoint { number, first_seq, parts: Vec::new(), emptied_at };
            self.replace_checkpoint(&stream, Some(checkpoint));
        }
        Ok(())
    }

    /// A checkpoint that counts what is durable in slices now says nothing any more.
    pub(super) fn end_superseded_checkpoint(&mut self, stream: &StreamId) {
        let Some(log) = self.streams.get(stream) else { return };
        if log.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.first_seq < log.durable_seq) {
            self.replace_checkpoint(stream, None);
        }
    }

    fn replace_checkpoint(&mut self, stream: &StreamId, checkpoint: Option<StoredCheckpoint>) {
        let Some(log) = self.streams.get_mut(stream) else {
            debug_assert!(false, "{stream} is known before its checkpoint is written");
            return;
        };
        self.checkpoint_bytes += checkpoint.as_ref().map_or(0, StoredCheckpoint::bytes);
        if let Some(old) = std::mem::replace(&mut log.checkpoint, checkpoint) {
            self.checkpoint_bytes -= old.bytes();
            self.release_all(old.parts.iter().map(|(position, _)| *position).collect::<Vec<_>>());
        }
    }
}
