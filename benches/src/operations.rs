//! Each way to record, to read and to seal, a number of times, on an instance that knows all label sets and has a fixed
//! hash seed: what is counted in instructions and drawn in plots.

use std::hint::black_box;

use ron_accounting::{
    accounting::{AccountKey, Recorder},
    Accounting, Dimension, Labels, Meter, Scope,
};

use crate::{
    label_sets::{LabelSets, Pattern, Walk, LABEL_SETS},
    slices::accounts,
};

const AMOUNTS: [(Dimension, u64); 3] =
    [(Dimension::REQUESTS, 1), (Dimension::BYTES_IN, 512), (Dimension::BYTES_OUT, 4096)];

/// An instance whose label sets this thread knows, another one with accounts, and the order of the calls. The label sets
/// are never given back: a process has one of this, or a few.
#[derive(Debug)]
pub struct Known {
    accounting: Accounting,
    meter: Meter,
    scope: Scope,
    recorder: Recorder,
    /// What the recorder counts in.
    recorded: Accounting,
    labels: Walk<'static, Labels<'static>>,
    accounts: Walk<'static, AccountKey>,
}

impl Default for Known {
    fn default() -> Self {
        let accounting = instance();
        let labels: &'static [_] = Box::leak(Box::new(LabelSets::standard())).labels().leak();
        for labels in labels {
            accounting.record_each(labels, &AMOUNTS);
        }
        let scope = accounting.scope(&labels[0]);
        for labels in labels {
            scope.incr_request(labels.tenant);
        }
        let recorded = instance();
        let recorder = recorded.recorder("acme", Dimension::REQUESTS);
        let accounts: &'static [_] = accounts(LABEL_SETS).leak();
        for account in accounts {
            recorder.record(*account, 1);
        }
        let sequence = Pattern::EightyTwenty.sequence(LABEL_SETS).leak();
        Self {
            meter: accounting.meter(&labels[0]),
            scope,
            accounting,
            recorder,
            recorded,
            labels: Walk::new(labels, sequence),
            accounts: Walk::new(accounts, sequence),
        }
    }
}

fn instance() -> Accounting {
    Accounting::builder().manual().hash_seed(1).build().expect("the settings are in range")
}

impl Known {
    /// A meter counts requests.
    pub fn meter(&mut self, times: usize) {
        for _ in 0..times {
            black_box(&self.meter).incr_request();
        }
    }

    /// Requests by one and the same label set.
    pub fn record_hot(&mut self, times: usize) {
        let labels = self.labels.step();
        for _ in 0..times {
            self.accounting.incr_request(black_box(labels));
        }
    }

    /// Requests by label sets that change with each call.
    pub fn record_80_20(&mut self, times: usize) {
        for _ in 0..times {
            self.accounting.incr_request(black_box(self.labels.step()));
        }
    }

    /// Requests by label sets that change with every 16th call.
    pub fn record_runs_of_16(&mut self, times: usize) {
        for _ in 0..times / 16 {
            self.record_hot(16);
        }
    }

    /// Request and bytes in one call, by label sets that change.
    pub fn record_each(&mut self, times: usize) {
        for _ in 0..times {
            self.accounting.record_each(black_box(self.labels.step()), black_box(&AMOUNTS));
        }
    }

    /// Requests by a scope, and tenants that change.
    pub fn scope(&mut self, times: usize) {
        for _ in 0..times {
            self.scope.incr_request(black_box(self.labels.step().tenant));
        }
    }

    /// Requests by accounts that change.
    pub fn account(&mut self, times: usize) {
        for _ in 0..times {
            self.recorder.record(black_box(*self.accounts.step()), black_box(1));
        }
    }

    /// A snapshot of everything. Returns how many rows it has.
    pub fn snapshot(&self) -> usize {
        black_box(self.accounting.snapshot()).entries().len()
    }

    /// All requests that were counted so far.
    pub fn requests(&self) -> u64 {
        let snapshots = [self.accounting.snapshot(), self.recorded.snapshot()];
        snapshots.iter().map(|snapshot| snapshot.total(Dimension::REQUESTS)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_counts_as_often_as_it_says() {
        let mut known = Known::default();
        assert_eq!(known.snapshot(), LABEL_SETS);
        let operations: [fn(&mut Known, usize); 7] = [
            Known::meter,
            Known::record_hot,
            Known::record_80_20,
            Known::record_runs_of_16,
            Known::record_each,
            Known::scope,
            Known::account,
        ];
        for operation in operations {
            let before = known.requests();
            operation(&mut known, 32);
            assert_eq!(known.requests() - before, 32);
        }
    }
}
