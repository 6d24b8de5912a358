//! Reads a log ahead of its lines: a thread reads, unpacks and hashes, while the caller takes lines apart.

use std::{
    io::{self, Read},
    sync::mpsc::{self, Receiver, Sender, SyncSender},
    thread,
};

use anyhow::Context;
use ron_accounting_access_log::Decoded;

use super::source::{Content, HashingReader, Mark};

/// How much is passed on at once.
const CHUNK_BYTES: usize = 256 << 10;

/// How many chunks may wait for the caller.
const CHUNKS_MAX: usize = 4;

/// What was read of a log.
#[derive(Debug)]
pub(super) struct Unpacked {
    pub(super) content: Content,
    pub(super) marks: Vec<Mark>,
    /// Why it could not be unpacked to its end.
    pub(super) damage: Option<String>,
}

/// The bytes of a chunk, and how many of them are in use.
type Chunk = (Vec<u8>, usize);

/// Unpacks the first `bytes_max` bytes of a log and marks it at `ends`, while `work` reads them. What `work` leaves is read all the
/// same.
pub(super) fn read_ahead<T>(
    input: impl Read + Send,
    bytes_max: u64,
    ends: Vec<u64>,
    work: impl FnOnce(&mut Ahead) -> anyhow::Result<T>,
) -> anyhow::Result<(T, Unpacked)> {
    let (full, chunks) = mpsc::sync_channel(CHUNKS_MAX);
    let (emptied, empty) = mpsc::channel();
    thread::scope(|scope| {
        let name = thread::Builder::new().name("import-read".to_owned());
        let reading = name.spawn_scoped(scope, move || {
            let unpacked = unpack(input, bytes_max, ends, &full, &empty);
            // The caller reads the error. If it has stopped, it has one of its own.
            unpacked.map_err(|error| drop(full.send(Err(error)))).ok()
        })?;
        let mut ahead = Ahead { chunks, emptied, current: (Vec::new(), 0), used: 0 };
        let done = work(&mut ahead)?;
        io::copy(&mut ahead, &mut io::sink()).context("cannot read to the end")?;
        let unpacked = reading.join().ok().flatten();
        Ok((done, unpacked.ok_or_else(|| io::Error::other("the thread that reads has stopped"))?))
    })
}

fn unpack(
    input: impl Read,
    bytes_max: u64,
    ends: Vec<u64>,
    full: &SyncSender<io::Result<Chunk>>,
    empty: &Receiver<Vec<u8>>,
) -> io::Result<Unpacked> {
    let mut reader = HashingReader::new(Decoded::new(input)?.take(bytes_max)).marking(ends);
    loop {
        let mut chunk = empty.try_recv().unwrap_or_else(|_| vec![0; CHUNK_BYTES]);
        let read = match reader.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 || full.send(Ok((chunk, read))).is_err() {
            break;
        }
    }
    let damage = reader.get_ref().get_ref().damage().map(ToString::to_string);
    let (content, marks) = reader.finish();
    Ok(Unpacked { content, marks, damage })
}

/// What the thread has read.
#[derive(Debug)]
pub(super) struct Ahead {
    chunks: Receiver<io::Result<Chunk>>,
    emptied: Sender<Vec<u8>>,
    current: Chunk,
    used: usize,
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used == self.current.1 {
            // The thread drops its end when there is no more.
            let Ok(next) = self.chunks.recv() else { return Ok(0) };
            let (chunk, _) = std::mem::replace(&mut self.current, next?);
            self.used = 0;
            if !chunk.is_empty() {
                // The thread may have ended already.
                let _ = self.emptied.send(chunk);
            }
        }
        let rest = self.current.0.get(self.used..self.current.1).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) else { return Ok(0) };
        to.copy_from_slice(from);
        self.used += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{read_ahead, CHUNK_BYTES};

    #[test]
    fn all_that_is_read_arrives_in_order_and_is_hashed() {
        let log: Vec<u8> = (0..CHUNK_BYTES * 9 + 7).map(|at| b"metering"[at * 7 % 8]).collect();
        for bytes_max in [0, 1, CHUNK_BYTES as u64, u64::MAX] {
            let expected = &log[..log.len().min(usize::try_from(bytes_max).unwrap())];
            let read = |ahead: &mut super::Ahead| {
                let mut all = Vec::new();
                ahead.read_to_end(&mut all)?;
                Ok(all)
            };
            let (all, unpacked) = read_ahead(log.as_slice(), bytes_max, Vec::new(), read).unwrap();
            assert!(all == expected);
            assert_eq!(unpacked.content.hash, blake3::hash(expected));
            let ((), unread) = read_ahead(log.as_slice(), bytes_max, Vec::new(), |_| Ok(())).unwrap();
            assert_eq!(unread.content.hash, blake3::hash(expected));
        }
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no medium"))
        }
    }

    #[test]
    fn work_that_fails_and_input_that_fails_end_the_thread() {
        let log = vec![b'a'; CHUNK_BYTES * 20];
        let failed = read_ahead(log.as_slice(), u64::MAX, Vec::new(), |_| anyhow::bail!("enough"));
        assert_eq!(failed.map(|((), _)| ()).unwrap_err().to_string(), "enough");

        let broken = read_ahead(log.as_slice().chain(Broken), u64::MAX, Vec::new(), |_| Ok(()));
        assert_eq!(broken.map(|((), _)| ()).unwrap_err().root_cause().to_string(), "no medium");
    }
}
