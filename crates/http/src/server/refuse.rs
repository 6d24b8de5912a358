//! Connections that end while their client is still sending: what it is told, and how it gets to read that.
//!
//! Closing a connection on which something is unread makes the system throw away what was written last.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::Handle,
    sync::Semaphore,
    time,
};

use super::stream::Duplex;
use crate::{
    counters::Refusal,
    problem::{Problem, ProblemKind},
};

/// How many connections end in this way at the same time. Further ones are closed at once.
const AT_ONCE_MAX: usize = 64;
/// How long a connection is kept at most.
const PATIENCE: Duration = Duration::from_secs(1);
/// How much of what it still sends is read.
const READ_BYTES_MAX: u64 = 64 << 10;

/// Returns a whole answer of HTTP/1.1, after which the connection is closed.
fn message(problem: &Problem) -> Vec<u8> {
    let status = problem.kind().status();
    let body = problem.to_json();
    let retry =
        problem.retry_after_s().map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n{retry}connection: close\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or("Refused"),
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// Ends connections.
#[derive(Debug, Clone)]
pub(crate) struct Refuser(Arc<Semaphore>);

impl Default for Refuser {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE_MAX)))
    }
}

impl Refuser {
    /// Tells a connection that is not served why.
    pub(crate) fn refuse(&self, stream: impl Duplex, refusal: Refusal) {
        let detail = match refusal {
            Refusal::PeerConnections => {
                "you have as many connections open as one peer may have: close some, or use those that are open"
            }
            _ => "as many connections are open as may be: try again later",
        };
        self.end(stream, message(&Problem::new(ProblemKind::TooManyConnections, detail)));
    }

    /// Tells a client that its request did not come in time.
    pub(crate) fn tell_slow(&self, stream: impl Duplex) {
        let detail = "the request did not come in time: send it at once";
        self.end(stream, message(&Problem::new(ProblemKind::RequestTooSlow, detail)));
    }

    /// Lets a client read what it was sent.
    pub(crate) fn linger(&self, stream: impl Duplex) {
        self.end(stream, Vec::new());
    }

    fn end(&self, mut stream: impl Duplex, last_words: Vec<u8>) {
        let Ok(permit) = Arc::clone(&self.0).try_acquire_owned() else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            let _permit = permit;
            let tell = async {
                stream.write_all(&last_words).await?;
                stream.shutdown().await?;
                tokio::io::copy(&mut (&mut stream).take(READ_BYTES_MAX), &mut tokio::io::sink()).await
            };
            // The connection has ended, whether the client hears that or not.
            let _ = time::timeout(PATIENCE, tell).await;
        });
    }
}
