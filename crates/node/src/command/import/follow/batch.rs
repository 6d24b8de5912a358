//! Lines that were read and are not in the ledger yet, and the slices that they become.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use ron_accounting::{
    export::{Ack, Exporter, Head, Origin, PutError, SealedSlice, Slice, StreamId},
    normalize::RouteNormalizer,
};
use ron_accounting_sqlite::SqliteLedger;

use crate::command::import::{
    held::Held,
    metering::{self, Destination},
    shape::Shape,
    summary::Summary,
};

/// Counts of lines, and what the summary will say of them.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) held: Held,
    pub(super) tally: Summary,
    /// When the first of the lines was read; `None` if there is none.
    pub(super) since_ms: Option<u64>,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self { held: Held::new(RandomState::new().hash_one(0)), tally: Summary::default(), since_ms: None }
    }

    /// Adds the lines of a batch that was read later.
    pub(super) fn absorb(&mut self, later: Self) {
        self.held.absorb(later.held);
        self.tally.absorb(later.tally);
        self.since_ms = self.since_ms.or(later.since_ms);
    }
}

/// Seals counts into slices whose chains begin with number 0, and adds their figures to the summary.
pub(super) fn seal(
    held: Held,
    origin: Origin,
    shape: &Shape,
    normalizer: &RouteNormalizer,
    summary: &mut Summary,
) -> anyhow::Result<Vec<SealedSlice>> {
    let collector = Arc::new(Collector::default());
    let destination = Destination {
        ledger: Arc::clone(&collector) as Arc<dyn Exporter>,
        log: None,
        amnesia: false,
        origin: Some(origin),
    };
    metering::seal(held, shape, normalizer, &destination, summary)?;
    let mut slices = collector.slices.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *slices))
}

/// Keeps the slices of one batch, whose chains begin with number 0.
#[derive(Debug, Default)]
struct Collector {
    slices: Mutex<Vec<SealedSlice>>,
}

impl Exporter for Collector {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        self.slices.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(batch);
        batch.iter().map(|_| Ok(Ack::Ok)).collect()
    }

    fn head(&self, _: &StreamId) -> Result<Option<Head>, PutError> {
        Ok(None)
    }
}

/// Lets each stream's slices continue its chain in the ledger.
pub(super) fn continued(sealed: &[SealedSlice], ledger: &SqliteLedger) -> anyhow::Result<Vec<SealedSlice>> {
    let mut heads: HashMap<StreamId, Head> = HashMap::new();
    let mut slices = Vec::with_capacity(sealed.len());
    for slice in sealed {
        let stream = slice.stream().clone();
        let head = match heads.remove(&stream) {
            Some(head) => head,
            None => ledger.head(&stream)?.unwrap_or_else(|| Head::genesis(stream.clone())),
        };
        let head = continue_chain(slice.decode(), head, &mut slices)?;
        heads.insert(stream, head);
    }
    Ok(slices)
}

/// Adds a slice behind the head, and returns the new head. A slice that is too long with its link becomes two.
fn continue_chain(mut slice: Slice, head: Head, slices: &mut Vec<SealedSlice>) -> anyhow::Result<Head> {
    slice.seq = head.next_seq();
    slice.previous = head.last();
    match slice.encode() {
        Ok(sealed) => {
            let head = Head::new(slice.stream, sealed.seq().next(), Some(sealed.digest()));
            slices.push(sealed);
            Ok(head)
        }
        Err(_) if slice.rows.len() > 1 => {
            let rest = slice.rows.split_off(slice.rows.len() / 2);
            let second = Slice { rows: rest, ..slice.clone() };
            let head = continue_chain(slice, head, slices)?;
            continue_chain(second, head, slices)
        }
        Err(error) => Err(error).context("cannot encode a slice"),
    }
}
