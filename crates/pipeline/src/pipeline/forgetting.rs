//! Streams that ended leave the memory, so that it does not grow with the age of the process.
//!
//! * A chain goes when the log has forgotten its stream. Without a log it goes with the totals, if a ledger can be asked. A
//!   stream that comes back waits until the ledger has told its head.
//! * Totals of idle streams beyond the limit are folded into one sum per dimension, those not used for longest first.

use ron_ledger_wire::StreamId;

use super::{Pipeline, Totals};
use crate::ForgottenTotals;

/// The part of the limit that is made free at once, so that not every boundary has to look at all streams.
const FREED_SHARE: usize = 4;

impl Pipeline {
    pub(super) fn forget_streams(&mut self) {
        let forgotten = self.journal.as_mut().map_or_else(Vec::new, |journal| journal.take_forgotten());
        let mut ended: Vec<StreamId> =
            forgotten.into_iter().filter(|stream| self.is_all_acknowledged(stream)).collect();
        let folded = self.fold_totals();
        if self.journal.is_none() && self.can_ask && !folded.is_empty() {
            for stream in &folded {
                self.forgotten_streams.add(stream);
            }
            ended.extend(folded);
        }
        if !ended.is_empty() {
            self.sealer.forget(&ended);
        }
    }

    /// Whether nothing of a stream is on its way. What waits in the counters is not looked at.
    fn is_all_acknowledged(&self, stream: &StreamId) -> bool {
        self.totals.get(stream).map_or(true, Totals::is_all_acknowledged)
    }

    /// Folds the totals of idle streams beyond the limit, and returns the streams.
    fn fold_totals(&mut self) -> Vec<StreamId> {
        let streams_max = self.options.streams_max;
        if self.totals.len() <= streams_max {
            return Vec::new();
        }
        let kept = streams_max - streams_max / FREED_SHARE;
        let surplus = self.totals.len() - kept;
        let is_idle = |totals: &Totals| totals.is_all_acknowledged() && totals.used_at < self.boundary;
        let mut idle: Vec<(u64, StreamId)> = self
            .totals
            .iter()
            .filter(|(_, totals)| is_idle(totals))
            .map(|(stream, totals)| (totals.used_at, stream.clone()))
            .collect();
        idle.sort_unstable();
        idle.truncate(surplus);
        for (_, stream) in &idle {
            let Some(totals) = self.totals.remove(stream) else { continue };
            let forgotten = self.forgotten.entry(stream.dimension().to_owned()).or_default();
            forgotten.streams += 1;
            forgotten.acknowledged += totals.acknowledged;
        }
        idle.into_iter().map(|(_, stream)| stream).collect()
    }

    pub(super) fn forgotten_totals(&self) -> Vec<ForgottenTotals> {
        let forgotten = self.forgotten.iter().map(|(dimension, forgotten)| ForgottenTotals {
            dimension: dimension.clone(),
            streams: forgotten.streams,
            acknowledged: forgotten.acknowledged,
        });
        forgotten.collect()
    }
}

impl Totals {
    fn is_all_acknowledged(&self) -> bool {
        self.sealed == self.acknowledged
    }
}
