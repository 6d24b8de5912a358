//! The ledger as a driver sees it, and the clock that goes with it: both move only when a test says so.
//!
//! A driver makes its puts on threads. One put is out at a time, and the thread that waits for it changes nothing meanwhile,
//! so that a drain gives the same bytes each time.

use std::{
    collections::{BTreeMap, VecDeque},
    panic,
    sync::{
        atomic::{AtomicU64, AtomicUsize, Ordering},
        Mutex, MutexGuard, PoisonError,
    },
};

use ron_accounting_export::{Ack, Exporter, PutError};
use ron_accounting_pipeline::{is_export_thread, Pipeline};
use ron_accounting_window::Clock;
use ron_ledger_wire::{Claim, Head, SealedSlice, Seq, StreamId};

use crate::{
    ledger::{unavailable, Answers, Ledger},
    steps::Answer,
};

/// A drain waits so long for retries, in milliseconds of its own clock.
const PASS_MS_MAX: u64 = 60_000;
/// A drain lets time pass so often at the most.
const WAITS_MAX: usize = 5_000;

/// What a driver is given for a ledger and for a clock.
#[derive(Debug, Default)]
pub(crate) struct Door {
    state: Mutex<State>,
    now_ms: AtomicU64,
    /// How often a drain let time pass.
    waits: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    /// None while nothing is drained.
    ledger: Option<Ledger>,
    /// The next answers; once they are used up, all is stored.
    answers: VecDeque<Answer>,
    /// Up to where streams are acknowledged, as the driver was told.
    acknowledged: BTreeMap<StreamId, Seq>,
    is_claimed: bool,
    /// Whether a put was made on a thread that is not the driver's.
    is_elsewhere: bool,
    start_ms: u64,
    /// Batches and questions that were out before.
    unanswered: usize,
}

/// What a drain did.
#[derive(Debug)]
pub(crate) struct Drained {
    /// Up to where streams are acknowledged, as the process was told.
    pub(crate) acknowledged: BTreeMap<StreamId, Seq>,
    /// Whether the ledger took the process for a copy.
    pub(crate) is_claimed: bool,
    /// Whether a put was made on a thread that is not the driver's.
    pub(crate) is_elsewhere: bool,
    /// What passed on its clock.
    pub(crate) passed_ms: u64,
}

impl Door {
    /// Opens the door for a drain that begins now, beside so many batches and questions that are out.
    pub(crate) fn open(&self, ledger: &Ledger, answers: &[Answer], now_ms: u64, unanswered: usize) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
        self.waits.store(0, Ordering::Relaxed);
        *self.state() = State {
            ledger: Some(ledger.clone()),
            answers: answers.iter().copied().collect(),
            start_ms: now_ms,
            unanswered,
            ..State::default()
        };
    }

    /// Ends the drain.
    pub(crate) fn close(&self) -> Drained {
        let state = std::mem::take(&mut *self.state());
        Drained {
            acknowledged: state.acknowledged,
            is_claimed: state.is_claimed,
            is_elsewhere: state.is_elsewhere,
            passed_ms: self.now_ms().saturating_sub(state.start_ms),
        }
    }

    /// Whether nothing of a drain is out and nothing more will be due. If something will, its time comes.
    pub(crate) fn is_over(&self, pipeline: &Pipeline) -> bool {
        let state = self.state();
        // The disk is asked for nothing here: how often a driver looks while a put is out depends on its threads.
        if pipeline.unanswered() > state.unanswered {
            return false;
        }
        let now_ms = self.now_ms();
        match pipeline.next_due_ms(now_ms).filter(|_| !pipeline.is_drained()) {
            Some(due_ms) if due_ms <= now_ms => false,
            Some(due_ms)
                if due_ms - state.start_ms <= PASS_MS_MAX
                    && self.waits.fetch_add(1, Ordering::Relaxed) < WAITS_MAX =>
            {
                self.now_ms.store(due_ms, Ordering::Relaxed);
                false
            }
            _ => true,
        }
    }

    fn put(&self, claim: Option<&Claim>, batch: &[SealedSlice]) -> Answers {
        let mut state = self.state();
        let Some(ledger) = state.ledger.clone() else { return unavailable().for_all(batch) };
        state.is_elsewhere |= !is_export_thread();
        let answer = state.answers.pop_front().unwrap_or(Answer::Store);
        let answers = ledger.put(batch, claim, answer);
        state.is_claimed |= answers.iter().any(|answer| matches!(answer, Err(PutError::Claimed { .. })));
        if answers.len() == batch.len() {
            let stored = batch.iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
            let stored = stored.map(|(slice, _)| (slice.stream().clone(), slice.seq().next()));
            state.acknowledged.extend(stored);
        }
        drop(state);
        if answer == Answer::Dead {
            // A panic without its message.
            panic::resume_unwind(Box::new("the put dies"));
        }
        answers
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Door {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }
}

impl Exporter for Door {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        self.put(None, batch)
    }

    fn put_claimed(&self, claim: &Claim, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        self.put(Some(claim), batch)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        let mut state = self.state();
        let is_away = matches!(state.answers.front(), Some(Answer::Unavailable | Answer::Busy));
        if is_away {
            state.answers.pop_front();
            return Err(unavailable());
        }
        state.ledger.as_ref().map_or_else(|| Err(unavailable()), |ledger| ledger.head(stream))
    }
}
