//! A storage of files, one per event.
//!
//! # Durability
//! A file is written under a temporary name, synced, and renamed over the old one. Then the directory is synced. Whatever
//! happens in between, the file has either the old or the new content. In a transaction, each file is written when it is
//! saved. All are synced together by several threads, since many syncs at once cost a file system little more than one.
//!
//! A process that dies in between leaves temporary files. They are reported and not removed: they may belong to another
//! storage that is still writing.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    mem,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use super::{file_name, ownership::Ownership, Storage};
use crate::{Error, Result};

/// The most files that are kept open in a transaction.
const OPEN_MAX: usize = 64;
/// The number of syncs that run at the same time.
const SYNCS_MAX: usize = 16;
const EXTENSION_LEN_MAX: usize = 32;

/// Keeps each event in a file of its own.
///
/// Any name can be used: characters other than lower-case letters, digits, `-` and `_` are encoded, and long names become
/// digests. Files of others are left alone. [`Storage::foreign_entries`] lists them.
///
/// ```
/// use ron_accounting_events::{storage::FilePerEvent, EventStore};
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// let store = EventStore::builder().with_storage(FilePerEvent::new(directory, ".bin")?).build()?;
/// store.record("Sync/now");
/// store.persist()?;
/// assert!(directory.join("%53ync%2fnow.bin").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FilePerEvent {
    directory: PathBuf,
    extension: String,
    /// The changes of the open transaction.
    open: Option<Vec<Change>>,
    _ownership: Option<Ownership>,
}

/// A change of a file, which a commit makes.
#[derive(Debug)]
enum Change {
    /// The temporary file replaces the other. It is open until it is synced.
    Replace {
        unsynced: Option<File>,
        temporary: PathBuf,
        path: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
}

impl FilePerEvent {
    /// Opens a storage of the files in `directory` whose names end in `extension`, such as `.json`. Creates the directory if
    /// it is missing. Fails while another process uses the directory as a storage.
    pub fn new(directory: impl AsRef<Path>, extension: impl Into<String>) -> Result<Self> {
        let (directory, extension) = (directory.as_ref().to_path_buf(), extension.into());
        if extension.len() > EXTENSION_LEN_MAX || extension.contains(['/', '\\', '\0']) {
            return Err(Error::Storage(format!(
                "extension {extension:?} must have at most {EXTENSION_LEN_MAX} bytes and no separator"
            )));
        }
        if !directory.is_dir() {
            fs::create_dir_all(&directory).map_err(failed("create", &directory))?;
            if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                sync_directory(parent)?;
            }
        }
        let ownership = Ownership::of_directory(&directory)?;
        Ok(Self { directory, extension, open: None, _ownership: ownership })
    }

    fn path(&self, key: &str) -> (PathBuf, bool) {
        let (stem, named_inside) = file_name::stem(key);
        (self.directory.join(stem + &self.extension), named_inside)
    }

    fn prepare(&self, key: &str, data: &[u8]) -> Result<Change> {
        let (path, named_inside) = self.path(key);
        let (mut file, temporary) = self.temporary()?;
        let write = |file: &mut File| {
            if named_inside {
                file.write_all(&(key.len() as u64).to_le_bytes())?;
                file.write_all(key.as_bytes())?;
            }
            file.write_all(data)
        };
        if let Err(error) = write(&mut file) {
            // The error of the write is the one to report.
            let _left_over = fs::remove_file(&temporary);
            return Err(failed("write", &temporary)(error));
        }
        Ok(Change::Replace { unsynced: Some(file), temporary, path })
    }

    fn temporary(&self) -> Result<(File, PathBuf)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = self.directory.join(format!(".{}-{number}.tmp", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                // An earlier process with the same id has left it behind.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("create", &path)(error)),
                Ok(file) => return Ok((file, path)),
            }
        }
    }

    /// Makes changes take effect, each independently of the others. Returns the first error.
    fn commit(&self, mut changes: Vec<Change>) -> Result<()> {
        let mut outcome = Ok(());
        let mut note = |result: Result<()>| {
            if outcome.is_ok() {
                outcome = result;
            }
        };
        // A file that may not be on the disk must not replace one that is.
        if let Err(error) = sync_files(&mut changes) {
            discard(changes);
            return Err(error);
        }
        for change in changes {
            match change {
                Change::Replace { temporary, path, .. } => {
                    note(fs::rename(&temporary, &path).map_err(|error| {
                        let _left_over = fs::remove_file(&temporary);
                        failed("replace", &path)(error)
                    }));
                }
                Change::Remove { path } => match fs::remove_file(&path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        note(Err(failed("remove", &path)(error)));
                    }
                    _ => {}
                },
            }
        }
        note(sync_directory(&self.directory));
        outcome
    }

    fn change(&mut self, change: Change) -> Result<()> {
        let Some(changes) = &mut self.open else { return self.commit(vec![change]) };
        changes.push(change);
        let open = changes.iter().filter(|change| change.is_unsynced()).count();
        if open >= OPEN_MAX {
            sync_files(changes)?;
        }
        Ok(())
    }

    /// Returns the stems of the files in the directory that have the extension, and the names of all others.
    fn files(&self) -> Result<(Vec<String>, Vec<String>)> {
        let (mut stems, mut others) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.directory).map_err(failed("list", &self.directory))? {
            let entry = entry.map_err(failed("list", &self.directory))?;
            let file_name = entry.file_name();
            let stem = file_name.to_str().and_then(|name| name.strip_suffix(&self.extension));
            match stem.filter(|_| entry.file_type().is_ok_and(|file_type| file_type.is_file())) {
                Some(stem) => stems.push(stem.to_owned()),
                None => others.push(file_name.to_string_lossy().into_owned()),
            }
        }
        Ok((stems, others))
    }

    /// Returns the name of the event whose file has this stem.
    fn name_of(&self, stem: &str) -> Option<String> {
        if !file_name::is_digest(stem) {
            return file_name::name(stem);
        }
        let bytes = fs::read(self.directory.join(format!("{stem}{}", self.extension))).ok()?;
        let (name, _) = split_name(&bytes)?;
        (file_name::stem(name).0 == stem).then(|| name.to_owned())
    }
}

impl Storage for FilePerEvent {
    fn save(&mut self, key: &str, data: Vec<u8>) -> Result<()> {
        let change = self.prepare(key, &data)?;
        self.change(change)
    }

    fn load(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let (path, named_inside) = self.path(key);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(failed("read", &path))?,
        };
        if !named_inside {
            return Ok(Some(bytes));
        }
        match split_name(&bytes) {
            Some((name, data)) if name == key => Ok(Some(data.to_vec())),
            _ => {
                Err(Error::Serialization(format!("{} does not begin with its event's name", path.display())))
            }
        }
    }

    fn delete(&mut self, key: &str) -> Result<()> {
        let (path, _) = self.path(key);
        if self.open.is_none() && !path.exists() {
            return Ok(());
        }
        self.change(Change::Remove { path })
    }

    fn list_keys(&self) -> Result<Vec<String>> {
        let (stems, _) = self.files()?;
        Ok(stems.iter().filter_map(|stem| self.name_of(stem)).collect())
    }

    fn begin_transaction(&mut self) -> Result<()> {
        if self.open.is_some() {
            return Err(Error::Storage("Transaction already in progress".to_owned()));
        }
        self.open = Some(Vec::new());
        Ok(())
    }

    fn commit_transaction(&mut self) -> Result<()> {
        let changes =
            self.open.take().ok_or_else(|| Error::Storage("No transaction in progress".to_owned()))?;
        if changes.is_empty() {
            return Ok(());
        }
        self.commit(changes)
    }

    fn rollback_transaction(&mut self) -> Result<()> {
        // A failed commit has ended the transaction already.
        discard(self.open.take().unwrap_or_default());
        Ok(())
    }

    fn foreign_entries(&self) -> Result<Vec<String>> {
        let (stems, mut others) = self.files()?;
        let foreign = stems.into_iter().filter(|stem| self.name_of(stem).is_none());
        others.extend(foreign.map(|stem| stem + &self.extension));
        others.sort_unstable();
        Ok(others)
    }
}

impl Drop for FilePerEvent {
    fn drop(&mut self) {
        discard(self.open.take().unwrap_or_default());
    }
}

impl Change {
    fn is_unsynced(&self) -> bool {
        matches!(self, Self::Replace { unsynced: Some(_), .. })
    }
}

/// Removes the temporary files of changes that will not take effect.
fn discard(changes: Vec<Change>) {
    for change in changes {
        if let Change::Replace { temporary, .. } = change {
            let _left_over = fs::remove_file(temporary);
        }
    }
}

/// Syncs and closes the files of changes.
fn sync_files(changes: &mut [Change]) -> Result<()> {
    let mut files = Vec::new();
    for change in changes {
        if let Change::Replace { unsynced, temporary, .. } = change {
            files.extend(mem::take(unsynced).map(|file| (file, &*temporary)));
        }
    }
    let sync = |files: &[(File, &PathBuf)]| {
        files.iter().try_for_each(|(file, path)| file.sync_all().map_err(failed("sync", path)))
    };
    if files.len() < 2 {
        return sync(&files);
    }
    let share = files.len().div_ceil(SYNCS_MAX);
    thread::scope(|scope| {
        let threads: Vec<_> = files
            .chunks(share)
            .map(|files| (thread::Builder::new().spawn_scoped(scope, move || sync(files)), files))
            .collect();
        let mut outcome = Ok(());
        for (thread, files) in threads {
            // If no thread can be started, this one syncs.
            let result = match thread {
                Ok(thread) => thread.join().unwrap_or_else(|_| sync(files)),
                Err(_) => sync(files),
            };
            outcome = outcome.and(result);
        }
        outcome
    })
}

/// Makes new and removed names in a directory durable.
fn sync_directory(directory: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(failed("sync", directory))?;
    }
    Ok(())
}

/// Splits the content of a file into the name at its beginning and the data behind it.
fn split_name(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let len = usize::try_from(u64::from_le_bytes(*len)).ok().filter(|len| *len <= rest.len())?;
    let (name, data) = rest.split_at(len);
    Some((std::str::from_utf8(name).ok()?, data))
}

fn failed<'a>(what: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |error| Error::Storage(format!("failed to {what} {}: {error}", path.display()))
}
