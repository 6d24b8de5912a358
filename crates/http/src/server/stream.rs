//! A connection's bytes, on their way past its watch.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{ready, Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{refuse::Refuser, watch::Watch};

/// A stream that can be given away.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Duplex for S {}

/// What becomes of a stream when its connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Farewell {
    /// The client may read what it was sent, although it is still sending.
    #[default]
    Linger,
    /// The same, and it is told why the connection ends.
    Tell,
    /// None of it.
    Abrupt,
}

pub(crate) struct WatchedStream<S: Duplex> {
    /// `None` in the end.
    stream: Option<S>,
    watch: Arc<Watch>,
    farewell: Arc<Mutex<Farewell>>,
    refuser: Refuser,
    has_ended: bool,
}

impl<S: Duplex> WatchedStream<S> {
    pub(crate) fn new(
        stream: S,
        watch: Arc<Watch>,
        farewell: Arc<Mutex<Farewell>>,
        refuser: Refuser,
    ) -> Self {
        Self { stream: Some(stream), watch, farewell, refuser, has_ended: false }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut S>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<S: Duplex> Drop for WatchedStream<S> {
    fn drop(&mut self) {
        let farewell = *self.farewell.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stream) = self.stream.take().filter(|_| !self.has_ended) else { return };
        match farewell {
            Farewell::Linger => self.refuser.linger(stream),
            Farewell::Tell => self.refuser.tell_slow(stream),
            Farewell::Abrupt => {}
        }
    }
}

impl<S: Duplex> AsyncRead for WatchedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let has_room = buffer.remaining() > 0;
        ready!(self.stream()?.poll_read(context, buffer))?;
        match buffer.filled().get(before) {
            Some(first) => self.watch.has_read(*first),
            None => self.has_ended |= has_room,
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Duplex> WatchedStream<S> {
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.watch.is_blocked(),
            Poll::Ready(_) => self.watch.has_written(),
        }
        written
    }
}

impl<S: Duplex> AsyncWrite for WatchedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write_vectored(context, parts);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
