//! What threads share: a value, the jobs that come from it, and how the threads are woken and ended.
//!
//! # Why one lock for all of it
//! A thread that finds no job waits. If the order to end were kept beside the lock, a thread could look at it, find
//! nothing, and begin to wait after the call that was to wake it. So the value, the order to end and the number of
//! threads that are left change only under one lock, and each change wakes all that wait.
//!
//! # Why ending does not wait for jobs for ever
//! A job is a put to a ledger, and a put may never return. A thread in a job holds no lock and nothing of the exchange. It
//! is left behind when the time for ending is over; when its put returns after all, it hands in the answer and ends.
//!
//! # Invariants
//! 1. No job is begun by a crew that was told to end.
//! 2. Each job that was begun is finished once, however late, or its thread never returns.
//! 3. A member that is not in a job ends without further events once its crew was told to end.
//!
//! The models in `models.rs` try the interleavings.

use std::{
    collections::BTreeMap,
    sync::PoisonError,
    time::{Duration, Instant},
};

#[cfg(loom)]
use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex, MutexGuard};

/// A thread that waits wakes at least this often, whatever the clock that it is given does.
pub(crate) const WAIT_MAX: Duration = Duration::from_millis(250);
/// How long members that are in no job may take to end, even if the time for ending is over.
const ENDING_MIN: Duration = Duration::from_secs(1);

/// A value behind a lock, and the crews that take jobs from it.
#[derive(Debug)]
pub(crate) struct Exchange<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    value: T,
    crews: BTreeMap<CrewId, Crew>,
    next_crew: u64,
}

/// Threads that are ended together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CrewId(u64);

/// A thread of a crew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MemberId {
    crew: CrewId,
    number: usize,
}

#[derive(Debug, Default)]
struct Crew {
    is_ending: bool,
    next_member: usize,
    /// Whether each member is in a job.
    members: BTreeMap<usize, bool>,
}

/// What a member does next.
#[derive(Debug)]
pub(crate) enum Next<J> {
    /// This job.
    Job(J),
    /// Wait for a change, no longer than this.
    Wait(Duration),
}

impl<T> Exchange<T> {
    pub(crate) fn new(value: T) -> Self {
        let state = State { value, crews: BTreeMap::new(), next_crew: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Works with the value, then wakes all threads.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let result = work(&mut self.lock().value);
        self.changed.notify_all();
        result
    }

    /// A crew without members.
    pub(crate) fn new_crew(&self) -> CrewId {
        let mut state = self.lock();
        let id = CrewId(state.next_crew);
        state.next_crew += 1;
        state.crews.insert(id, Crew::default());
        id
    }

    /// Adds a member. Called before its thread is started, so that ending waits for a thread that has not begun yet.
    pub(crate) fn enter(&self, crew: CrewId) -> MemberId {
        let mut state = self.lock();
        let crew_state = state.crews.entry(crew).or_default();
        let number = crew_state.next_member;
        crew_state.next_member += 1;
        crew_state.members.insert(number, false);
        MemberId { crew, number }
    }

    /// Takes a member away. Its thread does nothing with the exchange after this.
    pub(crate) fn leave(&self, member: MemberId) {
        if let Some(crew) = self.lock().crews.get_mut(&member.crew) {
            crew.members.remove(&member.number);
        }
        self.changed.notify_all();
    }

    /// The next job of a member; `None` once its crew is to end. Waits until there is one of the two.
    pub(crate) fn next<J>(&self, member: MemberId, mut choose: impl FnMut(&mut T) -> Next<J>) -> Option<J> {
        let mut state = self.lock();
        loop {
            if state.crews.get(&member.crew).map_or(true, |crew| crew.is_ending) {
                return None;
            }
            match choose(&mut state.value) {
                Next::Job(job) => {
                    state.set_busy(member, true);
                    return Some(job);
                }
                Next::Wait(longest) => state = self.wait(state, longest),
            }
        }
    }

    /// Hands in what came of a job. Harmless after its crew has ended.
    pub(crate) fn finish<R>(&self, member: MemberId, work: impl FnOnce(&mut T) -> R) -> R {
        let mut state = self.lock();
        state.set_busy(member, false);
        let result = work(&mut state.value);
        drop(state);
        self.changed.notify_all();
        result
    }

    /// Waits on the caller's thread until `is_done`, or until no time is `left`; returns whether it is done. Meanwhile, jobs
    /// are handed to the member one by one: the next one when the last one is finished. `is_done` is told whether one is out.
    pub(crate) fn hand_out<J>(
        &self,
        member: MemberId,
        left: impl Fn() -> Duration,
        mut is_done: impl FnMut(&mut T, bool) -> bool,
        mut choose: impl FnMut(&mut T) -> Next<J>,
        mut hand_over: impl FnMut(J),
    ) -> bool {
        let mut state = self.lock();
        loop {
            let is_out = state.is_busy(member);
            if is_done(&mut state.value, is_out) {
                return true;
            }
            let left = left();
            if left.is_zero() {
                return false;
            }
            let next = if is_out { Next::Wait(WAIT_MAX) } else { choose(&mut state.value) };
            match next {
                Next::Job(job) => {
                    state.set_busy(member, true);
                    drop(state);
                    hand_over(job);
                    state = self.lock();
                }
                Next::Wait(longest) => state = self.wait(state, longest.min(left)),
            }
        }
    }

    /// Tells a crew to end and waits until its members have left, no longer than `patience`. Returns those that are left
    /// behind in a job. The crew is forgotten.
    pub(crate) fn end(&self, crew: CrewId, patience: Duration) -> Vec<MemberId> {
        let start = Instant::now();
        let mut state = self.lock();
        if let Some(crew) = state.crews.get_mut(&crew) {
            crew.is_ending = true;
        }
        self.changed.notify_all();
        loop {
            let Some(Crew { members, .. }) = state.crews.get(&crew) else { return Vec::new() };
            let all_are_busy = members.values().all(|is_busy| *is_busy);
            let patience = if all_are_busy { patience } else { patience.max(ENDING_MIN) };
            let left = patience.saturating_sub(start.elapsed());
            if members.is_empty() || left.is_zero() {
                let left_behind = members.keys().map(|number| MemberId { crew, number: *number }).collect();
                state.crews.remove(&crew);
                return left_behind;
            }
            state = self.wait(state, left);
        }
    }

    /// Forgets the only member of a crew, and the crew; returns whether it is in no job.
    pub(crate) fn forget(&self, member: MemberId) -> bool {
        let mut state = self.lock();
        let is_idle = !state.is_busy(member);
        state.crews.remove(&member.crew);
        is_idle
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<T>>, longest: Duration) -> MutexGuard<'a, State<T>> {
        self.changed.wait_timeout(state, longest).unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panic while the lock is held is a fault of ours; what was sealed is still worth exporting.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn is_busy(&self, member: MemberId) -> bool {
        self.crews
            .get(&member.crew)
            .and_then(|crew| crew.members.get(&member.number))
            .is_some_and(|is_busy| *is_busy)
    }

    /// Does nothing for a member that was left behind.
    fn set_busy(&mut self, member: MemberId, is_busy: bool) {
        let crew = self.crews.get_mut(&member.crew);
        if let Some(busy) = crew.and_then(|crew| crew.members.get_mut(&member.number)) {
            *busy = is_busy;
        }
    }
}
