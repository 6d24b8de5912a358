//! Keeping the log durable and small: rewriting what a failed sync made unsafe, carrying heads and checkpoint onwards, and
//! deleting what nobody needs.

use ron_accounting_wal::{Position, RecordKind, Storage, Wal, WalError};
use ron_ledger_wire::SealedSlice;

use super::{
    records::{self, kind, HeadRecord},
    Log, ITEMS_PER_RECORD,
};

/// How often a commit starts anew on another segment before it gives up until the next one.
const REWRITES_MAX: usize = 3;

/// Whether records stand in a segment that is not believed any more, so that writing them again can help.
pub(super) fn needs_rewrite(error: &WalError) -> bool {
    matches!(error, WalError::SyncFailed { .. } | WalError::AppendFailed { .. } | WalError::Unsafe { .. })
}

impl<S: Storage + Send> Log<S>
where
    S::File: Send,
{
    pub(super) fn commit_with_rewrites(&mut self, now_ms: u64) -> Result<(), WalError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_commit(now_ms) {
                Err(error) if needs_rewrite(&error) && tries < REWRITES_MAX => {}
                done => return done,
            }
        }
    }

    pub(super) fn try_commit(&mut self, now_ms: u64) -> Result<(), WalError> {
        self.make_durable(now_ms)?;
        self.give_back(now_ms)
    }

    fn make_durable(&mut self, now_ms: u64) -> Result<(), WalError> {
        self.rewrite_unsafe(now_ms)?;
        self.wal.sync()?;
        self.is_unsynced = false;
        Ok(())
    }

    /// Gives back space. To be called when all slices are durable, and fails only if they are not any more: a file that
    /// cannot be deleted must not stop the export. The log keeps that error for its statistics.
    pub(super) fn give_back(&mut self, now_ms: u64) -> Result<(), WalError> {
        match self.try_give_back(now_ms) {
            Err(error) if needs_rewrite(&error) => Err(error),
            _ => Ok(()),
        }
    }

    fn try_give_back(&mut self, now_ms: u64) -> Result<(), WalError> {
        if self.heads_are_behind() {
            self.write_heads(now_ms)?;
        }
        if self.checkpoint.is_lost() {
            match self.carry_checkpoint(now_ms) {
                // A log that is too full even for this gets room first, and the next checkpoint soon.
                Err(WalError::Full { .. }) => self.checkpoint.slices.clear(),
                carried => carried?,
            }
        }
        self.wal.retire().map(drop)
    }

    /// Appends within the limits, again if it failed for a cause that goes away: a log that is full makes room first, and
    /// one that stopped believing its file goes on in another.
    pub(super) fn with_room<T>(
        &mut self,
        now_ms: u64,
        append: impl Fn(&mut Self) -> Result<T, WalError>,
    ) -> Result<T, WalError> {
        match append(self) {
            Err(WalError::Full { .. } | WalError::DiskFull { .. }) if self.has_changed => {
                self.make_room(now_ms)?;
                append(self)
            }
            Err(error) if needs_rewrite(&error) => {
                self.commit_with_rewrites(now_ms)?;
                append(self)
            }
            done => done,
        }
    }

    /// What must stay moves to a new segment, so that the old ones can go.
    fn make_room(&mut self, now_ms: u64) -> Result<(), WalError> {
        self.make_durable(now_ms)?;
        let carried = self.wal.rotate(now_ms).and_then(|()| {
            self.write_heads(now_ms)?;
            self.carry_checkpoint(now_ms)
        });
        // On a full disk there may be no room for another segment. Those that are not needed can go all the same.
        self.try_give_back(now_ms)?;
        self.has_changed = carried.is_err();
        Ok(())
    }

    /// Writes again what stands in segments whose sync failed. It comes from memory: such a file is not believed.
    fn rewrite_unsafe(&mut self, now_ms: u64) -> Result<(), WalError> {
        let lost = self.wal.unsafe_positions();
        if lost.is_empty() {
            return Ok(());
        }
        let is_lost = |position: &Position| lost.binary_search(position).is_ok();
        for (position, slice) in self.slices.values_mut() {
            if is_lost(position) {
                let fresh = self.wal.append_reserved(kind::SLICE, slice.bytes(), now_ms)?;
                self.newest = Some(fresh.segment);
                self.wal.release(std::mem::replace(position, fresh));
            }
        }
        // Heads and checkpoint follow when the slices are durable. Until then their files stay.
        if self.head_positions.iter().any(is_lost) {
            let heads = std::mem::take(&mut self.head_positions);
            self.release_all(&heads);
            self.heads_end = None;
        }
        if self.checkpoint.positions.iter().any(is_lost) {
            let checkpoint = std::mem::take(&mut self.checkpoint.positions);
            self.release_all(&checkpoint);
        }
        self.release_all(&lost);
        Ok(())
    }

    /// Heads belong into the newest segment that has slices or acknowledgements, so that the older ones can go.
    pub(super) fn heads_are_behind(&self) -> bool {
        !self.standings.is_empty() && (self.heads_end.is_none() || self.newest > self.heads_end)
    }

    fn write_heads(&mut self, now_ms: u64) -> Result<(), WalError> {
        let heads: Vec<HeadRecord> = self.standings.values().map(HeadRecord::from).collect();
        let mut positions = Vec::new();
        for chunk in heads.chunks(ITEMS_PER_RECORD) {
            match self.wal.append_reserved(kind::HEADS, &records::encode(chunk), now_ms) {
                Ok(position) => positions.push(position),
                Err(error) => {
                    self.release_all(&positions);
                    return Err(error);
                }
            }
        }
        self.heads_end = positions.last().map(|position| position.segment);
        let old = std::mem::replace(&mut self.head_positions, positions);
        self.release_all(&old);
        Ok(())
    }

    fn carry_checkpoint(&mut self, now_ms: u64) -> Result<(), WalError> {
        let slices = std::mem::take(&mut self.checkpoint.slices);
        let written = if slices.is_empty() && self.checkpoint.positions.is_empty() {
            Ok(Vec::new())
        } else {
            self.write_checkpoint(&slices, Wal::append_reserved, now_ms)
        };
        self.checkpoint.slices = slices;
        let old = std::mem::replace(&mut self.checkpoint.positions, written?);
        self.release_all(&old);
        Ok(())
    }

    /// Writes the records of a checkpoint, the last of which makes it valid.
    pub(super) fn write_checkpoint(
        &mut self,
        slices: &[SealedSlice],
        append: impl Fn(&mut Wal<S>, RecordKind, &[u8], u64) -> Result<Position, WalError>,
        now_ms: u64,
    ) -> Result<Vec<Position>, WalError> {
        // The number is used up even by half a checkpoint, so that recovery never mixes two.
        self.checkpoint.number += 1;
        let number = self.checkpoint.number;
        let bodies =
            slices.iter().map(|slice| (kind::CHECKPOINT, records::checkpoint(number, slice.bytes())));
        let end = (kind::CHECKPOINT_END, records::checkpoint_end(number, slices.len()));
        let mut positions = Vec::new();
        for (kind, body) in bodies.chain([end]) {
            match append(&mut self.wal, kind, &body, now_ms) {
                Ok(position) => positions.push(position),
                Err(error) => {
                    self.release_all(&positions);
                    return Err(error);
                }
            }
        }
        Ok(positions)
    }

    pub(super) fn release_all(&mut self, positions: &[Position]) {
        for position in positions {
            self.wal.release(*position);
        }
    }
}
