//! What the ledger has: noted in memory at once, and in the log as soon as it takes it.

use ron_accounting_wal::{Storage, WalError};
use ron_ledger_wire::{SealedSlice, Seq};

use super::{
    index::Item,
    records::{self, kind, AcknowledgementRecord},
    streams::StoredSlice,
    Limit, Log, ITEMS_PER_RECORD,
};

impl<S: Storage + Send> Log<S>
where
    S::File: Send,
{
    /// The ledger has the slice. That is as good as durable, also where nothing is synced by policy.
    pub(super) fn note_acknowledged(&mut self, slice: &SealedSlice) {
        let (stream, seq) = (slice.stream(), slice.seq());
        let Some(log) = self.streams.get_mut(stream) else { return };
        let Some(stored) = log.slices.get_mut(&seq).filter(|_| seq >= log.acknowledged) else { return };
        stored.slice = None;
        self.pending_bytes -= stored.bytes;
        self.index.bury(stored.position);
        log.acknowledged = seq.next();
        if log.durable_seq <= seq {
            (log.durable_seq, log.durable_last) = (seq.next(), Some(stored.digest));
            self.undurable.remove(&(stream.clone(), seq));
            self.end_superseded_checkpoint(&stream.clone());
        }
    }

    /// Acknowledgements that go with a segment are still needed for slices in others of which no head says so.
    pub(super) fn note_again(&mut self, segment: u64) {
        let records = self.index.in_segment(segment);
        if !records.iter().any(|(_, item)| matches!(item, Item::Acknowledgements | Item::Heads(_))) {
            return;
        }
        for (stream, log) in &self.streams {
            let Some(last) = log.acknowledged.checked_prev() else { continue };
            let said =
                log.head.filter(|head| !head.lacks_digest).map_or(Seq::FIRST, |head| head.acknowledged);
            let is_elsewhere = |stored: &StoredSlice| stored.position.segment != segment;
            if log
                .slices
                .range(said.min(log.acknowledged)..log.acknowledged)
                .any(|(_, stored)| is_elsewhere(stored))
            {
                self.unnoted.insert(stream.clone(), last);
            }
        }
    }

    /// Writes which slices are acknowledged, so that they are not sent again after a restart.
    pub(super) fn note_acknowledgements(&mut self, now_ms: u64) -> Result<(), WalError> {
        while !self.unnoted.is_empty() {
            let mut list = Vec::new();
            for (stream, seq) in self.unnoted.iter().take(ITEMS_PER_RECORD) {
                let stored = self.streams.get(stream).and_then(|log| log.slices.get(seq));
                let undurable = stored.filter(|stored| !stored.is_durable);
                let digest = undurable.map(|stored| stored.digest);
                list.push(AcknowledgementRecord::new(stream, *seq, digest));
            }
            let record = (kind::ACKNOWLEDGEMENTS, &*records::encode(&list));
            // The last of the reserve is for the heads, without which no segment of acknowledged slices can go.
            let position = self.write(Limit::Urgent, record, Item::Acknowledgements, now_ms)?;
            let rest = self.unnoted.iter().skip(list.len()).map(|(stream, seq)| (stream.clone(), *seq));
            let rest = rest.collect();
            for stream in std::mem::replace(&mut self.unnoted, rest).keys().take(list.len()) {
                // A head must not go before this, or only an acknowledgement without its digest is left.
                self.note_trace(stream, position);
            }
        }
        Ok(())
    }
}

/// Acknowledgements that have no room are written later: what is forgotten meanwhile is sent once more.
pub(super) fn spare_full(error: WalError) -> Result<(), WalError> {
    match error {
        WalError::Full { .. } | WalError::DiskFull { .. } => Ok(()),
        error => Err(error),
    }
}
