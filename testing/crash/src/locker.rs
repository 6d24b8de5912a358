//! Somebody who locks the ledger now and then.

use std::{
    path::Path,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context as _;
use rusqlite::{Connection, TransactionBehavior};

use crate::dice::Dice;

/// Locks the file until it is dropped, for random times with random breaks.
pub(crate) struct Locker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<u64>>,
}

impl Locker {
    pub(crate) fn start(ledger: &Path, mut dice: Dice) -> anyhow::Result<Self> {
        let ledger = ledger.to_owned();
        let (stop, stopped) = mpsc::channel::<()>();
        let work = move || {
            let mut locks = 0;
            let wait = |ms| stopped.recv_timeout(Duration::from_millis(ms)) == Err(RecvTimeoutError::Timeout);
            loop {
                // There may be no ledger yet, or the node is writing.
                if let Ok(mut connection) = Connection::open(&ledger) {
                    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
                    locks += u64::from(transaction.is_ok());
                    if !wait(dice.within(1..600)) {
                        return locks;
                    }
                }
                if !wait(dice.within(1..200)) {
                    return locks;
                }
            }
        };
        let thread = thread::Builder::new().spawn(work).context("cannot start a thread")?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Ends it, and says how often the ledger was locked.
    pub(crate) fn end(mut self) -> u64 {
        self.stop_and_join()
    }

    fn stop_and_join(&mut self) -> u64 {
        self.stop = None;
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Locker {
    fn drop(&mut self) {
        self.stop_and_join();
    }
}
