//! Exports to the ledger, which block: a limited number at once, and a limited number of bytes in memory.

use std::{sync::Arc, time::Duration};

use ron_accounting_export::Exporter;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task, time,
};

use crate::{
    counters::{Counters, Refusal},
    problem::{Problem, ProblemKind},
};

/// Bytes are reserved in blocks of this size.
const BLOCK_BYTES: usize = 4 << 10;

pub(crate) struct Puts {
    exporter: Arc<dyn Exporter>,
    permits: Arc<Semaphore>,
    blocks: Arc<Semaphore>,
    wait: Duration,
    counters: Arc<Counters>,
}

impl Puts {
    pub(crate) fn new(
        exporter: Arc<dyn Exporter>,
        puts_max: usize,
        bytes_max: usize,
        wait: Duration,
        counters: Arc<Counters>,
    ) -> Self {
        let blocks = (bytes_max / BLOCK_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        let permits = Arc::new(Semaphore::new(puts_max));
        Self { exporter, permits, blocks: Arc::new(Semaphore::new(blocks)), wait, counters }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.blocks.available_permits() > 0
    }

    /// Begins to read a body, of which nothing is in memory.
    pub(crate) fn begin(&self) -> Reservation {
        let (blocks, counters) = (Arc::clone(&self.blocks), Arc::clone(&self.counters));
        Reservation { blocks, counters, held: None, bytes: 0 }
    }

    /// Runs `put` with the exporter on a thread that may block, as soon as there is room for it. Refused if that takes too long.
    ///
    /// An export that has begun runs to its end, even if nobody waits for the answer any more: sending it again is right.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        reservation: Reservation,
        put: impl FnOnce(&dyn Exporter) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = time::timeout(self.wait, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(busy(&self.counters, "as many exports as may be were being stored"));
        };
        let exporter = Arc::clone(&self.exporter);
        let ended = task::spawn_blocking(move || {
            let _held = (permit, reservation);
            put(&*exporter)
        });
        ended.await.map_err(|_| {
            let detail = "the ledger failed without an answer: see the server's output, and send it again";
            Problem::new(ProblemKind::Internal, detail)
        })
    }
}

fn busy(counters: &Counters, why: &str) -> Problem {
    counters.refuse(Refusal::Exports);
    Problem::new(ProblemKind::TooManyExports, format!("{why}: nothing was stored, send it again later"))
}

/// The bytes of one body that are in memory. They are given back when it is dropped.
pub(crate) struct Reservation {
    blocks: Arc<Semaphore>,
    counters: Arc<Counters>,
    held: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Reservation {
    /// Reserves memory for further bytes. Refused if all exports together have no more.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let before = self.bytes.div_ceil(BLOCK_BYTES);
        self.bytes = self.bytes.saturating_add(bytes);
        let more = self.bytes.div_ceil(BLOCK_BYTES) - before;
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        match Arc::clone(&self.blocks).try_acquire_many_owned(more) {
            Ok(permit) => match &mut self.held {
                Some(held) => held.merge(permit),
                None => self.held = Some(permit),
            },
            Err(_) => {
                return Err(busy(
                    &self.counters,
                    "the bodies of all exports fill the memory that they may have",
                ))
            }
        }
        Ok(())
    }
}
