//! The thread that makes the requests of one drain, so that the caller's thread can go when its deadline has passed.

use std::{
    sync::{mpsc, Arc},
    thread::{self, JoinHandle},
};

use super::{make, Request, Shared, IS_EXPORT_THREAD};
use crate::exchange::MemberId;

/// Makes requests on a thread that is started at the first one.
pub(super) struct DrainThread<'a> {
    shared: &'a Arc<Shared>,
    member: MemberId,
    thread: Option<(mpsc::Sender<Request>, JoinHandle<()>)>,
}

impl<'a> DrainThread<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>) -> Self {
        Self { shared, member: shared.exchange.enter(shared.exchange.new_crew()), thread: None }
    }

    pub(super) fn member(&self) -> MemberId {
        self.member
    }

    /// Makes a request, on the caller's thread only if the system gives us no other.
    pub(super) fn make(&mut self, request: Request) {
        if self.thread.is_none() {
            self.thread = self.start().ok();
        }
        let refused = match &self.thread {
            Some((requests, _)) => requests.send(request).err().map(|mpsc::SendError(request)| request),
            None => Some(request),
        };
        if let Some(request) = refused {
            self.shared.complete(self.member, make(self.shared.exporter.as_deref(), request));
        }
    }

    fn start(&self) -> std::io::Result<(mpsc::Sender<Request>, JoinHandle<()>)> {
        let (sender, requests) = mpsc::channel::<Request>();
        let (shared, exporter, member) =
            (Arc::downgrade(self.shared), self.shared.exporter.clone(), self.member);
        let run = move || {
            IS_EXPORT_THREAD.with(|is_export_thread| is_export_thread.set(true));
            for request in requests {
                let response = make(exporter.as_deref(), request);
                let Some(shared) = shared.upgrade() else { return };
                shared.complete(member, response);
            }
        };
        Ok((sender, thread::Builder::new().name("accounting-drain".to_owned()).spawn(run)?))
    }

    /// Ends the thread, or leaves it behind in a put that has not returned.
    pub(super) fn end(self) {
        let is_idle = self.shared.exchange.forget(self.member);
        if let Some((requests, thread)) = self.thread {
            drop(requests);
            if is_idle {
                // Its panics are caught.
                let _ = thread.join();
            }
        }
    }
}
