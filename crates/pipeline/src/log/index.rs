//! Which records the log has, where they are, and which of them have to be copied before their segment can go.

use std::collections::{BTreeMap, BTreeSet};

use ron_accounting_wal::Position;
use ron_ledger_wire::{Seq, StreamId};

/// What a record is to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A sealed slice.
    Slice { stream: StreamId, seq: Seq },
    /// A part of a stream's checkpoint.
    Part { stream: StreamId, number: u64, part: usize },
    /// Checkpoints that were emptied.
    Empty(Vec<StreamId>),
    /// Heads of streams.
    Heads(Vec<StreamId>),
    /// The identity of the log.
    Identity,
    /// Acknowledgements: they spare a second export after a crash, and nothing depends on them.
    Acknowledgements,
}

impl Item {
    /// The streams that the record names, as far as the item knows them.
    pub(super) fn streams(&self) -> &[StreamId] {
        match self {
            Self::Slice { stream, .. } | Self::Part { stream, .. } => std::slice::from_ref(stream),
            Self::Empty(streams) | Self::Heads(streams) => streams,
            Self::Identity | Self::Acknowledgements => &[],
        }
    }
}

#[derive(Debug)]
struct Indexed {
    item: Item,
    bytes: u64,
    /// Whether the record itself is still needed.
    is_live: bool,
}

/// What a segment holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) records: usize,
    pub(super) live_records: usize,
    pub(super) live_bytes: u64,
}

/// The records of the log by their positions.
///
/// # Invariants
/// 1. Each record that the log wrote or read and did not release has one entry.
/// 2. The load of a segment is the sum over its entries.
#[derive(Debug, Default)]
pub(super) struct Index {
    records: BTreeMap<Position, Indexed>,
    loads: BTreeMap<u64, Load>,
    /// Segments that may hold less than when they were last looked at.
    changed: BTreeSet<u64>,
}

impl Index {
    /// A segment may hold less that is needed than before.
    pub(super) fn note_change(&mut self, segment: u64) {
        self.changed.insert(segment);
    }

    /// What a segment holds was looked at.
    pub(super) fn note_seen(&mut self, segment: u64) {
        self.changed.remove(&segment);
    }

    pub(super) fn has_changed(&self, segment: u64) -> bool {
        self.changed.contains(&segment)
    }

    pub(super) fn insert(&mut self, position: Position, item: Item, bytes: u64) {
        // Everything else is small, and written anew from memory or not at all.
        let is_live = matches!(item, Item::Slice { .. } | Item::Part { .. });
        self.changed.insert(position.segment);
        let load = self.loads.entry(position.segment).or_default();
        load.records += 1;
        if is_live {
            load.live_records += 1;
            load.live_bytes += bytes;
        }
        let before = self.records.insert(position, Indexed { item, bytes, is_live });
        debug_assert!(before.is_none(), "two records at {position}");
    }

    /// The record is not needed any more. It stays until its segment goes.
    pub(super) fn bury(&mut self, position: Position) {
        let Some(indexed) = self.records.get_mut(&position).filter(|indexed| indexed.is_live) else { return };
        indexed.is_live = false;
        self.changed.insert(position.segment);
        let load = self.loads.entry(position.segment).or_default();
        load.live_records -= 1;
        load.live_bytes -= indexed.bytes;
    }

    /// The record is needed again.
    pub(super) fn revive(&mut self, position: Position) {
        let Some(indexed) = self.records.get_mut(&position).filter(|indexed| !indexed.is_live) else {
            return;
        };
        indexed.is_live = true;
        let load = self.loads.entry(position.segment).or_default();
        load.live_records += 1;
        load.live_bytes += indexed.bytes;
    }

    /// Forgets a record that is released.
    pub(super) fn remove(&mut self, position: Position) {
        self.bury(position);
        if self.records.remove(&position).is_none() {
            return;
        }
        let load = self.loads.entry(position.segment).or_default();
        load.records -= 1;
        self.changed.insert(position.segment);
        if load.records == 0 {
            self.loads.remove(&position.segment);
        }
    }

    pub(super) fn load(&self, segment: u64) -> Load {
        self.loads.get(&segment).copied().unwrap_or_default()
    }

    /// The records of a segment, in order.
    pub(super) fn in_segment(&self, segment: u64) -> Vec<(Position, Item)> {
        let first = Position { segment, offset: 0 };
        let last = Position { segment, offset: u64::MAX };
        self.records
            .range(first..=last)
            .map(|(position, indexed)| (*position, indexed.item.clone()))
            .collect()
    }

    pub(super) fn item(&self, position: Position) -> Option<&Item> {
        self.records.get(&position).map(|indexed| &indexed.item)
    }

    pub(super) fn is_live(&self, position: Position) -> bool {
        self.records.get(&position).is_some_and(|indexed| indexed.is_live)
    }

    /// Checks invariant 2.
    pub(super) fn validate(&self) -> Result<(), String> {
        let mut loads: BTreeMap<u64, Load> = BTreeMap::new();
        for (position, indexed) in &self.records {
            let load = loads.entry(position.segment).or_default();
            load.records += 1;
            if indexed.is_live {
                load.live_records += 1;
                load.live_bytes += indexed.bytes;
            }
        }
        if loads == self.loads {
            Ok(())
        } else {
            Err(format!("loads are {:?} and should be {loads:?}", self.loads))
        }
    }
}
