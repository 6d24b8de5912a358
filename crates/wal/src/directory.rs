//! The real storage: a directory that belongs to one process at a time.
//!
//! The lock is a file lock on the file `lock`. The system releases it when the process ends, however it ends. On Unix, only
//! the owner can read the files. The same is true of a directory that was created here or was found empty.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use fs4::fs_std::FileExt as _;

use crate::format::SEGMENT_BYTES_MAX;
use crate::{SegmentFile, Storage, WalError};

const LOCK_NAME: &str = "lock";

/// A directory of segment files.
#[derive(Debug)]
pub struct DirectoryStorage {
    directory: PathBuf,
    /// Open as long as the lock is held. `None` if the directory is read only.
    lock: Option<File>,
}

impl DirectoryStorage {
    /// Creates the directory if needed, and locks it. Fails with [`WalError::Locked`] if another process has locked it, or
    /// another storage of this process.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, WalError> {
        let directory = directory.as_ref();
        let failed =
            |operation| move |error| WalError::io(operation, &directory.display().to_string(), error);
        create_directory(directory).map_err(failed("create directory"))?;
        let lock_path = directory.join(LOCK_NAME);
        let lock =
            private().create(true).truncate(false).open(lock_path).map_err(failed("create the lock in"))?;
        if !lock.try_lock_exclusive().map_err(failed("lock"))? {
            return Err(WalError::Locked { directory: directory.to_owned() });
        }
        Ok(Self { directory: directory.to_owned(), lock: Some(lock) })
    }

    /// Opens an existing directory for reading, without a lock. Everything that would change it is refused.
    pub fn open_read_only(directory: impl AsRef<Path>) -> Result<Self, WalError> {
        let directory = directory.as_ref();
        let failed = |error| WalError::io("read directory", &directory.display().to_string(), error);
        fs::read_dir(directory).map_err(failed)?;
        Ok(Self { directory: directory.to_owned(), lock: None })
    }

    /// Returns the path of the directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn writable(&self) -> io::Result<()> {
        match self.lock {
            Some(_) => Ok(()),
            None => Err(io::Error::new(io::ErrorKind::PermissionDenied, "the log was opened read only")),
        }
    }
}

impl Storage for DirectoryStorage {
    type File = DirectoryFile;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let mut name = entry.file_name().to_string_lossy().into_owned();
            if !entry.file_type()?.is_file() {
                name.push('/');
            }
            if name != LOCK_NAME {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.directory.join(name))?.len())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_into(name, &mut bytes)?;
        Ok(bytes)
    }

    fn read_into(&self, name: &str, buffer: &mut Vec<u8>) -> io::Result<()> {
        let file = File::open(self.directory.join(name))?;
        // A reader without the lock may see the file grow.
        let length = file.metadata()?.len().min(SEGMENT_BYTES_MAX);
        buffer.clear();
        buffer.reserve_exact(usize::try_from(length).map_err(io::Error::other)?);
        file.take(length).read_to_end(buffer)?;
        Ok(())
    }

    fn create(&mut self, name: &str) -> io::Result<DirectoryFile> {
        self.writable()?;
        private().create_new(true).open(self.directory.join(name)).map(DirectoryFile)
    }

    fn open(&mut self, name: &str) -> io::Result<DirectoryFile> {
        self.writable()?;
        OpenOptions::new().read(true).write(true).open(self.directory.join(name)).map(DirectoryFile)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.writable()?;
        fs::rename(self.directory.join(from), self.directory.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.writable()?;
        fs::remove_file(self.directory.join(name))
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        self.writable()?;
        sync_directory(&self.directory)
    }
}

/// A file of a [`DirectoryStorage`].
#[derive(Debug)]
pub struct DirectoryFile(File);

impl SegmentFile for DirectoryFile {
    fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        write_all_at(&mut self.0, offset, bytes)
    }

    fn allocate(&mut self, length: u64) -> io::Result<()> {
        self.0.allocate(length)
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn sync(&mut self) -> io::Result<()> {
        // This syncs the length as well, without which the content could not be read back.
        self.0.sync_data()
    }
}

#[cfg(unix)]
fn write_all_at(file: &mut File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn write_all_at(file: &mut File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek as _, SeekFrom, Write as _};
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates the directory and its parents, and makes each name durable in the directory above it.
fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        // An empty directory may have been made for the log with a wide umask. One with content may be somebody else's.
        if fs::read_dir(directory)?.next().is_none() {
            make_private(directory)?;
        }
        return Ok(());
    }
    let missing: Vec<&Path> =
        directory.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.is_dir()).collect();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    for created in missing {
        let parent = created.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_directory(parent.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

#[cfg(unix)]
fn make_private(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(_directory: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

// Elsewhere a directory cannot be opened for syncing. The file system journals renames and creations.
#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}
