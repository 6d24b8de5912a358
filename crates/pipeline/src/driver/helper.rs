//! The thread that makes the puts of one drain, so that the caller's thread can go when its deadline has passed.

use std::{
    sync::{mpsc, Arc},
    thread::{self, JoinHandle},
};

use ron_accounting_export::Batch;

use super::{put, Shared, IS_EXPORT_THREAD};
use crate::exchange::MemberId;

/// Makes puts on a thread that is started at the first one.
pub(super) struct Helper<'a> {
    shared: &'a Arc<Shared>,
    member: MemberId,
    thread: Option<(mpsc::Sender<Batch>, JoinHandle<()>)>,
}

impl<'a> Helper<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>) -> Self {
        Self { shared, member: shared.exchange.enter(shared.exchange.new_crew()), thread: None }
    }

    pub(super) fn member(&self) -> MemberId {
        self.member
    }

    /// Makes a put, on the caller's thread only if the system gives us no other.
    pub(super) fn put(&mut self, batch: Batch) {
        if self.thread.is_none() {
            self.thread = self.start().ok();
        }
        let refused = match &self.thread {
            Some((batches, _)) => batches.send(batch).err().map(|mpsc::SendError(batch)| batch),
            None => Some(batch),
        };
        if let Some(batch) = refused {
            let answers = self.shared.exporter.as_deref().map(|exporter| put(exporter, &batch));
            self.shared.complete(self.member, &batch, answers.unwrap_or_default());
        }
    }

    fn start(&self) -> std::io::Result<(mpsc::Sender<Batch>, JoinHandle<()>)> {
        let (sender, batches) = mpsc::channel::<Batch>();
        let (shared, exporter, member) =
            (Arc::downgrade(self.shared), self.shared.exporter.clone(), self.member);
        let run = move || {
            IS_EXPORT_THREAD.with(|is_export_thread| is_export_thread.set(true));
            for batch in batches {
                let answers = exporter.as_deref().map(|exporter| put(exporter, &batch));
                let Some(shared) = shared.upgrade() else { return };
                shared.complete(member, &batch, answers.unwrap_or_default());
            }
        };
        Ok((sender, thread::Builder::new().name("accounting-drain".to_owned()).spawn(run)?))
    }

    /// Ends the thread, or leaves it behind in a put that has not returned.
    pub(super) fn end(self) {
        let is_idle = self.shared.exchange.forget(self.member);
        if let Some((batches, thread)) = self.thread {
            drop(batches);
            if is_idle {
                // Its panics are caught.
                let _ = thread.join();
            }
        }
    }
}
