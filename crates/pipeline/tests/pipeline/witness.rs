//! A ledger that checks whatever it is offered, before it takes it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use ron_accounting_export::{memory::MemoryLedger, Ack, Exporter, PutError};
use ron_ledger_wire::{Claim, Head, SealedSlice, Seq, StreamId};

/// A [`MemoryLedger`], which follows the one acceptance rule, with a look at what the pipeline promises besides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Witness {
    pub(crate) memory: MemoryLedger,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Debug, Default)]
struct Notes {
    /// The seq after the last one whose acknowledgement got through, by stream.
    acknowledged: BTreeMap<StreamId, Seq>,
    #[cfg(feature = "wal")]
    disk: Option<ron_accounting_wal::fault::MemoryStorage>,
}

impl Witness {
    /// From now on, what is offered must be durable on this disk.
    #[cfg(feature = "wal")]
    pub(crate) fn watch(&self, disk: Option<ron_accounting_wal::fault::MemoryStorage>) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).disk = disk;
    }

    /// Another ledger with the same content.
    #[cfg(feature = "wal")]
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::default();
        for slice in self.memory.slices() {
            assert_eq!(copy.memory.put_batch(std::slice::from_ref(&slice)), [Ok(Ack::Ok)]);
            copy.hear(&slice);
        }
        copy
    }

    fn heard(
        &self,
        batch: &[SealedSlice],
        answers: Vec<Result<Ack, PutError>>,
    ) -> Vec<Result<Ack, PutError>> {
        for (slice, _) in batch.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()) {
            self.hear(slice);
        }
        answers
    }

    fn hear(&self, slice: &SealedSlice) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let next = notes.acknowledged.entry(slice.stream().clone()).or_default();
        *next = slice.seq().next().max(*next);
    }

    /// The numbers of the stored slices of one stream.
    pub(crate) fn seqs(&self, stream: &StreamId) -> Vec<u64> {
        self.memory.slices_of(stream).iter().map(|slice| slice.seq().get()).collect()
    }

    /// The slices of a stream in order and without a gap (P5), and never another one under the same number (P6).
    fn check(&self, batch: &[SealedSlice]) {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut offered: BTreeMap<&StreamId, Seq> = BTreeMap::new();
        for slice in batch {
            let (stream, seq) = (slice.stream(), slice.seq());
            if let Some(before) = offered.insert(stream, seq) {
                assert_eq!(before.next(), seq, "{stream}: a run is not consecutive");
            } else {
                let next = notes.acknowledged.get(stream).copied().unwrap_or_default();
                assert!(seq <= next, "{stream}: slice {seq} was offered before {next} was acknowledged");
            }
            let stored = self.memory.slices_of(stream).into_iter().find(|stored| stored.seq() == seq);
            if let Some(stored) = stored {
                assert_eq!(stored.digest(), slice.digest(), "{stream}: there are two slices {seq}");
            }
        }
        #[cfg(feature = "wal")]
        if let Some(disk) = &notes.disk {
            use ron_accounting_wal::{fault::Survival, inspect};
            let durable = inspect(&disk.crash_with(Survival::Synced, 0)).unwrap();
            let bodies: std::collections::BTreeSet<_> = durable
                .segments
                .iter()
                .flat_map(|segment| &segment.records)
                // A slice that is one of a group has the extent of the group before it.
                .map(|record| if record.kind.0 == 6 { &record.body[16..] } else { &record.body[..] })
                .collect();
            for slice in batch {
                let (stream, seq) = (slice.stream(), slice.seq());
                assert!(
                    bodies.contains(slice.bytes()),
                    "{stream}: slice {seq} was offered before it was durable"
                );
            }
        }
    }
}

impl Exporter for Witness {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        self.check(batch);
        self.heard(batch, self.memory.put_batch(batch))
    }

    fn put_claimed(&self, claim: &Claim, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        self.check(batch);
        self.heard(batch, self.memory.put_claimed(claim, batch))
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        self.memory.head(stream)
    }
}
