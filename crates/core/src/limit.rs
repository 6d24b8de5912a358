//! Which limits were reached, for whoever reports them.
//!
//! All of this is off the hot path: a limit is noted by the thread that found no room, which has taken locks already.

use std::sync::{
    atomic::{AtomicBool, AtomicU64, Ordering},
    Mutex, PoisonError,
};

use crate::{Dimension, Label};

/// A limit of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// The label limit: label sets were evicted for new ones, or usage went to a tenant's overflow row.
    LabelSets,
    /// The tenant limit: usage went to the tenant `~overflow`.
    Tenants,
    /// A dimension that the engine does not have. Nothing was counted.
    Dimensions,
    /// The highest count, 2^64 - 1. What is beyond was not counted.
    Counts,
    /// The number of label sets that may leave between two readings. Their last counts went to an overflow row.
    LeftLabelSets,
}

impl Limit {
    const ALL: [Self; 5] =
        [Self::LabelSets, Self::Tenants, Self::Dimensions, Self::Counts, Self::LeftLabelSets];

    /// Returns the limit as a word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LabelSets => "label_sets",
            Self::Tenants => "tenants",
            Self::Dimensions => "dimensions",
            Self::Counts => "counts",
            Self::LeftLabelSets => "left_label_sets",
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A limit that was reached since the last call of [`Engine::take_limits_reached`](crate::Engine::take_limits_reached).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitReached {
    /// Which limit it is.
    pub limit: Limit,
    /// The normalized name of the tenant that reached it first.
    pub tenant: Box<str>,
    /// The label with the most distinct values, if there were too many label sets or tenants.
    pub label: Option<Label>,
    /// The dimension, if it is one.
    pub dimension: Option<Dimension>,
    /// How often it was reached, at least.
    pub times: u64,
}

/// The limits that were reached and not reported yet.
#[derive(Debug, Default)]
pub(crate) struct LimitNotes([Note; Limit::ALL.len()]);

#[derive(Debug, Default)]
struct Note {
    times: AtomicU64,
    /// Whether `first` is filled, so that a flood takes no lock.
    is_noted: AtomicBool,
    first: Mutex<(Box<str>, Option<Dimension>)>,
}

impl LimitNotes {
    /// Notes that a tenant reached a limit.
    pub(crate) fn note(&self, limit: Limit, tenant: &str, dimension: Option<Dimension>) {
        let Some(note) = self.0.get(limit as usize) else { return };
        note.times.fetch_add(1, Ordering::Relaxed);
        if !note.is_noted.swap(true, Ordering::Relaxed) {
            *note.first.lock().unwrap_or_else(PoisonError::into_inner) = (tenant.into(), dimension);
        }
    }

    /// Returns the limits that were reached since the last call.
    pub(crate) fn take(&self) -> Vec<LimitReached> {
        let reached = Limit::ALL.into_iter().zip(&self.0).filter_map(|(limit, note)| {
            let times = note.times.swap(0, Ordering::Relaxed);
            if times == 0 {
                return None;
            }
            let (tenant, dimension) = {
                let first = note.first.lock().unwrap_or_else(PoisonError::into_inner);
                first.clone()
            };
            note.is_noted.store(false, Ordering::Relaxed);
            Some(LimitReached { limit, tenant, label: None, dimension, times })
        });
        reached.collect()
    }
}
