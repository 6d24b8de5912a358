//! The configuration of a world: limits so small that everything that can happen does.

use std::fmt;

use ron_ledger_wire::StreamId;

use crate::{
    dice::Dice,
    totals::{Place, Totals},
};

/// The dimensions that every engine has.
const BUILT_IN: [&str; 4] = ["requests", "bytes_in", "bytes_out", "cpu"];
/// Bytes of a row beside its route.
const ROW_BYTES: u64 = 64;
/// Accounts that stories count under.
const ACCOUNTS_MAX: usize = 4;
/// The least and the most that a slice may take, whatever the log.
const SLICE_BYTES_LEAST: u64 = 8 << 10;
const SLICE_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a slice beside its rows.
const SLICE_FRAME_BYTES: u64 = 256;

/// When the log is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syncing {
    /// At each sealing.
    OnSeal,
    /// At most so often, in milliseconds.
    Interval(u64),
    /// Never.
    Never,
}

/// The limits of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSize {
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// Bytes of all segments.
    pub max_bytes: u64,
    /// Records in all segments.
    pub max_entries: u64,
}

impl LogSize {
    /// Bytes of a segment of the log that comes of it: an eighth of the log at the most, and 8 KiB at least.
    pub(crate) fn segment_bytes_used(&self) -> u64 {
        self.segment_bytes.min((self.max_bytes / 8).max(8 << 10))
    }
}

/// The configuration of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Chooses how the engine hashes label sets.
    pub hash_seed: u64,
    /// Label sets that are live at once.
    pub label_limit: usize,
    /// Tenants that are told apart.
    pub tenant_limit: usize,
    /// Tenants that are used.
    pub tenants: usize,
    /// The length of a tenant's name in bytes, at least.
    pub tenant_bytes: usize,
    /// Routes that are used.
    pub routes: usize,
    /// The length of a route in bytes, at least.
    pub route_bytes: usize,
    /// Dimensions beside the built-in ones.
    pub registered: usize,
    /// Whether counts that have no room are thrown away.
    pub sheds: bool,
    /// When the log is synced.
    pub syncing: Syncing,
    /// How often checkpoints are due, in milliseconds; 0 for never.
    pub checkpoint_ms: u64,
    /// The longest delay of an export, in milliseconds.
    pub jitter_ms: u64,
    /// Whether counts are overwritten.
    pub zeroize: bool,
    /// Slices that may wait for the ledger.
    pub pending_max: usize,
    /// Slices in a batch.
    pub batch_max: usize,
    /// Batches on their way at once.
    pub in_flight_max: usize,
    /// When a put counts as failed, in milliseconds.
    pub deadline_ms: u64,
    /// The log; none for a process in memory alone.
    pub log: Option<LogSize>,
}

impl Default for Setup {
    /// The defaults of the product, without delays.
    fn default() -> Self {
        Self {
            hash_seed: 1,
            label_limit: 2048,
            tenant_limit: 8192,
            tenants: 2,
            tenant_bytes: 0,
            routes: 4,
            route_bytes: 0,
            registered: 0,
            sheds: false,
            syncing: Syncing::OnSeal,
            checkpoint_ms: 0,
            jitter_ms: 0,
            zeroize: false,
            pending_max: 1000,
            batch_max: 64,
            in_flight_max: 2,
            deadline_ms: 10_000,
            log: Some(LogSize { segment_bytes: 4 << 20, max_bytes: 512 << 20, max_entries: 1_000_000 }),
        }
    }
}

impl Setup {
    /// Draws a world from a seed.
    pub fn generate(seed: u64) -> Self {
        let mut dice = Dice::of(seed, "setup");
        let label_limit = dice.size(1, 8);
        let tenants = dice.size(1, 6);
        let is_tiny = dice.percent(6);
        let segment_bytes =
            dice.one_of(&[8 << 10, 8 << 10, 8 << 10, 12 << 10, 16 << 10, 64 << 10]).unwrap_or(8 << 10);
        let segments = dice.one_of(&[6, 6, 7, 8, 10, 16, 64, 128]).unwrap_or(8);
        let (segment_bytes, segments) =
            if is_tiny { (24 << 10, dice.between(2, 5)) } else { (segment_bytes, segments) };
        let max_bytes = (segment_bytes * segments).max(48 << 10);
        // All that can be live at once has to fit several times.
        let row_bytes_max = (max_bytes / 48 / label_limit as u64).saturating_sub(ROW_BYTES).min(900);
        let route_bytes = dice.one_of(&[0, 0, 1, 2]).unwrap_or(0) * row_bytes_max / 2;
        let max_entries = dice.one_of(&[1_000_000, 1_000_000, 1_000_000, 200, 60]).unwrap_or(1_000_000);
        let has_log = dice.percent(96);
        Self {
            hash_seed: dice.roll(),
            label_limit,
            tenant_limit: if dice.percent(5) { dice.size(1, 3) } else { 100 },
            tenants,
            tenant_bytes: 0,
            routes: dice.size(1, 2 * label_limit + 2),
            route_bytes: usize::try_from(route_bytes).unwrap_or_default(),
            registered: dice.size(0, 2),
            sheds: dice.percent(12),
            syncing: match dice.below(20) {
                0 | 1 => Syncing::Never,
                2..=5 => Syncing::Interval(dice.one_of(&[1, 30_000, 90_000, 200_000]).unwrap_or(1)),
                _ => Syncing::OnSeal,
            },
            checkpoint_ms: dice.one_of(&[0, 0, 1, 5_000, 40_000]).unwrap_or(0),
            jitter_ms: if dice.percent(15) { 5_000 } else { 0 },
            zeroize: dice.percent(10),
            pending_max: dice.one_of(&[1, 2, 3, 4, 6, 10, 20, 50]).unwrap_or(10),
            batch_max: dice.size(1, 8),
            in_flight_max: dice.size(1, 3),
            deadline_ms: dice.one_of(&[1_000, 10_000, 10_000]).unwrap_or(10_000),
            log: has_log.then_some(LogSize { segment_bytes, max_bytes, max_entries }),
        }
    }

    /// How many dimensions there are.
    pub const fn dimensions(&self) -> usize {
        BUILT_IN.len() + self.registered
    }

    /// How many streams there can be.
    pub(crate) const fn streams(&self) -> usize {
        (self.tenants + 1) * self.dimensions()
    }

    /// How many slices may be on their way at once. A stream that needs more of them than that is sealed while there is room
    /// for one.
    pub(crate) fn slices_pending_max(&self) -> usize {
        let keys = (self.routes + ACCOUNTS_MAX + 1).min(2 * self.label_limit + 1) as u64;
        let slice_bytes =
            self.log.map_or(u64::MAX, |log| (log.max_bytes / 6).clamp(SLICE_BYTES_LEAST, SLICE_BYTES_MAX));
        let row_bytes = ROW_BYTES + self.route_bytes as u64;
        let rows = ((slice_bytes - SLICE_FRAME_BYTES) / row_bytes).max(1);
        let slices = usize::try_from(keys.div_ceil(rows)).unwrap_or(usize::MAX);
        if slices > self.pending_max {
            self.pending_max - 1 + slices
        } else {
            self.pending_max
        }
    }

    /// No units, for each place.
    pub fn totals(&self) -> Totals {
        // The last one is for usage beyond the tenant limit.
        Totals::new(self.tenants + 1, self.dimensions())
    }

    /// The name of a registered dimension.
    pub fn registered_name(index: usize) -> String {
        format!("registered_{index}")
    }

    /// The name of a tenant.
    pub fn tenant_name(&self, tenant: usize) -> String {
        let name = format!("t{tenant}");
        let filler = "-".repeat(self.tenant_bytes.saturating_sub(name.len()));
        name + &filler
    }

    /// The route of a number.
    pub fn route_name(&self, route: usize) -> String {
        let name = format!("/{route}/");
        let filler = "x".repeat(self.route_bytes.saturating_sub(name.len()));
        name + &filler
    }

    /// The number of a tenant's name.
    pub fn tenant(&self, name: &str) -> usize {
        let number = name.strip_prefix('t').and_then(|number| number.trim_end_matches('-').parse().ok());
        number.unwrap_or(self.tenants).min(self.tenants)
    }

    /// The place of a stream.
    pub fn place(&self, stream: &StreamId) -> Place {
        let name = stream.dimension();
        let built_in = BUILT_IN.iter().position(|known| *known == name);
        let registered = || name.strip_prefix("registered_").and_then(|number| number.parse().ok());
        let dimension = built_in.or_else(|| registered().map(|index: usize| BUILT_IN.len() + index));
        (self.tenant(stream.tenant()), dimension.unwrap_or_default())
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  label limit {}, {} tenants (limit {}), routes of {} bytes, {} dimensions, {} when full",
            self.label_limit,
            self.tenants,
            self.tenant_limit,
            self.route_bytes,
            self.dimensions(),
            if self.sheds { "shed" } else { "stretch" },
        )?;
        writeln!(
            f,
            "  backlog {}, batches of {}, {} in flight, deadline {} ms, jitter {} ms",
            self.pending_max, self.batch_max, self.in_flight_max, self.deadline_ms, self.jitter_ms
        )?;
        match self.log {
            None => f.write_str("  no log"),
            Some(log) => write!(
                f,
                "  log of {} bytes in segments of {}, {} records, sync {:?}, checkpoints every {} ms",
                log.max_bytes, log.segment_bytes, log.max_entries, self.syncing, self.checkpoint_ms
            ),
        }
    }
}
