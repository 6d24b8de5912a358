//! What an engine tells about itself.

/// Numbers about an engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineStats {
    /// Label sets and accounts that count against the limit.
    pub label_sets: usize,
    /// Ids in use: live keys, evicted keys that a thread or meter still owns, and overflow rows.
    pub ids_in_use: usize,
    /// Tenants that are told apart.
    pub tenants: usize,
    /// The most threads that recorded at once: each has its own cells.
    pub threads: usize,
    /// Keys evicted because the label limit was reached.
    pub evicted_cardinality: u64,
    /// Keys evicted because they were idle.
    pub evicted_age: u64,
    /// Look-ups that ended in a tenant's overflow row.
    pub overflowed_label_sets: u64,
    /// Look-ups that ended in the tenant `~overflow`.
    pub overflowed_tenants: u64,
    /// Evicted keys whose last counts went to their tenant's overflow row, because too many left in one window.
    pub folded_keys: u64,
    /// Raw label sets of which a label was refused and replaced.
    pub replaced_label_sets: u64,
    /// Recordings under a dimension of another engine. They are not counted anywhere else.
    pub unknown_dimension: u64,
    /// Additions that reached 2^64 - 1 and stayed there.
    pub saturations: u64,
}
