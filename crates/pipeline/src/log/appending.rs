//! Appending the slices of a stream: one by one, or as a group that counts whole or not at all.

use ron_accounting_wal::{Storage, WalError};
use ron_ledger_wire::{Head, SealedSlice};

use super::{
    index::Item,
    records::{self, kind, Group, HeadRecord},
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
            let limit = if is_covered || is_urgent { Limit::Urgent } else { Limit::Regular };
            return self.append_singly(slices, limit, now_ms);
        }
        let group = Group { first: first.seq(), last: last.seq(), is_resumed: false };
        match self.append_group(slices, group, Limit::Urgent, now_ms) {
            // Nothing else will ever make room. One by one, the first slice would end the checkpoint, and a kill lose what it
            // has of the others. So the group goes beyond the limit, until the checkpoint goes.
            Err(WalError::Full { .. }) if is_urgent => {
                self.append_group(slices, group, Limit::Rescue, now_ms)
            }
            Err(WalError::Full { .. }) => Ok(0),
            appended => appended,
        }
    }

    /// Appends slices of which none needs another, as many as there is room for.
    fn append_singly(
        &mut self,
        slices: &[SealedSlice],
        limit: Limit,
        now_ms: u64,
    ) -> Result<usize, WalError> {
        let mut count = 0;
        for slice in slices {
            let share = self.streams.get(slice.stream()).map_or(0, StreamLog::pending_bytes);
            if share > 0 && share + slice.bytes().len() as u64 > self.budgets.slices_of_stream {
                break;
            }
            let group = Group { is_resumed: self.is_resumed_by(slice), ..Group::single(slice.seq()) };
            match self.append_slice(slice, group, limit, now_ms) {
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
        limit: Limit,
        now_ms: u64,
    ) -> Result<usize, WalError> {
        let is_resumed = slices.first().is_some_and(|slice| self.is_resumed_by(slice));
        let mut appended = slices.iter().try_for_each(|slice| self.append_slice(slice, group, limit, now_ms));
        if is_resumed {
            appended = appended.and_then(|()| self.write_resumed_head(slices, limit, now_ms));
        }
        match appended {
            Ok(()) => Ok(slices.len()),
            Err(error) => {
                self.take_back(slices);
                Err(error)
            }
        }
    }

    /// Whether no record says what comes before this slice: the log had dropped the head, and the ledger told it.
    fn is_resumed_by(&self, slice: &SealedSlice) -> bool {
        let Some(before) = slice.seq().checked_prev() else { return false };
        let Some(log) = self.streams.get(slice.stream()) else { return true };
        let is_known = |head: &StoredHead| head.acknowledged > before;
        !log.slices.contains_key(&before) && !log.head.as_ref().is_some_and(is_known)
    }

    /// Writes where a group continues. It comes after the group is durable: as long as one of its slices can get lost, the
    /// checkpoint has to count, which does not know the head either.
    fn write_resumed_head(
        &mut self,
        slices: &[SealedSlice],
        limit: Limit,
        now_ms: u64,
    ) -> Result<(), WalError> {
        let Some(stream) = slices.first().map(SealedSlice::stream) else { return Ok(()) };
        self.wal.sync_active()?;
        let Some(log) = self.streams.get(stream) else { return Ok(()) };
        let head = HeadRecord::new(&log.durable_head(stream), log.acknowledged);
        let (acknowledged, bytes) = (head.acknowledged, head.stored_bytes());
        let record = (kind::HEADS, &*records::encode(&[head]));
        let item = Item::Heads(vec![stream.clone()]);
        let position = self.write_with_room(limit, record, &item, now_ms)?;
        let head = StoredHead { position, acknowledged, lacks_digest: false, bytes };
        let Some(log) = self.streams.get_mut(stream) else { return Ok(()) };
        self.head_bytes += bytes;
        if let Some(old) = log.head.replace(head) {
            self.head_bytes -= old.bytes;
        }
        Ok(())
    }

    fn append_slice(
        &mut self,
        slice: &SealedSlice,
        group: Group,
        limit: Limit,
        now_ms: u64,
    ) -> Result<(), WalError> {
        let stream = slice.stream();
        let seq = slice.seq();
        let (kind, body) = records::slice(group, slice);
        let item = Item::Slice { stream: stream.clone(), seq };
        // Its slice follows from what the log has of it now.
        self.kept = Some(stream.clone());
        let position = self.write_with_room(limit, (kind, &body), &item, now_ms);
        self.kept = None;
        let position = position?;
        let genesis = || StreamLog::new(&Head::new(stream.clone(), seq, slice.previous()), seq);
        let log = self.streams.entry(stream.clone()).or_insert_with(genesis);
        debug_assert_eq!(log.next_seq, seq, "{stream}: slices are appended in order");
        let bytes = slice.bytes().len() as u64;
        let digest = slice.digest();
        let stored =
            StoredSlice { position, slice: Some(slice.clone()), digest, group, bytes, is_durable: false };
        let before = log.slices.insert(seq, stored);
        debug_assert!(before.is_none(), "{stream}: slice {seq} is appended twice");
        (log.next_seq, log.last) = (seq.next(), Some(digest));
        log.traces.insert(position.segment);
        self.pending_bytes += bytes;
        self.undurable.insert((stream.clone(), seq));
        Ok(())
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
