//! The counting stream over tokio's traits.
//!
//! The inner stream has to be `Unpin`, as sockets, files, pipes and boxed streams are. Any other could be reached through its
//! pin only with unsafe code. A pending poll counts nothing. The call after it reads the clock, since much time may have
//! passed.

use std::{
    io::{IoSlice, Result, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

use crate::CountingStream;

impl<S: AsyncRead + Unpin> AsyncRead for CountingStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(context, buffer);
        match result {
            Poll::Ready(Ok(())) => self.tap.moved_in(buffer.filled().len().saturating_sub(before)),
            Poll::Ready(Err(_)) | Poll::Pending => self.tap.stalled(),
        }
        result
    }
}

impl<S: AsyncBufRead + Unpin> AsyncBufRead for CountingStream<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<&[u8]>> {
        let Self { inner, tap, buffered } = self.get_mut();
        let result = Pin::new(inner).poll_fill_buf(context);
        match &result {
            Poll::Ready(Ok(buffer)) => *buffered = buffer.len(),
            Poll::Ready(Err(_)) | Poll::Pending => tap.stalled(),
        }
        result
    }

    fn consume(mut self: Pin<&mut Self>, bytes: usize) {
        Pin::new(&mut self.inner).consume(bytes);
        self.consumed(bytes);
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CountingStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(context, buffer);
        self.written(&result, buffer.len());
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let offered = buffers.iter().map(|buffer| buffer.len()).sum();
        let result = Pin::new(&mut self.inner).poll_write_vectored(context, buffers);
        self.written(&result, offered);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<S: AsyncSeek + Unpin> AsyncSeek for CountingStream<S> {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> Result<()> {
        self.buffered = 0;
        Pin::new(&mut self.inner).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<u64>> {
        Pin::new(&mut self.inner).poll_complete(context)
    }
}

impl<S> CountingStream<S> {
    fn written(&mut self, result: &Poll<Result<usize>>, offered: usize) {
        match result {
            Poll::Ready(Ok(bytes)) => self.tap.moved_out((*bytes).min(offered)),
            Poll::Ready(Err(_)) | Poll::Pending => self.tap.stalled(),
        }
    }
}
