//! Kinds of worlds. Most are mixed: anything can happen in them, one thing at a time. The others bring about what a mixed
//! world hardly ever does, since several things have to come together for it.

use crate::{
    dice::Dice,
    disk::{Fault, Operation, Survival},
    setup::{LogSize, Setup},
    steps::{Answer, Key, Recording, Step},
};

const KIB: u64 = 1 << 10;
/// Longer than a log that failed is left alone.
const PAUSE_MS: u64 = 6_000;

/// What a world is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything.
    Mixed,
    /// Checkpoints that take much of a small log, of streams that wait, while the disk fails.
    LargeCheckpoints,
    /// Many slices wait in several segments while no sync succeeds.
    FailingSyncs,
    /// One stream counts as much as the log has room for, beside others that count little.
    LargeStreams,
    /// More streams than the log has room for heads come and go.
    ManyStreams,
}

impl Kind {
    /// Draws the kind of a world.
    pub fn generate(seed: u64) -> Self {
        match Dice::of(seed, "kind").below(100) {
            0..=7 => Self::LargeCheckpoints,
            8..=14 => Self::FailingSyncs,
            15..=21 => Self::LargeStreams,
            22..=28 => Self::ManyStreams,
            _ => Self::Mixed,
        }
    }

    pub(crate) fn setup(self, seed: u64) -> Setup {
        let mixed = Setup::generate(seed);
        let mut dice = Dice::of(seed, "setup of a kind");
        let log = |segments: u64| LogSize {
            segment_bytes: 8 * KIB,
            max_bytes: segments * 8 * KIB,
            max_entries: 1_000_000,
        };
        // What is not said is as in a mixed world.
        let small = Setup { label_limit: 200, tenant_limit: 1_000, sheds: false, jitter_ms: 0, ..mixed };
        match self {
            Self::Mixed => Setup::generate(seed),
            Self::LargeCheckpoints => Setup {
                tenants: dice.size(2, 3),
                routes: dice.size(8, 30),
                route_bytes: dice.size(200, 700),
                pending_max: dice.size(1, 2),
                syncing: crate::setup::Syncing::OnSeal,
                checkpoint_ms: 0,
                log: Some(log(dice.between(6, 10))),
                ..small
            },
            Self::FailingSyncs => Setup {
                tenants: dice.size(2, 5),
                routes: dice.size(2, 6),
                route_bytes: dice.size(200, 900),
                pending_max: 50,
                syncing: crate::setup::Syncing::OnSeal,
                log: Some(log(dice.between(6, 16))),
                ..small
            },
            Self::LargeStreams => Setup {
                tenants: dice.size(2, 3),
                routes: dice.size(20, 90),
                route_bytes: dice.size(400, 900),
                pending_max: dice.one_of(&[20, 100]).unwrap_or(20),
                syncing: crate::setup::Syncing::OnSeal,
                checkpoint_ms: 0,
                log: Some(log(dice.between(6, 12))),
                ..small
            },
            Self::ManyStreams => Setup {
                tenants: dice.size(60, 90),
                tenant_bytes: dice.size(100, 160),
                routes: 1,
                route_bytes: 0,
                registered: 0,
                pending_max: dice.one_of(&[10, 50, 400]).unwrap_or(50),
                batch_max: 64,
                log: Some(log(dice.between(6, 12))),
                ..small
            },
        }
    }

    /// The next steps of a world that is not mixed.
    pub(crate) fn some_steps(self, setup: &Setup, is_first: bool, dice: &mut Dice) -> Vec<Step> {
        match self {
            Self::Mixed => Vec::new(),
            Self::LargeCheckpoints => large_checkpoints(setup, dice),
            Self::FailingSyncs => failing_syncs(setup, dice),
            Self::LargeStreams if is_first => even_windows(setup, dice),
            Self::LargeStreams => large_streams(setup, dice),
            Self::ManyStreams => many_streams(setup, dice),
        }
    }

    /// How many steps a world of this kind has at the least.
    pub(crate) fn length(self, dice: &mut Dice) -> usize {
        match self {
            Self::Mixed => dice.size(15, 110),
            Self::LargeCheckpoints | Self::FailingSyncs => dice.size(15, 40),
            Self::LargeStreams => dice.size(10, 30),
            Self::ManyStreams => dice.size(50, 80),
        }
    }
}

fn rows(tenant: usize, count: usize) -> Step {
    Step::Burst { tenants: tenant..tenant + 1, routes: 0..count, dimensions: 0..1, n: 1 }
}

fn one(tenant: usize, n: u64) -> Step {
    let recording = Recording { tenant, key: Key::Route(0), dimension: 0, n };
    Step::Record { recording, thread: 0 }
}

/// Export by the driver, by a put, or by puts.
fn export(dice: &mut Dice) -> Step {
    match dice.below(4) {
        0 => Step::PutAll,
        1 => Step::Put(Answer::Store),
        _ => Step::Drain { answers: answers(dice) },
    }
}

/// What the ledger answers while a driver drains.
pub(crate) fn answers(dice: &mut Dice) -> Vec<Answer> {
    let all = [
        Answer::Store,
        Answer::Store,
        Answer::Unavailable,
        Answer::Busy,
        Answer::Lost,
        Answer::Silent,
        Answer::Dead,
        Answer::Short,
        Answer::Long,
        Answer::Some(5),
        Answer::SomeLost(6),
    ];
    (0..dice.size(0, 4)).filter_map(|_| dice.one_of(&all)).collect()
}

fn death(dice: &mut Dice) -> Step {
    match dice.below(3) {
        0 => Step::Kill,
        _ => Step::CutPower(Survival::chosen_by(dice.roll())),
    }
}

fn failures(operation: Operation, count: u64, dice: &mut Dice) -> Vec<Step> {
    let fault = |dice: &mut Dice| Fault::Fail { reached: dice.roll() };
    (0..count).map(|_| Step::Fault { operation, skip: dice.below(2), fault: fault(dice) }).collect()
}

/// A stream waits behind a full backlog and has a checkpoint; then one of more counts fails, and the log goes on.
fn large_checkpoints(setup: &Setup, dice: &mut Dice) -> Vec<Step> {
    let count = dice.size(1, setup.routes);
    let mut steps = Vec::new();
    for tenant in 1..setup.tenants {
        steps.push(one(tenant, dice.between(1, 9)));
    }
    steps.extend([Step::Boundary, rows(0, count)]);
    if dice.percent(50) {
        steps.push(Step::Boundary);
    }
    steps.extend([Step::Checkpoint, rows(0, dice.size(1, setup.routes))]);
    match dice.below(6) {
        0 | 1 => steps.push(Step::Break(Operation::Sync)),
        2 => steps.extend(failures(Operation::Sync, 3, dice)),
        3 => steps.push(Step::Break(Operation::Write)),
        4 => steps.push(Step::Fill(dice.below(9_000))),
        _ => {}
    }
    steps.push(if dice.percent(75) { Step::Checkpoint } else { Step::Put(Answer::Store) });
    if dice.percent(80) {
        steps.extend([Step::Heal, Step::Pass(PAUSE_MS), Step::Maintain]);
    }
    if dice.percent(50) {
        steps.extend([export(dice), one(1, 1), Step::Boundary]);
    }
    if dice.percent(40) {
        steps.push(death(dice));
    }
    if dice.percent(30) {
        steps.extend([Step::Heal, Step::PutAll]);
    }
    steps
}

/// Slices fill some segments while the ledger is away; then a process starts, or goes on, on a disk that cannot sync.
fn failing_syncs(setup: &Setup, dice: &mut Dice) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..dice.size(1, 4) {
        for tenant in 0..setup.tenants {
            steps.push(rows(tenant, dice.size(1, setup.routes)));
        }
        steps.push(Step::Boundary);
    }
    match dice.below(4) {
        0 | 1 => steps.extend([Step::Break(Operation::Sync), death(dice)]),
        2 => {
            steps.extend(failures(Operation::Sync, dice.between(2, 6), dice));
            steps.extend([rows(0, 1), Step::Boundary]);
        }
        _ => steps.extend([
            Step::Break(Operation::Sync),
            rows(0, 2),
            Step::Boundary,
            Step::Pass(PAUSE_MS),
            Step::Maintain,
        ]),
    }
    if dice.percent(40) {
        steps.extend([one(1, 2), Step::Boundary]);
    }
    steps.push(Step::Heal);
    if dice.percent(50) {
        steps.push(death(dice));
    }
    if dice.percent(60) {
        steps.extend([Step::Pass(PAUSE_MS), export(dice), export(dice)]);
    }
    steps
}

/// On a disk and with a ledger that work, what the others count arrives window by window beside a stream that has more than
/// its share.
fn even_windows(setup: &Setup, dice: &mut Dice) -> Vec<Step> {
    let windows = dice.size(4, 12);
    let mut steps = Vec::new();
    for _ in 0..windows {
        steps.extend([rows(0, setup.routes), one(1, 1), Step::Boundary, Step::PutAll]);
    }
    let expected = Step::Expect { tenant: 1, dimension: 0, arrived: windows as u128 };
    steps.extend([Step::Boundary, Step::PutAll, expected]);
    steps
}

/// One stream has more than its share; what the others count has to arrive all the same.
fn large_streams(setup: &Setup, dice: &mut Dice) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..dice.size(1, 4) {
        steps.push(rows(0, dice.size(setup.routes / 3, setup.routes)));
        steps.extend((1..setup.tenants).map(|tenant| one(tenant, 1)));
        steps.push(Step::Boundary);
        if dice.percent(70) {
            steps.push(export(dice));
        }
    }
    match dice.below(8) {
        0 => steps.push(death(dice)),
        1 => steps.extend(failures(Operation::Sync, 2, dice)),
        2 => steps.extend([Step::Break(Operation::Write), Step::Boundary, Step::Heal, Step::Pass(PAUSE_MS)]),
        3 => steps.push(Step::Restart),
        _ => {}
    }
    steps
}

/// A share of the streams counts, and is idle until its turn comes again.
fn many_streams(setup: &Setup, dice: &mut Dice) -> Vec<Step> {
    let width = dice.size(3, 6).min(setup.tenants);
    let first = dice.index(setup.tenants - width + 1);
    let dimensions = 0..dice.size(2, setup.dimensions());
    let burst =
        Step::Burst { tenants: first..first + width, routes: 0..1, dimensions, n: dice.between(1, 3) };
    let mut steps = vec![burst];
    match dice.below(10) {
        0 => steps.extend([Step::Checkpoint, death(dice)]),
        1 => steps.push(Step::Put(Answer::Unavailable)),
        2 => steps.push(Step::PutSlowly { is_stored: dice.percent(50) }),
        3 => steps.push(Step::Deliver),
        _ => {}
    }
    steps.push(Step::Boundary);
    if dice.percent(80) {
        steps.push(if dice.percent(50) { Step::PutAll } else { export(dice) });
    }
    match dice.below(12) {
        0 => steps.push(Step::Restart),
        1 => steps.push(death(dice)),
        2 => steps.push(Step::CopyLedger),
        3 => steps.extend([Step::Maintain, Step::Checkpoint]),
        4 => steps.extend(failures(Operation::Sync, 1, dice)),
        _ => {}
    }
    steps
}
