//! The part of the façade that is about sealing, log and export.

use std::time::{Duration, Instant};

use ron_accounting_core::Dimension;
use ron_ledger_wire::{Origin, SealedSlice, StreamId};

use crate::{error::Hindrance, exporting::Export, recorder::Recorder, AccError, Accounting, UsageTotals};

impl Accounting {
    /// Returns how many units of each tenant and dimension are live, on their way to the ledger, and acknowledged. Without a
    /// ledger and a log, the list is empty.
    ///
    /// Of more streams than [`streams_max`](crate::AccountingBuilder::streams_max), those that are not in use are summed up in the statistics of the export
    /// ([`forgotten`](ron_accounting_pipeline::PipelineStats::forgotten)) instead.
    pub fn totals(&self) -> Vec<UsageTotals> {
        self.export().map_or_else(Vec::new, |export| export.totals(&self.instance().engine))
    }

    /// Exports until everything that was sealed is acknowledged, or `timeout` has passed. Seals nothing new.
    pub fn drain(&self, timeout: Duration) -> Result<(), AccError> {
        self.instance().check_home()?;
        let Some(export) = self.export() else { return Ok(()) };
        Ok(export.driver.deliver(timeout)?)
    }

    /// Seals the open window as it is, then drains. If there are more streams than the queues take, it does so in several
    /// rounds. Slices that do not arrive in time stay in the log, if there is one.
    ///
    /// Returns within `timeout` even if a put never returns. Recording goes on working. Usage that is recorded afterwards is
    /// sealed by a later call, or when the last handle is dropped.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), AccError> {
        self.instance().check_home()?;
        let Some(export) = self.export() else { return Ok(()) };
        let start = Instant::now();
        let time_left = || timeout.saturating_sub(start.elapsed());
        let take_over = export.driver.take_over();
        let seal = |open| export.driver.seal_all(open, time_left);
        let sealed = self.instance().with_open_window_within(time_left(), seal);
        drop(take_over);
        let Some(sealed) = sealed else {
            let source = Some(Hindrance::OtherThread.into());
            return Err(AccError::ExportBusy { pending: export.stats().pending, source });
        };
        sealed?;
        Ok(export.driver.deliver(time_left())?)
    }

    /// Seals the open window as it is and returns its slices, which are on their way to the ledger as well.
    pub fn seal_now(&self) -> Vec<SealedSlice> {
        let seal = |export: &Export| self.instance().with_open_window(|open| export.driver.seal_open(open));
        self.export().map_or_else(Vec::new, seal)
    }

    /// Makes a recorder of one dimension of a tenant's accounts, for hosts that count by number.
    pub fn recorder(&self, tenant: &str, dimension: Dimension) -> Recorder {
        Recorder::shared(self, &self.instance().engine, tenant, dimension)
    }

    /// Returns the origin of the instance's slices. `None` without a ledger and a log.
    pub fn origin(&self) -> Option<Origin> {
        self.export().map(|export| export.driver.with(|pipeline| pipeline.origin()))
    }

    /// Lets a parked stream try again, after an operator has dealt with the cause. Returns whether it was parked.
    pub fn resume(&self, stream: &StreamId) -> bool {
        self.export().is_some_and(|export| export.driver.with(|pipeline| pipeline.resume(stream)))
    }

    /// Returns `None` in a fork as well: log and ledger belong to the parent process.
    fn export(&self) -> Option<&Export> {
        let instance = self.instance();
        instance.export.as_ref().filter(|_| !instance.home.is_forked())
    }
}
