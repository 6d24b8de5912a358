//! A stream that does what its script says.
#![allow(dead_code)] // Each test file uses a part.

use std::{
    collections::VecDeque,
    io::{self, BufRead, ErrorKind, Read, Write},
    sync::Arc,
};

use ron_accounting_stream::{Attribution, Counters};
use ron_accounting_window::ManualClock;

pub(crate) const MINUTE_MS: u64 = 60_000;

/// What the next call on a [`Scripted`] stream does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// Moves so many bytes, if there is room.
    Move(usize),
    /// Claims to have moved so many, whatever the room.
    Claim(usize),
    Fail(ErrorKind),
}

/// Each call takes a step; without one it moves as much as it can.
#[derive(Debug, Default)]
pub(crate) struct Scripted(pub(crate) VecDeque<Step>);

impl Scripted {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(steps.into_iter().collect())
    }

    fn step(&mut self, room: usize) -> io::Result<usize> {
        match self.0.pop_front() {
            None => Ok(room),
            Some(Step::Move(bytes)) => Ok(bytes.min(room)),
            Some(Step::Claim(bytes)) => Ok(bytes),
            Some(Step::Fail(kind)) => Err(kind.into()),
        }
    }
}

impl Read for Scripted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.step(buffer.len())
    }
}

impl Write for Scripted {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.step(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.step(0).map(drop)
    }
}

impl BufRead for Scripted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let bytes = self.step(8)?;
        Ok(&[0; 8][..bytes.min(8)])
    }

    fn consume(&mut self, _: usize) {}
}

/// Counters whose clock is set by hand.
pub(crate) fn counters_at(now_ms: u64, attribution: Attribution) -> (Counters, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(now_ms));
    (Counters::builder().clock(Arc::clone(&clock)).attribution(attribution).build(), clock)
}
