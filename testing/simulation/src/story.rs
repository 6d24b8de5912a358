//! Stories: a configuration and the steps that happen in it, drawn from a seed before anything runs.

use crate::{
    dice::Dice,
    disk::{Fault, Operation, Survival},
    kinds::{self, Kind},
    setup::Setup,
    steps::{Answer, Key, Recording, Step},
};

/// A step, with the seed of what is tried beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What happens.
    pub step: Step,
    /// Chooses the crash probes after it, so that they stay the same when other steps go.
    pub salt: u64,
}

/// A story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The seed that it was drawn from; of one that a person wrote, the seed of its probes.
    pub seed: u64,
    /// The configuration.
    pub setup: Setup,
    /// What happens.
    pub steps: Vec<Planned>,
}

/// What goes wrong in a world. One that has everything would seldom show one thing clearly.
#[derive(Debug, Clone, Copy)]
struct Mood {
    disk: u64,
    names: bool,
    ledger: u64,
    crashes: u64,
    clock: u64,
    copies: u64,
    damage: u64,
    refusals: u64,
    keys: u64,
}

impl Mood {
    fn generate(seed: u64) -> Self {
        let mut dice = Dice::of(seed, "mood");
        let mut weight = |percent: u64, weight: u64| if dice.percent(percent) { weight } else { 0 };
        Self {
            disk: weight(60, 8),
            names: weight(15, 1) == 1,
            ledger: weight(70, 6),
            crashes: weight(80, 5),
            clock: weight(30, 3),
            copies: weight(10, 4),
            damage: weight(8, 3),
            refusals: weight(25, 3),
            keys: weight(50, 4),
        }
    }
}

impl Story {
    /// Draws a story from a seed, its kind included.
    pub fn generate(seed: u64) -> Self {
        let mut story = Self::of_kind(Kind::generate(seed), seed);
        story.let_a_driver_export();
        story
    }

    /// Draws a story of a kind from a seed.
    pub fn of_kind(kind: Kind, seed: u64) -> Self {
        let setup = kind.setup(seed);
        let mood = Mood::generate(seed);
        let mut dice = Dice::of(seed, "steps");
        let length = kind.length(&mut dice);
        let mut steps = Vec::with_capacity(length);
        while steps.len() < length {
            steps.extend(match kind {
                Kind::Mixed => some_steps(&setup, mood, &mut dice),
                kind => kind.some_steps(&setup, steps.is_empty(), &mut dice),
            });
        }
        let mut salts = Dice::of(seed, "salts");
        let steps = steps.into_iter().map(|step| Planned { step, salt: salts.roll() }).collect();
        Self { seed, setup, steps }
    }

    /// In some stories a driver makes some of the puts.
    fn let_a_driver_export(&mut self) {
        let mut dice = Dice::of(self.seed, "driver");
        if dice.percent(75) {
            return;
        }
        for planned in &mut self.steps {
            let is_put = matches!(planned.step, Step::Put(_) | Step::PutAll);
            if is_put && dice.percent(40) {
                let answers = kinds::answers(&mut dice);
                planned.step = Step::Drain { answers };
            }
        }
    }

    /// A story that a person wrote.
    pub fn written(setup: Setup, steps: impl IntoIterator<Item = Step>) -> Self {
        let mut salts = Dice::of(0, "salts");
        let steps = steps.into_iter().map(|step| Planned { step, salt: salts.roll() }).collect();
        Self { seed: 0, setup, steps }
    }
}

fn recording(setup: &Setup, dice: &mut Dice) -> Recording {
    Recording {
        tenant: dice.index(setup.tenants),
        key: key(setup, dice),
        dimension: if dice.percent(60) { 0 } else { dice.index(setup.dimensions()) },
        n: dice.one_of(&[1, 2, 3, 10, 1_000, 1 << 33]).unwrap_or(1) + dice.below(20),
    }
}

fn key(setup: &Setup, dice: &mut Dice) -> Key {
    if dice.percent(85) {
        Key::Route(dice.index(setup.routes))
    } else {
        Key::Account(dice.below(4))
    }
}

fn answer(mood: Mood, dice: &mut Dice) -> Answer {
    if mood.ledger == 0 || dice.percent(50) {
        return Answer::Store;
    }
    match dice.below(10) {
        0 => Answer::Unavailable,
        1 => Answer::Busy,
        2 => Answer::Lost,
        3 => Answer::Silent,
        4 => Answer::Dead,
        5 => Answer::Short,
        6 => Answer::Long,
        7 | 8 => Answer::Some(dice.roll()),
        _ => Answer::SomeLost(dice.roll()),
    }
}

/// The next steps: mostly one, sometimes several that belong together.
fn some_steps(setup: &Setup, mood: Mood, dice: &mut Dice) -> Vec<Step> {
    let weights = [
        20,
        mood.keys,
        12,
        4,
        5,
        4,
        10,
        mood.ledger,
        mood.disk,
        mood.crashes,
        mood.clock,
        mood.copies,
        mood.damage,
        mood.refusals,
        2,
    ];
    let mut left = dice.below(weights.iter().sum());
    let family = weights.iter().position(|weight| {
        let is_here = left < *weight;
        left = left.saturating_sub(*weight);
        is_here
    });
    match family.unwrap_or_default() {
        0 => records(setup, dice),
        1 => vec![keys(setup, dice)],
        2 => vec![Step::Boundary],
        3 => vec![Step::Checkpoint],
        4 => vec![Step::Maintain],
        5 => vec![Step::Pass(dice.one_of(&[1, 5, 20, 1_000, 6_000, 30_000]).unwrap_or(1))],
        6 => vec![Step::Put(answer(mood, dice))],
        7 => vec![slow_put(dice)],
        8 => disk_faults(mood, dice),
        9 => crash(dice),
        10 => vec![Step::Jump(
            dice.one_of(&[-5, -500, -61_000, -3_600_000, 500, 61_000, 3_600_000, 400 * 86_400_000])
                .unwrap_or(1),
        )],
        11 => copies(setup, dice),
        12 => vec![if dice.percent(70) {
            Step::FlipBit(dice.roll())
        } else {
            let by = dice.one_of(&[-4_096, -512, -64, 64, 512, 4_096]).unwrap_or(64);
            Step::Fault { operation: Operation::Write, skip: dice.below(4), fault: Fault::Misdirect(by) }
        }],
        13 => {
            let tenant = dice.index(setup.tenants);
            vec![if dice.percent(50) { Step::Refuse(tenant) } else { Step::Allow(tenant) }]
        }
        _ => vec![if dice.percent(60) { Step::PutAll } else { Step::Restart }],
    }
}

fn records(setup: &Setup, dice: &mut Dice) -> Vec<Step> {
    if dice.percent(12) {
        let routes = dice.size(1, setup.routes);
        let first = dice.index(setup.routes);
        let tenant = dice.index(setup.tenants);
        let (dimensions, n) = (0..dice.size(1, 2), dice.between(1, 9));
        return vec![Step::Burst {
            tenants: tenant..tenant + 1,
            routes: first..first + routes,
            dimensions,
            n,
        }];
    }
    let count = dice.size(1, 4);
    let one = |dice: &mut Dice| Step::Record {
        recording: recording(setup, dice),
        thread: if dice.percent(15) { 1 + dice.one_of(&[0, 1, 2]).unwrap_or(0) } else { 0 },
    };
    (0..count).map(|_| one(dice)).collect()
}

fn keys(setup: &Setup, dice: &mut Dice) -> Step {
    let slot = dice.one_of(&[0, 1, 2]).unwrap_or(0);
    match dice.below(5) {
        0 => Step::HoldMeter { slot, tenant: dice.index(setup.tenants), key: key(setup, dice) },
        1 | 2 => Step::UseMeter { slot, dimension: dice.index(setup.dimensions()), n: dice.between(1, 50) },
        3 => Step::DropMeter { slot },
        _ => Step::MaintainEngine { idle_calls_max: dice.below(2) },
    }
}

fn slow_put(dice: &mut Dice) -> Step {
    match dice.below(5) {
        0 | 1 => Step::PutSlowly { is_stored: dice.percent(50) },
        2 | 3 => Step::Deliver,
        _ => Step::Arrive,
    }
}

fn disk_faults(mood: Mood, dice: &mut Dice) -> Vec<Step> {
    // A sync that fails together with a renaming that fails is beyond what a log can survive, as its documentation says.
    let operation = if mood.names && dice.percent(60) {
        Operation::Rename
    } else {
        let all = [
            Operation::Write,
            Operation::Write,
            Operation::Allocate,
            Operation::SetLength,
            Operation::Sync,
            Operation::Sync,
            Operation::Sync,
            Operation::Create,
            Operation::Remove,
            Operation::SyncDirectory,
            Operation::Open,
            Operation::Read,
            Operation::List,
            Operation::Length,
        ];
        let chosen = dice.one_of(&all).unwrap_or(Operation::Write);
        let is_sync = matches!(chosen, Operation::Sync | Operation::SetLength);
        if mood.names && is_sync {
            Operation::Write
        } else {
            chosen
        }
    };
    match dice.below(12) {
        0..=4 => {
            let fault = Fault::Fail { reached: dice.roll() };
            vec![Step::Fault { operation, skip: dice.below(5), fault }]
        }
        5 => {
            let count = dice.between(2, 5);
            let fault = |dice: &mut Dice| Fault::Fail { reached: dice.roll() };
            (0..count).map(|_| Step::Fault { operation, skip: dice.below(2), fault: fault(dice) }).collect()
        }
        6 => {
            let kept = dice.size(0, 200);
            vec![Step::Fault { operation: Operation::Write, skip: dice.below(4), fault: Fault::Short(kept) }]
        }
        7 => vec![Step::Break(operation)],
        8 => vec![Step::Fill(dice.one_of(&[0, 100, 5_000, 9_000, 20_000]).unwrap_or(0))],
        9 => vec![Step::EvictPages],
        10 => vec![Step::MakeRoom],
        _ => vec![Step::Heal],
    }
}

fn crash(dice: &mut Dice) -> Vec<Step> {
    let survival = |dice: &mut Dice| Survival::chosen_by(dice.roll());
    let death = match dice.below(6) {
        0 => Step::Kill,
        1 | 2 => Step::CutPower(survival(dice)),
        3 | 4 => Step::CutPowerAfter { changes: dice.below(20), survival: survival(dice) },
        _ => Step::CutPowerWhileOpening {
            first: survival(dice),
            changes: dice.below(24),
            second: survival(dice),
        },
    };
    if dice.percent(50) {
        vec![Step::Heal, death]
    } else {
        vec![death]
    }
}

fn copies(setup: &Setup, dice: &mut Dice) -> Vec<Step> {
    match dice.below(6) {
        0 | 1 => vec![Step::Clone {
            recordings: (0..dice.size(0, 3)).map(|_| recording(setup, dice)).collect(),
            is_mirrored: dice.percent(50),
        }],
        2 => vec![Step::CopyLog],
        3 => vec![Step::RestoreLog],
        4 => vec![Step::CopyLedger],
        _ => vec![Step::RestoreLedger],
    }
}
