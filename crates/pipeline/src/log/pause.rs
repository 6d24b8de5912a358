//! A disk that fails is left alone for a while, longer each time, so that it is not filled with attempts.

use ron_accounting_wal::{Storage, WalError};

use super::Log;
use crate::PipelineError;

/// How often a commit starts anew on another segment before the disk is left alone.
const TRIES_MAX: usize = 3;
/// So many failures in a row may be the last ones.
const FAILURES_SPARED: u32 = 2;
const PAUSE_MS_MIN: u64 = 100;
const PAUSE_MS_MAX: u64 = 5_000;

/// When the log may be written to again.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Pause {
    failures: u32,
    until_ms: u64,
}

impl Pause {
    /// Refuses work while the disk is left alone.
    pub(super) fn check(&self, now_ms: u64) -> Result<(), PipelineError> {
        if self.is_on(now_ms) {
            return Err(PipelineError::LogPaused { until_ms: self.until_ms });
        }
        Ok(())
    }

    pub(super) fn is_on(&self, now_ms: u64) -> bool {
        // A clock that stepped back must not prolong the pause.
        self.failures > 0 && now_ms < self.until_ms && self.until_ms - now_ms <= PAUSE_MS_MAX
    }

    pub(super) fn begin(&mut self, now_ms: u64) {
        let pause_ms = match self.failures.checked_sub(FAILURES_SPARED) {
            Some(doublings) => PAUSE_MS_MIN.saturating_mul(1 << doublings.min(16)).min(PAUSE_MS_MAX),
            None => 0,
        };
        self.failures = self.failures.saturating_add(1);
        self.until_ms = now_ms.saturating_add(pause_ms);
    }

    pub(super) fn end(&mut self) {
        self.failures = 0;
    }
}

impl<S: Storage + Send> Log<S>
where
    S::File: Send,
{
    /// Runs `work` on a disk that works, up to [`TRIES_MAX`] times if what fails is a segment. Afterwards a disk that does
    /// not work is left alone for a while.
    pub(super) fn guarded<T>(
        &mut self,
        now_ms: u64,
        mut work: impl FnMut(&mut Self) -> Result<T, WalError>,
    ) -> Result<T, PipelineError> {
        self.pause.check(now_ms)?;
        let mut tries = 0;
        loop {
            match work(self) {
                Ok(done) => {
                    self.pause.end();
                    self.trouble = None;
                    return Ok(done);
                }
                // That is a limit, and no fault of the disk.
                Err(error @ WalError::Full { .. }) => return Err(error.into()),
                Err(error) => {
                    tries += 1;
                    let is_of_segment =
                        matches!(error, WalError::SyncFailed { .. } | WalError::AppendFailed { .. });
                    if !is_of_segment || tries == TRIES_MAX {
                        self.pause.begin(now_ms);
                        let error = PipelineError::from(error);
                        self.trouble = Some(error.with_causes());
                        return Err(error);
                    }
                }
            }
        }
    }
}
