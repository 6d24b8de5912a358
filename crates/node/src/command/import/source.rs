//! Sources of lines: files, and streams that can be read only once.
//!
//! An access log is read twice. The first reading hashes the content, unpacked, which gives the origin, and learns the routes. In
//! strict mode it also checks that every line can be metered. The second reading meters. The file stays open in between and is read
//! to the same length, so neither log rotation nor appended lines make a difference.

use std::{
    fmt,
    fs::File,
    io::{self, Read, Seek},
    path::{Path, PathBuf},
};

use anyhow::{ensure, Context};

use crate::advice::Advised;

/// A log to import.
pub(super) struct Source {
    /// The name for messages.
    pub(super) name: String,
    input: Input,
}

enum Input {
    File(File),
    /// A copy of standard input or of a pipe.
    Spooled(File),
    /// Standard input or a pipe that may not be spooled.
    Once(Box<dyn Read + Send>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Hash and length of the content, from the first reading.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content {
    pub(super) hash: blake3::Hash,
    pub(super) bytes: u64,
}

impl Source {
    /// Opens a file, or standard input for `-`. A stream that can be read only once is copied to a temporary file that no other
    /// process can open, unless `amnesia` forbids it.
    pub(super) fn open(path: &Path, amnesia: bool) -> anyhow::Result<Self> {
        let (name, input): (String, Box<dyn Read + Send>) = if path == Path::new("-") {
            ("standard input".to_owned(), Box::new(io::stdin()))
        } else {
            let name = path.display().to_string();
            let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
            let kind =
                file.metadata().with_context(|| format!("cannot read the kind of {name}"))?.file_type();
            ensure!(!kind.is_dir(), "{name} is a folder: name the log files in it");
            if kind.is_file() {
                return Ok(Self { name, input: Input::File(file) });
            }
            (name, Box::new(file))
        };
        if amnesia {
            return Ok(Self { name, input: Input::Once(input) });
        }
        let file = spool(input).with_context(|| {
            let next = "set TMPDIR to a folder that may be written to, or use --amnesia";
            Advised::new(format!("cannot keep {name} in a temporary file"), next)
        })?;
        Ok(Self { name, input: Input::Spooled(file) })
    }

    /// Takes a file that is open.
    pub(super) fn of_file(name: &str, file: File) -> Self {
        Self { name: name.to_owned(), input: Input::File(file) }
    }

    /// Returns the size of a file in bytes, for a progress bar.
    pub(super) fn bytes(&self) -> Option<u64> {
        match &self.input {
            Input::File(file) | Input::Spooled(file) => file.metadata().ok().map(|metadata| metadata.len()),
            Input::Once(_) => None,
        }
    }

    /// Returns whether the source can be read a second time.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.input, Input::File(_) | Input::Spooled(_))
    }

    /// Returns whether the source is a copy that vanishes with this process, so that a further run cannot read it.
    pub(super) fn is_spooled(&self) -> bool {
        matches!(self.input, Input::Spooled(_))
    }

    /// Returns the input: a file from its beginning.
    pub(super) fn read_from_start(&mut self) -> io::Result<&mut (dyn Read + Send)> {
        match &mut self.input {
            Input::File(file) | Input::Spooled(file) => {
                file.rewind()?;
                Ok(file)
            }
            Input::Once(input) => Ok(input),
        }
    }
}

fn spool(mut input: Box<dyn Read + Send>) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut input, &mut file)?;
    Ok(file)
}

/// The state of a log at a byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// The log up to the byte.
    pub(super) content: Content,
    /// How many newlines it has there.
    pub(super) newlines: u64,
    /// How many bytes follow the last of them.
    pub(super) cut_bytes: usize,
}

/// A reader that hashes the bytes that it reads.
pub(super) struct HashingReader<R> {
    input: R,
    hasher: blake3::Hasher,
    bytes: u64,
    newlines: u64,
    cut_bytes: usize,
    /// Where to mark, the last one first.
    ends: Vec<u64>,
    marks: Vec<Mark>,
}

impl<R> fmt::Debug for HashingReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashingReader").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl<R: Read> HashingReader<R> {
    pub(super) fn new(input: R) -> Self {
        let hasher = blake3::Hasher::new();
        Self { input, hasher, bytes: 0, newlines: 0, cut_bytes: 0, ends: Vec::new(), marks: Vec::new() }
    }

    /// Marks these bytes, and the end. The mark of the end does not tell its lines.
    pub(super) fn marking(mut self, mut ends: Vec<u64>) -> Self {
        ends.retain(|end| *end > 0);
        ends.sort_unstable_by(|a, b| b.cmp(a));
        ends.dedup();
        self.ends = ends;
        self
    }

    /// Returns the reader below.
    pub(super) fn get_ref(&self) -> &R {
        &self.input
    }

    /// Returns hash and length of the bytes that were read, and the marks.
    pub(super) fn finish(mut self) -> (Content, Vec<Mark>) {
        let last = self.mark();
        if self.marks.last().is_none_or(|mark| mark.content.bytes < last.content.bytes) {
            self.marks.push(last);
        }
        (last.content, self.marks)
    }

    fn mark(&self) -> Mark {
        let content = Content { hash: self.hasher.finalize(), bytes: self.bytes };
        Mark { content, newlines: self.newlines, cut_bytes: self.cut_bytes }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        if self.ends.is_empty() {
            // Only marks need lines.
            return;
        }
        // Short sums of bytes, which the processor makes many at a time.
        let short =
            bytes.chunks(255).map(|bytes| bytes.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>());
        self.newlines += short.map(u64::from).sum::<u64>();
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => self.cut_bytes = bytes.len() - last - 1,
            None => self.cut_bytes += bytes.len(),
        }
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let mut rest = buffer.get(..read).unwrap_or_default();
        while let Some(end) = self.ends.last() {
            let until = usize::try_from(end - self.bytes).unwrap_or(usize::MAX);
            let Some((before, behind)) = rest.split_at_checked(until) else { break };
            self.add(before);
            self.ends.pop();
            self.marks.push(self.mark());
            rest = behind;
        }
        self.add(rest);
        Ok(read)
    }
}

/// Refuses paths that name standard input twice.
pub(super) fn check_paths(paths: &[PathBuf]) -> anyhow::Result<()> {
    let standard_inputs = paths.iter().filter(|path| path.as_path() == Path::new("-")).count();
    ensure!(standard_inputs < 2, "`-` is named twice, and standard input can be read once: name it once");
    Ok(())
}
