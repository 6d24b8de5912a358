//! Warnings about limits: one for each limit that was reached in a window, when the window has closed.
//!
//! What is named has passed the normalizer, as has everything that is counted.

use ron_accounting_core::{Engine, Label, Limit};

/// Warns about the limits of the engine that were reached since the last call. `window_ms` is the start of the window.
pub(crate) fn warn_of_engine(engine: &Engine, window_ms: u64) {
    for reached in engine.take_limits_reached() {
        let dimension = reached.dimension.map(|dimension| {
            let name = engine.dimensions().name(dimension).map(str::to_owned);
            name.unwrap_or_else(|| format!("number {}", dimension.index()))
        });
        tracing::warn!(
            target: "ron-accounting",
            limit = reached.limit.as_str(),
            label = reached.label.map(Label::as_str),
            tenant = &*reached.tenant,
            dimension,
            window = window_ms,
            times = reached.times,
            "{}",
            consequence(reached.limit)
        );
    }
}

/// Says what reaching a limit came to, and what to do.
fn consequence(limit: Limit) -> &'static str {
    match limit {
        Limit::LabelSets => {
            "the limit of label sets was reached: the least recently used were evicted, and usage without room is in \
             `~overflow` rows. Normalize the label, or raise ACC_LABEL_LIMIT"
        }
        Limit::Tenants => {
            "the limit of tenants in use was reached: the usage of new ones is under the tenant `~overflow`. Check where \
             tenants come from, or raise the tenant limit"
        }
        Limit::Dimensions => "usage of a dimension that is not registered here was not counted: use the one that `dimension()` returns",
        Limit::Counts => "a count has reached 2^64 - 1, and what is beyond was not counted: check what is recorded, or shorten the window",
        Limit::LeftLabelSets => {
            "more label sets left in one window than are kept: their last counts are in `~overflow` rows. Normalize the \
             label, or raise ACC_LABEL_LIMIT"
        }
        _ => "a limit was reached",
    }
}

/// What of the queues was full at a boundary.
#[cfg(feature = "export")]
#[derive(Debug, Default)]
pub(crate) struct FullQueues {
    /// Streams that wait for room among the slices that wait for the ledger.
    pub(crate) waiting_for_ledger: usize,
    /// Streams that wait for room in the log.
    pub(crate) waiting_for_log: usize,
    /// Units that were thrown away since the last boundary.
    pub(crate) shed: u128,
    /// The tenant and dimension of the first stream that waits.
    pub(crate) first: Option<(String, String)>,
}

/// Warns about queues that were full at the end of a window.
#[cfg(feature = "export")]
pub(crate) fn warn_of_queues(full: &FullQueues, window_ms: u64) {
    let (tenant, dimension) =
        full.first.as_ref().map(|(tenant, dimension)| (tenant.as_str(), dimension.as_str())).unzip();
    let warn = |limit: &'static str, streams: usize, what: &str| {
        tracing::warn!(target: "ron-accounting", limit, tenant, dimension, window = window_ms, streams, "{what}");
    };
    if full.waiting_for_ledger > 0 {
        let what = "slices that wait for the ledger are as many as allowed: streams wait, and their next slices span more \
                    windows. Look at the ledger, or raise ACC_BACKLOG_MAX";
        warn("backlog", full.waiting_for_ledger, what);
    }
    if full.waiting_for_log > 0 {
        let what = "the write-ahead log is full: streams wait, and their next slices span more windows. Look at the ledger, or \
                    raise wal_max_bytes";
        warn("log", full.waiting_for_log, what);
    }
    if full.shed > 0 {
        tracing::warn!(
            target: "ron-accounting",
            limit = "backlog",
            window = window_ms,
            units = %full.shed,
            "usage was thrown away, as OnFull::Shed says: look at the ledger, or raise ACC_BACKLOG_MAX"
        );
    }
}
