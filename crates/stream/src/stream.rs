//! The counting stream, over the traits of `std::io`.
//!
//! # Which methods are forwarded
//! Those whose result says exactly how many bytes were moved, even when they fail. The results of `read_exact`,
//! `read_to_string` and `write_all` do not say it. So these are left to the standard library, which calls the others.

use std::io::{self, BufRead, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};

use crate::{tap::Tap, Counters};

/// A stream that counts the bytes that go through it.
///
/// It implements reading, writing, seeking and buffering if `S` does. Reads count as bytes in, and writes as bytes out. With
/// [`BufRead`], what is consumed counts, not what is buffered. Only bytes that were moved are counted. An error is returned
/// unchanged and counts nothing, `WouldBlock` and `Interrupted` included. Bytes are in the totals as soon as the call has
/// returned.
///
/// A call costs a few nanoseconds more than that of `S`, takes no lock, and allocates nothing. Only the first reading of the
/// clock in a new minute takes the lock that snapshots take. Making and dropping a stream take it, too.
///
/// ```
/// use std::io::Read;
/// use ron_accounting_stream::{Counters, CountingStream};
///
/// let counters = Counters::new();
/// let mut stream = CountingStream::new(&b"hello"[..], counters.clone());
/// stream.read_exact(&mut [0; 3])?;
/// assert_eq!(counters.totals().bytes_in, 3);
/// assert_eq!(stream.into_inner(), b"lo");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct CountingStream<S> {
    pub(crate) inner: S,
    pub(crate) tap: Tap,
    /// The number of bytes that the last `fill_buf` returned and that are not consumed yet.
    pub(crate) buffered: usize,
}

impl<S> CountingStream<S> {
    /// Makes a stream that counts what goes through `inner` from now on.
    pub fn new(inner: S, counters: Counters) -> Self {
        Self { inner, tap: Tap::new(counters), buffered: 0 }
    }

    /// Returns the inner stream. What was counted stays counted.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Returns a handle to the counters.
    pub fn counters(&self) -> Counters {
        self.tap.counters().clone()
    }

    /// Returns the inner stream. What goes through it directly is not counted.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner stream. What goes through it directly is not counted.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Counts a read into `offered` bytes, or nothing if it failed.
    #[inline]
    fn count_in(&mut self, result: io::Result<usize>, offered: usize) -> io::Result<usize> {
        match result {
            // A broken reader may claim more bytes than the buffer has. No more than that were moved.
            Ok(bytes) => self.tap.moved_in(bytes.min(offered)),
            Err(_) => self.tap.stalled(),
        }
        result
    }

    #[inline]
    fn count_out(&mut self, result: io::Result<usize>, offered: usize) -> io::Result<usize> {
        match result {
            Ok(bytes) => self.tap.moved_out(bytes.min(offered)),
            Err(_) => self.tap.stalled(),
        }
        result
    }

    /// Counts what was consumed, but not more than was in the buffer: a caller may pass any number.
    #[inline]
    pub(crate) fn consumed(&mut self, bytes: usize) {
        let consumed = bytes.min(self.buffered);
        self.buffered -= consumed;
        self.tap.moved_in(consumed);
    }
}

impl<S: Read> Read for CountingStream<S> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(buffer);
        self.count_in(result, buffer.len())
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let offered = buffers.iter().map(|buffer| buffer.len()).sum();
        let result = self.inner.read_vectored(buffers);
        self.count_in(result, offered)
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let before = buffer.len();
        let result = self.inner.read_to_end(buffer);
        // If it fails, what was read before is in the buffer.
        self.tap.moved_in(buffer.len().saturating_sub(before));
        if result.is_err() {
            self.tap.stalled();
        }
        result
    }
}

impl<S: BufRead> BufRead for CountingStream<S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.inner.fill_buf() {
            Ok(buffer) => {
                self.buffered = buffer.len();
                Ok(buffer)
            }
            Err(error) => {
                self.tap.stalled();
                Err(error)
            }
        }
    }

    #[inline]
    fn consume(&mut self, bytes: usize) {
        self.inner.consume(bytes);
        self.consumed(bytes);
    }
}

impl<S: Write> Write for CountingStream<S> {
    #[inline]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(buffer);
        self.count_out(result, buffer.len())
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let offered = buffers.iter().map(|buffer| buffer.len()).sum();
        let result = self.inner.write_vectored(buffers);
        self.count_out(result, offered)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<S: Seek> Seek for CountingStream<S> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.buffered = 0;
        self.inner.seek(position)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        self.inner.stream_position()
    }
}
