//! A disk in memory that behaves as badly as disks do.
//!
//! Each file has two images: what a reader sees (the page cache) and what is durable. A write, a change of length and a
//! change of a name are pending until they are synced. The process dies and the page cache stays; the power goes, and
//! [`Image::after_power_cut`] chooses what is left of each pending change.
//!
//! A sync that fails marks its pages clean, as Linux does: what has not reached the disk by then never will, reads still
//! show it, and later syncs succeed.

mod power;
mod storage;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    hash::{BuildHasher, Hash, Hasher},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::dice::Dice;

pub use power::Survival;
pub use storage::{OpenFile, Volume};

/// At most so many images are kept of the moments within one step.
const MOMENTS_MAX: usize = 24;

/// What a process asks of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Write bytes to a file.
    Write,
    /// Reserve space for a file.
    Allocate,
    /// Cut or extend a file.
    SetLength,
    /// Make a file durable.
    Sync,
    /// Create a file.
    Create,
    /// Rename a file.
    Rename,
    /// Remove a file.
    Remove,
    /// Make names durable.
    SyncDirectory,
    /// Open a file.
    Open,
    /// Read a file.
    Read,
    /// List the directory.
    List,
    /// Ask for a length.
    Length,
}

impl Operation {
    const fn changes(self) -> bool {
        !matches!(self, Self::Open | Self::Read | Self::List | Self::Length)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Write => "write",
            Self::Allocate => "allocation",
            Self::SetLength => "change of length",
            Self::Sync => "sync",
            Self::Create => "creation",
            Self::Rename => "renaming",
            Self::Remove => "removal",
            Self::SyncDirectory => "directory sync",
            Self::Open => "opening",
            Self::Read => "read",
            Self::List => "listing",
            Self::Length => "question for a length",
        })
    }
}

/// How an operation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails. Of a sync, `reached` chooses which pending changes reached the disk all the same.
    Fail {
        /// The seed of that choice.
        reached: u64,
    },
    /// A write stops after so many bytes and fails.
    Short(usize),
    /// A write lands so far from its offset and succeeds.
    Misdirect(i64),
}

/// A change to a file that is not durable yet.
#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Arc<[u8]> },
    Resize(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => write_at(content, *offset, bytes),
            Self::Resize(length) => content.resize(*length, 0),
        }
    }
}

fn write_at(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    if let Some(target) = content.get_mut(offset..end) {
        target.copy_from_slice(bytes);
    }
}

/// A change to the directory that is not durable yet. It means a file, whatever its name was when the power went.
#[derive(Debug, Clone)]
enum NameChange {
    Name(u64, String),
    Unlink(u64),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
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
struct Content {
    seen: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    pending: Vec<Change>,
    /// Whether a sync failed, so that readers may see what will never be durable.
    has_lied: bool,
}

/// All that a disk holds at one moment, what is pending included. A clone shares what does not change.
#[derive(Debug, Clone, Default)]
pub struct Image {
    files: BTreeMap<u64, Content>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    pending_names: Vec<NameChange>,
    next_id: u64,
}

impl Image {
    /// The disk that a copy of all files gives, which is durable.
    #[must_use]
    pub fn copied(&self) -> Self {
        let mut copy = Self::default();
        for (name, id) in &self.names {
            let seen = self.files.get(id).map(|file| Arc::clone(&file.seen)).unwrap_or_default();
            copy.put(name, seen);
        }
        copy
    }

    /// Tells images apart.
    pub fn hash(&self) -> u64 {
        let mut hasher = foldhash::quality::FixedState::with_seed(1).build_hasher();
        for (name, id) in &self.names {
            name.hash(&mut hasher);
            if let Some(file) = self.files.get(id) {
                file.seen.hash(&mut hasher);
                if !Arc::ptr_eq(&file.seen, &file.durable) {
                    file.durable.hash(&mut hasher);
                }
            }
        }
        if self.durable_names != self.names {
            self.durable_names.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The names and lengths that a reader sees.
    pub fn lengths(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().map(|(name, id)| (name.as_str(), self.length(*id)))
    }

    fn put(&mut self, name: &str, content: Arc<Vec<u8>>) {
        let id = self.next_id;
        self.next_id += 1;
        let content =
            Content { seen: Arc::clone(&content), durable: content, pending: Vec::new(), has_lied: false };
        self.files.insert(id, content);
        self.names.insert(name.to_owned(), id);
        self.durable_names.insert(name.to_owned(), id);
    }

    fn length(&self, id: u64) -> u64 {
        self.files.get(&id).map_or(0, |file| file.seen.len() as u64)
    }

    fn change_file(&mut self, id: u64, change: Change) {
        // A file without a name, whose handle is still open, is of no interest any more.
        if let Some(file) = self.files.get_mut(&id) {
            change.apply(Arc::make_mut(&mut file.seen));
            file.pending.push(change);
        }
    }

    fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    /// Makes a file's changes durable: all of them, or after a failure those that `reached` chooses.
    fn sync(&mut self, id: u64, reached: Option<u64>) {
        let Some(file) = self.files.get_mut(&id) else { return };
        let pending = std::mem::take(&mut file.pending);
        if reached.is_none() && !file.has_lied {
            file.durable = Arc::clone(&file.seen);
            return;
        }
        let mut dice = Dice::new(reached.unwrap_or_default());
        let share = reached.map_or(100, |_| dice.one_of(&[0, 0, 50, 100]).unwrap_or_default());
        let durable = Arc::make_mut(&mut file.durable);
        pending.iter().filter(|_| dice.percent(share)).for_each(|change| change.apply(durable));
        file.has_lied |= reached.is_some();
    }

    fn sync_directory(&mut self, reached: Option<u64>) {
        let mut dice = Dice::new(reached.unwrap_or_default());
        let share = reached.map_or(100, |_| dice.one_of(&[0, 0, 50, 100]).unwrap_or_default());
        for change in std::mem::take(&mut self.pending_names) {
            if dice.percent(share) {
                change.apply(&mut self.durable_names);
            }
        }
        let (names, durable) = (&self.names, &self.durable_names);
        let named: BTreeSet<u64> = names.values().chain(durable.values()).copied().collect();
        self.files.retain(|id, _| named.contains(id));
    }
}

#[derive(Debug, Default)]
struct State {
    image: Image,
    /// Grows with each death, so that what an earlier process left behind reaches nothing.
    process: u64,
    faults: Vec<(Operation, u64, Fault)>,
    broken: BTreeSet<Operation>,
    capacity: Option<u64>,
    /// So many changes pass before the power goes.
    power: Option<u64>,
    is_off: bool,
    /// Questions are answered as they are, and not counted.
    is_examined: bool,
    operations: u64,
    /// Where images are kept before each change, while that is asked for.
    moments: Option<Vec<Image>>,
    changes: u64,
    has_misdirected: bool,
}

/// A disk. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// A disk without faults.
    pub fn holding(image: Image) -> Self {
        Self(Arc::new(Mutex::new(State { image, ..State::default() })))
    }

    /// The door to files for the process that starts now.
    pub fn volume(&self) -> Volume {
        Volume { process: self.state().process, disk: self.clone() }
    }

    /// The process dies: whatever it still does reaches nothing. The page cache stays.
    pub fn end_process(&self) {
        self.state().process += 1;
    }

    /// What the disk holds.
    pub fn image(&self) -> Image {
        self.state().image.clone()
    }

    /// The disk holds something else from now on.
    pub fn replace(&self, image: Image) {
        let mut state = self.state();
        state.image = image;
        (state.power, state.is_off) = (None, false);
    }

    /// An operation goes wrong after `skip` more of its kind have passed, once.
    pub fn aim(&self, operation: Operation, skip: u64, fault: Fault) {
        self.state().faults.push((operation, skip, fault));
    }

    /// All operations of a kind fail until [`Disk::heal`].
    pub fn break_down(&self, operation: Operation) {
        self.state().broken.insert(operation);
    }

    /// The files cannot grow by more than `spare` bytes together.
    pub fn fill(&self, spare: u64) {
        let mut state = self.state();
        let used: u64 = state.image.lengths().map(|(_, length)| length).sum();
        state.capacity = Some(used + spare);
    }

    /// There is room again.
    pub fn make_room(&self) {
        self.state().capacity = None;
    }

    /// After `changes` more changes nothing works any more.
    pub fn cut_power_after(&self, changes: u64) {
        self.state().power = Some(changes);
    }

    /// Whether that has happened.
    pub fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// From now on everything works. What was lost stays lost.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.broken.clear();
        (state.capacity, state.power, state.is_off) = (None, None, false);
    }

    /// Whether everything works.
    pub fn is_healthy(&self) -> bool {
        let state = self.state();
        state.faults.is_empty()
            && state.broken.is_empty()
            && state.capacity.is_none()
            && state.power.is_none()
    }

    /// Whether a write went elsewhere.
    pub fn has_misdirected(&self) -> bool {
        self.state().has_misdirected
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Keeps an image of the moments before changes, until [`Disk::moments`].
    pub fn keep_moments(&self) {
        let mut state = self.state();
        state.moments = Some(Vec::new());
        state.changes = 0;
    }

    /// Keeps no image from before now.
    pub fn forget_moments(&self) {
        if let Some(moments) = &mut self.state().moments {
            moments.clear();
        }
    }

    /// The images that were kept.
    pub fn moments(&self) -> Vec<Image> {
        self.state().moments.take().unwrap_or_default()
    }

    /// The kernel forgets all clean pages, so that readers see what is durable or pending. Says whether that is less than
    /// they saw.
    pub fn evict_pages(&self) -> bool {
        let mut is_less = false;
        for file in self.state().image.files.values_mut() {
            is_less |= file.has_lied;
            file.seen = Arc::clone(&file.durable);
            file.has_lied = false;
            if !file.pending.is_empty() {
                let seen = Arc::make_mut(&mut file.seen);
                file.pending.iter().for_each(|change| change.apply(seen));
            }
        }
        is_less
    }

    /// A bit of what is durable flips. False if nothing is there.
    pub fn flip_bit(&self, choice: u64) -> bool {
        let mut dice = Dice::new(choice);
        let mut state = self.state();
        let mut files: Vec<_> =
            state.image.files.values_mut().filter(|file| !file.durable.is_empty()).collect();
        let index = dice.index(files.len());
        let Some(file) = files.get_mut(index) else { return false };
        let used = file.durable.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
        let (offset, bit) = (dice.index(used), dice.below(8));
        for image in [&mut file.seen, &mut file.durable] {
            if let Some(byte) = Arc::make_mut(image).get_mut(offset) {
                *byte ^= 1 << bit;
            }
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts an operation of a process, and says how it goes wrong if it does not fail.
    fn begin(&mut self, process: u64, operation: Operation) -> io::Result<Option<Fault>> {
        if process != self.process {
            return Err(io::Error::other("the process is dead"));
        }
        if self.is_examined && operation == Operation::Length {
            return Ok(None);
        }
        self.operations += 1;
        if operation.changes() {
            self.keep_moment();
            if let Some(left) = &mut self.power {
                self.is_off |= *left == 0;
                *left = left.saturating_sub(1);
            }
        }
        if self.is_off {
            return Err(io::Error::other("the power is off"));
        }
        let mut struck = None;
        self.faults.retain_mut(|(aimed, skip, fault)| {
            if *aimed != operation || struck.is_some() {
                return true;
            }
            if *skip == 0 {
                struck = Some(*fault);
            } else {
                *skip -= 1;
            }
            struck.is_none()
        });
        if struck.is_none() && self.broken.contains(&operation) {
            struck = Some(Fault::Fail { reached: self.operations });
        }
        match struck {
            Some(Fault::Fail { reached }) => {
                // What a failed sync leaves is decided here, since the caller only learns that it failed.
                if operation == Operation::SyncDirectory {
                    self.image.sync_directory(Some(reached));
                }
                if operation == Operation::Sync {
                    return Ok(struck);
                }
                Err(io::Error::other(format!("injected failure of a {operation}")))
            }
            struck => Ok(struck),
        }
    }

    fn keep_moment(&mut self) {
        let count = self.changes;
        self.changes += 1;
        let is_chosen = count < 12 || count.is_multiple_of(16);
        if let Some(moments) =
            self.moments.as_mut().filter(|moments| is_chosen && moments.len() < MOMENTS_MAX)
        {
            moments.push(self.image.clone());
        }
    }

    /// How long a file may become.
    fn room(&self, id: u64) -> u64 {
        let Some(capacity) = self.capacity else { return u64::MAX };
        let others: u64 = self
            .image
            .names
            .values()
            .filter(|other| **other != id)
            .map(|other| self.image.length(*other))
            .sum();
        // A full disk does not shrink what is there.
        capacity.saturating_sub(others).max(self.image.length(id))
    }
}
