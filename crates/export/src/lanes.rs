//! The state machine between sealed slices and a ledger.
//!
//! # Why a state machine and not a task per stream
//! Exporters lose or double slices where order, fairness and retry meet. A task that owns a socket and a clock reaches such
//! interleavings only by luck. Here every answer and every time is an argument, so that a test can drive any interleaving and
//! repeat it.
//!
//! # Invariants
//! 1. A stream has a lane exactly while one of its slices is pending. So memory depends on what is pending, and not on the
//!    number of streams ever seen. The slices of a lane follow each other, in number and by link.
//! 2. A lane is in one of four states: ready (once in the ready queue), waiting (once among the waiting), in
//!    flight (its first slices are in one batch, adjacent and in order) or parked.
//! 3. A slice leaves its lane only from the front, and only by an acknowledgement of the batch that it is in. A slice behind a
//!    refused slice of its stream is not acknowledged, whatever the answer.
//! 4. Parked and stalled lanes are *set aside*; the others are *active*. After a push, the slices of active lanes, plus those that
//!    lanes set aside hold beyond `pending_max`, are at most `pending_max`. There are two exceptions: a slice that is the only
//!    active one, and a probe (see [`Lanes::room`]).
//! 5. At most `in_flight_max` batches are out, each of at most `batch_max` slices. A batch past its deadline still
//!    counts until its answers come, since its put may still be running.
//! 6. A lane is suspect or stalled only while it fails.
//!
//! [`Lanes::validate`] checks them.

mod answers;
mod trouble;
mod validation;

use std::collections::{BTreeMap, HashMap};

use ron_ledger_wire::{SealedSlice, StreamId};

use self::trouble::Trouble;
use crate::{
    backoff::Backoff,
    elapsed::Elapsed,
    lane::{Lane, LaneState},
    schedule::Schedule,
    Batch, BatchId, LaneError, LaneOptions, LanesStatus, LastFailure, Latencies, ParkedLane, PutError,
};

/// Ordered export queues of many streams over one ledger.
///
/// The cost of a call does not depend on the number of lanes. The exceptions are [`Lanes::status`] (the parked lanes),
/// [`Lanes::validate`] (everything) and the logarithm of how many lanes wait for a retry.
///
/// A driver puts the lanes behind a lock and runs this loop on any number of threads: [`next_batch`](Self::next_batch), put,
/// [`complete`](Self::complete). It calls [`expire`](Self::expire) at [`next_deadline_ms`](Self::next_deadline_ms), and
/// sleeps until [`next_due_ms`](Self::next_due_ms). Every batch must be completed, however late. A put that died is completed
/// with no answers.
///
/// Readings of the clock may step either way. A step back delays retries and deadlines by a second at most. A step
/// forward makes them due early. Neither changes the order or loses a slice.
#[derive(Debug)]
pub struct Lanes {
    options: LaneOptions,
    clock: Elapsed,
    backoff: Backoff,
    schedule: Schedule,
    by_stream: HashMap<StreamId, Lane>,
    flights: BTreeMap<BatchId, Flight>,
    /// Sorted, so that reports do not depend on hashing.
    parked: BTreeMap<StreamId, PutError>,
    next_batch: u64,
    pending: usize,
    /// How many of the pending slices are in parked lanes.
    pending_parked: usize,
    trouble: Trouble,
    /// Time at which the wait for the next acknowledgement began; none while nothing could be acknowledged.
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
    unordered_answers: u64,
    refused_full: u64,
    export: Latencies,
    order: Latencies,
}

impl Lanes {
    /// Returns lanes with nothing pending. Refuses options that are outside their range.
    pub fn new(options: LaneOptions) -> Result<Self, LaneError> {
        options.validate()?;
        Ok(Self {
            clock: Elapsed::default(),
            backoff: Backoff::new(options.backoff_ms_min, options.backoff_ms_max, options.seed),
            schedule: Schedule::default(),
            by_stream: HashMap::new(),
            flights: BTreeMap::new(),
            parked: BTreeMap::new(),
            next_batch: 0,
            pending: 0,
            pending_parked: 0,
            trouble: Trouble::default(),
            waits_since: None,
            counters: Counters::default(),
            last_failure: None,
            options,
        })
    }

    /// Returns the seed of the random delays: see [`LaneOptions::seed`].
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.options.seed
    }

    /// Returns the limit of pending slices: see [`LaneOptions::pending_max`].
    #[must_use]
    pub fn pending_max(&self) -> usize {
        self.options.pending_max
    }

    /// Returns how many more slices can be pushed.
    ///
    /// That is `pending_max` less the slices of active lanes. Lanes that are parked or stalled (see
    /// [`LanesStatus::stalled`]) are set aside, and only count with what all of them together hold beyond `pending_max`. While no
    /// lane is active, at least one slice can be pushed. So streams in trouble, one or many, never stop the others.
    ///
    /// If every active lane has failed several times, there are two explanations: the ledger is out of reach, or it refuses just
    /// these streams. Then one more slice can be pushed as a *probe*, and another one once that has failed as often, up to
    /// `pending_max` probes. The first acknowledgement shows which explanation is right.
    ///
    /// As long as a caller seals no more than [`Lanes::room_for`] returns, at most twice `pending_max` slices are pending, plus
    /// one for each lane that is set aside.
    #[must_use]
    pub fn room(&self) -> usize {
        let active = self.pending.saturating_sub(self.set_aside());
        let excess = self.set_aside().saturating_sub(self.options.pending_max);
        let may_probe = self.trouble.suspect_slices() == active
            && active.saturating_add(excess) < self.options.pending_max.saturating_mul(2);
        if active == 0 || may_probe {
            self.room_without_exceptions().max(1)
        } else {
            self.room_without_exceptions()
        }
    }

    /// Returns how many more slices can be pushed without an exception.
    fn room_without_exceptions(&self) -> usize {
        let pending_max = self.options.pending_max;
        let set_aside = self.set_aside();
        let active = self.pending.saturating_sub(set_aside);
        let excess = set_aside.saturating_sub(pending_max);
        pending_max.saturating_sub(active).saturating_sub(excess)
    }

    /// Returns how many slices are in lanes that are parked or stalled.
    #[must_use]
    pub fn set_aside(&self) -> usize {
        self.pending_parked + self.trouble.stalled_slices()
    }

    /// Returns how many slices of this stream should be sealed now.
    ///
    /// That is 0 while its lane is parked or stalled, because further slices would not move and would fill the memory. Else it
    /// is [`Lanes::room`], but without a probe if this lane itself has failed several times.
    #[must_use]
    pub fn room_for(&self, stream: &StreamId) -> usize {
        if self.parked.contains_key(stream) || self.trouble.is_stalled(stream) {
            0
        } else if self.trouble.is_suspect(stream) {
            // Another slice of the same stream would not tell which explanation is right.
            self.room_without_exceptions()
        } else {
            self.room()
        }
    }

    /// Queues a slice behind the others of its stream.
    ///
    /// If slices of the same stream are pending, this one must follow the last of them, in number and by link. A stream with nothing
    /// pending may start with any number: the ledger knows whether it is the right one. A parked lane takes slices too,
    /// because a sealed slice must be kept somewhere.
    ///
    /// Fails with [`LaneError::Full`] if [`Lanes::room`] is 0.
    pub fn push(&mut self, slice: SealedSlice, now_ms: u64) -> Result<(), LaneError> {
        if let Some(lane) = self.by_stream.get(slice.stream()) {
            lane.check_next(&slice)?;
        }
        if self.room() == 0 {
            count(&mut self.counters.refused_full, 1);
            return Err(LaneError::Full { pending_max: self.options.pending_max });
        }
        let now = self.clock.advance(now_ms);
        self.pending += 1;
        if let Some(lane) = self.by_stream.get_mut(slice.stream()) {
            if lane.state == LaneState::Parked {
                self.pending_parked += 1;
            }
            self.trouble.note_push(slice.stream());
            lane.push(slice, now);
        } else {
            let stream = slice.stream().clone();
            self.by_stream.insert(stream.clone(), Lane::new(slice, now));
            self.schedule.add_ready(stream);
        }
        self.note_wait();
        Ok(())
    }

    /// Returns the first slices of the next lanes in turn; `None` if nothing is due or `in_flight_max` batches are out.
    ///
    /// Each ready lane gets one slice before any gets two. The rest of the batch is filled with further slices of the same
    /// lanes, one of each per round, until the batch is full or has all of them.
    pub fn next_batch(&mut self, now_ms: u64) -> Option<Batch> {
        let now = self.advance(now_ms);
        if self.flights.len() >= self.options.in_flight_max {
            return None;
        }
        let id = BatchId(self.next_batch);
        let mut slices = Vec::new();
        for (stream, run) in self.take_runs(now) {
            let Some(lane) = self.by_stream.get_mut(&stream) else {
                debug_assert!(false, "{stream} is scheduled without a lane");
                continue;
            };
            lane.state = LaneState::InFlight { batch: id, run };
            for pending in lane.slices.iter_mut().take(run) {
                if pending.offered {
                    count(&mut self.counters.retries, 1);
                } else if pending.follows {
                    self.counters.order.record(now.saturating_sub(pending.pushed));
                }
                pending.offered = true;
                slices.push(pending.slice.clone());
            }
        }
        if slices.is_empty() {
            return None;
        }
        self.next_batch = self.next_batch.wrapping_add(1);
        let deadline = now.saturating_add(self.options.timeout_ms);
        self.flights.insert(id, Flight { deadline, slices: slices.clone(), expired: false });
        Some(Batch { id, slices, deadline_ms: now_ms.saturating_add(self.options.timeout_ms) })
    }

    /// Returns the streams whose turn it is, and how many slices of each go into one batch.
    fn take_runs(&mut self, now: u64) -> Vec<(StreamId, usize)> {
        let mut runs: Vec<(StreamId, usize)> =
            self.schedule.take(now, self.options.batch_max).into_iter().map(|stream| (stream, 1)).collect();
        let mut left = self.options.batch_max.saturating_sub(runs.len());
        // A round passes only lanes that have more, so all rounds together cost no more than the batch has slices.
        let mut longer: Vec<(&mut usize, usize)> = Vec::new();
        for (stream, run) in &mut runs {
            longer.push((run, self.by_stream.get(stream).map_or(0, |lane| lane.slices.len())));
        }
        while left > 0 {
            longer.retain(|(run, pending)| **run < *pending);
            if longer.is_empty() {
                break;
            }
            for (run, _) in longer.iter_mut().take(left) {
                **run += 1;
                left -= 1;
            }
        }
        runs
    }

    /// Lets a parked lane try again, after an operator has decided so. Returns false if the stream is not parked.
    pub fn resume(&mut self, stream: &StreamId) -> bool {
        if self.parked.remove(stream).is_none() {
            return false;
        }
        let Some(lane) = self.by_stream.get_mut(stream) else {
            debug_assert!(false, "{stream} is parked without a lane");
            return false;
        };
        lane.failures = 0;
        lane.state = LaneState::Scheduled;
        self.pending_parked -= lane.slices.len();
        self.schedule.add_ready(stream.clone());
        self.note_wait();
        true
    }

    /// Returns the time in Unix milliseconds from which [`Lanes::next_batch`] has a batch: `now_ms` if it has one at once, `None`
    /// if a push, a completion or a resume must come first.
    #[must_use]
    pub fn next_due_ms(&self, now_ms: u64) -> Option<u64> {
        if self.flights.len() >= self.options.in_flight_max {
            return None;
        }
        self.schedule.next_due().map(|due| self.clock.to_clock(due, now_ms))
    }

    /// Returns the time in Unix milliseconds from which [`Lanes::expire`] has work; `None` if no batch is waited for.
    #[must_use]
    pub fn next_deadline_ms(&self, now_ms: u64) -> Option<u64> {
        let awaited = self.flights.values().filter(|flight| !flight.expired);
        awaited.map(|flight| flight.deadline).min().map(|deadline| self.clock.to_clock(deadline, now_ms))
    }

    /// Returns whether every slice that was pushed is acknowledged.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.pending == 0
    }

    /// Returns how many slices are not acknowledged, those in flight and those parked included.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Returns how many batches are out, those past their deadline included.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Returns counters and gauges for operators, as of the latest time that was passed to any call.
    #[must_use]
    pub fn status(&self) -> LanesStatus {
        let waited = self.waits_since.map_or(0, |since| self.clock.now().saturating_sub(since));
        let parked = self.parked.iter().filter_map(|(stream, error)| {
            let lane = self.by_stream.get(stream)?;
            let seq = lane.slices.front()?.slice.seq();
            Some(ParkedLane { stream: stream.clone(), seq, pending: lane.slices.len(), error: error.clone() })
        });
        LanesStatus {
            pending: self.pending,
            lanes: self.by_stream.len(),
            in_flight: self.flights.len(),
            overdue: self.flights.values().filter(|flight| flight.expired).count(),
            backing_off: self.schedule.waiting(),
            parked: parked.collect(),
            set_aside: self.set_aside(),
            stalled: self.trouble.stalled().cloned().collect(),
            degraded: waited >= self.options.timeout_ms,
            acknowledged: self.counters.acknowledged,
            duplicates: self.counters.duplicates,
            retries: self.counters.retries,
            expired: self.counters.expired,
            late_answers: self.counters.late_answers,
            unordered_answers: self.counters.unordered_answers,
            refused_full: self.counters.refused_full,
            export: self.counters.export.clone(),
            order: self.counters.order.clone(),
            last_failure: self.last_failure.clone(),
        }
    }

    fn advance(&mut self, now_ms: u64) -> u64 {
        let elapsed = self.clock.advance(now_ms);
        self.note_wait();
        elapsed
    }

    /// Begins or ends the wait for an acknowledgement.
    fn note_wait(&mut self) {
        if self.pending == self.pending_parked {
            self.waits_since = None;
        } else if self.waits_since.is_none() {
            self.waits_since = Some(self.clock.now());
        }
    }
}

fn count(counter: &mut u64, by: usize) {
    *counter = counter.saturating_add(u64::try_from(by).unwrap_or(u64::MAX));
}
