//! A server from its first connection to its end.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time};

use super::{
    connection::{self, Common},
    listener::{Accepted, Listener},
    peers::{Admission, Peers},
    refuse::Refuser,
    stream::Duplex,
};
use crate::{
    counters::{Counters, Refusal},
    ListenAddress, ServeError, ServerLimits, Surface,
};

/// How long the server waits after the system had no files or memory for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server that listens, and has accepted nothing yet.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    surface: Surface,
    common: Arc<Common>,
    peers: Arc<Peers>,
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// How many connections were cut off because they were still busy at the deadline.
    pub cut_off: usize,
}

impl Server {
    /// Begins to listen, so that connections wait until [`Server::run`].
    ///
    /// Refuses every address that is not [local](ListenAddress::is_local): there are no tokens that tell callers apart. On loopback, it
    /// answers only requests that name this machine as their host.
    pub async fn bind(
        address: &ListenAddress,
        surface: Surface,
        limits: ServerLimits,
    ) -> Result<Self, ServeError> {
        if !address.is_local() {
            return Err(ServeError::NotLocal { address: address.clone() });
        }
        let listener = Listener::bind(address).await?;
        let counters = Arc::clone(surface.counters());
        let peers = Peers::new(limits.connections_max, limits.peer_connections_max, Arc::clone(&counters));
        let checks_host = matches!(address, ListenAddress::Tcp(_));
        let common = Arc::new(Common {
            router: surface.router(),
            limits,
            counters,
            refuser: Refuser::default(),
            checks_host,
        });
        Ok(Self { listener, surface, common, peers })
    }

    /// Returns where it listens, with the port that was chosen.
    pub fn address(&self) -> &ListenAddress {
        self.listener.address()
    }

    /// Serves until `stop`, and ends in steps: `/readyz` says no, and connections are still accepted for
    /// [`ServerLimits::propagation_delay`]; then none is accepted, and open requests have [`ServerLimits::drain_timeout`] to come to their
    /// end; then they are cut off. Once `hurry` is ready, the steps that are left are taken at once.
    pub async fn run(self, stop: impl Future<Output = ()>, hurry: impl Future<Output = ()>) -> Ended {
        let Self { listener, surface, common, peers } = self;
        let (drain, draining) = watch::channel(false);
        let mut accepting =
            Accepting { listener, common: Arc::clone(&common), peers, draining, open: JoinSet::new() };
        let mut hurry = pin!(hurry);

        accepting.until(stop).await;
        surface.begin_stopping();
        let delay = time::sleep(common.limits.propagation_delay);
        let is_hurried = accepting
            .until(async {
                tokio::select! {
                    () = delay => false,
                    () = hurry.as_mut() => true,
                }
            })
            .await;

        let Accepting { listener, mut open, .. } = accepting;
        drop(listener);
        // Nobody may be left to hear it.
        let _ = drain.send(true);
        if !is_hurried {
            let drained = async { while open.join_next().await.is_some() {} };
            tokio::select! {
                () = drained => {}
                () = time::sleep(common.limits.drain_timeout) => {}
                () = hurry => {}
            }
        }
        while open.try_join_next().is_some() {}
        let cut_off = open.len();
        for _ in 0..cut_off {
            common.counters.refuse(Refusal::Shutdown);
        }
        open.shutdown().await;
        Ended { cut_off }
    }
}

struct Accepting {
    listener: Listener,
    common: Arc<Common>,
    peers: Arc<Peers>,
    draining: watch::Receiver<bool>,
    open: JoinSet<()>,
}

impl Accepting {
    /// Accepts connections until the event, and returns what it brought.
    async fn until<T>(&mut self, event: impl Future<Output = T>) -> T {
        let mut event = pin!(event);
        loop {
            tokio::select! {
                brought = event.as_mut() => return brought,
                accepted = self.listener.accept() => {
                    if let Ok(accepted) = accepted {
                        self.begin(accepted);
                        continue;
                    }
                    self.counters().refuse(Refusal::Accept);
                    tokio::select! {
                        brought = event.as_mut() => return brought,
                        () = time::sleep(ACCEPT_PAUSE) => {}
                    }
                }
                Some(_) = self.open.join_next() => {}
            }
        }
    }

    fn counters(&self) -> &Counters {
        &self.common.counters
    }

    fn begin(&mut self, accepted: Accepted) {
        match accepted {
            Accepted::Tcp(stream, peer) => {
                // Answers are written as a whole. Without this, the last part of one may wait for an acknowledgement.
                let _ = stream.set_nodelay(true);
                match self.peers.admit(Some(peer.ip())) {
                    Ok(admission) => self.serve(stream, admission),
                    Err(refusal) => self.refuse(stream, refusal),
                }
            }
            #[cfg(unix)]
            Accepted::Unix(stream) => match self.peers.admit(None) {
                Ok(admission) => self.serve(stream, admission),
                Err(refusal) => self.refuse(stream, refusal),
            },
        }
    }

    fn serve(&mut self, stream: impl Duplex, admission: Admission) {
        let (common, draining) = (Arc::clone(&self.common), self.draining.clone());
        self.open.spawn(async move {
            let _admission = admission;
            connection::serve(stream, common, draining).await;
        });
    }

    fn refuse(&self, stream: impl Duplex, refusal: Refusal) {
        self.counters().refuse(refusal);
        self.common.refuser.refuse(stream, refusal);
    }
}
