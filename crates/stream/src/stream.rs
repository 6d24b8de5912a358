//! The counting stream, over the traits of `std::io`.
//!
//! # What is forwarded and what is not
//! A method is forwarded when its answer tells exactly how many bytes were moved, and also when it fails. `read_exact`,
//! `read_to_string` and `write_all` do not tell, so they are left to the standard library, which builds them from calls that
//! do.

use std::io::{self, BufRead, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};

use crate::{tap::Tap, Counters};

/// A stream that counts the bytes that go through it.
///
/// It reads, writes, seeks and buffers wherever `S` does. Reads count as bytes in, writes as bytes out, and with
/// [`BufRead`] what is consumed counts, not what is buffered. Only what was moved is counted: an error passes through and counts
/// nothing, `WouldBlock` and `Interrupted` too. A count is in the totals as soon as the call has returned.
///
/// A call costs a few nanoseconds more than the bare one, takes no lock, and allocates nothing. Only the first look into a new
/// minute takes the lock that snapshots take. Making a stream and dropping it take it, too.
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
    /// How many bytes the last `fill_buf` showed that are not consumed yet.
    pub(crate) buffered: usize,
}

impl<S> CountingStream<S> {
    /// Counts what goes through `inner` from now on.
    pub fn new(inner: S, counters: Counters) -> Self {
        Self { inner, tap: Tap::new(counters), buffered: 0 }
    }

    /// The inner stream. What was counted stays counted.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// A handle to the counters.
    pub fn counters(&self) -> Counters {
        self.tap.counters().clone()
    }

    /// The inner stream. What goes through it directly is not counted.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner stream. What goes through it directly is not counted.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Counts a call that had room for `room` bytes, or nothing if it failed.
    #[inline]
    fn count_in(&mut self, result: io::Result<usize>, room: usize) -> io::Result<usize> {
        match result {
            // A broken reader may claim more than there was room for; no more than that was moved.
            Ok(bytes) => self.tap.moved_in(bytes.min(room)),
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

    /// Counts what was consumed, as far as it had been shown: a caller may claim any number.
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
        let room = buffers.iter().map(|buffer| buffer.len()).sum();
        let result = self.inner.read_vectored(buffers);
        self.count_in(result, room)
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let before = buffer.len();
        let result = self.inner.read_to_end(buffer);
        // When it fails, what was read before is in the buffer.
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
