//! The thread that closes windows.

use std::{
    cell::Cell,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

thread_local! {
    static IS_TICKER: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether the calling thread was started by a [`Ticker`].
pub(crate) fn is_ticker() -> bool {
    IS_TICKER.with(Cell::get)
}

/// Calls a function on a thread of its own until the ticker is dropped. Each call returns the delay until the next one.
#[derive(Debug)]
pub(crate) struct Ticker {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(mut tick: impl FnMut() -> Duration + Send + 'static) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let stopped = Arc::clone(&stop);
        let run = move || {
            IS_TICKER.with(|is_ticker| is_ticker.set(true));
            let (is_stopped, wake) = &*stopped;
            loop {
                let delay = tick();
                let guard = is_stopped.lock().unwrap_or_else(PoisonError::into_inner);
                let waited = wake.wait_timeout_while(guard, delay, |is_stopped| !*is_stopped);
                if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("accounting-ticker".to_owned()).spawn(run)?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Returns whether the thread still runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        let (is_stopped, wake) = &*self.stop;
        *is_stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // The panic hook has reported a panic of that thread already.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_does_not_wait_for_the_next_tick() {
        let ticked = Arc::new((Mutex::new(false), Condvar::new()));
        let ticking = Arc::clone(&ticked);
        let ticker = Ticker::start(move || {
            *ticking.0.lock().unwrap() = true;
            ticking.1.notify_all();
            Duration::from_secs(365 * 24 * 60 * 60)
        })
        .unwrap();
        let waited = ticked.1.wait_while(ticked.0.lock().unwrap(), |ticked| !*ticked);
        drop(waited);
        drop(ticker);
    }
}
