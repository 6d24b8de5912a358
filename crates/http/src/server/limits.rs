//! The limits on connections.

use std::time::Duration;

/// Limits on connections, and on what a server waits for. Each one that is reached is counted as a [`Refusal`](crate::Refusal).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimits {
    /// How many connections are open at once. Default 1024. Further ones are answered with 503.
    pub connections_max: usize,
    /// How many connections of one peer are open at once: an IPv4 address, or 64 bits of an IPv6 address. Default 256. Further ones are
    /// answered with 503. A Unix socket has no peers.
    pub peer_connections_max: usize,
    /// How long a new connection may send nothing. Default 10 seconds.
    pub first_byte_timeout: Duration,
    /// How long the head of a request may take from its first byte on. Default 10 seconds.
    pub header_timeout: Duration,
    /// How many bytes the head of a request has at most. Default 16 KiB; less than 8 KiB counts as 8 KiB.
    pub header_bytes_max: usize,
    /// How long a client may take nothing of an answer that is ready. Default 30 seconds.
    pub answer_idle_timeout: Duration,
    /// How long a connection may be idle between requests. Default 60 seconds.
    pub idle_timeout: Duration,
    /// How many requests of one HTTP/2 connection are open at once. Default 100.
    pub streams_max: u32,
    /// How many requests a connection may give up before it is closed. Default 1000.
    pub resets_max: usize,
    /// How long the server goes on to accept connections after it was told to end, so that nobody is sent to it any more. Default 3
    /// seconds.
    pub propagation_delay: Duration,
    /// How long open requests may take to come to their end after that. Default 20 seconds.
    pub drain_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            peer_connections_max: 256,
            first_byte_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            header_bytes_max: 16 << 10,
            answer_idle_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            streams_max: 100,
            resets_max: 1000,
            propagation_delay: Duration::from_secs(3),
            drain_timeout: Duration::from_secs(20),
        }
    }
}
