//! Checks of the invariants of [`Wal`], for tests to run between their steps.

use crate::format::{DATA_OFFSET, SPARE_NAME};
use crate::segment::{Active, Segment};
use crate::spare::Spare;
use crate::{SegmentFile, Storage, Wal};

impl<S: Storage> Wal<S> {
    /// Checks the numbered invariants, as far as memory and storage show them. The error says which one does not hold. Costs
    /// a system call per segment.
    pub fn validate(&self) -> Result<(), String> {
        for (number, segment) in &self.closed {
            if *number != segment.number {
                return Err(format!("1: segment {} is kept as {number}", segment.number));
            }
            self.validate_segment(segment, segment.length)?;
        }
        if let Some(active) = &self.active {
            self.validate_active(active)?;
        }
        let newest = self.active.as_ref().map(|active| active.segment.number);
        let newest = newest.or_else(|| self.closed.keys().next_back().copied());
        if newest.is_some_and(|newest| newest >= self.next_number) {
            return Err(format!("1: {newest:?} exists, and {} is next", self.next_number));
        }
        let poisoned: Vec<u64> =
            self.closed.values().filter(|segment| segment.poisoned).map(|segment| segment.number).collect();
        if poisoned != self.poisoned {
            return Err(format!("3: {poisoned:?} are poisoned, {:?} are listed", self.poisoned));
        }
        if self.spare.is_some_and(Spare::is_usable) && self.storage.length(SPARE_NAME).is_err() {
            return Err("4: the spare has no file".to_owned());
        }
        let mut segments = self.closed.values().chain(self.active.as_ref().map(|active| &active.segment));
        let has_records = segments.clone().any(|segment| segment.records > 0);
        if has_records && !segments.any(|segment| segment.has_header) {
            return Err("5: no segment has a readable header".to_owned());
        }
        Ok(())
    }

    fn validate_active(&self, active: &Active<S::File>) -> Result<(), String> {
        let Active { segment, file, end, synced, .. } = active;
        let number = segment.number;
        // The file of a segment that could not be begun has a newer number, but no header.
        let mut begun = self.closed.values().filter(|segment| segment.has_header || segment.records > 0);
        if begun.any(|segment| segment.number >= number) {
            return Err(format!("1: {number} is active, and not the newest"));
        }
        if segment.poisoned || segment.corrupt || !segment.has_header {
            return Err(format!("3: {number} is active, and not fit to be: {segment:?}"));
        }
        let length = file.length().map_err(|error| format!("6: {number} cannot be measured: {error}"))?;
        if *synced > *end || *end > segment.length || *end > length {
            return Err(format!(
                "6: {number} ends at {end} of {length}, {synced} bytes are synced: {segment:?}"
            ));
        }
        self.validate_segment(segment, *end)
    }

    /// Checks that the segment has a file, and that its records lie before `end`.
    fn validate_segment(&self, segment: &Segment, end: u64) -> Result<(), String> {
        let (name, unreleased) = (segment.name(), &segment.unreleased);
        self.storage.length(&name).map_err(|error| format!("6: {name} has no file: {error}"))?;
        let is_inside = |offset: &u64| (DATA_OFFSET as u64..end).contains(offset);
        if unreleased.len() as u64 > segment.records || !unreleased.iter().all(is_inside) {
            return Err(format!(
                "6: {name} ends at {end}, and has records behind it, or too many: {segment:?}"
            ));
        }
        Ok(())
    }
}
