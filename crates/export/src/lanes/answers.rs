//! Applies the answers to a batch, or their absence, to its lanes.

use ron_ledger_wire::SealedSlice;

use super::{count, Lanes};
use crate::{
    lane::{Lane, LaneState},
    Ack, BatchId, Completion, FailedPut, LastFailure, NextStep, PutError,
};

type Answer = Result<Ack, PutError>;

impl Lanes {
    /// Takes the answers to a batch, one per slice in the batch's order. Another batch may go out then.
    ///
    /// The acknowledged slices at the beginning of a run leave their lane. The lane keeps the first slice that is not
    /// acknowledged, with its answer, and all slices behind it, with [`PutError::NotReached`].
    ///
    /// If the number of answers differs from the number of slices, none is believed, because it is unknown which slice was left
    /// out. Every slice is then offered again, and those that were stored come back as duplicates. Answers to a batch that
    /// has expired change nothing, because its slices may be out again or acknowledged already.
    pub fn complete(&mut self, id: BatchId, answers: Vec<Answer>, now_ms: u64) -> Completion {
        self.advance(now_ms);
        let flight = match self.flights.remove(&id) {
            Some(flight) if !flight.expired => flight,
            _ => {
                count(&mut self.counters.late_answers, 1);
                return Completion { late: true, ..Completion::default() };
            }
        };
        let (answered, offered) = (answers.len(), flight.slices.len());
        if answered == offered {
            self.take_answers(id, now_ms, flight.slices, answers)
        } else {
            let answers = PutError::Unanswered { answered, offered }.for_all(&flight.slices);
            self.take_answers(id, now_ms, flight.slices, answers)
        }
    }

    /// Ends the wait for batches that are past their deadline. Their slices fail with [`PutError::Deadline`] and are retried.
    /// The batches still count as out until they are completed.
    pub fn expire(&mut self, now_ms: u64) -> Completion {
        let now = self.advance(now_ms);
        let mut expired = Vec::new();
        for (id, flight) in &mut self.flights {
            if !flight.expired && flight.deadline <= now {
                flight.expired = true;
                expired.push((*id, std::mem::take(&mut flight.slices)));
            }
        }
        let mut all = Completion::default();
        for (id, slices) in expired {
            count(&mut self.counters.expired, slices.len());
            let answers = PutError::Deadline.for_all(&slices);
            all.failed.append(&mut self.take_answers(id, now_ms, slices, answers).failed);
        }
        all
    }

    fn take_answers(
        &mut self,
        id: BatchId,
        now_ms: u64,
        slices: Vec<SealedSlice>,
        answers: Vec<Answer>,
    ) -> Completion {
        let mut completion = Completion::default();
        let mut answered = slices.into_iter().zip(answers).peekable();
        while let Some((first, answer)) = answered.next() {
            let stream = first.stream().clone();
            let mut run = vec![(first, answer)];
            while let Some(next) = answered.next_if(|(slice, _)| *slice.stream() == stream) {
                run.push(next);
            }
            self.take_run(id, now_ms, run, &mut completion);
        }
        self.note_wait();
        completion
    }

    /// Takes the answers for the slices of one stream, in order and at least one.
    fn take_run(
        &mut self,
        id: BatchId,
        now_ms: u64,
        run: Vec<(SealedSlice, Answer)>,
        completion: &mut Completion,
    ) {
        let Some(stream) = run.first().map(|(slice, _)| slice.stream().clone()) else { return };
        let Some(lane) = Lane::in_batch(&mut self.by_stream, &stream, id, run.len()) else { return };
        let now = self.clock.now();
        if run.first().is_some_and(|(_, answer)| answer.is_ok()) {
            self.trouble.end(&stream, lane);
            self.trouble.stall_suspects();
        }
        let mut refused = Vec::new();
        for (slice, answer) in run {
            match answer {
                Ok(ack) if refused.is_empty() => {
                    let head = lane.slices.pop_front();
                    debug_assert_eq!(
                        head.as_ref().map(|head| head.slice.digest()),
                        Some(slice.digest()),
                        "a lane moved while in flight"
                    );
                    let pushed = head.map_or(now, |head| head.pushed);
                    self.counters.export.record(now.saturating_sub(pushed));
                    count(&mut self.counters.acknowledged, 1);
                    if ack == Ack::Duplicate {
                        count(&mut self.counters.duplicates, 1);
                    }
                    self.pending -= 1;
                    self.waits_since = Some(now);
                    lane.failures = 0;
                    completion.acknowledged.push((slice, ack));
                }
                Err(error) if refused.is_empty() => refused.push((slice, error)),
                answer => {
                    if answer.is_ok() {
                        count(&mut self.counters.unordered_answers, 1);
                    }
                    refused.push((slice, PutError::NotReached));
                }
            }
        }
        let Some((slice, error)) = refused.first().cloned() else {
            if lane.slices.is_empty() {
                self.by_stream.remove(&stream);
            } else {
                lane.state = LaneState::Scheduled;
                self.schedule.add_ready(stream);
            }
            return;
        };
        let failure = LastFailure { stream: stream.clone(), seq: slice.seq(), error: error.clone() };
        self.last_failure = Some(failure);
        let next = if error.is_retryable() {
            lane.failures = lane.failures.saturating_add(1);
            lane.state = LaneState::Scheduled;
            self.trouble.note_failure(&stream, lane);
            let due = now.saturating_add(self.backoff.delay_ms(lane.failures));
            self.schedule.add_waiting(due, stream);
            NextStep::RetryAt(self.clock.to_clock(due, now_ms))
        } else {
            lane.state = LaneState::Parked;
            self.trouble.end(&stream, lane);
            self.pending_parked += lane.slices.len();
            self.parked.insert(stream, error);
            NextStep::Parked
        };
        let failed = refused.into_iter().map(|(slice, error)| FailedPut { slice, error, next });
        completion.failed.extend(failed);
    }
}
