//! Lanes that fail again and again while the ledger takes what others have.
//!
//! Such a lane is not parked, because its failures are retryable. But the retries may take hours, and meanwhile its slices would
//! count towards `pending_max`. A lane that failed several times in a row is a *suspect*: the ledger as a whole may be out of
//! reach. With the next acknowledgement of another lane it is *stalled*: the ledger works, and the failures are this stream's own.
//! A stalled lane goes on trying and takes no further slices. Its slices are set aside, like those of a parked lane.

use std::collections::{BTreeSet, HashMap};

use ron_ledger_wire::StreamId;

use crate::lane::Lane;

/// Failures in a row that make a lane suspect.
const SUSPECT_FAILURES: u32 = 4;

/// Which lanes have trouble, and how many slices they hold.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    suspects: BTreeSet<StreamId>,
    suspect_slices: usize,
    stalled: BTreeSet<StreamId>,
    stalled_slices: usize,
}

impl Trouble {
    /// Notes a failure that can be retried.
    pub(super) fn note_failure(&mut self, stream: &StreamId, lane: &Lane) {
        let is_suspect = lane.failures >= SUSPECT_FAILURES && !self.stalled.contains(stream);
        if is_suspect && self.suspects.insert(stream.clone()) {
            self.suspect_slices += lane.slices.len();
        }
    }

    /// Notes a slice that was pushed.
    pub(super) fn note_push(&mut self, stream: &StreamId) {
        if self.suspects.contains(stream) {
            self.suspect_slices += 1;
        } else if self.stalled.contains(stream) {
            self.stalled_slices += 1;
        }
    }

    /// Forgets a lane that succeeds again or is parked. To be called before its slices change.
    pub(super) fn end(&mut self, stream: &StreamId, lane: &Lane) {
        if self.suspects.remove(stream) {
            self.suspect_slices -= lane.slices.len();
        } else if self.stalled.remove(stream) {
            self.stalled_slices -= lane.slices.len();
        }
    }

    /// Turns suspects into stalled lanes, because the ledger has taken a slice of another lane.
    pub(super) fn stall_suspects(&mut self) {
        self.stalled.append(&mut self.suspects);
        self.stalled_slices += std::mem::take(&mut self.suspect_slices);
    }

    pub(super) fn is_stalled(&self, stream: &StreamId) -> bool {
        self.stalled.contains(stream)
    }

    pub(super) fn is_suspect(&self, stream: &StreamId) -> bool {
        self.suspects.contains(stream)
    }

    pub(super) fn stalled(&self) -> impl Iterator<Item = &StreamId> {
        self.stalled.iter()
    }

    pub(super) fn stalled_slices(&self) -> usize {
        self.stalled_slices
    }

    pub(super) fn suspect_slices(&self) -> usize {
        self.suspect_slices
    }

    /// Checks that the slices are counted correctly, and that every stream here has a failing lane.
    pub(super) fn validate(&self, lanes: &HashMap<StreamId, Lane>) -> Result<(), String> {
        let count = |streams: &BTreeSet<StreamId>| -> Result<usize, String> {
            let slices = streams.iter().map(|stream| {
                let lane = lanes.get(stream).filter(|lane| lane.failures >= SUSPECT_FAILURES);
                lane.map(|lane| lane.slices.len()).ok_or_else(|| format!("6: {stream} has no trouble"))
            });
            slices.sum()
        };
        let found = (count(&self.suspects)?, count(&self.stalled)?);
        if found != (self.suspect_slices, self.stalled_slices) {
            let counted = (self.suspect_slices, self.stalled_slices);
            return Err(format!("6: suspect and stalled slices are {found:?}, counted as {counted:?}"));
        }
        self.suspects
            .intersection(&self.stalled)
            .next()
            .map_or(Ok(()), |stream| Err(format!("6: {stream} is suspect and stalled")))
    }
}
