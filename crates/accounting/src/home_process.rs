//! The process that an instance belongs to.
//!
//! After a `fork`, the child process has a copy of the instance's memory and none of its threads. Log and ledger belong to the
//! parent. A lock that another thread held at that moment stays locked in the child forever. So every function that seals,
//! exports or reports first checks that it runs in the instance's own process. If not, it touches no lock.

use std::{
    process,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

/// The number of the process that built an instance.
#[derive(Debug)]
pub(crate) struct HomeProcess {
    id: AtomicU32,
    is_told: AtomicBool,
}

impl HomeProcess {
    /// Returns the calling process.
    pub(crate) fn current() -> Self {
        Self { id: AtomicU32::new(process::id()), is_told: AtomicBool::new(false) }
    }

    /// Returns the number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.id.load(Ordering::Relaxed)
    }

    /// Returns whether the calling process is a fork of that process. The first time, a warning says so.
    pub(crate) fn is_forked(&self) -> bool {
        let is_forked = self.id() != process::id();
        if is_forked && !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "ron-accounting",
                parent = self.id(),
                "this process is a fork: what it counts in the instance of its parent is never sealed; build one after the fork"
            );
        }
        is_forked
    }

    /// Makes every later call see a fork.
    #[cfg(test)]
    pub(crate) fn pretend_fork(&self) {
        self.id.store(process::id().wrapping_add(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::HomeProcess;

    #[test]
    fn a_process_is_at_home_until_it_is_forked() {
        let home = HomeProcess::current();
        assert!(!home.is_forked());
        home.pretend_fork();
        assert!(home.is_forked() && home.is_forked());
    }
}
