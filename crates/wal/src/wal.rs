//! The log: its state, how it is opened, synced and closed, and what it reports.

use std::collections::BTreeMap;

use crate::format::{FOOTER_BYTES, SPARE_NAME};
use crate::recovery::{agreed_origin, make_durable, Recovery, RecoveryReport};
use crate::segment::{Active, Segment};
use crate::spare::Spare;
use crate::survey::{survey, Access};
use crate::{
    Position, Record, RecordRef, SegmentFile, SegmentUsage, Storage, WalError, WalOptions, WalStats,
};

/// A write-ahead log of opaque records.
///
/// One owner appends, syncs, and acts upon records only after [`Wal::sync`]. When a record is no longer needed, the owner
/// releases it, and [`Wal::retire`] deletes the segments whose records are all released. Which records were released is not
/// stored: after a restart, every record that is still in a file is recovered. An owner that needs to know appends records
/// of its own about it.
///
/// # Invariants
/// 1. A segment is written only while it is active, and the active one is the newest that has a header. A closed segment is
///    read, renamed or deleted, and synced at open if it is the newest.
/// 2. A newer segment exists only if the older ones were synced or are poisoned.
/// 3. A poisoned segment is never written or synced again, and stays until all its records are released. Its bytes do not
///    count against the limit: it is deleted as soon as copies of its records are durable.
/// 4. A file that is used again gets its new name only with its new headers, and nothing that it held before verifies.
/// 5. At least one segment with a readable header stays, so that the origin and the numbering are not lost.
/// 6. Each segment has a file of its name, and the records that are not released lie within it.
///
/// [`Wal::validate`] checks what can be seen of them between calls.
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
    /// A checksum over everything that was appended to closed segments.
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
    /// `new_origin` is used only if the log is new. `now_ms` is taken as the creation time of a segment that has lost its
    /// headers. Nothing is written, but a torn end is cut off, so this works on a full disk. After an error, the log is as it
    /// was found, or cut. Costs one pass over all bytes, a sync of the newest segment and one of the directory. All records
    /// are in memory at once.
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

    /// Opens the log as [`Wal::open`] does, but calls `visit` with each record instead of keeping it. These are the records
    /// that verify, in the order in which they were appended. Their memory is used again for the next segment.
    ///
    /// `visit` is called while the log is read. Only afterwards it is known whether the log can be opened, and its origin. So
    /// on an error the caller must drop what it was given. One segment is in memory at once.
    ///
    /// ```
    /// # use ron_accounting_wal::{DirectoryStorage, RecordKind, Wal, WalOptions};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let storage = DirectoryStorage::open(directory.path())?;
    /// # let (mut wal, _) = Wal::open(storage, [7; 16], WalOptions::default(), 0)?;
    /// # wal.append(RecordKind(1), b"twelve requests", 1_000)?;
    /// # let storage = wal.close()?;
    /// let mut bytes = 0;
    /// let (wal, report) =
    ///     Wal::open_with(storage, [0; 16], WalOptions::default(), 2_000, |record| bytes += record.body.len())?;
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
        let survey = survey(&storage, Access::Exclusive, &mut visit)?;
        let origin = agreed_origin(&survey)?.unwrap_or(new_origin);
        let next_number = match survey.highest {
            Some(highest) => highest.checked_add(1).ok_or(WalError::NumbersExhausted { highest })?,
            None => 0,
        };
        let spare = survey.has_spare.then(|| storage.length(SPARE_NAME).unwrap_or(0)).map(Spare::left_behind);
        let (segments, report) = make_durable(&mut storage, survey, now_ms)?;
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

    /// Syncs the active segment, writes its footer, and returns the storage. A log may also be dropped instead: then its last
    /// segment has no footer, and what was not synced may be lost by a power cut.
    pub fn close(mut self) -> Result<S, WalError> {
        self.sync()?;
        self.seal_active()?;
        self.discard_spare();
        Ok(self.storage)
    }

    /// Returns the origin in the headers of this log.
    pub fn origin(&self) -> [u8; 16] {
        self.origin
    }

    /// Returns how many bytes of records still fit into the active segment, so that no file has to be created for them. A
    /// record takes 24 bytes beside its body. 0 if no segment is active.
    #[must_use]
    pub fn active_room(&self) -> u64 {
        let Some(active) = &self.active else { return 0 };
        self.options.segment_length().saturating_sub(active.end + FOOTER_BYTES as u64)
    }

    /// Returns the numbers of the segments whose sync failed and that still exist, in order.
    pub fn poisoned(&self) -> &[u64] {
        &self.poisoned
    }

    /// Returns the positions of the records in poisoned segments that are not released, in order. Append these records again,
    /// with [`Wal::append_rescued`] since the log may be full, then release these positions. Empty if no sync failed.
    pub fn unsafe_positions(&self) -> Vec<Position> {
        let in_segment = |segment: &Segment| {
            let number = segment.number;
            let offsets: Vec<_> = segment.unreleased.iter().copied().collect();
            offsets.into_iter().map(move |offset| Position { segment: number, offset })
        };
        self.closed.values().filter(|segment| segment.poisoned).flat_map(in_segment).collect()
    }

    /// Returns gauges and counters. Asks the storage for the length of each segment. If that fails, the length that was last
    /// seen is used.
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
            records: segments().map(|segment| segment.records).sum(),
            unreleased: segments().map(|segment| segment.unreleased.len() as u64).sum(),
            torn_tails: self.torn_tails,
            corrupt_segments: self.corrupt_segments,
            set_aside: self.set_aside.len(),
            poisoned: self.poisoned.len(),
            sync_failures: self.sync_failures,
            last_error: self.last_error.clone(),
        }
    }

    /// Makes every record that is appended and not released durable.
    ///
    /// If the sync fails, the active segment is poisoned and [`WalError::SyncFailed`] is returned. A sync is never tried again,
    /// since a second one may succeed without having written anything. As long as a poisoned segment holds records that are
    /// not released, this syncs the active segment and then returns [`WalError::Unsafe`].
    pub fn sync(&mut self) -> Result<(), WalError> {
        self.sync_active()?;
        match self.closed.values().find(|segment| segment.is_unsafe()) {
            Some(segment) => {
                Err(WalError::Unsafe { segment: segment.number, records: segment.unreleased.len() })
            }
            None => Ok(()),
        }
    }

    /// Makes the records of the active segment durable, and ignores poisoned segments. This is for an owner that copies
    /// records out of a poisoned segment, and releases the old ones only when the copies are durable.
    ///
    /// If the sync fails, the active segment is poisoned and [`WalError::SyncFailed`] is returned, as by [`Wal::sync`].
    pub fn sync_active(&mut self) -> Result<(), WalError> {
        if let Some(active) = self.active.as_mut().filter(|active| active.synced < active.end) {
            if let Err(source) = active.file.sync() {
                return Err(self.poison_after_sync(source));
            }
            active.synced = active.end;
        }
        Ok(())
    }

    /// Returns the bytes and records of each segment, in the order of their numbers. Costs no system call.
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

    /// Fails if the newest segment's file no longer exists under its name: somebody deleted or moved the directory while the
    /// log is open. Costs one system call.
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

    /// Marks a record as no longer needed. Returns `false` if there is no such record, or if it is released already. Nothing is
    /// written. [`Wal::retire`] deletes the file.
    pub fn release(&mut self, position: Position) -> bool {
        let active = self.active.as_mut().map(|active| &mut active.segment);
        let segment = match active.filter(|segment| segment.number == position.segment) {
            Some(segment) => Some(segment),
            None => self.closed.get_mut(&position.segment),
        };
        segment.is_some_and(|segment| segment.unreleased.remove(&position.offset))
    }

    /// Keeps an error's message for [`Wal::stats`], and returns the error.
    pub(crate) fn note(&mut self, error: WalError) -> WalError {
        self.last_error = Some(error.with_cause());
        error
    }
}
