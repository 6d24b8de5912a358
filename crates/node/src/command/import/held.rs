//! Counts that wait for their windows, so that each line counts in the window of its own time, whatever the order of lines.
//!
//! An instance closes windows in order and for good. So counts are held, by window and label set, and the oldest windows are
//! closed when the held ones take too much memory, or at the end of the log. A line that is older than a window that was closed
//! is set aside, for a further pass with windows of its own.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    io::{self, BufReader, BufWriter, Cursor, Read, Seek, Write},
};

use foldhash::quality::FixedState;

/// What an entry takes besides its label set, about.
const ENTRY_BYTES: usize = 112;

/// The labels of a line that differ from line to line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineLabels<'a> {
    pub(super) tenant: &'a str,
    pub(super) method: &'a str,
    pub(super) route: &'a str,
}

/// What was counted under a label set in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) requests: u64,
    pub(super) bytes_in: u128,
    pub(super) bytes_out: u128,
}

/// The counts of one window.
pub(super) struct Window {
    counts: HashMap<Box<[u8]>, Counts, FixedState>,
}

impl Window {
    /// Returns each label set with its counts, in an order that the log alone decides.
    pub(super) fn counts(&self) -> impl Iterator<Item = (LineLabels<'_>, Counts)> {
        self.counts.iter().filter_map(|(key, counts)| Some((decode(key)?, *counts)))
    }
}

/// Counts by window and label set.
pub(super) struct Held {
    windows: BTreeMap<u64, Window>,
    bytes: usize,
    key: Vec<u8>,
    seed: u64,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("windows", &self.windows.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Held {
    /// Holds nothing. The seed is one that no client can know.
    pub(super) fn new(seed: u64) -> Self {
        Self { windows: BTreeMap::new(), bytes: 0, key: Vec::new(), seed }
    }

    /// Adds counts to the window that begins at `start_ms`.
    pub(super) fn add(&mut self, start_ms: u64, labels: LineLabels<'_>, counts: Counts) {
        let seed = self.seed;
        let window = self
            .windows
            .entry(start_ms)
            .or_insert_with(|| Window { counts: HashMap::with_hasher(FixedState::with_seed(seed)) });
        encode(labels, &mut self.key);
        if let Some(held) = window.counts.get_mut(self.key.as_slice()) {
            held.requests += counts.requests;
            held.bytes_in += counts.bytes_in;
            held.bytes_out += counts.bytes_out;
            return;
        }
        self.bytes += self.key.len() + ENTRY_BYTES;
        window.counts.insert(self.key.clone().into_boxed_slice(), counts);
    }

    /// Adds all that `other` holds.
    pub(super) fn absorb(&mut self, mut other: Self) {
        while let Some((start_ms, window)) = other.take_oldest() {
            for (labels, counts) in window.counts() {
                self.add(start_ms, labels, counts);
            }
        }
    }

    /// Returns about how much memory the counts take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the oldest window out.
    pub(super) fn take_oldest(&mut self) -> Option<(u64, Window)> {
        let (start_ms, window) = self.windows.pop_first()?;
        self.bytes -= window.counts.keys().map(|key| key.len() + ENTRY_BYTES).sum::<usize>();
        Some((start_ms, window))
    }
}

fn encode(labels: LineLabels<'_>, key: &mut Vec<u8>) {
    key.clear();
    for label in [labels.tenant, labels.method, labels.route] {
        // A line has less than 2^32 bytes.
        key.extend(u32::try_from(label.len()).unwrap_or(u32::MAX).to_le_bytes());
        key.extend(label.as_bytes());
    }
}

fn decode(key: &[u8]) -> Option<LineLabels<'_>> {
    let mut rest = key;
    let mut label = || {
        let (length, behind) = rest.split_first_chunk()?;
        let (label, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        rest = behind;
        std::str::from_utf8(label).ok()
    };
    Some(LineLabels { tenant: label()?, method: label()?, route: label()? })
}

/// A file, or memory.
trait Storage: Read + Write + Seek {}
impl<T: Read + Write + Seek> Storage for T {}

/// Lines that are older than a window that was closed.
pub(super) struct SetAside {
    storage: BufWriter<Box<dyn Storage>>,
    records: u64,
    key: Vec<u8>,
}

impl fmt::Debug for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetAside").field("records", &self.records).finish_non_exhaustive()
    }
}

impl SetAside {
    /// Keeps lines in a temporary file that no other process can open, or in memory.
    pub(super) fn new(in_memory: bool) -> io::Result<Self> {
        let storage: Box<dyn Storage> =
            if in_memory { Box::new(Cursor::new(Vec::new())) } else { Box::new(tempfile::tempfile()?) };
        Ok(Self { storage: BufWriter::new(storage), records: 0, key: Vec::new() })
    }

    /// Adds the counts of a line.
    pub(super) fn add(&mut self, start_ms: u64, labels: LineLabels<'_>, counts: Counts) -> io::Result<()> {
        encode(labels, &mut self.key);
        self.storage.write_all(&start_ms.to_le_bytes())?;
        self.storage.write_all(&counts.requests.to_le_bytes())?;
        self.storage.write_all(&counts.bytes_in.to_le_bytes())?;
        self.storage.write_all(&counts.bytes_out.to_le_bytes())?;
        self.storage.write_all(&(self.key.len() as u64).to_le_bytes())?;
        self.storage.write_all(&self.key)?;
        self.records += 1;
        Ok(())
    }

    /// Hands the lines out in the order in which they came.
    pub(super) fn replay<E: From<io::Error>>(
        self,
        mut each: impl FnMut(u64, LineLabels<'_>, Counts) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut storage = self.storage.into_inner().map_err(io::IntoInnerError::into_error)?;
        storage.rewind()?;
        let mut reader = BufReader::new(storage);
        let mut key = Vec::new();
        for _ in 0..self.records {
            let start_ms = u64::from_le_bytes(take(&mut reader)?);
            let requests = u64::from_le_bytes(take(&mut reader)?);
            let bytes_in = u128::from_le_bytes(take(&mut reader)?);
            let bytes_out = u128::from_le_bytes(take(&mut reader)?);
            let length = u64::from_le_bytes(take(&mut reader)?);
            key.clear();
            (&mut reader).take(length).read_to_end(&mut key)?;
            let labels = decode(&key).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
            each(start_ms, labels, Counts { requests, bytes_in, bytes_out })?;
        }
        Ok(())
    }
}

fn take<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Counts, Held, LineLabels, SetAside};

    const ONE: Counts = Counts { requests: 1, bytes_in: 3, bytes_out: 5 };

    fn labels(tenant: &str) -> LineLabels<'_> {
        LineLabels { tenant, method: "GET", route: "/a" }
    }

    #[test]
    fn windows_come_out_in_order_with_all_that_was_counted() {
        let mut held = Held::new(7);
        for (start_ms, tenant) in [(60, "ada"), (0, "bob"), (60, "ada"), (60, "bob"), (120, "ada")] {
            held.add(start_ms, labels(tenant), ONE);
        }
        let mut told = Vec::new();
        while let Some((start_ms, window)) = held.take_oldest() {
            let mut counts: Vec<_> =
                window.counts().map(|(labels, counts)| (labels.tenant.to_owned(), counts.requests)).collect();
            counts.sort();
            told.push((start_ms, counts));
        }
        let told_as = |tenant: &str, count: u64| (tenant.to_owned(), count);
        assert_eq!(
            told,
            [
                (0, vec![told_as("bob", 1)]),
                (60, vec![told_as("ada", 2), told_as("bob", 1)]),
                (120, vec![told_as("ada", 1)])
            ]
        );
        assert_eq!(held.bytes(), 0);
    }

    #[test]
    fn what_is_set_aside_comes_back() {
        for in_memory in [true, false] {
            let mut aside = SetAside::new(in_memory).unwrap();
            let huge = Counts { requests: 2, bytes_in: 0, bytes_out: u128::MAX };
            aside.add(60, labels("ada"), ONE).unwrap();
            aside.add(0, labels(""), huge).unwrap();
            let mut told = Vec::new();
            let replayed: io::Result<()> = aside.replay(|start_ms, labels, counts| {
                told.push((start_ms, labels.tenant.to_owned(), counts));
                Ok(())
            });
            replayed.unwrap();
            assert_eq!(told, [(60, "ada".to_owned(), ONE), (0, String::new(), huge)]);
        }
    }
}
