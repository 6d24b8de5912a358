//! Sources of lines: files, and streams that can be read only once.
//!
//! An access log is read twice. The first reading hashes the content, which gives the origin. In strict mode it also checks that
//! every line can be metered. The second reading meters. The file stays open in between and is read to the same length, so
//! neither log rotation nor appended lines make a difference.

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
    Once(Box<dyn Read>),
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
        let (name, input): (String, Box<dyn Read>) = if path == Path::new("-") {
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
    pub(super) fn read_from_start(&mut self) -> io::Result<&mut dyn Read> {
        match &mut self.input {
            Input::File(file) | Input::Spooled(file) => {
                file.rewind()?;
                Ok(file)
            }
            Input::Once(input) => Ok(input),
        }
    }
}

fn spool(mut input: Box<dyn Read>) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut input, &mut file)?;
    Ok(file)
}

/// A reader that hashes the bytes that it reads.
pub(super) struct HashingReader<'a> {
    input: &'a mut dyn Read,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl fmt::Debug for HashingReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashingReader").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl<'a> HashingReader<'a> {
    pub(super) fn new(input: &'a mut dyn Read) -> Self {
        Self { input, hasher: blake3::Hasher::new(), bytes: 0 }
    }

    /// Returns hash and length of the bytes that were read so far.
    pub(super) fn content(&self) -> Content {
        Content { hash: self.hasher.finalize(), bytes: self.bytes }
    }
}

impl Read for HashingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Refuses paths that name standard input twice.
pub(super) fn check_paths(paths: &[PathBuf]) -> anyhow::Result<()> {
    let standard_inputs = paths.iter().filter(|path| path.as_path() == Path::new("-")).count();
    ensure!(standard_inputs < 2, "`-` is named twice, and standard input can be read once: name it once");
    Ok(())
}
