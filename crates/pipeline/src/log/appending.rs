//! Appending the slices of a stream: one by one, or as a group that counts whole or not at all.

use ron_accounting_wal::{Storage, WalError};
use ron_ledger_wire::{Head, SealedSlice};

use super::{
    index::Item,
    records::{self, kind, Group, HeadRecord},
    recovery::HEAD_BYTES,
    streams::{StoredHead, StoredSlice, StreamLog},
    Limit, Log,
};

impl<S: Storage + Send> Log<S>
where
    S::File: Send,
{
    /// Appends slices of one stream as far as there is room, and returns how many.
    pub(super) fn try_append(
        &mut self,
        slices: &[SealedSlice],
        is_urgent: bool,
        now_ms: u64,
    ) -> Result<usize, WalError> {
        let Some((first, last)) = slices.first().zip(slices.last()) else { return Ok(0) };
        let known = self.streams.get(first.stream());
        let is_covered = known.is_some_and(|log| log.checkpoint.is_some());
        if slices.len() == 1 || !is_covered {
            return self.append_singly(slices, is_urgent, now_ms);
        }
        let group = Group { first: first.seq(), last: last.seq() };
        match self.append_group(slices, group, is_urgent, now_ms) {
            // Nothing else will ever make room: then the slices go one by one, and the first of them ends the checkpoint.
            Err(WalError::Full { .. }) if is_urgent => self.append_singly(slices, is_urgent, now_ms),
            Err(WalError::Full { .. }) => Ok(0),
            appended => appended,
        }
    }

    /// Appends slices of which none needs another, as many as there is room for.
    fn append_singly(
        &mut self,
        slices: &[SealedSlice],
        is_urgent: bool,
        now_ms: u64,
    ) -> Result<usize, WalError> {
        let mut count = 0;
        for slice in slices {
            let share = self.streams.get(slice.stream()).map_or(0, StreamLog::pending_bytes);
            if share > 0 && share + slice.bytes().len() as u64 > self.budgets.slices_of_stream {
                break;
            }
            match self.append_slice(slice, Group::single(slice.seq()), is_urgent, now_ms) {
                Ok(()) => count += 1,
                Err(WalError::Full { .. }) => break,
                Err(error) if count == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(count)
    }

    /// Appends slices that count together or not at all: the stream's checkpoint has counts of all of them.
    fn append_group(
        &mut self,
        slices: &[SealedSlice],
        group: Group,
        is_urgent: bool,
        now_ms: u64,
    ) -> Result<usize, WalError> {
        for slice in slices {
            if let Err(error) = self.append_slice(slice, group, is_urgent, now_ms) {
                self.take_back(slices);
                return Err(error);
            }
        }
        Ok(slices.len())
    }

    fn append_slice(
        &mut self,
        slice: &SealedSlice,
        group: Group,
        is_urgent: bool,
        now_ms: u64,
    ) -> Result<(), WalError> {
        let stream = slice.stream();
        let seq = slice.seq();
        let frees_checkpoint = self.streams.get(stream).is_some_and(|log| log.checkpoint.is_some());
        let limit = if is_urgent || frees_checkpoint { Limit::Urgent } else { Limit::Regular };
        let (record_kind, body) = records::slice(group, slice);
        let item = Item::Slice { stream: stream.clone(), seq };
        let position = self.write_with_room(limit, (record_kind, &body), &item, now_ms)?;
        let head = match self.write_missing_head(slice, now_ms) {
            Ok(head) => head,
            Err(error) => {
                self.release(position);
                return Err(error);
            }
        };
        let genesis = || StreamLog::new(&Head::new(stream.clone(), seq, slice.previous()), seq);
        let log = self.streams.entry(stream.clone()).or_insert_with(genesis);
        debug_assert_eq!(log.next_seq, seq, "{stream}: slices are appended in order");
        let bytes = slice.bytes().len() as u64;
        let digest = slice.digest();
        let stored =
            StoredSlice { position, slice: Some(slice.clone()), digest, group, bytes, is_durable: false };
        let before = log.slices.insert(seq, stored);
        debug_assert!(before.is_none(), "{stream}: slice {seq} is appended twice");
        if let Some(head) = head {
            self.head_bytes += head.bytes;
            log.head = Some(head);
        }
        (log.next_seq, log.last) = (seq + 1, Some(digest));
        log.written_in = log.written_in.max(position.segment);
        self.pending_bytes += bytes;
        self.undurable.insert((stream.clone(), seq));
        Ok(())
    }

    /// Writes what comes before a slice, if nothing in the log says it: the stream had been forgotten. Without it, a recovery
    /// would take the slice for one that had lost those before it. Both are durable with the same sync.
    fn write_missing_head(
        &mut self,
        slice: &SealedSlice,
        now_ms: u64,
    ) -> Result<Option<StoredHead>, WalError> {
        let (stream, seq) = (slice.stream(), slice.seq());
        let is_said =
            self.streams.get(stream).is_some_and(|log| log.head.is_some() || !log.slices.is_empty());
        if seq == 0 || is_said {
            return Ok(None);
        }
        let record = HeadRecord::new(&Head::new(stream.clone(), seq, slice.previous()), seq);
        let bytes = (record.tenant.len() + record.dimension.len()) as u64 + HEAD_BYTES;
        let body = records::encode(&[record]);
        let item = Item::Heads(vec![stream.clone()]);
        // Not with more room: that may empty the segment in which the slice was just written.
        let position = self.write(Limit::Reserved, (kind::HEADS, &body), item, now_ms)?;
        Ok(Some(StoredHead { position, acknowledged: seq, lacks_digest: false, bytes }))
    }

    /// Forgets the slices of a group that did not get in whole.
    fn take_back(&mut self, slices: &[SealedSlice]) {
        let Some(first) = slices.first() else { return };
        let Some(log) = self.streams.get_mut(first.stream()) else { return };
        let taken = log.slices.split_off(&first.seq());
        (log.next_seq, log.last) = (first.seq(), first.previous());
        for (seq, stored) in taken {
            self.pending_bytes -= stored.bytes;
            self.undurable.remove(&(first.stream().clone(), seq));
            self.release(stored.position);
        }
    }
}
