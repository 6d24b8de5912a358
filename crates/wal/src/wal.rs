//! The log itself: its state, opening and closing it, and looking at it.

use std::collections::BTreeMap;

use crate::format::SPARE_NAME;
use crate::recovery::{agreed_origin, settle, Recovery, RecoveryReport};
use crate::segment::{Active, Segment};
use crate::spare::Spare;
use crate::survey::{survey, Company};
use crate::{
    Position, Record, RecordRef, SegmentFile, SegmentUsage, Storage, WalError, WalOptions, WalStats,
};

/// A write-ahead log of opaque records.
///
/// One owner appends, syncs, and acts upon records only after [`Wal::sync`]. When a record is no longer needed the
/// owner releases it, and [`Wal::retire`] deletes segments that hold nothing else. What was released is not remembered
/// across a restart: an owner that needs that writes records of its own about it.
///
/// # Invariants
/// 1. A segment is written only while it is the active one; a closed one is read, synced at open if it is the newest, renamed or
///    deleted.
/// 2. A newer segment exists only if the older ones were synced, or are poisoned.
/// 3. A poisoned segment is never written or synced again, and stays until all its records are released. Its bytes do
///    not count against the limit: they leave as soon as the disk takes the copies.
/// 4. A file that is used again gets its new name only with its new headers, and nothing that it held before verifies.
/// 5. At least one segment with a readable header stays, so that the origin and the numbering are never lost.
#[derive(Debug)]
pub struct Wal<S: Storage> {
    pub(crate) storage: S,
    pub(crate) options: WalOptions,
    pub(crate) origin: [u8; 16],
    pub(crate) active: Option<Active<S::File>>,
    pub(crate) closed: BTreeMap<u64, Segment>,
    /// The numbers of the poisoned segments that still exist, in order.
    pub(crate) poisoned: Vec<u64>,
    pub(crate) set_aside: Vec<u64>,
    pub(crate) spare: Option<Spare>,
    /// Depends on everything that was appended to closed segments.
    pub(crate) salt_source: u32,
    pub(crate) next_number: u64,
    pub(crate) frame: Vec<u8>,
    torn_tails: u64,
    corrupt_segments: u64,
    pub(crate) sync_failures: u64,
    pub(crate) last_error: Option<String>,
}

impl<S: Storage> Wal<S> {
    /// Opens the log in `storage`, and recovers every record that verifies.
    ///
    /// `new_origin` is used only when the log is fresh. `now_ms` stands in for the age of a segment that has lost its
    /// headers. Nothing is written except to cut off a torn end, so this works on a full disk. An error leaves the log
    /// as it was found, or cut. Costs one pass over all bytes, a sync of the newest segment and one of the directory; all
    /// records are in memory at once.
    pub fn open(
        storage: S,
        new_origin: [u8; 16],
        options: WalOptions,
        now_ms: u64,
    ) -> Result<(Self, Recovery), WalError> {
        let mut records: Vec<Record> = Vec::new();
        let (wal, report) =
            Self::open_with(storage, new_origin, options, now_ms, |record| records.push(record.into()))?;
        let origin = wal.origin;
        Ok((wal, Recovery { origin, records, report }))
    }

    /// Opens the log as [`Wal::open`] does, and shows each record to `visit` instead of keeping it: every record that
    /// verifies, in the order in which they were appended, in memory that the next segment uses again.
    ///
    /// Records are shown while the log is read. Whether it can be opened, and its origin, are known only afterwards: on
    /// an error the caller throws away what it was shown. One segment is in memory at once.
    ///
    /// ```
    /// # use ron_accounting_wal::{fault::MemoryStorage, RecordKind, Wal, WalError, WalOptions};
    /// # fn main() -> Result<(), WalError> {
    /// # let disk = MemoryStorage::new();
    /// # let (mut wal, _) = Wal::open(disk.clone(), [7; 16], WalOptions::default(), 0)?;
    /// # wal.append(RecordKind(1), b"twelve requests", 1_000)?;
    /// # drop(wal.close()?);
    /// let mut bytes = 0;
    /// let (wal, report) =
    ///     Wal::open_with(disk, [0; 16], WalOptions::default(), 2_000, |record| bytes += record.body.len())?;
    /// assert_eq!((report.records, bytes, wal.origin()), (1, 15, [7; 16]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_with(
        mut storage: S,
        new_origin: [u8; 16],
        options: WalOptions,
        now_ms: u64,
        mut visit: impl FnMut(RecordRef<'_>),
    ) -> Result<(Self, RecoveryReport), WalError> {
        options.validate()?;
        let survey = survey(&storage, Company::Alone, &mut visit)?;
        let origin = agreed_origin(&survey)?.unwrap_or(new_origin);
        let next_number = match survey.highest {
            Some(highest) => highest.checked_add(1).ok_or(WalError::NumbersExhausted { highest })?,
            None => 0,
        };
        let spare = survey.has_spare.then(|| storage.length(SPARE_NAME).unwrap_or(0)).map(Spare::left_behind);
        let (segments, report) = settle(&mut storage, survey, now_ms)?;
        let mut wal = Self {
            storage,
            options,
            origin,
            active: None,
            closed: segments.into_iter().map(|segment| (segment.number, segment)).collect(),
            poisoned: report.poisoned.clone(),
            set_aside: report.set_aside.clone(),
            spare,
            salt_source: 0,
            next_number,
            frame: Vec::new(),
            torn_tails: report.torn_tails,
            corrupt_segments: report.corrupt_segments.len() as u64,
            sync_failures: 0,
            last_error: None,
        };
        wal.discard_spare();
        Ok((wal, report))
    }

    /// Syncs and seals the active segment and returns the storage. A log that is merely dropped is not harmed; it only
    /// leaves a segment without a footer, and what was not synced.
    pub fn close(mut self) -> Result<S, WalError> {
        self.sync()?;
        self.seal_active()?;
        self.discard_spare();
        Ok(self.storage)
    }

    /// The origin in the headers of this log.
    pub fn origin(&self) -> [u8; 16] {
        self.origin
    }

    /// The segments whose sync failed, as long as they exist, in order.
    pub fn poisoned(&self) -> &[u64] {
        &self.poisoned
    }

    /// The records in poisoned segments that are not released, in order: append them again, with
    /// [`Wal::append_reserved`] since the log may be full, then release these positions. Empty when all is well.
    pub fn unsafe_positions(&self) -> Vec<Position> {
        let in_segment = |segment: &Segment| {
            let number = segment.number;
            let offsets: Vec<_> = segment.unreleased.iter().copied().collect();
            offsets.into_iter().map(move |offset| Position { segment: number, offset })
        };
        self.closed.values().filter(|segment| segment.poisoned).flat_map(in_segment).collect()
    }

    /// Gauges and counters. Asks the storage for the length of each segment; if it does not answer, the length that was
    /// last seen stands in.
    pub fn stats(&self) -> WalStats {
        let closed = self.closed.values();
        let active = self.active.as_ref();
        let segments = || closed.clone().chain(active.map(|active| &active.segment));
        let length = |segment: &Segment| self.storage.length(&segment.name()).unwrap_or(segment.length);
        let spare_bytes =
            self.spare.map_or(0, |spare| self.storage.length(SPARE_NAME).unwrap_or(spare.length));
        WalStats {
            spare_bytes,
            bytes: segments().map(length).sum::<u64>() + spare_bytes,
            segments: segments().count(),
            entries: segments().map(|segment| segment.records).sum(),
            unreleased: segments().map(|segment| segment.unreleased.len() as u64).sum(),
            torn_tails: self.torn_tails,
            corrupt_segments: self.corrupt_segments,
            set_aside: self.set_aside.len(),
            poisoned: self.poisoned.len(),
            sync_failures: self.sync_failures,
            last_error: self.last_error.clone(),
        }
    }

    /// Makes every record that is appended and not released durable, or says why it is not.
    ///
    /// On failure the active segment is poisoned and [`WalError::SyncFailed`] returned; a sync is never tried again,
    /// since a second one may succeed without having written anything. As long as a poisoned segment holds records that
    /// are not released, this syncs what is active and then returns [`WalError::Unsafe`].
    pub fn sync(&mut self) -> Result<(), WalError> {
        self.sync_active()?;
        match self.closed.values().find(|segment| segment.is_unsafe()) {
            Some(segment) => {
                Err(WalError::Unsafe { segment: segment.number, records: segment.unreleased.len() })
            }
            None => Ok(()),
        }
    }

    /// Makes the records of the active segment durable, whatever is true of poisoned ones. This is for an owner that
    /// carries records out of a poisoned segment: it releases the old ones only when the copies are durable.
    ///
    /// On failure the active segment is poisoned and [`WalError::SyncFailed`] returned, as by [`Wal::sync`].
    pub fn sync_active(&mut self) -> Result<(), WalError> {
        if let Some(active) = self.active.as_mut().filter(|active| active.synced < active.end) {
            if let Err(source) = active.file.sync() {
                return Err(self.poison_after_sync(source));
            }
            active.synced = active.end;
        }
        Ok(())
    }

    /// Returns what each segment takes, in the order of their numbers. Costs no system call.
    pub fn usage(&self) -> Vec<SegmentUsage> {
        let usage = |segment: &Segment, is_active| SegmentUsage {
            number: segment.number,
            bytes: segment.length,
            records: segment.records,
            unreleased: segment.unreleased.len(),
            is_poisoned: segment.poisoned,
            is_active,
        };
        let active = self.active.as_ref().map(|active| usage(&active.segment, true));
        self.closed.values().map(|segment| usage(segment, false)).chain(active).collect()
    }

    /// Looks whether the newest segment is still there under its name, so that a log folder that was deleted or moved
    /// away under a running process is noticed. Costs one system call.
    pub fn check(&mut self) -> Result<(), WalError> {
        let active = self.active.as_ref().map(|active| active.segment.name());
        let Some(name) = active.or_else(|| self.closed.values().next_back().map(Segment::name)) else {
            return Ok(());
        };
        match self.storage.length(&name) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.note(WalError::io("find", &name, error))),
        }
    }

    /// Marks a record as no longer needed. False if there is no such record or it is released already. Nothing is
    /// written; the file goes with [`Wal::retire`].
    pub fn release(&mut self, position: Position) -> bool {
        let active = self.active.as_mut().map(|active| &mut active.segment);
        let segment = match active.filter(|segment| segment.number == position.segment) {
            Some(segment) => Some(segment),
            None => self.closed.get_mut(&position.segment),
        };
        segment.is_some_and(|segment| segment.unreleased.remove(&position.offset))
    }

    /// Remembers an error for [`Wal::stats`] on its way to the caller.
    pub(crate) fn note(&mut self, error: WalError) -> WalError {
        self.last_error = Some(error.with_cause());
        error
    }
}
