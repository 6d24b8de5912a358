//! The state machine between sealed slices and a ledger.
//!
//! # Why a state machine and not a task per stream
//! Order, fairness and retry are where exporters lose or double what they carry, and a task with a socket and a
//! clock in it can be tested only by luck. Here every answer and every moment is an argument, so that a test can
//! drive any interleaving, and repeat it.
//!
//! # Invariants
//! 1. A stream has a lane exactly while it has a slice pending, so memory follows what is pending and not the
//!    number of streams ever seen.
//! 2. A lane is in one of four states: ready (once in the ready queue), waiting (once among the waiting), in
//!    flight (in one batch) or parked. Only its head is ever offered.
//! 3. A head leaves its lane by an acknowledgement of the batch that it is in, and in no other way.
//! 4. At most `pending_max` slices are pending and `in_flight_max` batches are out. A batch past its deadline
//!    still counts until its answers come, since its put may still be running.

use std::collections::{BTreeMap, HashMap};

use ron_ledger_wire::{SealedSlice, StreamId};

use crate::{
    backoff::Backoff,
    elapsed::Elapsed,
    lane::{Lane, LaneState},
    schedule::Schedule,
    Ack, Batch, BatchId, Completion, FailedPut, LaneError, LaneOptions, LanesStatus, LastFailure, NextStep,
    ParkedLane, PutError,
};

/// Ordered export queues of many streams over one ledger.
///
/// Each call costs the same however many lanes there are, but for [`Lanes::status`] (the parked lanes) and the
/// logarithm of how many lanes wait for a retry.
///
/// The driver's loop is [`next_batch`](Self::next_batch), put, [`complete`](Self::complete), from as many threads
/// as it likes with the lanes behind a lock; [`expire`](Self::expire) when
/// [`next_deadline_ms`](Self::next_deadline_ms) says so; and sleep until [`next_due_ms`](Self::next_due_ms).
/// Every batch must be completed, however late. A put that died is completed with no answers at all.
///
/// Readings of the clock may step either way. A step back delays retries and deadlines by a second at most, a step
/// forward makes them due early, and neither changes order or loses a slice.
#[derive(Debug)]
pub struct Lanes {
    options: LaneOptions,
    clock: Elapsed,
    backoff: Backoff,
    schedule: Schedule,
    by_stream: HashMap<StreamId, Lane>,
    flights: BTreeMap<BatchId, Flight>,
    /// Sorted, so that a report does not depend on hashing.
    parked: BTreeMap<StreamId, PutError>,
    next_batch: u64,
    pending: usize,
    pending_parked: usize,
    /// When the wait for the next acknowledgement began; none while nothing could be acknowledged.
    waits_since: Option<u64>,
    counters: Counters,
    last_failure: Option<LastFailure>,
}

#[derive(Debug)]
struct Flight {
    deadline: u64,
    /// Empty once it has expired.
    slices: Vec<SealedSlice>,
    expired: bool,
}

#[derive(Debug, Default)]
struct Counters {
    acknowledged: u64,
    duplicates: u64,
    retries: u64,
    expired: u64,
    late_answers: u64,
    refused_full: u64,
}

impl Lanes {
    /// Lanes with nothing pending.
    #[must_use]
    pub fn new(options: LaneOptions) -> Self {
        let options = options.usable();
        Self {
            clock: Elapsed::default(),
            backoff: Backoff::new(options.backoff_ms_min, options.backoff_ms_max, options.seed),
            schedule: Schedule::default(),
            by_stream: HashMap::new(),
            flights: BTreeMap::new(),
            parked: BTreeMap::new(),
            next_batch: 0,
            pending: 0,
            pending_parked: 0,
            waits_since: None,
            counters: Counters::default(),
            last_failure: None,
            options,
        }
    }

    /// How many more slices can be pushed.
    #[must_use]
    pub fn room(&self) -> usize {
        self.options.pending_max.saturating_sub(self.pending)
    }

    /// How many slices of this stream are worth sealing now: none while its lane is parked, so that a stream
    /// which cannot move does not take the room of those which can; else [`Lanes::room`].
    #[must_use]
    pub fn room_for(&self, stream: &StreamId) -> usize {
        if self.parked.contains_key(stream) {
            0
        } else {
            self.room()
        }
    }

    /// Queues a slice behind the others of its stream.
    ///
    /// A pending slice of the same stream must be its predecessor, in number and by link. A stream with nothing
    /// pending may start anywhere: the ledger knows whether it is the right place. A parked lane takes slices too,
    /// since one that is sealed already must have a home.
    pub fn push(&mut self, slice: SealedSlice) -> Result<(), LaneError> {
        if let Some(lane) = self.by_stream.get(slice.stream()) {
            lane.check_next(&slice)?;
        }
        if self.room() == 0 {
            count(&mut self.counters.refused_full, 1);
            return Err(LaneError::Full { pending_max: self.options.pending_max });
        }
        self.pending += 1;
        if let Some(lane) = self.by_stream.get_mut(slice.stream()) {
            if lane.state == LaneState::Parked {
                self.pending_parked += 1;
            }
            lane.slices.push_back(slice);
        } else {
            let stream = slice.stream().clone();
            self.by_stream.insert(stream.clone(), Lane::new(slice));
            self.schedule.add_ready(stream);
        }
        Ok(())
    }

    /// The heads of the next lanes in turn; `None` when nothing is due or all slots are taken.
    pub fn next_batch(&mut self, now_ms: u64) -> Option<Batch> {
        let elapsed = self.advance(now_ms);
        if self.flights.len() >= self.options.in_flight_max {
            return None;
        }
        let id = BatchId(self.next_batch);
        let mut slices = Vec::new();
        for stream in self.schedule.take(elapsed, self.options.batch_max) {
            let Some(lane) = self.by_stream.get_mut(&stream) else { continue };
            let Some(head) = lane.slices.front() else { continue };
            slices.push(head.clone());
            lane.state = LaneState::InFlight(id);
            if lane.failures > 0 {
                count(&mut self.counters.retries, 1);
            }
        }
        if slices.is_empty() {
            return None;
        }
        self.next_batch = self.next_batch.wrapping_add(1);
        let deadline = elapsed.saturating_add(self.options.deadline_ms);
        self.flights.insert(id, Flight { deadline, slices: slices.clone(), expired: false });
        Some(Batch { id, slices, deadline_ms: now_ms.saturating_add(self.options.deadline_ms) })
    }

    /// Takes in the answers to a batch, one per slice in its order, and frees its slot.
    ///
    /// With any other number of answers none is believed, since nobody can say which slice was left out; every
    /// slice is then offered again, and those that were stored come back as duplicates. Answers to a batch that
    /// has expired change nothing, for its slices may be out again or acknowledged already.
    pub fn complete(&mut self, id: BatchId, now_ms: u64, answers: Vec<Result<Ack, PutError>>) -> Completion {
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
            self.settle(id, now_ms, flight.slices, answers)
        } else {
            let answers = PutError::Unanswered { answered, offered }.for_all(&flight.slices);
            self.settle(id, now_ms, flight.slices, answers)
        }
    }

    /// Ends the wait for batches that are past their deadline: their slices failed with [`PutError::Deadline`]
    /// and are retried. Their slots stay taken until they are completed.
    pub fn expire(&mut self, now_ms: u64) -> Completion {
        let elapsed = self.advance(now_ms);
        let mut expired = Vec::new();
        for (id, flight) in &mut self.flights {
            if !flight.expired && flight.deadline <= elapsed {
                flight.expired = true;
                expired.push((*id, std::mem::take(&mut flight.slices)));
            }
        }
        let mut all = Completion::default();
        for (id, slices) in expired {
            count(&mut self.counters.expired, slices.len());
            let answers = PutError::Deadline.for_all(&slices);
            all.failed.append(&mut self.settle(id, now_ms, slices, answers).failed);
        }
        all
    }

    /// Lets a parked lane try again, on an operator's decision; false if the stream is not parked.
    pub fn resume(&mut self, stream: &StreamId) -> bool {
        if self.parked.remove(stream).is_none() {
            return false;
        }
        if let Some(lane) = self.by_stream.get_mut(stream) {
            lane.failures = 0;
            lane.state = LaneState::Scheduled;
            self.pending_parked -= lane.slices.len();
            self.schedule.add_ready(stream.clone());
        }
        true
    }

    /// When [`Lanes::next_batch`] next has something, in Unix milliseconds: `now_ms` if it has at once, `None` if
    /// that takes a push, a completion or a resume first.
    #[must_use]
    pub fn next_due_ms(&self, now_ms: u64) -> Option<u64> {
        if self.flights.len() >= self.options.in_flight_max {
            return None;
        }
        self.schedule.next_due().map(|due| self.clock.to_clock(due, now_ms))
    }

    /// When [`Lanes::expire`] next has something, in Unix milliseconds; `None` if no batch is waited for.
    #[must_use]
    pub fn next_deadline_ms(&self, now_ms: u64) -> Option<u64> {
        let awaited = self.flights.values().filter(|flight| !flight.expired);
        awaited.map(|flight| flight.deadline).min().map(|deadline| self.clock.to_clock(deadline, now_ms))
    }

    /// True when every slice that was pushed is acknowledged.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.pending == 0
    }

    /// How many slices are not acknowledged, those in flight and those parked included.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// How many batches are out, those past their deadline included.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// A snapshot for operators, as of the latest time given to any call.
    #[must_use]
    pub fn status(&self) -> LanesStatus {
        let waited = self.waits_since.map_or(0, |since| self.clock.now().saturating_sub(since));
        let parked = self.parked.iter().filter_map(|(stream, error)| {
            let lane = self.by_stream.get(stream)?;
            let seq = lane.slices.front()?.seq();
            Some(ParkedLane { stream: stream.clone(), seq, pending: lane.slices.len(), error: error.clone() })
        });
        LanesStatus {
            pending: self.pending,
            lanes: self.by_stream.len(),
            in_flight: self.flights.len(),
            overdue: self.flights.values().filter(|flight| flight.expired).count(),
            backing_off: self.schedule.waiting(),
            parked: parked.collect(),
            degraded: waited >= self.options.deadline_ms,
            acknowledged: self.counters.acknowledged,
            duplicates: self.counters.duplicates,
            retries: self.counters.retries,
            expired: self.counters.expired,
            late_answers: self.counters.late_answers,
            refused_full: self.counters.refused_full,
            last_failure: self.last_failure.clone(),
        }
    }

    fn advance(&mut self, now_ms: u64) -> u64 {
        let elapsed = self.clock.advance(now_ms);
        self.note_wait();
        elapsed
    }

    /// Begins or ends the wait for an acknowledgement. A push brings no time with it, so that the wait for its
    /// slice begins with the first call that does.
    fn note_wait(&mut self) {
        if self.pending == self.pending_parked {
            self.waits_since = None;
        } else if self.waits_since.is_none() {
            self.waits_since = Some(self.clock.now());
        }
    }

    fn settle(
        &mut self,
        id: BatchId,
        now_ms: u64,
        slices: Vec<SealedSlice>,
        answers: Vec<Result<Ack, PutError>>,
    ) -> Completion {
        let mut completion = Completion::default();
        for (slice, answer) in slices.into_iter().zip(answers) {
            match answer {
                Ok(ack) => {
                    if self.acknowledge(id, &slice, ack) {
                        completion.acknowledged.push((slice, ack));
                    }
                }
                Err(error) => {
                    if let Some(next) = self.fail(id, now_ms, &slice, &error) {
                        completion.failed.push(FailedPut { slice, error, next });
                    }
                }
            }
        }
        self.note_wait();
        completion
    }

    /// False if the lane does not wait for this batch, which would break invariant 2.
    fn acknowledge(&mut self, id: BatchId, slice: &SealedSlice, ack: Ack) -> bool {
        let Some(lane) = Lane::in_batch(&mut self.by_stream, slice.stream(), id) else { return false };
        let head = lane.slices.pop_front();
        debug_assert_eq!(
            head.map(|head| head.digest()),
            Some(slice.digest()),
            "a lane moved while in flight"
        );
        if lane.slices.is_empty() {
            self.by_stream.remove(slice.stream());
        } else {
            lane.failures = 0;
            lane.state = LaneState::Scheduled;
            self.schedule.add_ready(slice.stream().clone());
        }
        self.pending -= 1;
        self.waits_since = Some(self.clock.now());
        count(&mut self.counters.acknowledged, 1);
        if ack == Ack::Duplicate {
            count(&mut self.counters.duplicates, 1);
        }
        true
    }

    /// `None` if the lane does not wait for this batch, which would break invariant 2.
    fn fail(&mut self, id: BatchId, now_ms: u64, slice: &SealedSlice, error: &PutError) -> Option<NextStep> {
        let lane = Lane::in_batch(&mut self.by_stream, slice.stream(), id)?;
        let stream = slice.stream().clone();
        self.last_failure =
            Some(LastFailure { stream: stream.clone(), seq: slice.seq(), error: error.clone() });
        if error.is_retryable() {
            lane.failures = lane.failures.saturating_add(1);
            lane.state = LaneState::Scheduled;
            let due = self.clock.now().saturating_add(self.backoff.delay_ms(lane.failures));
            self.schedule.add_waiting(due, stream);
            Some(NextStep::RetryAt(self.clock.to_clock(due, now_ms)))
        } else {
            lane.state = LaneState::Parked;
            self.pending_parked += lane.slices.len();
            self.parked.insert(stream, error.clone());
            Some(NextStep::Parked)
        }
    }
}

fn count(counter: &mut u64, by: usize) {
    *counter = counter.saturating_add(u64::try_from(by).unwrap_or(u64::MAX));
}
