//! The recording engine: counts per label set, in-process, at nanosecond cost.
//!
//! * [`Engine`] records and makes [`Meter`]s and [`Scope`]s; [`EngineBuilder`] sets its limits.
//! * [`Labels`] (made by [`labels()`]) and [`AccountKey`] are what callers count under, [`Dimension`] what
//!   they count.
//! * [`Normalizer`] decides which labels are counted: each [`UsageKey`] has passed it.
//! * [`Reader`] takes [`Reading`]s: what was counted since the last one, each increment in exactly one.
//! * [`Outcome`] says what a recording did; recording itself never fails.
//!
//! The crate knows no time, no files and no bytes of a slice. The crates that read it make windows and
//! slices: they are differences of readings.
//!
//! # How the engine is put together
//!
//! ```text
//!  Engine, Meter, Scope, Reader          handles; each owns an Arc of the ThreadedEngine
//!        |
//!  ThreadedEngine                        knows which thread is calling
//!        |                \
//!        |                 ThreadState   one per thread
//!        |                   caches      raw labels -> Arc<Key>: the thread's own, no lock
//!        |                   slab        key id x dimension -> cell: written by this thread alone
//!        |
//!  EngineState                           shared by all threads
//!        registry                        names -> Arc<Key>, in shards with a lock each; hands out ids within the limits
//!        tenants                         names of tenants -> numbers
//!        slabs                           all threads' slabs, for reading
//!        readings, under one lock
//!          slots                         key id -> Arc<Key>, and when the key was last used: eviction, reuse of ids
//!          readers                       for each reader: what it has taken of each cell, and its detached counts
//! ```
//!
//! **Recording** (`state/record.rs`): the thread's cache finds the key, and the thread's slab the cell. The
//! thread is the only writer of its cells, so that an increment is a load, an add and a store, and waits for
//! no other thread.
//!
//! **First sight** (`state/resolve.rs`): if the cache does not know the labels, the normalizer gives their
//! counted form, and the registry finds the key or admits a new one. At the label limit, the least recently
//! used key is evicted first. If none can be, the usage goes to its tenant's overflow row.
//!
//! **Reading** (`readers.rs`): a reader sums each cell over all slabs and takes the difference to the sums
//! that it took last. Readers are independent of each other.
//!
//! # Who owns a key, and when its id is free
//!
//! | owner of an `Arc<Key>` | until |
//! | --- | --- |
//! | the shard of the registry | the key is removed |
//! | the key's slot; before the next reading, the list of new keys | the key is removed |
//! | an entry of a thread's cache | the first miss of that thread after the key's eviction, the thread's end, or a newer entry |
//! | a `Meter`, which also pins the key: it is not evicted | the meter is dropped |
//!
//! The cells of a key are found by its id, so an id must not go to another key while a thread may still count
//! under it. Eviction takes three steps. (1) The key is marked as evicted, and no longer counts against the
//! limits. (2) The caches release it. Until then it can be counted under, read and revived. (3) When
//! only shard and slot own it, it is removed, its cells are read for the last time, and its id is free.
//! Counts that a reader has not taken by then are kept in the reader (*detached*). The cells are not reset:
//! the next key of the id starts from what each reader has taken.
//!
//! A [`UsageKey`] is only the name of a key: one thin pointer to its text, with a reference count of its own.
//! Owning one keeps the text, and not the id.
//!
//! # When a tenant leaves
//!
//! A tenant has a place while one of its keys is live, or a reader that holds tenants has counts of it to take. Places are
//! limited. A new tenant that finds none makes idle tenants leave, the least recently used first: all their keys are evicted.
//! If no tenant is idle, the usage goes to the overflow row of the tenant `~overflow`, until one leaves.
//!
//! A tenant's number never goes to another tenant, so that no side table by number can mix two tenants. Its entry
//! (`tenants.rs`) stays while any name of it exists, so that one tenant never has two numbers at a time.
//!
//! # Why three owners, one inside the other
//!
//! * `EngineState` is what all threads share. Its functions take the `ThreadState` as an argument, so that
//!   the loom models run this very code on threads of their own.
//! * `ThreadedEngine` adds what loom cannot run: it finds the calling thread's state, and is told when a
//!   thread ends.
//! * [`Engine`] is the public handle. It is a type of its own so that `Meter`, `Scope` and `Reader` can own
//!   the `ThreadedEngine` without owning each other.
//!
//! # Crate features
//! * **`parking_lot`** (default): uses its locks instead of the standard library's. Nothing locks but readers,
//!   the first sight of a label set, and an increment that finds its cell full.
//! * **`serde`**: implements `Serialize` and `Deserialize` for [`AccountKey`].

#![cfg_attr(loom, allow(dead_code))] // models use a part of the engine

mod cache;
mod cells;
mod dimension;
#[cfg(not(loom))]
mod engine;
#[cfg(not(loom))]
mod error;
mod fixed_labels;
mod hashing;
mod key;
mod key_slots;
mod labels;
mod limit;
#[cfg(not(loom))]
mod meter;
#[cfg(all(test, loom))]
mod models;
mod name;
mod normalizer;
mod outcome;
#[cfg(not(loom))]
mod reader;
mod readers;
mod reading;
mod registry;
#[cfg(not(loom))]
mod scope;
mod state;
mod stats;
mod sync;
mod tenant;
mod tenants;
#[cfg(not(loom))]
mod thread_exit;
#[cfg(not(loom))]
mod threaded_engine;

pub use dimension::{Dimension, DimensionError, Dimensions, DIMENSIONS_MAX, DIMENSION_NAME_BYTES_MAX};
#[cfg(not(loom))]
pub use engine::{Engine, EngineBuilder, LABEL_LIMIT_DEFAULT, LIMIT_MAX, TENANT_LIMIT_DEFAULT};
#[cfg(not(loom))]
pub use error::EngineError;
pub use key::{KeyId, UsageKey};
pub use labels::{labels, Label, Labels};
pub use limit::{Limit, LimitReached};
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
pub use stats::{EngineStats, EvictionReason};
pub use tenant::{AccountKey, Tenant, TenantId};

/// The example of the README, compiled and run with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;
