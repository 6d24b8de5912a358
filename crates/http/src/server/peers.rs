//! How many connections there are, in all and of each peer.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{
        atomic::{AtomicUsize, Ordering},
        Arc,
    },
};

use dashmap::{mapref::entry::Entry, DashMap};

use crate::counters::{Counters, Refusal};

/// Open connections. A peer without one takes no memory.
#[derive(Debug)]
pub(crate) struct Peers {
    connections_max: usize,
    peer_connections_max: usize,
    connections: AtomicUsize,
    by_address: DashMap<IpAddr, usize>,
    counters: Arc<Counters>,
}

/// One open connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    peers: Arc<Peers>,
    peer: Option<IpAddr>,
}

impl Peers {
    pub(crate) fn new(
        connections_max: usize,
        peer_connections_max: usize,
        counters: Arc<Counters>,
    ) -> Arc<Self> {
        let (connections, by_address) = (AtomicUsize::new(0), DashMap::new());
        Arc::new(Self { connections_max, peer_connections_max, connections, by_address, counters })
    }

    /// Admits a connection, or returns which limit is reached.
    pub(crate) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Admission, Refusal> {
        let one_more = |open| (open < self.connections_max).then_some(open + 1);
        if self.connections.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_err() {
            return Err(Refusal::Connections);
        }
        let peer = address.map(peer_of);
        if let Some(peer) = peer {
            let mut open = self.by_address.entry(peer).or_insert(0);
            if *open >= self.peer_connections_max {
                self.connections.fetch_sub(1, Ordering::AcqRel);
                return Err(Refusal::PeerConnections);
            }
            *open += 1;
        }
        self.counters.begin_connection();
        Ok(Admission { peers: Arc::clone(self), peer })
    }
}

/// Returns whom an address belongs to. One who has an IPv6 address has 2^64 of them.
fn peer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let peers = &self.peers;
        if let Some(Entry::Occupied(mut open)) = self.peer.map(|peer| peers.by_address.entry(peer)) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
        peers.connections.fetch_sub(1, Ordering::AcqRel);
        peers.counters.end_connection();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_peer_and_all_together_have_a_limit() {
        let counters = Arc::new(Counters::default());
        let peers = Peers::new(3, 2, Arc::clone(&counters));
        let first = peers.admit(Some(peer("192.0.2.1"))).unwrap();
        let _second = peers.admit(Some(peer("::ffff:192.0.2.1"))).unwrap();
        assert_eq!(peers.admit(Some(peer("192.0.2.1"))).unwrap_err(), Refusal::PeerConnections);
        let _third = peers.admit(Some(peer("2001:db8::1"))).unwrap();
        assert_eq!(peers.admit(None).unwrap_err(), Refusal::Connections);
        assert_eq!(counters.connections(), 3);
        drop(first);
        let _fourth = peers.admit(Some(peer("2001:db8::ffff:2"))).unwrap();
        assert_eq!(peers.by_address.len(), 2);
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let peers = Peers::new(3, 2, Arc::new(Counters::default()));
        drop((peers.admit(Some(peer("192.0.2.1"))).unwrap(), peers.admit(Some(peer("192.0.2.1"))).unwrap()));
        assert!(peers.by_address.is_empty() && peers.counters.connections() == 0);
    }
}
