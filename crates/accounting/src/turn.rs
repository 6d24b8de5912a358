//! A lock that can be waited for with a timeout.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
#[cfg(any(test, feature = "export"))]
use std::time::{Duration, Instant};

/// Lets one thread at a time work. Unlike the standard library's mutex, it can be waited for with a timeout, as a shutdown
/// does.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    is_taken: Mutex<bool>,
    free: Condvar,
}

/// Gives the turn back when it is dropped.
#[derive(Debug)]
#[must_use = "the turn is over when this is dropped"]
pub(crate) struct TurnGuard<'a>(&'a Turn);

impl Turn {
    /// Waits for the turn, however long that takes.
    pub(crate) fn take(&self) -> TurnGuard<'_> {
        let taken = self.free.wait_while(self.lock(), |is_taken| *is_taken);
        *taken.unwrap_or_else(PoisonError::into_inner) = true;
        TurnGuard(self)
    }

    /// Waits for the turn, no longer than `patience`. Returns `None` if it was not free in time.
    #[cfg(any(test, feature = "export"))]
    pub(crate) fn take_within(&self, patience: Duration) -> Option<TurnGuard<'_>> {
        let start = Instant::now();
        let mut is_taken = self.lock();
        while *is_taken {
            let left = patience.saturating_sub(start.elapsed());
            if left.is_zero() {
                return None;
            }
            is_taken = self.free.wait_timeout(is_taken, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *is_taken = true;
        Some(TurnGuard(self))
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        *self.0.lock() = false;
        self.0.free.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_taken_once_and_given_back() {
        let turn = Turn::default();
        let guard = turn.take();
        assert!(turn.take_within(Duration::ZERO).is_none());
        assert!(turn.take_within(Duration::from_millis(1)).is_none());
        drop(guard);
        drop(turn.take_within(Duration::ZERO).unwrap());
        drop(turn.take());
    }

    #[test]
    fn a_waiting_thread_gets_the_turn_when_it_is_given_back() {
        let turn = Turn::default();
        let guard = turn.take();
        std::thread::scope(|scope| {
            scope.spawn(|| drop(turn.take_within(Duration::from_secs(30)).unwrap()));
            scope.spawn(|| drop(turn.take()));
            drop(guard);
        });
    }
}
