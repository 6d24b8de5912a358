//! The time that the windows of an instance follow: its clock, without its jumps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ron_accounting_window::{Clock, ClockAlarm, ClockEvent, SteadyTime};

/// A clock whose jumps are noticed. The beginning and the end of an alarm are logged once.
pub(crate) struct SteadyClock {
    clock: Arc<dyn Clock>,
    /// `None` for a clock without a monotonic reading, whose jumps are not noticed.
    time: Option<Mutex<SteadyTime>>,
}

impl SteadyClock {
    pub(crate) fn new(clock: Arc<dyn Clock>, jump_ms_max: u64) -> Self {
        let time = clock.reading().map(|reading| Mutex::new(SteadyTime::new(jump_ms_max, reading)));
        Self { clock, time }
    }

    /// Returns the time that windows follow, in Unix milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        let Some((time, reading)) = self.time.as_ref().zip(self.clock.reading()) else {
            return self.clock.now_ms();
        };
        let observed = lock(time).observe(reading);
        match observed.event {
            Some(ClockEvent::Jumped(alarm)) => tracing::warn!(
                target: "ron-accounting",
                direction = ?alarm.direction,
                by_ms = alarm.by_ms,
                "the clock jumped; windows go on by the monotonic clock until it is right again, or accept_clock() is called"
            ),
            Some(ClockEvent::Returned) => {
                tracing::info!(target: "ron-accounting", "the clock is right again; windows follow it");
            }
            Some(ClockEvent::Accepted(alarm)) => tracing::info!(
                target: "ron-accounting",
                by_ms = alarm.by_ms,
                "the clock has kept its new time for long; windows follow it"
            ),
            Some(_) | None => {}
        }
        observed.now_ms
    }

    /// Accepts the clock as it is now. Returns `false` if there is no jump forward to accept.
    pub(crate) fn accept(&self) -> bool {
        let Some((time, reading)) = self.time.as_ref().zip(self.clock.reading()) else { return false };
        let accepted = lock(time).accept(reading);
        if let Some(alarm) = accepted {
            tracing::info!(target: "ron-accounting", by_ms = alarm.by_ms, "the clock's new time is accepted");
        }
        accepted.is_some()
    }

    /// Returns the alarm, while there is one, and how many there were so far.
    pub(crate) fn alarms(&self) -> (Option<ClockAlarm>, u64) {
        self.time.as_ref().map_or((None, 0), |time| {
            let time = lock(time);
            (time.alarm(), time.alarms())
        })
    }
}

fn lock(time: &Mutex<SteadyTime>) -> MutexGuard<'_, SteadyTime> {
    // Valid at every step.
    time.lock().unwrap_or_else(PoisonError::into_inner)
}
