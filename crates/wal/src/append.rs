//! Appending: limits are checked first, then the bytes are written. After an error, the file is as it was before or is
//! never written again.

use std::io;

use crate::format::{self, Footer, Header, DATA_OFFSET};
use crate::format::{END_MARK_BYTES, FOOTER_BYTES, RECORD_HEADER_BYTES};
use crate::record::RECORD_BODY_BYTES_MAX;
use crate::segment::{Active, Segment};
use crate::{Limit, Position, RecordKind, SegmentFile, Storage, Wal, WalError};

/// Which limits apply to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// New work: all limits.
    Regular,
    /// Work that others wait for: all limits, but one segment more.
    Urgent,
    /// The owner's bookkeeping, which has to be possible so that records can be released: two segments more.
    Reserved,
    /// Copies of records in a poisoned segment, which is deleted once they are durable: no limit on bytes.
    Rescue,
}

impl<S: Storage> Wal<S> {
    /// Appends a record. It is durable after the next [`Wal::sync`] that succeeds.
    ///
    /// After [`WalError::Full`] and [`WalError::DiskFull`] the log is as it was. After any other error, what was appended
    /// before stays readable. The documentation of the error says whether the active segment is poisoned. `now_ms` is
    /// compared with `max_age_ms`, and is written into the header of a new segment. Costs one write. A new segment costs up
    /// to four syncs more.
    pub fn append(&mut self, kind: RecordKind, body: &[u8], now_ms: u64) -> Result<Position, WalError> {
        self.append_within(Budget::Regular, kind, body, now_ms).map_err(|error| self.note(error))
    }

    /// Appends a record that the owner needs in order to release others, such as an acknowledgement. It may use two
    /// segments beyond `max_bytes`, and ignores the limits on records and age. Without this reserve, a log that is full of
    /// acknowledged work could never become empty again.
    pub fn append_reserved(
        &mut self,
        kind: RecordKind,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Position, WalError> {
        self.append_within(Budget::Reserved, kind, body, now_ms).map_err(|error| self.note(error))
    }

    /// Appends a record that may use one segment beyond `max_bytes`. Use it if the log is full of records that cannot be
    /// released for now, so that other work can go on.
    pub fn append_urgent(
        &mut self,
        kind: RecordKind,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Position, WalError> {
        self.append_within(Budget::Urgent, kind, body, now_ms).map_err(|error| self.note(error))
    }

    /// Appends a copy of a record in a poisoned segment, beyond any limit. The poisoned segment is deleted once the copies
    /// are durable. Until then no limit may cause a loss.
    pub fn append_rescued(
        &mut self,
        kind: RecordKind,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Position, WalError> {
        self.append_within(Budget::Rescue, kind, body, now_ms).map_err(|error| self.note(error))
    }

    /// Closes the active segment with its footer and begins a new one, so that the old one can be retired. Does nothing
    /// if the active segment holds no record. May use the reserve of [`Wal::append_reserved`].
    pub fn rotate(&mut self, now_ms: u64) -> Result<(), WalError> {
        if self.active.as_ref().is_some_and(|active| active.segment.records == 0) {
            return Ok(());
        }
        self.begin_segment(Budget::Reserved, 0, now_ms).map_err(|error| self.note(error))
    }

    fn append_within(
        &mut self,
        budget: Budget,
        kind: RecordKind,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Position, WalError> {
        if body.len() > RECORD_BODY_BYTES_MAX {
            return Err(WalError::TooLarge { length: body.len(), max: RECORD_BODY_BYTES_MAX });
        }
        if matches!(budget, Budget::Regular | Budget::Urgent) {
            self.check_records()?;
            self.check_age(now_ms)?;
        }
        let need = (RECORD_HEADER_BYTES + body.len()) as u64;
        let segment_bytes = self.options.segment_length();
        let is_work = matches!(budget, Budget::Regular | Budget::Urgent);
        let kept = if is_work { self.options.reserved_bytes } else { 0 };
        let fits = |active: &Active<S::File>| {
            active.segment.records == 0 || active.end + need + FOOTER_BYTES as u64 + kept <= segment_bytes
        };
        match self.active.as_ref().filter(|active| fits(active)) {
            Some(active) => {
                let growth = (active.end + need).saturating_sub(active.segment.length);
                let full = |log: &Self| log.check_bytes(budget, log.bytes().saturating_add(growth));
                full(self).or_else(|error| if self.discard_spare() { full(self) } else { Err(error) })?;
            }
            None => self.begin_segment(budget, need, now_ms)?,
        }
        match self.write_record(kind, body) {
            // The file grows as it is written. The disk space that is kept for the next segment is given to this one.
            Err(WalError::DiskFull { .. }) if self.active.is_some() && self.discard_spare() => {
                self.write_record(kind, body)
            }
            written => written,
        }
    }

    fn write_record(&mut self, kind: RecordKind, body: &[u8]) -> Result<Position, WalError> {
        let Some(active) = self.active.as_mut() else {
            // A segment was begun above. If this is wrong, refusing is better than a panic in a host's process.
            debug_assert!(false, "no segment is active after one was begun");
            return Err(WalError::io("append to", "the active segment", io::ErrorKind::NotFound.into()));
        };
        let position = Position { segment: active.segment.number, offset: active.end };
        let envelope = active.envelope();
        self.frame.clear();
        format::encode_record(envelope, kind.0, body, &mut self.frame);
        let end = active.end + self.frame.len() as u64;
        let framed = self.frame.len();
        active.mark_end(&mut self.frame);
        if let Err(source) = active.file.write_all_at(active.end, &self.frame) {
            return Err(self.cut_back("append to", source));
        }
        self.frame.truncate(framed);
        active.checksum = crc32c::crc32c_append(active.checksum, &self.frame);
        active.end = end;
        active.segment.length = active.segment.length.max(active.end);
        active.segment.records += 1;
        active.segment.unreleased.insert(position.offset);
        Ok(position)
    }

    /// Removes a partial write. If that fails, the end of the segment is not known, and the segment is poisoned.
    fn cut_back(&mut self, operation: &'static str, source: io::Error) -> WalError {
        let Some(active) = self.active.as_mut() else {
            debug_assert!(false, "a write failed, and no segment is active");
            return WalError::io(operation, "the log", source);
        };
        let number = active.segment.number;
        match active.file.set_length(active.end).and_then(|()| active.file.length()) {
            Ok(length) if length == active.end => {
                active.segment.length = length;
                WalError::io(operation, &format::segment_name(number), source)
            }
            _ => {
                self.poison_active();
                WalError::AppendFailed { segment: number, source }
            }
        }
    }

    /// Closes the active segment, if there is one, and begins another that holds at least `need` bytes.
    fn begin_segment(&mut self, budget: Budget, need: u64, now_ms: u64) -> Result<(), WalError> {
        let length = self.options.segment_length().max(DATA_OFFSET as u64 + need + FOOTER_BYTES as u64);
        let others = self.bytes_when_sealed() - self.spare_bytes();
        self.check_bytes(budget, others.saturating_add(length))?;
        let mut new = self.claim_space(budget, length)?;
        if let Err(error) = self.seal_active() {
            self.abandon(&new, now_ms);
            return Err(error);
        }
        let mut begun = self.write_header(&mut new, now_ms);
        if begun.is_err() && new.salt != 0 {
            self.abandon(&new, now_ms);
            new = self.create_file(budget, length)?;
            begun = self.write_header(&mut new, now_ms);
        }
        match begun {
            Ok(length) => {
                let segment = Segment { length, has_header: true, ..blank_segment(new.number, now_ms) };
                let end = DATA_OFFSET as u64;
                let checksum = crc32c::crc32c(&new.header);
                let (file, salt) = (new.file, new.salt);
                self.active = Some(Active { segment, file, end, synced: end, checksum, salt });
                Ok(())
            }
            Err(error) => {
                self.abandon(&new, now_ms);
                Err(error)
            }
        }
    }

    /// Syncs the active segment, writes its footer, cuts the preallocated rest, and syncs again. All of this happens before a
    /// newer segment exists. Because of the first sync, the footer can say that every record before it was durable.
    pub(crate) fn seal_active(&mut self) -> Result<(), WalError> {
        self.sync_active()?;
        let Some(active) = self.active.as_mut() else { return Ok(()) };
        let number = active.segment.number;
        let envelope = active.envelope();
        let footer = Footer { records: active.segment.records, bytes: active.end, checksum: active.checksum };
        self.frame.clear();
        format::encode_footer(envelope, footer, &mut self.frame);
        let mut end = active.end + self.frame.len() as u64;
        active.mark_end(&mut self.frame);
        if active.file.write_all_at(active.end, &self.frame).is_err() {
            // Recovery needs no footer, but must not find half of one.
            end = active.end;
        }
        if let Err(source) = active.file.set_length(end) {
            self.poison_active();
            return Err(WalError::AppendFailed { segment: number, source });
        }
        if let Err(source) = active.file.sync() {
            return Err(self.poison_after_sync(source));
        }
        active.segment.length = active.file.length().unwrap_or(end);
        if let Some(active) = self.active.take() {
            self.salt_source = crc32c::crc32c_append(self.salt_source, &active.checksum.to_le_bytes());
            self.closed.insert(number, active.segment);
        }
        Ok(())
    }

    /// Takes the disk space of a segment, from the spare or for a new file. This happens before the active segment is closed:
    /// on a full disk, that one stays active, with the bytes that it keeps for the owner's bookkeeping. A file without a
    /// header counts as no segment.
    fn claim_space(&mut self, budget: Budget, length: u64) -> Result<NewSegment<S::File>, WalError> {
        self.remove_abandoned()?;
        match self.claim_spare(length)? {
            Some(new) => Ok(new),
            None => self.create_file(budget, length),
        }
    }

    fn create_file(&mut self, budget: Budget, length: u64) -> Result<NewSegment<S::File>, WalError> {
        // A spare that cannot be removed counts as well.
        self.check_bytes(budget, self.bytes_when_sealed().saturating_add(length))?;
        let number = self.take_number()?;
        let name = format::segment_name(number);
        let file = self.storage.create(&name).map_err(|error| WalError::io("create", &name, error))?;
        let mut new = NewSegment { number, name, file, header: Vec::new(), length, salt: 0, is_spare: false };
        let claimed =
            match new.file.allocate(length).map_err(|error| WalError::io("allocate", &new.name, error)) {
                // A file that grew as it is written would take the disk space that the old segment needs.
                Err(error @ WalError::DiskFull { .. }) => Err(error),
                // The file system cannot reserve space, so the file grows as it is written.
                Err(_) => {
                    let claimed =
                        new.file.set_length(0).and_then(|()| new.file.write_all_at(0, &[0; DATA_OFFSET]));
                    claimed.map_err(|error| WalError::io("write the header of", &new.name, error))
                }
                Ok(()) => Ok(()),
            };
        match claimed {
            Ok(()) => Ok(new),
            Err(error) => {
                self.abandon(&new, 0);
                Err(error)
            }
        }
    }

    pub(crate) fn take_number(&mut self) -> Result<u64, WalError> {
        let number = self.next_number;
        self.next_number = number.checked_add(1).ok_or(WalError::NumbersExhausted { highest: number })?;
        Ok(number)
    }

    /// Removes the files of segments that were never begun. While that fails, no other is created: a disk on which nothing
    /// can be removed must not be filled with them.
    fn remove_abandoned(&mut self) -> Result<(), WalError> {
        let is_abandoned =
            |segment: &&Segment| !segment.has_header && segment.records == 0 && !segment.corrupt;
        let abandoned: Vec<_> = self.closed.values().filter(is_abandoned).cloned().collect();
        for segment in abandoned {
            let name = segment.name();
            self.storage.remove(&name).map_err(|error| WalError::io("remove", &name, error))?;
            self.closed.remove(&segment.number);
            self.poisoned.retain(|poisoned| *poisoned != segment.number);
        }
        Ok(())
    }

    /// Makes the header and the name of a new segment durable, before its first record is written. Returns the length of the
    /// file.
    fn write_header(&mut self, new: &mut NewSegment<S::File>, now_ms: u64) -> Result<u64, WalError> {
        if new.is_spare {
            new.salt = self.next_salt(new.number, now_ms);
        }
        let (origin, number, salt) = (self.origin, new.number, new.salt);
        new.header = Header { origin, number, created_ms: now_ms, salt }.encode();
        self.frame.clear();
        self.frame.extend_from_slice(&new.header);
        if new.is_spare {
            self.frame.extend_from_slice(&[0; END_MARK_BYTES]);
        }
        let written = new.file.write_all_at(0, &self.frame);
        written.map_err(|error| WalError::io("write the header of", &new.name, error))?;
        let failed = |error| WalError::io("sync", &new.name, error);
        if let Err(error) = new.file.sync().map_err(failed) {
            self.sync_failures += 1;
            return Err(error);
        }
        self.name_spare(new)?;
        if let Err(error) = self.storage.sync_directory() {
            self.sync_failures += 1;
            return Err(WalError::io("sync", &new.name, error));
        }
        new.file.length().map_err(|error| WalError::io("measure", &new.name, error))
    }

    /// Removes the file of a segment that could not be begun. If that fails, the file is retired like any other.
    fn abandon(&mut self, new: &NewSegment<S::File>, now_ms: u64) {
        if new.is_spare {
            // As long as nothing was written to the spare, it can still be used.
            if new.salt != 0 {
                self.discard_spare();
            }
            return;
        }
        if self.storage.remove(&new.name).is_err() {
            let length = self.storage.length(&new.name).unwrap_or(new.length);
            self.closed.insert(new.number, Segment { length, ..blank_segment(new.number, now_ms) });
        }
    }

    fn check_records(&self) -> Result<(), WalError> {
        let active = self.active.as_ref().map_or(0, |active| active.segment.records);
        let closed: u64 = self.closed.values().map(|segment| segment.records).sum();
        let (needed, max) = (active + closed + 1, self.options.records_max);
        if needed > max {
            return Err(WalError::Full { limit: Limit::Records, needed, max });
        }
        Ok(())
    }

    fn check_age(&self, now_ms: u64) -> Result<(), WalError> {
        let Some(max) = self.options.age_ms_max else { return Ok(()) };
        let active = self.active.iter().map(|active| &active.segment);
        let oldest = self.closed.values().chain(active).find(|segment| !segment.unreleased.is_empty());
        let needed = oldest.map_or(0, |segment| now_ms.saturating_sub(segment.created_ms));
        if needed > max {
            return Err(WalError::Full { limit: Limit::Age, needed, max });
        }
        Ok(())
    }

    fn check_bytes(&self, budget: Budget, needed: u64) -> Result<(), WalError> {
        let max = match budget {
            Budget::Regular => self.options.bytes_max,
            Budget::Urgent => self.options.bytes_max.saturating_add(self.options.segment_length()),
            Budget::Reserved => self.options.bytes_max.saturating_add(2 * self.options.segment_length()),
            Budget::Rescue => u64::MAX,
        };
        if needed > max {
            return Err(WalError::Full { limit: Limit::Bytes, needed, max });
        }
        Ok(())
    }

    /// Returns the bytes that will count once the preallocated rest of the active segment is cut.
    fn bytes_when_sealed(&self) -> u64 {
        let rest =
            |active: &Active<S::File>| active.segment.length.saturating_sub(active.end + FOOTER_BYTES as u64);
        self.bytes() - self.active.as_ref().map_or(0, rest)
    }

    /// Returns the bytes that count against the limit: those of all files but poisoned ones. The spare counts.
    pub(crate) fn bytes(&self) -> u64 {
        let active = self.active.as_ref().map_or(0, |active| active.segment.length);
        let closed = self.closed.values().filter(|segment| !segment.poisoned);
        closed.map(|segment| segment.length).sum::<u64>() + active + self.spare_bytes()
    }
}

/// A segment that is being begun.
#[derive(Debug)]
pub(crate) struct NewSegment<F> {
    pub(crate) number: u64,
    /// The name that the file gets, or has unless it is still the spare.
    pub(crate) name: String,
    pub(crate) file: F,
    pub(crate) header: Vec<u8>,
    pub(crate) length: u64,
    /// The salt of the header. 0 in a new file, and until the header of a recycled one is written.
    pub(crate) salt: u32,
    /// Whether the file still has the name of the spare.
    pub(crate) is_spare: bool,
}

fn blank_segment(number: u64, created_ms: u64) -> Segment {
    Segment {
        number,
        created_ms,
        length: 0,
        records: 0,
        unreleased: std::collections::BTreeSet::new(),
        poisoned: false,
        marked: false,
        corrupt: false,
        has_header: false,
    }
}
