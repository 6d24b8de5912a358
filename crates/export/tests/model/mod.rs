//! The lanes as a plain model: each stream's list, and what may happen to it.
#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use ron_accounting_export::{
    Ack, Batch, BatchId, Completion, LaneError, LaneOptions, Lanes, NextStep, PutError,
};
use ron_ledger_wire::{Digest, SealedSlice, Seq, StreamId};

use crate::samples::{next, stream, unavailable};

#[derive(Debug, Clone)]
pub(crate) enum Action {
    Push(usize),
    Next,
    /// Completes one of the batches ever handed out, with these answers in turn.
    Complete {
        batch: usize,
        answers: Vec<Answer>,
        wrong_number: Option<usize>,
    },
    Expire,
    Resume(usize),
    Clock(i64),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    Ok,
    Duplicate,
    Retryable,
    Lasting,
}

const STREAMS: usize = 6;
/// Failures in a row that may be the stream's own.
const SUSPECT_FAILURES: usize = 4;

pub(crate) fn actions() -> impl Strategy<Value = Vec<Action>> {
    let answer = prop_oneof![
        5 => Just(Answer::Ok),
        1 => Just(Answer::Duplicate),
        3 => Just(Answer::Retryable),
        1 => Just(Answer::Lasting),
    ];
    let answers = prop::collection::vec(answer, 1..6);
    let wrong_number = prop::option::weighted(0.1, 0..8_usize);
    let action = prop_oneof![
        8 => (0..STREAMS).prop_map(Action::Push),
        6 => Just(Action::Next),
        5 => (0..4_usize, answers, wrong_number).prop_map(|(batch, answers, wrong_number)| Action::Complete {
            batch,
            answers,
            wrong_number
        }),
        1 => Just(Action::Expire),
        1 => (0..STREAMS).prop_map(Action::Resume),
        4 => (0..200_i64).prop_map(Action::Clock),
        1 => (-100_000..100_000_i64).prop_map(Action::Clock),
    ];
    prop::collection::vec(action, 1..200)
}

/// The numbers that options are made of.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) pending_max: usize,
    pub(crate) batch_max: usize,
    pub(crate) in_flight_max: usize,
    pub(crate) backoff_ms_min: u64,
    pub(crate) backoff_ms_max: u64,
    pub(crate) timeout_ms: u64,
    pub(crate) seed: u64,
}

impl Limits {
    pub(crate) fn lanes(&self) -> Lanes {
        let options = LaneOptions::default()
            .pending_max(self.pending_max)
            .batch_max(self.batch_max)
            .in_flight_max(self.in_flight_max)
            .backoff_ms(self.backoff_ms_min, self.backoff_ms_max)
            .timeout_ms(self.timeout_ms)
            .seed(self.seed);
        Lanes::new(options).unwrap()
    }
}

pub(crate) fn limits() -> impl Strategy<Value = Limits> {
    (1..12_usize, 1..5_usize, 1..4_usize, 1..100_u64, 1..500_u64, any::<u64>()).prop_map(
        |(pending_max, batch_max, in_flight_max, backoff_ms_min, timeout_ms, seed)| Limits {
            pending_max,
            batch_max,
            in_flight_max,
            backoff_ms_min,
            backoff_ms_max: backoff_ms_min * 8,
            timeout_ms,
            seed,
        },
    )
}

/// What must be true of one stream.
#[derive(Debug, Default)]
struct StreamModel {
    pushed: Vec<SealedSlice>,
    acknowledged: usize,
    /// The batch that it is in, with how many slices.
    in_flight: Option<(BatchId, usize)>,
    parked: Option<PutError>,
    /// Failures in a row.
    failures: usize,
    /// Fails while others are taken.
    is_stalled: bool,
    /// Ready without a delay: how often each other stream was offered meanwhile.
    passed_by: Option<HashMap<StreamId, usize>>,
}

impl StreamModel {
    fn pending(&self) -> usize {
        self.pushed.len() - self.acknowledged
    }

    fn head(&self) -> Option<&SealedSlice> {
        self.waiting().first()
    }

    fn waiting(&self) -> &[SealedSlice] {
        &self.pushed[self.acknowledged..]
    }

    fn becomes_ready(&mut self) {
        self.passed_by = (self.pending() > 0).then(HashMap::new);
    }
}

#[derive(Debug)]
pub(crate) struct Model {
    limits: Limits,
    lanes: Lanes,
    now_ms: u64,
    streams: BTreeMap<StreamId, StreamModel>,
    /// Every batch whose put has not returned, and whether it has expired.
    out: Vec<(Batch, bool)>,
    completed: Vec<Batch>,
    duplicates: u64,
    unordered_answers: u64,
    /// Everything observable, to compare two runs.
    pub(crate) trace: Vec<String>,
}

impl Model {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            lanes: limits.lanes(),
            limits,
            now_ms: 1_700_000_000_000,
            streams: (0..STREAMS)
                .map(|number| (stream(&number.to_string()), StreamModel::default()))
                .collect(),
            out: Vec::new(),
            completed: Vec::new(),
            duplicates: 0,
            unordered_answers: 0,
            trace: Vec::new(),
        }
    }

    pub(crate) fn act(&mut self, action: &Action) {
        match action {
            Action::Push(number) => self.push(*number),
            Action::Next => {
                self.next_batch();
            }
            Action::Complete { batch, answers, wrong_number } => {
                self.complete(*batch, answers, *wrong_number);
            }
            Action::Expire => self.expire(),
            Action::Resume(number) => self.resume(*number),
            Action::Clock(step_ms) => self.now_ms = self.now_ms.saturating_add_signed(*step_ms),
        }
        self.check();
    }

    fn push(&mut self, number: usize) {
        let (room, id) = (self.room().0, stream(&number.to_string()));
        let model = self.streams.get_mut(&id).unwrap();
        let slice = next(&id, model.pushed.last());
        match self.lanes.push(slice.clone(), self.now_ms) {
            Ok(()) => {
                assert!(room > 0, "more than the limit are pending");
                model.pushed.push(slice);
                if model.pending() == 1 {
                    model.becomes_ready();
                }
            }
            Err(LaneError::Full { pending_max }) => {
                assert_eq!((room, pending_max), (0, self.limits.pending_max));
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn next_batch(&mut self) -> bool {
        let due = self.lanes.next_due_ms(self.now_ms);
        let batch = self.lanes.next_batch(self.now_ms);
        assert_eq!(due.is_some_and(|due| due <= self.now_ms), batch.is_some(), "next_due_ms said {due:?}");
        let Some(batch) = batch else { return false };
        self.trace.push(format!("{batch:?}"));
        assert!((1..=self.limits.batch_max).contains(&batch.slices.len()));
        let runs: Vec<&[SealedSlice]> =
            batch.slices.chunk_by(|one, next| one.stream() == next.stream()).collect();
        let offered: BTreeSet<&StreamId> = runs.iter().map(|run| run[0].stream()).collect();
        assert_eq!(offered.len(), runs.len(), "the slices of a stream stand next to each other");
        let longest = runs.iter().map(|run| run.len()).max().unwrap();
        for run in &runs {
            let model = self.streams.get_mut(run[0].stream()).unwrap();
            assert_eq!(*run, &model.waiting()[..run.len()], "not the first slices of their stream");
            assert!(model.in_flight.is_none(), "{} is in two batches", run[0].stream());
            assert!(model.parked.is_none(), "{} is parked", run[0].stream());
            let is_all = run.len() == model.pending();
            assert!(is_all || longest <= run.len() + 1, "a run of {} beside one of {longest}", run.len());
            assert!(is_all || batch.slices.len() == self.limits.batch_max, "room for more of a run");
            model.in_flight = Some((batch.id, run.len()));
            model.passed_by = None;
        }
        for (id, model) in &mut self.streams {
            if model.passed_by.is_some() {
                assert_eq!(longest, 1, "a stream got two slices while {id} waited for its turn");
            }
            for other in &offered {
                if let Some(passed_by) = &mut model.passed_by {
                    let times = passed_by.entry((*other).clone()).or_insert(0);
                    *times += 1;
                    assert!(*times <= 1, "{other} was served twice while {id} waited for its turn");
                }
            }
        }
        self.out.push((batch, false));
        true
    }

    fn complete(&mut self, index: usize, answers: &[Answer], wrong_number: Option<usize>) {
        let (batch, late) = if self.out.is_empty() {
            let Some(batch) = self.completed.get(index) else { return };
            (batch.clone(), true)
        } else {
            self.out.remove(index % self.out.len())
        };
        let mut answers: Vec<_> = batch
            .slices
            .iter()
            .zip(answers.iter().cycle())
            .map(|(slice, answer)| realize(*answer, slice))
            .collect();
        if let Some(number) = wrong_number {
            answers.resize(number, Ok(Ack::Ok));
        }
        let believed = answers.len() == batch.slices.len();
        let completion = self.lanes.complete(batch.id, answers.clone(), self.now_ms);
        assert_eq!(completion.late, late);
        if late {
            assert!(completion.acknowledged.is_empty() && completion.failed.is_empty());
        } else {
            let answered = answers.len();
            let expected = if believed {
                answers
            } else {
                PutError::Unanswered { answered, offered: batch.slices.len() }.for_all(&batch.slices)
            };
            self.settle(&batch, &expected, completion);
        }
        self.completed.push(batch);
    }

    fn expire(&mut self) {
        let due = self.lanes.next_deadline_ms(self.now_ms);
        let completion = self.lanes.expire(self.now_ms);
        let any = !completion.failed.is_empty();
        assert_eq!(due.is_some_and(|due| due <= self.now_ms), any, "next_deadline_ms said {due:?}");
        assert!(completion.acknowledged.is_empty() && !completion.late);
        self.trace.push(format!("{completion:?}"));
        let failed: BTreeSet<Digest> = completion.failed.iter().map(|failed| failed.slice.digest()).collect();
        assert_eq!(failed.len(), completion.failed.len());
        for (batch, expired) in &mut self.out {
            let hit = batch.slices.iter().filter(|slice| {
                let in_flight = self.streams[slice.stream()].in_flight;
                failed.contains(&slice.digest()) && in_flight.is_some_and(|(id, _)| id == batch.id)
            });
            let hit: Vec<_> = hit.collect();
            if hit.is_empty() {
                continue;
            }
            assert!(!*expired && hit.len() == batch.slices.len(), "a batch expires once and as a whole");
            *expired = true;
        }
        for failed in completion.failed {
            let model = self.streams.get_mut(failed.slice.stream()).unwrap();
            let is_first = model.head().map(SealedSlice::digest) == Some(failed.slice.digest());
            assert_eq!(failed.error, if is_first { PutError::Deadline } else { PutError::NotReached });
            assert!(matches!(failed.next, NextStep::RetryAt(_)));
            model.in_flight = None;
            model.failures += usize::from(is_first);
        }
    }

    fn settle(&mut self, batch: &Batch, answers: &[Result<Ack, PutError>], completion: Completion) {
        self.trace.push(format!("{completion:?}"));
        let mut acknowledged = completion.acknowledged.into_iter();
        let mut failed = completion.failed.into_iter();
        for run in batch.slices.chunk_by(|one, next| one.stream() == next.stream()) {
            let model = self.streams.get_mut(run[0].stream()).unwrap();
            assert_eq!(model.in_flight.take(), Some((batch.id, run.len())));
        }
        let mut refused: BTreeMap<&StreamId, NextStep> = BTreeMap::new();
        for (slice, answer) in batch.slices.iter().zip(answers) {
            let model = self.streams.get_mut(slice.stream()).unwrap();
            if let Some(next) = refused.get(slice.stream()) {
                let failed = failed.next().unwrap();
                let found = (failed.slice.digest(), failed.error, failed.next);
                assert_eq!(found, (slice.digest(), PutError::NotReached, *next));
                self.unordered_answers += u64::from(answer.is_ok());
                continue;
            }
            match answer {
                Ok(ack) => {
                    assert_eq!(acknowledged.next(), Some((slice.clone(), *ack)));
                    model.acknowledged += 1;
                    (model.failures, model.is_stalled) = (0, false);
                    self.duplicates += u64::from(*ack == Ack::Duplicate);
                    model.becomes_ready();
                    for other in self.streams.values_mut() {
                        other.is_stalled |= other.failures >= SUSPECT_FAILURES;
                    }
                }
                Err(error) => {
                    let failed = failed.next().unwrap();
                    assert_eq!((failed.slice.digest(), &failed.error), (slice.digest(), error));
                    refused.insert(slice.stream(), failed.next);
                    model.passed_by = None;
                    if error.is_retryable() {
                        let NextStep::RetryAt(due_ms) = failed.next else { panic!("parked after {error}") };
                        let delay_ms = due_ms - self.now_ms;
                        assert!((1..=self.limits.backoff_ms_max).contains(&delay_ms), "delay {delay_ms}");
                        model.failures += 1;
                    } else {
                        assert_eq!(failed.next, NextStep::Parked);
                        model.parked = Some(error.clone());
                        (model.failures, model.is_stalled) = (0, false);
                    }
                }
            }
        }
        assert!(acknowledged.next().is_none() && failed.next().is_none());
    }

    fn resume(&mut self, number: usize) {
        let id = stream(&number.to_string());
        let model = self.streams.get_mut(&id).unwrap();
        let parked = model.parked.take().is_some();
        assert_eq!(self.lanes.resume(&id), parked);
        if parked {
            model.becomes_ready();
        }
    }

    fn pending(&self) -> usize {
        self.streams.values().map(StreamModel::pending).sum()
    }

    /// What parked and stalled streams hold counts only beyond the limit, and they never take the last slice's room. While
    /// all others fail, there is room for one beyond, but not for a slice of one that fails: that is the second number.
    fn room(&self) -> (usize, usize) {
        let held = |is_held: fn(&StreamModel) -> bool| -> usize {
            self.streams.values().filter(|model| is_held(model)).map(StreamModel::pending).sum()
        };
        let aside = held(|model| model.parked.is_some() || model.is_stalled);
        let failing = held(|model| !model.is_stalled && model.failures >= SUSPECT_FAILURES);
        let (pending_max, active) = (self.limits.pending_max, self.pending() - aside);
        let taken = active + aside.saturating_sub(pending_max);
        let probes = failing == active && taken < 2 * pending_max;
        let room = pending_max.saturating_sub(taken);
        (room.max(usize::from(active == 0 || probes)), room)
    }

    fn check(&mut self) {
        self.lanes.validate().unwrap();
        let (pending, status) = (self.pending(), self.lanes.status());
        assert!(self.out.len() <= self.limits.in_flight_max);
        assert_eq!((self.lanes.pending(), status.pending), (pending, pending));
        assert_eq!(self.lanes.room(), self.room().0);
        for (id, model) in &self.streams {
            let expected = match model {
                StreamModel { is_stalled: true, .. } | StreamModel { parked: Some(_), .. } => 0,
                StreamModel { failures, .. } if *failures >= SUSPECT_FAILURES => self.room().1,
                _ => self.room().0,
            };
            assert_eq!(self.lanes.room_for(id), expected, "{id}");
        }
        assert_eq!(self.lanes.is_idle(), pending == 0);
        assert_eq!((self.lanes.in_flight(), status.in_flight), (self.out.len(), self.out.len()));
        assert_eq!(status.overdue, self.out.iter().filter(|(_, expired)| *expired).count());
        assert_eq!(status.lanes, self.streams.values().filter(|model| model.pending() > 0).count());
        let acknowledged: usize = self.streams.values().map(|model| model.acknowledged).sum();
        assert_eq!(status.acknowledged, acknowledged as u64);
        assert_eq!(status.duplicates, self.duplicates);
        assert_eq!(status.unordered_answers, self.unordered_answers);
        assert_eq!(status.export.count(), status.acknowledged);
        let expected = self.streams.iter().filter_map(|(id, model)| {
            Some((id.clone(), model.head()?.seq(), model.pending(), model.parked.clone()?))
        });
        let parked = status
            .parked
            .iter()
            .map(|lane| (lane.stream.clone(), lane.seq, lane.pending, lane.error.clone()));
        assert!(expected.eq(parked), "parked: {:?}", status.parked);
        let stalled = self.streams.iter().filter(|(_, model)| model.is_stalled).map(|(id, _)| id.clone());
        assert_eq!(status.stalled, stalled.collect::<Vec<_>>());
        self.trace.push(format!("{status:?}"));
    }

    /// With a ledger that takes everything, all of it arrives, in bounded time.
    pub(crate) fn drain(&mut self) {
        for number in 0..STREAMS {
            self.resume(number);
        }
        // A clock that was set back by less than a second is waited for.
        self.now_ms += 1000;
        let steps = 4 * (self.pending() + self.out.len()) + 4;
        for _ in 0..steps {
            while !self.out.is_empty() {
                self.complete(0, &[Answer::Ok], None);
            }
            self.now_ms += self.limits.backoff_ms_max;
            self.next_batch();
            self.check();
        }
        assert!(self.lanes.is_idle(), "{} slices did not arrive in {steps} steps", self.pending());
        assert_eq!(self.pending(), 0);
    }
}

fn realize(answer: Answer, slice: &SealedSlice) -> Result<Ack, PutError> {
    match answer {
        Answer::Ok => Ok(Ack::Ok),
        Answer::Duplicate => Ok(Ack::Duplicate),
        Answer::Retryable if slice.seq().get() % 2 == 0 => Err(PutError::Busy),
        Answer::Retryable => Err(unavailable()),
        Answer::Lasting if slice.seq().get() % 2 == 0 => {
            Err(PutError::Gap { expected: Seq::new(1), found: slice.seq() })
        }
        Answer::Lasting => {
            Err(PutError::Conflict { stored: Digest::of(b"another"), offered: slice.digest() })
        }
    }
}
