//! The recording engine: counts per label set, in-process, at nanosecond cost.
//!
//! * [`Engine`] records and hands out [`Meter`]s and [`Scope`]s; [`EngineBuilder`] sets its limits.
//! * [`Labels`] (made by [`labels()`]) and [`AccountKey`] are what callers count under, [`Dimension`] what they count.
//! * [`Normalizer`] is the one door for labels: what is counted stands under a [`UsageKey`] that passed it.
//! * [`Reader`] takes [`Reading`]s: what was counted since the last one, each increment in exactly one.
//! * [`Outcome`] tells what became of a recording; recording itself never fails.
//!
//! The crate knows no time, no files and no wire format. Windows are differences of readings, made in
//! `ron-accounting-window`.
//!
//! # Crate features
//! * **`parking_lot`** (default): its locks instead of the standard library's. Only the first sight of a label set and
//!   the readers lock at all.
//! * **`serde`**: implements `Serialize` and `Deserialize` for [`AccountKey`].

#![cfg_attr(loom, allow(dead_code))] // models use a part of the engine

mod cache;
mod cells;
mod dimension;
#[cfg(not(loom))]
mod engine;
mod eviction;
mod hashing;
mod key;
mod labels;
#[cfg(not(loom))]
mod meter;
#[cfg(all(test, loom))]
mod models;
mod name;
mod normalizer;
mod outcome;
#[cfg(not(loom))]
mod reader;
mod reading;
mod readings;
mod registry;
mod scope;
mod shared;
mod stats;
mod sync;
#[cfg(not(loom))]
mod thread_exit;

pub use dimension::{Dimension, DimensionError, Dimensions, DIMENSIONS_MAX, DIMENSION_NAME_BYTES_MAX};
#[cfg(not(loom))]
pub use engine::{Engine, EngineBuilder, Tenant, LABEL_LIMIT_DEFAULT, LIMIT_MAX, TENANT_LIMIT_DEFAULT};
pub use eviction::EvictionReason;
pub use key::{AccountKey, TenantId, UsageKey};
pub use labels::{labels, Label, Labels};
#[cfg(not(loom))]
pub use meter::Meter;
pub use normalizer::{
    CharacterNormalizer, Normalizer, Reason, Verdict, INVALID, LABEL_BYTES_MAX, OVERFLOW, REDACTED,
};
pub use outcome::{Outcome, Overflow};
#[cfg(not(loom))]
pub use reader::Reader;
pub use reading::{Counts, KeyTable, Reading, ReadingRow, Rows};
#[cfg(not(loom))]
pub use scope::Scope;
pub use stats::EngineStats;
