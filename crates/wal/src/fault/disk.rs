//! The state of the disk: what a reader sees, what is durable, and which changes are not durable yet.

use std::collections::BTreeMap;
use std::io;

use super::{not_found, Operation};
use crate::error::disk_full;

/// A change to a file that is not durable yet.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Resize(usize),
}

impl Change {
    pub(super) fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Self::Resize(length) => content.resize(*length, 0),
        }
    }
}

/// A change to the directory that is not durable yet. It applies to the file, whatever name the file has when a crash comes.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Name(u64, String),
    Unlink(u64),
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Name(id, name) => {
                names.retain(|_, named| named != id);
                names.insert(name.clone(), *id);
            }
            Self::Unlink(id) => names.retain(|_, named| named != id),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct FileContent {
    pub(super) live: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) pending: Vec<Change>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Fail,
    Short(usize),
    Misdirect(u64),
}

#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) files: BTreeMap<u64, FileContent>,
    pub(super) names: BTreeMap<String, u64>,
    pub(super) durable_names: BTreeMap<String, u64>,
    pub(super) pending_names: Vec<NameChange>,
    next_id: u64,
    faults: BTreeMap<(Operation, u64), Fault>,
    counts: BTreeMap<Operation, u64>,
    pub(super) capacity: Option<u64>,
    pub(super) power: Option<u64>,
    pub(super) history: Vec<(Operation, String)>,
}

impl Disk {
    pub(super) fn aim(&mut self, operation: Operation, skip: u64, fault: Fault) {
        let at = self.count(operation) + skip;
        self.faults.insert((operation, at), fault);
    }

    pub(super) fn heal(&mut self) {
        self.faults.clear();
        self.capacity = None;
        self.power = None;
    }

    pub(super) fn count(&self, operation: Operation) -> u64 {
        self.counts.get(&operation).copied().unwrap_or(0)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.names.keys().cloned().collect()
    }

    pub(super) fn find(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(not_found)
    }

    pub(super) fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.files.get(self.names.get(name)?).map(|file| file.live.clone())
    }

    pub(super) fn length(&self, id: u64) -> u64 {
        self.files.get(&id).map_or(0, |file| file.live.len() as u64)
    }

    pub(super) fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        self.strike(Operation::Read)?;
        self.content(name).ok_or_else(not_found)
    }

    pub(super) fn put(&mut self, name: &str, content: Vec<u8>) {
        let id = self.new_file(FileContent { live: content.clone(), durable: content, pending: Vec::new() });
        self.names.insert(name.to_owned(), id);
        self.durable_names.insert(name.to_owned(), id);
    }

    pub(super) fn flip_bit(&mut self, name: &str, offset: u64, bit: u8) -> bool {
        let Ok(offset) = usize::try_from(offset) else { return false };
        let Some(file) = self.names.get(name).and_then(|id| self.files.get_mut(id)) else { return false };
        let flipped = file.live.get_mut(offset).map(|byte| *byte ^= 1 << (bit % 8)).is_some();
        if let Some(byte) = file.durable.get_mut(offset) {
            *byte ^= 1 << (bit % 8);
        }
        flipped
    }

    pub(super) fn create(&mut self, name: &str) -> io::Result<u64> {
        self.strike(Operation::Create)?;
        self.change(Operation::Create, name)?;
        if self.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = self.new_file(FileContent::default());
        self.change_names(NameChange::Name(id, name.to_owned()));
        Ok(id)
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.strike(Operation::Rename)?;
        let id = self.find(from)?;
        self.change(Operation::Rename, from)?;
        self.change_names(NameChange::Name(id, to.to_owned()));
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        self.strike(Operation::Remove)?;
        let id = self.find(name)?;
        self.change(Operation::Remove, name)?;
        self.change_names(NameChange::Unlink(id));
        Ok(())
    }

    pub(super) fn sync_directory(&mut self) -> io::Result<()> {
        let struck = self.strike(Operation::SyncDirectory);
        self.change(Operation::SyncDirectory, "")?;
        if struck.is_err() {
            // As with files: what was not durable is lost, and a later sync succeeds nevertheless.
            self.pending_names.clear();
            return struck.map(|_| ());
        }
        for change in std::mem::take(&mut self.pending_names) {
            change.apply(&mut self.durable_names);
        }
        Ok(())
    }

    pub(super) fn write(&mut self, id: u64, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let fault = self.strike(Operation::Write)?;
        self.change(Operation::Write, name)?;
        let (mut kept, mut distance, mut outcome) = (bytes.len(), 0, Ok(()));
        match fault {
            Some(Fault::Short(short)) => {
                kept = short.min(kept);
                outcome = Err(io::Error::new(io::ErrorKind::WriteZero, "injected short write"));
            }
            Some(Fault::Misdirect(by)) => distance = by,
            Some(Fault::Fail) | None => {}
        }
        let length_max = self.length_max(id);
        let offset = usize::try_from(offset + distance).map_err(io::Error::other)?;
        if (offset + kept) as u64 > length_max {
            kept = usize::try_from(length_max).map_err(io::Error::other)?.saturating_sub(offset);
            outcome = Err(disk_full());
        }
        let bytes = bytes.get(..kept).unwrap_or_default().to_vec();
        if !bytes.is_empty() {
            self.change_file(id, Change::Write { offset, bytes });
        }
        outcome
    }

    pub(super) fn resize(
        &mut self,
        operation: Operation,
        id: u64,
        name: &str,
        length: u64,
    ) -> io::Result<()> {
        self.strike(operation)?;
        self.change(operation, name)?;
        if length > self.length(id).max(self.length_max(id)) {
            return Err(disk_full());
        }
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.change_file(id, Change::Resize(length));
        Ok(())
    }

    pub(super) fn sync(&mut self, id: u64, name: &str) -> io::Result<()> {
        let struck = self.strike(Operation::Sync);
        self.change(Operation::Sync, name)?;
        let Some(file) = self.files.get_mut(&id) else { return Err(not_found()) };
        let pending = std::mem::take(&mut file.pending);
        if struck.is_ok() {
            for change in &pending {
                change.apply(&mut file.durable);
            }
        }
        // After a failure the pages count as clean: they can be read, and no later sync writes them.
        struck.map(|_| ())
    }

    /// Counts an operation, and returns the fault that was injected into it.
    fn strike(&mut self, operation: Operation) -> io::Result<Option<Fault>> {
        let count = self.counts.entry(operation).or_insert(0);
        let fault = self.faults.remove(&(operation, *count));
        *count += 1;
        match fault {
            Some(Fault::Fail) => Err(io::Error::other(format!("injected failure of {operation:?}"))),
            fault => Ok(fault),
        }
    }

    /// Records a change, unless the power is off.
    fn change(&mut self, operation: Operation, name: &str) -> io::Result<()> {
        if let Some(left) = &mut self.power {
            *left = left.checked_sub(1).ok_or_else(|| io::Error::other("the power is off"))?;
        }
        self.history.push((operation, name.to_owned()));
        Ok(())
    }

    fn change_file(&mut self, id: u64, change: Change) {
        if let Some(file) = self.files.get_mut(&id) {
            change.apply(&mut file.live);
            file.pending.push(change);
        }
    }

    fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    fn new_file(&mut self, content: FileContent) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.files.insert(id, content);
        id
    }

    /// Returns how long a file may become.
    fn length_max(&self, id: u64) -> u64 {
        let Some(capacity) = self.capacity else { return u64::MAX };
        let others = self.names.values().filter(|other| **other != id).map(|other| self.length(*other));
        // A full disk does not shrink what is there.
        capacity.saturating_sub(others.sum()).max(self.length(id))
    }

    /// Makes a disk without faults that durably holds `names` and `contents`.
    pub(super) fn restored(names: BTreeMap<String, u64>, mut contents: BTreeMap<u64, Vec<u8>>) -> Self {
        let mut disk = Self::default();
        for (name, id) in names {
            disk.put(&name, contents.remove(&id).unwrap_or_default());
        }
        disk
    }
}
