//! The disk as the log sees it: files behind the log's own traits.

use std::{io, sync::Arc};

use ron_accounting_wal::{SegmentFile, Storage};

use super::{Change, Content, Disk, Fault, NameChange, Operation, State};

/// A directory of files, for one process.
#[derive(Debug)]
pub struct Volume {
    pub(super) disk: Disk,
    pub(super) process: u64,
}

/// An open file of a [`Volume`].
#[derive(Debug)]
pub struct OpenFile {
    disk: Disk,
    process: u64,
    id: u64,
}

impl Volume {
    fn find(state: &State, name: &str) -> io::Result<u64> {
        state.image.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn file(&self, id: u64) -> OpenFile {
        OpenFile { disk: self.disk.clone(), process: self.process, id }
    }
}

impl Disk {
    /// Lets a check of the product's invariants ask the disk, without using up faults that are meant for the product.
    pub(crate) fn examined<T>(&self, check: impl FnOnce() -> T) -> T {
        self.state().is_examined = true;
        let result = check();
        self.state().is_examined = false;
        result
    }
}

impl Storage for Volume {
    type File = OpenFile;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.disk.state();
        state.begin(self.process, Operation::List)?;
        Ok(state.image.names.keys().cloned().collect())
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        let mut state = self.disk.state();
        state.begin(self.process, Operation::Length)?;
        Self::find(&state, name).map(|id| state.image.length(id))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut state = self.disk.state();
        state.begin(self.process, Operation::Read)?;
        let id = Self::find(&state, name)?;
        Ok(state.image.files.get(&id).map(|file| file.seen.to_vec()).unwrap_or_default())
    }

    fn create(&mut self, name: &str) -> io::Result<OpenFile> {
        let mut state = self.disk.state();
        state.begin(self.process, Operation::Create)?;
        if state.image.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = state.image.next_id;
        state.image.next_id += 1;
        state.image.files.insert(id, Content::default());
        state.image.change_names(NameChange::Name(id, name.to_owned()));
        drop(state);
        Ok(self.file(id))
    }

    fn open(&mut self, name: &str) -> io::Result<OpenFile> {
        let mut state = self.disk.state();
        state.begin(self.process, Operation::Open)?;
        let id = Self::find(&state, name)?;
        drop(state);
        Ok(self.file(id))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.disk.state();
        state.begin(self.process, Operation::Rename)?;
        let id = Self::find(&state, from)?;
        state.image.change_names(NameChange::Name(id, to.to_owned()));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.disk.state();
        state.begin(self.process, Operation::Remove)?;
        let id = Self::find(&state, name)?;
        state.image.change_names(NameChange::Unlink(id));
        Ok(())
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.begin(self.process, Operation::SyncDirectory)?;
        state.image.sync_directory(None);
        Ok(())
    }
}

impl SegmentFile for OpenFile {
    fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let fault = state.begin(self.process, Operation::Write)?;
        let (mut kept, mut offset, mut outcome) = (bytes.len(), position(offset)?, Ok(()));
        match fault {
            Some(Fault::Short(short)) => {
                kept = short.min(kept);
                outcome = Err(io::Error::new(io::ErrorKind::WriteZero, "injected short write"));
            }
            Some(Fault::Misdirect(by)) => {
                let by = isize::try_from(by).unwrap_or_default();
                offset = offset.saturating_add_signed(by);
                state.has_misdirected = true;
            }
            Some(Fault::Fail { .. }) | None => {}
        }
        let room = state.room(self.id);
        if (offset + kept) as u64 > room {
            kept = position(room)?.saturating_sub(offset).min(kept);
            outcome = Err(io::ErrorKind::StorageFull.into());
        }
        let bytes: Arc<[u8]> = bytes.get(..kept).unwrap_or_default().into();
        if !bytes.is_empty() {
            state.image.change_file(self.id, Change::Write { offset, bytes });
        }
        outcome
    }

    fn allocate(&mut self, length: u64) -> io::Result<()> {
        resize(&mut self.disk.state(), Operation::Allocate, self.process, self.id, length)
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        resize(&mut self.disk.state(), Operation::SetLength, self.process, self.id, length)
    }

    fn length(&self) -> io::Result<u64> {
        let mut state = self.disk.state();
        state.begin(self.process, Operation::Length)?;
        Ok(state.image.length(self.id))
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        if let Some(Fault::Fail { reached }) = state.begin(self.process, Operation::Sync)? {
            state.image.sync(self.id, Some(reached));
            return Err(io::Error::other("injected failure of a sync"));
        }
        state.image.sync(self.id, None);
        Ok(())
    }
}

fn resize(state: &mut State, operation: Operation, process: u64, id: u64, length: u64) -> io::Result<()> {
    state.begin(process, operation)?;
    if length > state.image.length(id).max(state.room(id)) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    state.image.change_file(id, Change::Resize(position(length)?));
    Ok(())
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(io::Error::other)
}
