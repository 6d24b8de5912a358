//! What is durable goes to the ledger, each stream in order.

use ron_accounting_export::{Ack, Batch, BatchId, LaneError, PutError};

use ron_ledger_wire::Claim;

use super::Pipeline;
use crate::PipelineError;

impl Pipeline {
    /// Returns the next slices to offer to the ledger. Every batch must come back to [`Pipeline::complete`].
    pub fn next_batch(&mut self, now_ms: u64) -> Option<Batch> {
        self.feed_lanes(now_ms);
        let expired = self.lanes.expire(now_ms);
        if let Some(failed) = expired.failed.into_iter().next() {
            self.note_put(failed.error);
        }
        if now_ms < self.export_from(now_ms) {
            return None;
        }
        let batch = self.lanes.next_batch(now_ms)?;
        if let Some(claim) = self.claim() {
            self.claims_out.insert(batch.id, claim.holder());
        }
        Some(batch)
    }

    /// Takes the ledger's answers. No answers at all stand for a put that died.
    pub fn complete(&mut self, id: BatchId, answers: Vec<Result<Ack, PutError>>, now_ms: u64) {
        let completion = self.lanes.complete(id, answers, now_ms);
        let claim = self.claims_out.remove(&id);
        let refused = completion.failed.iter().rev().find(|failed| failed.error != PutError::NotReached);
        if let Some(failed) = refused {
            self.note_put(failed.error.clone());
        }
        let mut slices = Vec::with_capacity(completion.acknowledged.len());
        for (slice, ack) in completion.acknowledged {
            self.counters.acknowledged += 1;
            match ack {
                Ack::Duplicate => self.counters.duplicates += 1,
                Ack::Ok => self.counters.acknowledged_rows += slice.row_count() as u64,
            }
            self.totals.entry(slice.stream().clone()).or_default().acknowledged += slice.total();
            slices.push(slice);
        }
        if !slices.is_empty() {
            // A ledger that answers so for a slice has judged the claim, and holds it.
            if let Some((journal, claim)) = self.journal.as_mut().zip(claim) {
                journal.confirm_claim(claim);
            }
            let noted = self.journal.as_mut().map(|journal| journal.acknowledge(&slices, now_ms));
            if let Some(Err(error)) = noted {
                self.note(error);
            }
            if !self.unlogged.is_empty() {
                self.log_sealed(now_ms);
            }
        }
        // A stream that was parked has left its room to others, too.
        self.may_have_room |= !slices.is_empty() || !completion.failed.is_empty();
        self.seal_waiting(now_ms);
        self.feed_lanes(now_ms);
    }

    pub(super) fn feed_lanes(&mut self, now_ms: u64) {
        while self.lanes.room() > 0 {
            let Some(slice) = self.ready.pop_front() else { return };
            match self.lanes.push(slice.clone(), now_ms) {
                Ok(()) => {}
                Err(LaneError::Full { .. }) => {
                    self.ready.push_front(slice);
                    return;
                }
                Err(source) => {
                    let (stream, seq) = (slice.stream().clone(), slice.seq());
                    self.note(PipelineError::Queue { stream, seq, source });
                    self.refused.push(slice);
                }
            }
        }
    }

    /// Whether nothing is on its way to the ledger but what is parked or stalled.
    pub(super) fn is_export_idle(&self) -> bool {
        self.lanes.pending() == self.lanes.set_aside()
    }

    /// The claim under which batches are offered, see [`Exporter::put_claimed`]. None for a pipeline without a log, and for
    /// one whose slices several processes may export.
    ///
    /// Until the id of this opening is durable, as on a full disk, it is the claim of the opening before.
    ///
    /// [`Exporter::put_claimed`]: ron_accounting_export::Exporter::put_claimed
    pub fn claim(&self) -> Option<Claim> {
        self.options.claim_id?;
        let mut ids = self.journal.as_ref()?.claims();
        let holder = ids.pop()?;
        Some(Claim::new(self.origin(), holder, ids))
    }

    /// When [`Pipeline::next_batch`] is worth calling next, if nothing else happens.
    pub fn next_due_ms(&self, now_ms: u64) -> Option<u64> {
        let has_ready = !self.ready.is_empty() && self.lanes.room() > 0;
        let due = if has_ready { Some(now_ms) } else { self.lanes.next_due_ms(now_ms) };
        let due = due.map(|due| due.max(self.export_from(now_ms)));
        [due, self.lanes.next_deadline_ms(now_ms)].into_iter().flatten().min()
    }

    /// When the export may begin. A clock that stepped back holds it up no longer than the jitter.
    fn export_from(&self, now_ms: u64) -> u64 {
        let latest = now_ms.saturating_add(self.options.jitter_ms);
        if self.export_from_ms > latest {
            0
        } else {
            self.export_from_ms
        }
    }
}
