//! The method with several threads: the same jobs on one thread and on two, in turns.
//!
//! The threads live as long as the race. Each turn they meet at a line, start together, and say how long they took; a turn
//! lasts from the first start to the last end. A turn in which the system gave a core to somebody else says nothing about
//! the jobs, and is taken again.

use std::{
    cell::Cell,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{channel, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::time::{clock_gettime, ClockId};

use crate::race::Effort;

/// What threads do: given the number of the thread and how many operations to do.
pub type Job<'a> = &'a (dyn Fn(usize, u64) + Sync);

/// How often a turn is taken again because the system disturbed it.
const ATTEMPTS: usize = 10;
/// The part of a turn that a thread may wait for a core.
const WAIT_MAX: f64 = 0.02;

/// Processor time of the calling thread.
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanoseconds.unwrap_or_default())
}

/// One thread's part of a turn.
#[derive(Debug, Clone, Copy)]
struct Part {
    start: Instant,
    end: Instant,
    processor: Duration,
}

/// A turn of some threads.
#[derive(Debug, Clone)]
pub struct Turn {
    parts: Vec<Part>,
}

impl Turn {
    /// From the first start to the last end.
    pub fn wall(&self) -> Duration {
        let start = self.parts.iter().map(|part| part.start).min();
        let end = self.parts.iter().map(|part| part.end).max();
        start.zip(end).map(|(start, end)| end - start).unwrap_or_default()
    }

    /// Processor time of all threads.
    pub fn processor(&self) -> Duration {
        self.parts.iter().map(|part| part.processor).sum()
    }

    /// The largest part of the turn that a thread waited for a core.
    fn waited(&self) -> f64 {
        let waited = |part: &Part| {
            let wall = (part.end - part.start).as_secs_f64();
            (wall - part.processor.as_secs_f64()) / wall.max(1e-9)
        };
        self.parts.iter().map(waited).fold(0.0, f64::max)
    }
}

struct Command {
    job: usize,
    operations: u64,
    /// How many arrivals there have been in all turns once everybody is at the line.
    line: usize,
}

/// Threads that wait for their turns.
#[derive(Debug)]
pub struct Crew {
    commands: Vec<Sender<Command>>,
    parts: Receiver<Part>,
    line: Cell<usize>,
}

impl Crew {
    /// Works with a crew of `threads` threads that can do these jobs.
    pub fn with<T>(threads: usize, jobs: &[Job<'_>], work: impl FnOnce(&Crew) -> T) -> T {
        let arrived = AtomicUsize::new(0);
        thread::scope(|scope| {
            let (part, parts) = channel();
            let mut commands = Vec::new();
            for number in 0..threads {
                let (sender, receiver) = channel();
                commands.push(sender);
                let (part, arrived) = (part.clone(), &arrived);
                scope.spawn(move || serve(number, jobs, arrived, &receiver, &part));
            }
            work(&Crew { commands, parts, line: Cell::new(0) })
        })
    }

    /// One turn of the first `threads` threads, each with this many operations.
    pub fn turn(&self, job: usize, threads: usize, operations: u64) -> Turn {
        let line = self.line.get() + threads;
        self.line.set(line);
        for commands in &self.commands[..threads] {
            commands.send(Command { job, operations, line }).expect("the thread waits for it");
        }
        Turn { parts: self.parts.iter().take(threads).collect() }
    }

    /// A turn that nobody disturbed, or the least disturbed of several.
    pub fn quiet_turn(&self, job: usize, threads: usize, operations: u64) -> Turn {
        let mut quietest = self.turn(job, threads, operations);
        for _ in 1..ATTEMPTS {
            if quietest.waited() <= WAIT_MAX {
                break;
            }
            let turn = self.turn(job, threads, operations);
            if turn.waited() < quietest.waited() {
                quietest = turn;
            }
        }
        quietest
    }

    /// How many operations of a job fill a turn of one thread.
    pub fn calibrate(&self, job: usize, effort: Effort) -> u64 {
        let mut operations = 1;
        loop {
            let took = self.turn(job, 1, operations).wall();
            if took >= effort.turn / 2 {
                let scale = effort.turn.as_secs_f64() / took.as_secs_f64();
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                // of this order, and positive
                return ((operations as f64 * scale) as u64).max(1);
            }
            operations *= 2;
        }
    }
}

fn serve(
    number: usize,
    jobs: &[Job<'_>],
    arrived: &AtomicUsize,
    commands: &Receiver<Command>,
    parts: &Sender<Part>,
) {
    for Command { job, operations, line } in commands {
        // Waking up takes longer than the starts may differ, so that the threads wait for each other awake.
        arrived.fetch_add(1, Ordering::AcqRel);
        while arrived.load(Ordering::Acquire) < line {
            std::hint::spin_loop();
        }
        let (start, processor) = (Instant::now(), thread_time());
        jobs[job](number, operations);
        let part = Part { processor: thread_time().saturating_sub(processor), start, end: Instant::now() };
        if parts.send(part).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn each_thread_of_a_turn_does_its_operations() {
        let done = [AtomicU64::new(0), AtomicU64::new(0)];
        let count = |thread: usize, operations| {
            done[thread].fetch_add(operations, Ordering::Relaxed);
        };
        let idle = |_, _| {};
        let turns = Crew::with(2, &[&idle, &count], |crew| {
            [crew.turn(1, 1, 10), crew.turn(1, 2, 100), crew.turn(0, 2, 1000), crew.turn(1, 2, 100)]
        });
        assert_eq!(done.map(AtomicU64::into_inner), [210, 200]);
        assert_eq!(turns.each_ref().map(|turn| turn.parts.len()), [1, 2, 2, 2]);
        assert!(turns.iter().all(|turn| turn.wall() > Duration::ZERO));
    }
}
