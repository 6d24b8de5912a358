//! What a connection waits for, and since when.
//!
//! The stream, the requests and the answers of a connection report to its watch. The connection asks it when to look again, and what to do
//! then.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{counters::Refusal, ServerLimits};

/// The first bytes of HTTP/2.
const PREFACE_BEGIN: u8 = b'P';

#[derive(Debug)]
pub(crate) struct Watch {
    limits: ServerLimits,
    /// No deadline that comes up is nearer than this.
    shortest: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // what has happened so far, in any order
struct State {
    began: Instant,
    has_first_byte: bool,
    has_begun_request: bool,
    is_http2: bool,
    /// Since when the head of a request has been coming.
    head_since: Option<Instant>,
    /// Since when there is no request, or nothing of the last answer was taken.
    idle_since: Instant,
    is_closing: bool,
    requests: usize,
    resets: usize,
    /// Since when the peer takes no bytes.
    blocked_since: Option<Instant>,
    /// Since when each answer waits to be asked for more.
    unread_since: BTreeMap<u64, Instant>,
    next_answer: u64,
}

/// What a connection does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Look again at this time.
    Wait(Instant),
    /// Close it once what was begun is done: it is idle.
    Close,
    /// Cut it off.
    CutOff {
        refusal: Refusal,
        /// Whether a client of HTTP/1 waits for an answer to what it sent, and is told.
        tell: bool,
    },
}

impl Watch {
    pub(crate) fn new(limits: &ServerLimits) -> Self {
        let now = Instant::now();
        let spans = [
            limits.first_byte_timeout,
            limits.header_timeout,
            limits.answer_idle_timeout,
            limits.idle_timeout,
        ];
        Self {
            limits: limits.clone(),
            shortest: spans.into_iter().min().unwrap_or(Duration::from_secs(1)),
            state: Mutex::new(State {
                began: now,
                has_first_byte: false,
                has_begun_request: false,
                is_http2: false,
                head_since: None,
                idle_since: now,
                is_closing: false,
                requests: 0,
                resets: 0,
                blocked_since: None,
                unread_since: BTreeMap::new(),
                next_answer: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came in, of which this is the first.
    pub(crate) fn has_read(&self, first: u8) {
        let mut state = self.state();
        if !state.has_first_byte {
            state.has_first_byte = true;
            state.is_http2 = first == PREFACE_BEGIN;
        }
        // Between requests, HTTP/2 sends what belongs to no request.
        let is_head = state.requests == 0 && !(state.is_http2 && state.has_begun_request);
        if is_head && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }

    /// The peer took bytes.
    pub(crate) fn has_written(&self) {
        let mut state = self.state();
        state.blocked_since = None;
        if state.requests == 0 && !state.is_http2 {
            state.idle_since = Instant::now();
        }
    }

    /// The peer takes no bytes.
    pub(crate) fn is_blocked(&self) {
        self.state().blocked_since.get_or_insert_with(Instant::now);
    }

    pub(crate) fn begin_request(&self, is_http2: bool) {
        let mut state = self.state();
        state.has_begun_request = true;
        state.is_http2 = is_http2;
        state.head_since = None;
        state.requests += 1;
    }

    pub(crate) fn end_request(&self) {
        let mut state = self.state();
        state.requests = state.requests.saturating_sub(1);
        state.idle_since = Instant::now();
    }

    /// A request was given up before it was answered.
    pub(crate) fn count_reset(&self) {
        self.state().resets += 1;
    }

    pub(crate) fn begin_answer(&self) -> u64 {
        let mut state = self.state();
        state.next_answer += 1;
        state.next_answer
    }

    /// An answer has handed over a part. Until it is asked for more, it waits for the client.
    pub(crate) fn has_handed_over(&self, answer: u64) {
        self.state().unread_since.insert(answer, Instant::now());
    }

    /// An answer was asked for more, or is over.
    pub(crate) fn is_asked(&self, answer: u64) {
        self.state().unread_since.remove(&answer);
    }

    pub(crate) fn resets(&self) -> usize {
        self.state().resets
    }

    /// Returns what to do.
    pub(crate) fn judge(&self) -> Verdict {
        let limits = &self.limits;
        let mut state = self.state();
        let now = Instant::now();
        if state.resets > limits.resets_max {
            return Verdict::CutOff { refusal: Refusal::Resets, tell: false };
        }
        let mut next = now + self.shortest;
        let mut is_over = |since: Instant, limit: Duration| {
            let end = since + limit;
            next = next.min(end.max(now));
            end <= now
        };
        if !state.has_first_byte && is_over(state.began, limits.first_byte_timeout) {
            return Verdict::CutOff { refusal: Refusal::FirstByte, tell: true };
        }
        if state.head_since.is_some_and(|since| is_over(since, limits.header_timeout)) {
            return Verdict::CutOff {
                refusal: Refusal::HeaderTime,
                tell: !state.is_http2 || !state.has_begun_request,
            };
        }
        let unread = state.unread_since.values().min().copied();
        for since in [unread, state.blocked_since].into_iter().flatten() {
            if is_over(since, limits.answer_idle_timeout) {
                return Verdict::CutOff { refusal: Refusal::AnswerIdle, tell: false };
            }
        }
        let is_idle = state.has_begun_request && state.requests == 0 && state.head_since.is_none();
        if is_idle && is_over(state.idle_since, limits.idle_timeout) {
            if state.is_closing {
                return Verdict::CutOff { refusal: Refusal::Idle, tell: false };
            }
            state.is_closing = true;
            state.idle_since = now;
            return Verdict::Close;
        }
        Verdict::Wait(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn watch() -> Watch {
        let limits = ServerLimits {
            first_byte_timeout: 2 * SECOND,
            header_timeout: 3 * SECOND,
            answer_idle_timeout: 4 * SECOND,
            idle_timeout: 5 * SECOND,
            resets_max: 2,
            ..ServerLimits::default()
        };
        Watch::new(&limits)
    }

    /// Returns after how many seconds the connection is not left alone any more, and what happens then.
    async fn verdict(watch: &Watch) -> (u64, Verdict) {
        let began = Instant::now();
        loop {
            match watch.judge() {
                Verdict::Wait(until) => tokio::time::advance(until - Instant::now()).await,
                verdict => return (began.elapsed().as_secs(), verdict),
            }
        }
    }

    fn cut_off(refusal: Refusal, tell: bool) -> Verdict {
        Verdict::CutOff { refusal, tell }
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_for_the_client_has_its_own_end() {
        assert_eq!(verdict(&watch()).await, (2, cut_off(Refusal::FirstByte, true)));

        let dribbled = watch();
        dribbled.has_read(b'G');
        assert_eq!(verdict(&dribbled).await, (3, cut_off(Refusal::HeaderTime, true)));

        let unread = watch();
        unread.has_read(b'G');
        unread.begin_request(false);
        let answer = unread.begin_answer();
        unread.has_handed_over(answer);
        assert_eq!(verdict(&unread).await, (4, cut_off(Refusal::AnswerIdle, false)));

        let blocked = watch();
        blocked.has_read(b'G');
        blocked.begin_request(false);
        blocked.end_request();
        blocked.is_blocked();
        assert_eq!(verdict(&blocked).await, (4, cut_off(Refusal::AnswerIdle, false)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_and_then_cut_off() {
        let watch = watch();
        watch.has_read(b'P');
        watch.begin_request(true);
        watch.end_request();
        assert_eq!(verdict(&watch).await, (5, Verdict::Close));
        assert_eq!(verdict(&watch).await, (5, cut_off(Refusal::Idle, false)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_ledger_that_takes_its_time_is_not_the_fault_of_the_client() {
        let watch = watch();
        watch.has_read(b'G');
        watch.begin_request(false);
        let answer = watch.begin_answer();
        watch.has_handed_over(answer);
        watch.is_asked(answer);
        tokio::time::advance(100 * SECOND).await;
        assert!(matches!(watch.judge(), Verdict::Wait(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_requests_that_were_given_up_end_the_connection() {
        let watch = watch();
        watch.has_read(b'P');
        watch.begin_request(true);
        for _ in 0..2 {
            watch.count_reset();
        }
        assert!(matches!(watch.judge(), Verdict::Wait(_)));
        watch.count_reset();
        assert_eq!(watch.judge(), cut_off(Refusal::Resets, false));
    }
}
