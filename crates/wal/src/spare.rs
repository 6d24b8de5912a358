//! The spare file: what was the file of a retired segment, kept for the next one.
//!
//! A file whose blocks were written once needs no journal commit of the file system when they are written again, so a
//! sync into it costs about half. One spare is kept at most. It counts as the room of the next segment, and goes as soon
//! as anything is wrong with it, or when its room is needed otherwise.
//!
//! # Invariants
//! 1. A spare is written only when its name is durable: until then a power cut may bring back the segment it was. That it
//!    is extended before does no harm, since zeros may stand behind any footer.
//! 2. It gets the name of a segment only with that segment's headers, synced.
//! 3. A spare for which anything has failed is never written or synced again.

use std::io;

use crate::append::NewSegment;
use crate::format::{self, SPARE_NAME};
use crate::segment::Segment;
use crate::{SegmentFile, Storage, Wal, WalError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spare {
    /// The length of the file when it was last looked at.
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
    /// A file that an earlier process left. Whether its name is durable is not known.
    pub(crate) const fn left_behind(length: u64) -> Self {
        Self { length, state: State::Discarded }
    }
}

impl<S: Storage> Wal<S> {
    /// The bytes that the spare takes, which are the room of the next segment.
    pub(crate) fn spare_bytes(&self) -> u64 {
        self.spare.map_or(0, |spare| spare.length)
    }

    /// Keeps the file of a retired segment as the spare. False if there is one, if this file is not fit to be one, or if
    /// the file could not be renamed.
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
        // The sync of the directory that follows pays for this, too. If it fails, the next segment tries again. So it does
        // where the longer file would not be within the limit.
        if self.bytes().saturating_add(most - segment.length) <= self.options.max_bytes {
            if let Ok((_, length)) = self.open_spare(spare, most) {
                spare.length = length;
            }
        }
        self.spare = Some(spare);
        true
    }

    /// Takes note of a sync of the directory after files were retired.
    pub(crate) fn note_directory_sync(&mut self, succeeded: bool) {
        match &mut self.spare {
            Some(spare) if spare.state == State::Named && succeeded => spare.state = State::Ready,
            Some(spare) if spare.state != State::Ready => drop(self.discard_spare()),
            _ => {}
        }
    }

    /// Opens the spare for the next segment, and extends it. `None` if there is none, or none that can be used.
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

    /// Opens the spare and extends it, without a word about it if the file system cannot reserve.
    fn open_spare(&mut self, spare: Spare, length: u64) -> Result<(S::File, u64), WalError> {
        let failed = |operation| move |error| WalError::io(operation, SPARE_NAME, error);
        let mut file = self.storage.open(SPARE_NAME).map_err(failed("open"))?;
        if spare.length < length {
            let allocated = file.allocate(length).map_err(failed("allocate"));
            // On a file system that cannot reserve, the file grows as it is written.
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

    /// Removes the spare, and says whether that gave room back. If it cannot be removed it is never used.
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

    /// A number that nobody could know who supplied what the spare holds, since it depends on all that was appended
    /// since; never 0.
    pub(crate) fn next_salt(&self, number: u64, now_ms: u64) -> u32 {
        let salt = crc32c::crc32c_append(self.salt_source, &number.to_le_bytes());
        crc32c::crc32c_append(salt, &now_ms.to_le_bytes()).max(1)
    }
}
