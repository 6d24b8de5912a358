//! Loom models of the exchange: what must be true under every interleaving of a few threads.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p ron-accounting-pipeline --lib models::`
//!
//! Loom's waits never time out, so a wake-up that is lost ends a model as a deadlock.

use std::time::Duration;

use loom::{
    sync::Arc,
    thread::{self, JoinHandle},
};

use crate::exchange::{CrewId, Exchange, Next};

const LONG: Duration = Duration::from_secs(3600);

/// A queue of jobs, by number only.
#[derive(Debug, Default)]
struct Jobs {
    queued: u32,
    begun: u32,
    finished: u32,
}

impl Jobs {
    fn next(&mut self) -> Next<()> {
        if self.queued == 0 {
            return Next::Wait(LONG);
        }
        self.queued -= 1;
        self.begun += 1;
        Next::Job(())
    }
}

/// What an export thread does.
fn member(exchange: &Arc<Exchange<Jobs>>, crew: CrewId) -> JoinHandle<()> {
    let member = exchange.enter(crew);
    let exchange = Arc::clone(exchange);
    thread::spawn(move || {
        while exchange.next(member, Jobs::next).is_some() {
            exchange.finish(member, |jobs| jobs.finished += 1);
        }
        exchange.leave(member);
    })
}

/// Waits until so many jobs are finished, and makes none itself.
fn wait_for(exchange: &Exchange<Jobs>, finished: u32) {
    let member = exchange.enter(exchange.new_crew());
    let is_done = exchange.hand_out(
        member,
        || LONG,
        |jobs, _| jobs.finished == finished,
        |_| Next::Wait::<()>(LONG),
        |()| unreachable!("nothing is handed out"),
    );
    assert!(is_done && exchange.forget(member));
}

#[test]
fn no_wake_up_is_lost() {
    loom::model(|| {
        let exchange = Arc::new(Exchange::new(Jobs::default()));
        let crew = exchange.new_crew();
        let thread = member(&exchange, crew);
        exchange.with(|jobs| jobs.queued += 1);
        exchange.with(|jobs| jobs.queued += 1);
        wait_for(&exchange, 2);
        assert_eq!(exchange.end(crew, LONG), []);
        thread.join().unwrap();
    });
}

#[test]
fn every_member_ends_and_begins_nothing_after_that() {
    loom::model(|| {
        let exchange = Arc::new(Exchange::new(Jobs { queued: 2, ..Jobs::default() }));
        let crew = exchange.new_crew();
        let threads = [member(&exchange, crew), member(&exchange, crew)];
        assert_eq!(exchange.end(crew, LONG), []);
        let (begun, finished) = exchange.with(|jobs| (jobs.begun, jobs.finished));
        assert_eq!(begun, finished, "nobody is left in a job");
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(exchange.with(|jobs| jobs.begun), begun);
    });
}

#[test]
fn an_answer_that_comes_after_the_end_counts_once() {
    loom::model(|| {
        let exchange = Arc::new(Exchange::new(Jobs { queued: 1, ..Jobs::default() }));
        let crew = exchange.new_crew();
        let member = exchange.enter(crew);
        let (started, taken) = loom::sync::mpsc::channel();
        let other = Arc::clone(&exchange);
        let thread = thread::spawn(move || {
            assert!(other.next(member, Jobs::next).is_some());
            started.send(()).unwrap();
            other.finish(member, |jobs| jobs.finished += 1);
            assert!(other.next(member, Jobs::next).is_none(), "told to end, or forgotten");
            other.leave(member);
        });
        taken.recv().unwrap();
        let left_behind = exchange.end(crew, Duration::ZERO);
        assert!(left_behind.is_empty() || left_behind == [member]);
        // More to do is of no interest to a thread that was left behind.
        exchange.with(|jobs| jobs.queued += 1);
        thread.join().unwrap();
        exchange.with(|jobs| assert_eq!((jobs.queued, jobs.begun, jobs.finished), (1, 1, 1)));
    });
}

#[test]
fn another_crew_goes_on_when_one_ends() {
    loom::model(|| {
        let exchange = Arc::new(Exchange::new(Jobs::default()));
        let (ending, staying) = (exchange.new_crew(), exchange.new_crew());
        let threads = [member(&exchange, ending), member(&exchange, staying)];
        exchange.with(|jobs| jobs.queued += 1);
        assert_eq!(exchange.end(ending, LONG), []);
        wait_for(&exchange, 1);
        assert_eq!(exchange.end(staying, LONG), []);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_drain_sees_the_answers_to_what_it_handed_out() {
    loom::model(|| {
        let exchange = Arc::new(Exchange::new(Jobs { queued: 2, ..Jobs::default() }));
        let member = exchange.enter(exchange.new_crew());
        let mut helpers = Vec::new();
        let is_done = exchange.hand_out(
            member,
            || LONG,
            |jobs, is_out| {
                assert_eq!(is_out, jobs.begun > jobs.finished);
                jobs.finished == 2
            },
            Jobs::next,
            |()| {
                let exchange = Arc::clone(&exchange);
                helpers.push(thread::spawn(move || exchange.finish(member, |jobs| jobs.finished += 1)));
            },
        );
        assert!(is_done && exchange.forget(member));
        helpers.into_iter().for_each(|helper| helper.join().unwrap());
    });
}

#[test]
fn a_drain_that_gives_up_leaves_a_job_that_is_finished_later() {
    loom::model(|| {
        let exchange = Arc::new(Exchange::new(Jobs { queued: 1, ..Jobs::default() }));
        let member = exchange.enter(exchange.new_crew());
        let mut helper = None;
        let rounds = std::cell::Cell::new(0);
        let left = || {
            rounds.set(rounds.get() + 1);
            if rounds.get() == 1 {
                LONG
            } else {
                Duration::ZERO
            }
        };
        let is_done = exchange.hand_out(
            member,
            left,
            |jobs, _| jobs.finished == 1,
            Jobs::next,
            |()| {
                let exchange = Arc::clone(&exchange);
                helper = Some(thread::spawn(move || exchange.finish(member, |jobs| jobs.finished += 1)));
            },
        );
        let is_idle = exchange.forget(member);
        assert!(is_idle || !is_done);
        helper.unwrap().join().unwrap();
        exchange.with(|jobs| assert_eq!((jobs.begun, jobs.finished), (1, 1)));
    });
}
