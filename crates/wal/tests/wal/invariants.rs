//! Can it break its promise?
//!
//! Random actions against the log, on a disk that fails and loses power at random, next to a model that only remembers what
//! the log has promised:
//!
//! 1. A record that was synced and never released is recovered, with its kind and body.
//! 2. Nothing is recovered that was not appended, nothing twice, nothing that is durably gone, and all of it in the order of
//!    appending.
//! 3. A crash that keeps unsynced writes in order is never called corruption.
//! 4. Recovering a recovery changes nothing.
//! 5. The files never take more than the limits allow.
//! 6. The numbered invariants of the log hold after each action.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use ron_accounting_wal::fault::{MemoryStorage, Operation, Survival};
use ron_accounting_wal::{Position, RecordKind, Wal, WalError, WalOptions};

use crate::rig::ORIGIN;

const SEGMENT_BYTES: u64 = 8 << 10;
const MAX_BYTES: u64 = 96 << 10;

#[derive(Debug, Clone)]
enum Action {
    Append {
        length: usize,
    },
    Sync,
    Rotate,
    Release {
        which: usize,
    },
    Retire,
    /// The process ends, the machine does not.
    Restart,
    /// The power goes after so many more changes to the disk, or now.
    PowerCut {
        after: u64,
        survival: Survival,
        seed: u64,
    },
    Fail {
        operation: Operation,
        skip: u64,
    },
    ShortWrite {
        skip: u64,
        kept: usize,
    },
    Capacity {
        bytes: Option<u64>,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let survival = prop_oneof![
        Just(Survival::Synced),
        Just(Survival::InOrder),
        Just(Survival::AnyOrder),
        Just(Survival::AnyOrder)
    ];
    let operation = prop::sample::select(vec![
        Operation::Write,
        Operation::Allocate,
        Operation::SetLength,
        Operation::Sync,
        Operation::Sync,
        Operation::Create,
        Operation::Remove,
        Operation::SyncDirectory,
    ]);
    prop_oneof![
        10 => prop_oneof![4 => 0..400usize, 2 => 400..4_000usize, 1 => 4_000..9_000usize]
            .prop_map(|length| Action::Append { length }),
        5 => Just(Action::Sync),
        1 => Just(Action::Rotate),
        5 => any::<usize>().prop_map(|which| Action::Release { which }),
        2 => Just(Action::Retire),
        1 => Just(Action::Restart),
        2 => (prop_oneof![Just(0), 0..12u64], survival, any::<u64>())
            .prop_map(|(after, survival, seed)| Action::PowerCut { after, survival, seed }),
        1 => (operation, 0..3u64).prop_map(|(operation, skip)| Action::Fail { operation, skip }),
        1 => (0..3u64, 0..300usize).prop_map(|(skip, kept)| Action::ShortWrite { skip, kept }),
        1 => prop::option::of(0..MAX_BYTES).prop_map(|bytes| Action::Capacity { bytes }),
    ]
}

/// A record as it was offered. Its index in the list is its identity and the order of appending.
#[derive(Debug)]
struct Offered {
    kind: RecordKind,
    body: Vec<u8>,
    /// `None`: the append failed, or the record did not survive.
    position: Option<Position>,
    synced: bool,
    released: bool,
}

#[derive(Debug)]
struct Run {
    disk: MemoryStorage,
    wal: Wal<MemoryStorage>,
    offered: Vec<Offered>,
    /// Removals are durable: what was released before the last good retirement of its segment is gone.
    gone: BTreeSet<usize>,
    clean: bool,
}

fn options() -> WalOptions {
    WalOptions::default().segment_bytes(SEGMENT_BYTES).max_bytes(MAX_BYTES)
}

impl Run {
    fn new() -> Self {
        let disk = MemoryStorage::new();
        let (wal, _) = Wal::open(disk.clone(), ORIGIN, options(), 0).unwrap();
        Self { disk, wal, offered: Vec::new(), gone: BTreeSet::new(), clean: true }
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Append { length } => self.append(length),
            Action::Sync => self.sync(),
            Action::Rotate => drop(self.wal.rotate(0)),
            Action::Release { which } => self.release(which),
            Action::Retire => self.retire(),
            Action::Restart => self.reopen(self.disk.clone(), None),
            Action::PowerCut { after: 0, survival, seed } => {
                self.reopen(self.disk.crash_with(survival, seed), Some(survival));
            }
            Action::PowerCut { after, survival, seed } => {
                self.disk.power_off_after(after);
                for length in [100, 3_000, 3_000] {
                    self.append(length);
                    self.sync();
                    self.retire();
                }
                self.reopen(self.disk.crash_with(survival, seed), Some(survival));
            }
            Action::Fail { operation, skip } => self.disk.fail_nth(operation, skip),
            Action::ShortWrite { skip, kept } => self.disk.short_write(skip, kept),
            Action::Capacity { bytes } => self.disk.set_capacity(bytes),
        }
        assert_eq!(self.wal.validate(), Ok(()), "after {action:?}");
        let stats = self.wal.stats();
        let poisoned: u64 =
            self.wal.usage().iter().filter(|usage| usage.is_poisoned).map(|usage| usage.bytes).sum();
        assert!(stats.bytes - poisoned <= MAX_BYTES + 2 * SEGMENT_BYTES, "{stats:?}");
        assert_eq!(stats.unreleased, self.offered.iter().filter(|one| one.is_needed()).count() as u64);
    }

    fn append(&mut self, length: usize) {
        self.offer(length, false);
    }

    fn offer(&mut self, length: usize, again: bool) {
        let id = self.offered.len();
        let kind = RecordKind((id % 256) as u8);
        let mut body = id.to_le_bytes().to_vec();
        body.resize(8 + length, (id % 251) as u8);
        let append = if again { Wal::append_reserved } else { Wal::append };
        let position = append(&mut self.wal, kind, &body, 0).ok();
        self.offered.push(Offered { kind, body, position, synced: false, released: false });
    }

    fn sync(&mut self) {
        match self.wal.sync() {
            Ok(()) => self.everything_is_safe(),
            Err(WalError::SyncFailed { .. } | WalError::Unsafe { .. }) => self.rescue(),
            Err(other) => panic!("{other:?}"),
        }
    }

    /// What an owner does after a failed sync: append again what it needs, then let go of the old positions.
    fn rescue(&mut self) {
        for position in self.wal.unsafe_positions() {
            let id = self.offered.iter().position(|one| one.position == Some(position)).unwrap();
            let length = self.offered[id].body.len() - 8;
            self.offer(length, true);
            if self.offered.last().is_some_and(|one| one.position.is_none()) {
                return;
            }
            assert!(self.wal.release(position));
            self.offered[id].released = true;
        }
    }

    fn release(&mut self, which: usize) {
        let needed: Vec<usize> = (0..self.offered.len()).filter(|id| self.offered[*id].is_needed()).collect();
        if needed.is_empty() {
            return;
        }
        let id = needed[which % needed.len()];
        assert!(self.wal.release(self.offered[id].position.unwrap()));
        self.offered[id].released = true;
    }

    fn retire(&mut self) {
        let before = files_of(&self.disk);
        if self.wal.retire().is_ok() {
            // A file that an earlier attempt removed, without being able to sync the directory, may still come back.
            let names = files_of(&self.disk);
            for (id, one) in self.offered.iter().enumerate() {
                let removed = |at: Position| before.contains(&at.segment) && !names.contains(&at.segment);
                if one.released && one.position.is_some_and(removed) {
                    self.gone.insert(id);
                }
            }
            self.everything_is_safe();
        }
    }

    fn everything_is_safe(&mut self) {
        for one in self.offered.iter_mut().filter(|one| one.position.is_some()) {
            one.synced = true;
        }
    }

    fn reopen(&mut self, disk: MemoryStorage, crash: Option<Survival>) {
        let power_cut = crash.is_some();
        let in_order = crash != Some(Survival::AnyOrder);
        // Once writes were lost out of order, or to a failed sync, the holes stay where they are.
        self.clean &= in_order && self.wal.stats().sync_failures == 0 && self.wal.poisoned().is_empty();
        disk.heal();
        let origin = self.wal.origin();
        let mut offered_origin = origin;
        offered_origin[0] ^= 0xff;
        let (first, recovery) = Wal::open(disk.clone(), offered_origin, options(), 0).unwrap();
        drop(first);
        let (wal, again) = Wal::open(disk.clone(), offered_origin, options(), 0).unwrap();
        assert_eq!(recovery.records, again.records, "recovering twice");
        if self.clean {
            assert_eq!(recovery.report.corrupt_segments, [0; 0], "{:?}", recovery.report);
            assert_eq!(again.report.torn_tails, 0, "{:?}", again.report);
        }
        if self.offered.iter().any(|one| one.synced) {
            assert_eq!(recovery.origin, origin);
        }

        let mut found = BTreeMap::new();
        let mut order = Vec::new();
        for record in &recovery.records {
            let id = usize::from_le_bytes(record.body[..8].try_into().unwrap());
            let one = self.offered.get(id).expect("nothing is invented");
            assert_eq!((record.kind, &record.body), (one.kind, &one.body), "record {id}");
            assert!(!self.gone.contains(&id), "record {id} is back");
            assert!(found.insert(id, record.position).is_none(), "record {id} twice");
            order.push(id);
        }
        assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "{order:?}");
        for (id, one) in self.offered.iter_mut().enumerate() {
            let position = found.get(&id).copied();
            let promised = one.synced && one.is_needed();
            assert!(position.is_some() || !promised, "record {id} was promised and is lost");
            if position.is_none() && power_cut {
                // What is not there after a power cut can never come back. What is not there after a mere restart can:
                // its file was removed, and the directory could not be synced.
                self.gone.insert(id);
            }
            *one = Offered {
                position,
                synced: position
                    .is_some_and(|position| !recovery.report.poisoned.contains(&position.segment)),
                released: false,
                kind: one.kind,
                body: std::mem::take(&mut one.body),
            };
        }
        (self.disk, self.wal) = (disk, wal);
    }
}

impl Offered {
    fn is_needed(&self) -> bool {
        self.position.is_some() && !self.released
    }
}

fn files_of(disk: &MemoryStorage) -> BTreeSet<u64> {
    use ron_accounting_wal::Storage as _;
    disk.list().unwrap().iter().filter_map(|name| name.split('.').next()?.parse().ok()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_keeps_its_promises(actions in prop::collection::vec(action(), 1..80), seed in any::<u64>()) {
        let mut run = Run::new();
        for action in &actions {
            run.act(action);
        }
        run.act(&Action::PowerCut { after: 0, survival: Survival::AnyOrder, seed });
    }
}
