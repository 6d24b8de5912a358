//! The figures of an engine.

/// Why a key was evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EvictionReason {
    /// The label limit was reached, and this key was the least recently used.
    Cardinality,
    /// The key was not used for longer than idle keys are kept.
    Age,
}

impl EvictionReason {
    /// Returns the reason as one word in lower case, for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cardinality => "cardinality",
            Self::Age => "age",
        }
    }
}

/// The figures of an engine. Counts are those since it was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineStats {
    /// Label sets and accounts that count against the limit.
    pub label_sets: usize,
    /// Ids in use: live keys, evicted keys that a thread or meter still owns, and overflow rows.
    pub ids_in_use: usize,
    /// Tenants that have a place: those with a live label set or account, and those of which the ledger's reader has counts to
    /// take. With `~overflow`, there may be one more than the tenant limit. There may be more while counts wait that came when
    /// their tenant had left.
    pub tenants: usize,
    /// The most threads that recorded at once. Each has its own cells, which a later thread inherits.
    pub threads: usize,
    /// Keys evicted because the label limit or the tenant limit was reached.
    pub evicted_cardinality: u64,
    /// Keys evicted because they were idle.
    pub evicted_age: u64,
    /// Idle tenants of which all keys were evicted because the tenant limit was reached.
    pub evicted_tenants: u64,
    /// Look-ups whose usage went to their tenant's overflow row.
    pub overflowed_label_sets: u64,
    /// Look-ups whose usage went to the tenant `~overflow`.
    pub overflowed_tenants: u64,
    /// Evicted keys whose last counts went to an overflow row, because too many ids were freed between two
    /// readings.
    pub folded_keys: u64,
    /// Raw label sets of which a label was refused and replaced.
    pub replaced_label_sets: u64,
    /// Labels on which the normalizer panicked. Their usage is under [`INVALID`](crate::INVALID).
    pub normalizer_panics: u64,
    /// Recordings under a dimension of another engine. They are not counted anywhere else.
    pub unknown_dimension: u64,
    /// Additions that reached 2^64 - 1 and stayed there.
    pub saturations: u64,
}
