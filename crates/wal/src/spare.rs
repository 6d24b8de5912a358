//! The spare file: the file of a retired segment, kept for the next one.
//!
//! If the blocks of a file were written before, the file system needs no journal commit when they are written again. So a
//! sync into such a file costs about half. At most one spare is kept. It counts as the disk space of the next segment. It is
//! removed as soon as an operation on it fails, or if its disk space is needed otherwise.
//!
//! # Invariants
//! 1. A spare is written only when its name is durable: until then a power cut may bring back the segment that it was. It
//!    may be extended before that, since zeros behind a footer mean nothing.
//! 2. It gets the name of a segment only with that segment's headers, synced.
//! 3. After a failed operation on it, a spare is never written or synced again.

use std::io;

use crate::append::NewSegment;
use crate::format::{self, SPARE_NAME};
use crate::segment::Segment;
use crate::{SegmentFile, Storage, Wal, WalError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spare {
    /// The length of the file when the log last changed or measured it.
    pub(crate) length: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The file has its name, which may not be durable yet.
    Named,
    /// The next segment may use it.
    Ready,
    /// To be removed.
    Discarded,
}

impl Spare {
    /// Makes the spare of a file that an earlier process left. Its name may not be durable, so it is not used.
    pub(crate) const fn left_behind(length: u64) -> Self {
        Self { length, state: State::Discarded }
    }

    /// Returns whether the next segment may use it, now or once its name is durable.
    pub(crate) fn is_usable(self) -> bool {
        self.state != State::Discarded
    }
}

impl<S: Storage> Wal<S> {
    /// Returns the bytes that the spare takes.
    pub(crate) fn spare_bytes(&self) -> u64 {
        self.spare.map_or(0, |spare| spare.length)
    }

    /// Keeps the file of a retired segment as the spare. Returns `false` if there is one already, if this file is not fit to
    /// be one, or if it could not be renamed.
    pub(crate) fn keep_as_spare(&mut self, segment: &Segment) -> bool {
        let most = self.options.segment_length();
        let is_fit = segment.has_header
            && !segment.poisoned
            && !segment.corrupt
            && (most / 2..=most).contains(&segment.length);
        if !self.options.recycle || self.spare.is_some() || !is_fit {
            return false;
        }
        if self.storage.rename(&segment.name(), SPARE_NAME).is_err() {
            return false;
        }
        let mut spare = Spare { length: segment.length, state: State::Named };
        // The sync of the directory that follows makes this durable, too. If it fails, or if the longer file would exceed the
        // limit, the file is extended when the next segment is begun.
        if self.bytes().saturating_add(most - segment.length) <= self.options.bytes_max {
            if let Ok((_, length)) = self.open_spare(spare, most) {
                spare.length = length;
            }
        }
        self.spare = Some(spare);
        true
    }

    /// Records whether the directory was synced after files were retired.
    pub(crate) fn note_directory_sync(&mut self, succeeded: bool) {
        match &mut self.spare {
            Some(spare) if spare.state == State::Named && succeeded => spare.state = State::Ready,
            Some(spare) if spare.state != State::Ready => drop(self.discard_spare()),
            _ => {}
        }
    }

    /// Opens the spare for the next segment, and extends it. Returns `None` if there is none, or none that can be used.
    pub(crate) fn claim_spare(&mut self, length: u64) -> Result<Option<NewSegment<S::File>>, WalError> {
        let Some(spare) = self.spare else { return Ok(None) };
        let opened = match spare.state {
            State::Ready => self.open_spare(spare, length).ok(),
            State::Named | State::Discarded => None,
        };
        let Some((file, found)) = opened else {
            self.discard_spare();
            return Ok(None);
        };
        self.spare = Some(Spare { length: found, ..spare });
        let number = self.take_number()?;
        let name = format::segment_name(number);
        Ok(Some(NewSegment { number, name, file, header: Vec::new(), length, salt: 0, is_spare: true }))
    }

    /// Opens the spare and extends it. It is no error if the file system cannot reserve space.
    fn open_spare(&mut self, spare: Spare, length: u64) -> Result<(S::File, u64), WalError> {
        let failed = |operation| move |error| WalError::io(operation, SPARE_NAME, error);
        let mut file = self.storage.open(SPARE_NAME).map_err(failed("open"))?;
        if spare.length < length {
            let allocated = file.allocate(length).map_err(failed("allocate"));
            // If the file system cannot reserve space, the file grows as it is written.
            if let Err(error @ WalError::DiskFull { .. }) = allocated {
                return Err(error);
            }
        }
        let found = file.length().map_err(failed("measure"))?;
        Ok((file, found))
    }

    /// Gives the spare, whose headers are synced, the name of its segment.
    pub(crate) fn name_spare(&mut self, new: &mut NewSegment<S::File>) -> Result<(), WalError> {
        if new.is_spare {
            let renamed = self.storage.rename(SPARE_NAME, &new.name);
            renamed.map_err(|error| WalError::io("rename", SPARE_NAME, error))?;
            self.spare = None;
            new.is_spare = false;
        }
        Ok(())
    }

    /// Removes the spare. Returns whether that freed disk space. If it cannot be removed, it is never used.
    pub(crate) fn discard_spare(&mut self) -> bool {
        let Some(spare) = &mut self.spare else { return false };
        spare.state = State::Discarded;
        match self.storage.remove(SPARE_NAME) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => false,
            _ => {
                self.spare = None;
                true
            }
        }
    }

    /// Returns the salt of the next segment, which is never 0. It depends on everything that was appended to closed segments.
    /// So the bytes of a record cannot have been chosen such that they verify in a later segment.
    pub(crate) fn next_salt(&self, number: u64, now_ms: u64) -> u32 {
        let salt = crc32c::crc32c_append(self.salt_source, &number.to_le_bytes());
        crc32c::crc32c_append(salt, &now_ms.to_le_bytes()).max(1)
    }
}
