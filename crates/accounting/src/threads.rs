//! The threads of an instance, and how it ends.
//!
//! # How it ends
//! 1. The ticker ends, so that no window closes behind the last one.
//! 2. The open window is sealed, and exported until the timeout for dropping has passed.
//! 3. The export threads end. A thread whose put has not returned is left behind with a warning. It holds nothing but the
//!    exporter, and ends by itself when the put returns.
//!
//! In a fork of the process, none of the threads exists and everything belongs to the parent: nothing is ended there.

use std::{mem, sync::Arc, thread};

use crate::{
    exporting::{Export, ExportThreads},
    instance::Instance,
    ticker::{self, Ticker},
    AccError,
};

/// The threads of an instance. They live as long as the last handle, and end with a last sealing.
pub(crate) struct Threads {
    ticker: Option<Ticker>,
    export: Option<ExportThreads>,
    /// Whether the host calls `tick`, so that no ticker is missing.
    is_manual: bool,
    instance: Arc<Instance>,
}

impl Threads {
    /// Starts no ticker, for an instance that the host ticks, and export threads only if asked for.
    pub(crate) fn manual(instance: &Arc<Instance>) -> Result<Self, AccError> {
        let export = instance.export.as_ref().filter(|export| export.is_in_background()).map(Export::start);
        let export = export.transpose().map_err(cannot_start)?;
        Ok(Self { ticker: None, export, is_manual: true, instance: Arc::clone(instance) })
    }

    /// Records that the threads could not be started, which readiness reports.
    pub(crate) fn missing(instance: &Arc<Instance>) -> Self {
        Self { ticker: None, export: None, is_manual: false, instance: Arc::clone(instance) }
    }

    pub(crate) fn start(instance: &Arc<Instance>) -> Result<Self, AccError> {
        let export = instance.export.as_ref().map(Export::start).transpose().map_err(cannot_start)?;
        let ticking = Arc::clone(instance);
        let ticker = Some(Ticker::start(move || ticking.tick_by_clock()).map_err(cannot_start)?);
        Ok(Self { ticker, export, is_manual: false, instance: Arc::clone(instance) })
    }

    /// Returns whether windows are closed in time, by the ticker or by the host.
    pub(crate) fn are_ticking(&self) -> bool {
        self.is_manual || self.ticker.as_ref().is_some_and(Ticker::is_alive)
    }
}

fn cannot_start(source: std::io::Error) -> AccError {
    AccError::System { operation: "start a thread", source }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let last = Last {
            ticker: self.ticker.take(),
            export: self.export.take(),
            instance: Arc::clone(&self.instance),
        };
        if self.instance.home.is_forked() {
            // Joining a thread that does not exist panics, and closing the parent's log or ledger may write to it.
            mem::forget(last);
            return;
        }
        // An exporter may hold the last handle, and a thread cannot wait for its own end.
        if !is_own_thread() {
            last.end();
        } else if let Err(error) =
            thread::Builder::new().name("accounting-end".to_owned()).spawn(|| last.end())
        {
            tracing::warn!(target: "ron-accounting", %error, "ended without a last sealing");
        }
    }
}

/// Returns whether the calling thread belongs to some instance, whose end would wait for it.
fn is_own_thread() -> bool {
    #[cfg(feature = "export")]
    if ron_accounting_pipeline::is_export_thread() {
        return true;
    }
    ticker::is_ticker()
}

/// Everything that has to end when the last handle is gone.
struct Last {
    ticker: Option<Ticker>,
    export: Option<ExportThreads>,
    instance: Arc<Instance>,
}

impl Last {
    fn end(self) {
        let Some(export) = &self.instance.export else {
            drop(self.ticker);
            return self.instance.with_open_window(|open| self.instance.warn_of_limits(open));
        };
        let closing = export.close();
        drop(self.ticker);
        let finished = self.instance.with_open_window(|open| {
            let finished = closing.finish(open);
            self.instance.warn_of_limits(open);
            finished
        });
        let left_behind = self.export.map_or(0, |threads| closing.stop(threads));
        if finished.is_ok() && left_behind == 0 {
            return;
        }
        let error = finished.err().map(|error| error.with_causes()).unwrap_or_default();
        tracing::warn!(
            target: "ron-accounting", %error, puts_left_behind = left_behind, "dropped before the ledger had everything"
        );
    }
}

#[cfg(all(test, feature = "wal"))]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

    use ron_accounting_export::memory::MemoryLedger;
    use ron_accounting_window::ManualClock;
    use tempfile::tempdir;

    use crate::{labels, AccError, Accounting};

    #[allow(clippy::unwrap_used)] // Not in a test function, but of a test.
    fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        entries
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
            .collect()
    }

    #[test]
    fn a_fork_records_says_that_it_seals_nothing_and_leaves_log_and_ledger_alone() {
        let (folder, ledger) = (tempdir().unwrap(), MemoryLedger::new());
        let builder = Accounting::builder().clock(ManualClock::new(0)).wal_dir(folder.path());
        let acc = builder.exporter(ledger.clone()).build().unwrap();
        let before = files(folder.path());
        acc.instance().home.pretend_fork();
        acc.incr_request(&labels().tenant("acme"));

        acc.instance().with_all_locks(|| {
            assert_eq!(acc.readiness().missing().collect::<Vec<_>>(), ["boundary_ticker_ok"]);
            let stats = acc.stats();
            assert!(stats.is_forked && stats.export.is_none());
            for refused in [acc.tick(60_000), acc.drain(Duration::MAX), acc.shutdown(Duration::MAX)] {
                let error = refused.unwrap_err();
                assert!(matches!(error, AccError::ForkedProcess { parent } if parent != std::process::id()));
            }
            assert!(acc.seal_now().is_empty() && acc.totals().is_empty() && acc.origin().is_none());
            assert!(!acc.accept_clock());
        });
        drop(acc);
        assert_eq!(files(folder.path()), before);
        assert_eq!(ledger.slices().len(), 0);
    }

    #[test]
    fn dropping_a_fork_takes_no_lock() {
        let acc = Accounting::builder().exporter(MemoryLedger::new()).build().unwrap();
        let instance = Arc::clone(&acc.instance);
        instance.home.pretend_fork();
        instance.with_all_locks(|| drop(acc));
    }
}
