//! Deleting segments, or keeping a file for the next one, and poisoning a segment whose sync failed.
//!
//! Deleting is the only operation that can lose what was durable. So it comes last: what is appended is synced first. It
//! is refused while a poisoned segment has records that are not released. The newest header stays.

use std::io;

use crate::format;
use crate::segment::Segment;
use crate::{SegmentFile, Storage, Wal, WalError};

/// How many damaged files are kept for inspection. If there are more, the oldest are deleted.
const SET_ASIDE_MAX: usize = 8;

impl<S: Storage> Wal<S> {
    /// Deletes the closed segments whose records are all released. Returns how many. The file of one of them is kept for the
    /// next segment, see [`WalOptions::recycle`](crate::WalOptions::recycle).
    ///
    /// Syncs first: an owner that carries its state into new records appends those before it releases the old ones, and they
    /// must be durable before the old ones are deleted. If the sync fails, or a poisoned segment is still needed, no file is
    /// deleted.
    ///
    /// A damaged segment is not deleted, but its file is renamed to `.damaged`. The active segment stays. If there is none,
    /// the newest segment with a readable header stays. If the directory cannot be synced, a deleted segment may exist again
    /// after a crash, with its records.
    pub fn retire(&mut self) -> Result<usize, WalError> {
        self.sync()?;
        self.retire_released()
    }

    /// Deletes the closed segments whose records are all released, as [`Wal::retire`] does, but syncs nothing first. A
    /// poisoned segment that is needed does not stop it. Use it only if each record is released after what replaces it is
    /// durable.
    pub fn retire_released(&mut self) -> Result<usize, WalError> {
        let kept = match self.active {
            Some(_) => None,
            None => self.newest_header(),
        };
        let retired: Vec<Segment> = self
            .closed
            .values()
            .filter(|segment| segment.unreleased.is_empty() && Some(segment.number) != kept)
            .cloned()
            .collect();
        let outcome = self.retire_files(&retired);
        outcome.map_err(|error| self.note(error))
    }

    fn retire_files(&mut self, retired: &[Segment]) -> Result<usize, WalError> {
        if retired.is_empty() {
            return Ok(0);
        }
        // A file that cannot be removed must not keep the others from being removed, or the log fills up.
        let mut outcome = Ok(());
        for segment in retired {
            outcome = outcome.and(self.retire_file(segment));
        }
        let trimmed = outcome.and(self.trim_set_aside());
        let synced = self.storage.sync_directory().map_err(|error| {
            self.sync_failures += 1;
            WalError::io("sync", "the log directory", error)
        });
        self.note_directory_sync(synced.is_ok());
        trimmed.and(synced).map(|()| retired.len())
    }

    fn retire_file(&mut self, segment: &Segment) -> Result<(), WalError> {
        let (number, name) = (segment.number, segment.name());
        if segment.corrupt {
            let aside = format::set_aside_name(number);
            self.storage.rename(&name, &aside).map_err(|error| WalError::io("set aside", &name, error))?;
            self.set_aside.push(number);
        } else if !self.keep_as_spare(segment) {
            self.storage.remove(&name).map_err(|error| WalError::io("remove", &name, error))?;
        }
        self.closed.remove(&number);
        self.poisoned.retain(|poisoned| *poisoned != number);
        Ok(())
    }

    fn trim_set_aside(&mut self) -> Result<(), WalError> {
        self.set_aside.sort_unstable();
        while let Some(oldest) = self.set_aside.first().copied() {
            if self.set_aside.len() <= SET_ASIDE_MAX {
                break;
            }
            let name = format::set_aside_name(oldest);
            self.storage.remove(&name).map_err(|error| WalError::io("remove", &name, error))?;
            self.set_aside.remove(0);
        }
        Ok(())
    }

    fn newest_header(&self) -> Option<u64> {
        let with_header = || self.closed.values().rev().filter(|segment| segment.has_header);
        let sound = with_header().find(|segment| !segment.poisoned && !segment.corrupt);
        sound.or_else(|| with_header().next()).map(|segment| segment.number)
    }

    pub(crate) fn poison_after_sync(&mut self, source: io::Error) -> WalError {
        self.sync_failures += 1;
        let segment = self.poison_active();
        self.note(WalError::SyncFailed { segment, source })
    }

    /// Closes the active segment as it is, and returns its number. It is never written again.
    pub(crate) fn poison_active(&mut self) -> u64 {
        let Some(active) = self.active.take() else {
            debug_assert!(false, "no segment is active");
            return 0;
        };
        let number = active.segment.number;
        self.salt_source = crc32c::crc32c_append(self.salt_source, &active.checksum.to_le_bytes());
        let mut segment = active.segment;
        segment.length = active.file.length().unwrap_or(segment.length);
        segment.poison(&mut self.storage);
        self.closed.insert(number, segment);
        self.poisoned.push(number);
        number
    }
}
