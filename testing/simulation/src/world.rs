//! A world: a story that runs, with its disk, its ledger, its clock and the model that watches.

mod ending;
mod lives;

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
};

use ron_accounting_export::{BatchId, Exporter, PutError};
use ron_accounting_window::Span;
use ron_ledger_wire::{Claim, SealedSlice, Seq, StreamId};

use crate::{
    clock::Clock,
    dice::Dice,
    disk::{Disk, Image, Survival},
    ledger::{unavailable, Answers, Ledger},
    model::Model,
    panics,
    probe::Probe,
    process::Process,
    report::Failure,
    settle::{put_all, tell_heads},
    setup::{Setup, Syncing},
    steps::{Answer, Recording, Step},
    story::{Planned, Story},
    totals::Totals,
};

/// A failing log is left alone for so long at the most.
const PAUSE_MS_MAX: u64 = 5_000;

/// How many crash probes a story gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probing {
    /// Deaths that are tried after a step.
    pub after: usize,
    /// Moments within a step at which deaths are tried.
    pub within: usize,
}

impl Probing {
    /// None: the story alone.
    pub const NONE: Self = Self { after: 0, within: 0 };
    /// As many as a campaign takes.
    pub const USUAL: Self = Self { after: 16, within: 14 };
}

/// What came of a story.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What did not hold, if anything.
    pub failure: Option<Failure>,
    /// Tells apart all bytes of slices and logs.
    pub fingerprint: u64,
    /// Steps that ran.
    pub steps: u64,
    /// Deaths in the story.
    pub crashes: u64,
    /// Of those, power cuts.
    pub power_cuts: u64,
    /// Operations of the story's disks.
    pub operations: u64,
    /// The crash states that were met, each once: a hash of the durable image and the ledger.
    pub crash_states: HashSet<u64>,
}

/// A batch that is out.
#[derive(Debug)]
struct Flight {
    id: BatchId,
    slices: Vec<SealedSlice>,
    /// What it was begun with.
    claim: Option<Claim>,
    /// The answers, once it was stored.
    answers: Option<Answers>,
}

/// A running story.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // independent facts
struct World {
    setup: Arc<Setup>,
    disk: Disk,
    ledger: Ledger,
    clock: Clock,
    model: Model,
    process: Option<Process>,
    life: u64,
    flights: VecDeque<Flight>,
    /// Batches of earlier lives that have not reached the ledger.
    ghosts: VecDeque<(Vec<SealedSlice>, Option<Claim>)>,
    /// The streams that the ledger was asked for and has not answered yet.
    asked: VecDeque<StreamId>,
    /// How many clones there were.
    clones: u64,
    /// What survives when the power goes that will go.
    survival: Survival,
    log_copy: Option<(Image, Totals)>,
    ledger_copy: Option<Ledger>,
    /// Whether the log was too small to be opened, and said so at once.
    is_refused: bool,
    is_cloned: bool,
    /// Up to where the log knows for certain that the ledger has streams.
    noted: BTreeMap<StreamId, Seq>,
    has_told_damage: bool,
    probing: Probing,
    outcome: Outcome,
    /// All bytes of log and ledger at each death, folded.
    trace: u64,
}

/// Runs a story. A panic is a failure like any other.
pub fn run(story: &Story, probing: Probing) -> Outcome {
    let mut world = World::new(story, probing);
    for (index, planned) in story.steps.iter().enumerate() {
        let result =
            panics::caught(|| world.step(planned)).unwrap_or_else(|panic| Err(Failure::new("panic", panic)));
        world.outcome.steps += 1;
        if let Err(mut failure) = result {
            failure.step = Some(index);
            return world.over(Some(failure));
        }
    }
    let result = panics::caught(|| world.end()).unwrap_or_else(|panic| Err(Failure::new("panic", panic)));
    world.over(result.err())
}

impl World {
    fn new(story: &Story, probing: Probing) -> Self {
        let setup = Arc::new(story.setup.clone());
        Self {
            disk: Disk::default(),
            ledger: Ledger::new(&setup),
            clock: Clock::new(),
            model: Model::new(&setup),
            process: None,
            life: 0,
            flights: VecDeque::new(),
            ghosts: VecDeque::new(),
            asked: VecDeque::new(),
            clones: 0,
            survival: Survival::Nothing,
            log_copy: None,
            ledger_copy: None,
            is_refused: false,
            is_cloned: false,
            noted: BTreeMap::new(),
            has_told_damage: false,
            probing,
            outcome: Outcome::default(),
            trace: 0,
            setup,
        }
    }

    fn over(mut self, failure: Option<Failure>) -> Outcome {
        self.trace_all();
        self.outcome.operations = self.disk.operations();
        self.outcome.fingerprint = self.trace;
        self.outcome.failure = failure;
        self.outcome
    }

    /// Notes all bytes of log and ledger, to compare two runs of one story.
    fn trace_all(&mut self) {
        for hash in [self.disk.image().hash(), self.ledger.hash()] {
            self.trace = Dice::new(self.trace ^ hash).roll();
        }
    }

    fn step(&mut self, planned: &Planned) -> Result<(), Failure> {
        let before = self.model.bounds.clone();
        let has_probes = self.setup.log.is_some() && self.probing != Probing::NONE;
        let is_one_call = matches!(
            planned.step,
            Step::Boundary | Step::Checkpoint | Step::Maintain | Step::Put(_) | Step::Deliver
        );
        let has_moments = has_probes && self.probing.within > 0 && is_one_call;
        if has_moments {
            self.disk.keep_moments();
        }
        let operations = self.disk.operations();
        self.apply(&planned.step, planned.salt)?;
        let moments = if has_moments { self.disk.moments() } else { Vec::new() };
        if self.disk.is_off() {
            self.cut_power(self.survival)?;
        }
        if let Some(process) = &mut self.process {
            if !self.model.bounds.may_lose {
                // Behind damage there are gaps.
                self.disk.examined(|| process.validate())?;
            }
            self.model.check(process, &self.ledger, &self.disk)?;
        }
        if has_probes && self.disk.operations() > operations {
            self.probe(before, &moments, planned.salt)?;
        }
        Ok(())
    }

    fn probe(
        &mut self,
        mut before: crate::model::Bounds,
        moments: &[Image],
        salt: u64,
    ) -> Result<(), Failure> {
        // Within a step nothing is promised yet that was not before, and all may be there that was recorded.
        let after = &self.model.bounds;
        // What a sealing throws away may be gone already, or still be there.
        before.recorded.raise(&after.recorded);
        before.safe.lower(&after.safe);
        (before.may_fork, before.may_lose) = (after.may_fork, after.may_lose);
        let mut probe = Probe {
            setup: &self.setup,
            ledger: &self.ledger,
            bounds: &before,
            clock: &self.clock,
            life: self.life + 1_000,
        };
        let first = Dice::new(salt).index(moments.len());
        for (image, salt) in
            moments.iter().cycle().skip(first).take(self.probing.within.min(moments.len())).zip((salt >> 1)..)
        {
            probe.try_deaths(image, 9, salt.rotate_left(7), &mut self.outcome.crash_states)?;
        }
        probe.bounds = &self.model.bounds;
        probe.try_deaths(&self.disk.image(), self.probing.after, salt, &mut self.outcome.crash_states)
    }

    fn apply(&mut self, step: &Step, salt: u64) -> Result<(), Failure> {
        match step {
            Step::Fault { operation, skip, fault } => self.disk.aim(*operation, *skip, *fault),
            Step::Break(operation) => self.disk.break_down(*operation),
            Step::Fill(spare) => self.disk.fill(*spare),
            Step::MakeRoom => self.disk.make_room(),
            Step::Heal => self.disk.heal(),
            Step::EvictPages => {
                if self.disk.evict_pages() && self.setup.syncing == Syncing::Never {
                    // What a failed sync left in the page cache alone is gone, as after a power cut.
                    self.model.trust_nothing_else(self.ledger.totals());
                    self.expect_forks();
                }
            }
            Step::FlipBit(choice) => {
                if self.disk.flip_bit(*choice) {
                    self.expect_damage();
                }
            }
            Step::Pass(ms) => self.clock.pass(*ms),
            Step::Jump(ms) => self.clock.jump(*ms),
            Step::Refuse(tenant) => self.ledger.refuse(*tenant, true),
            Step::Arrive => {
                if let Some((slices, claim)) = self.ghosts.pop_front() {
                    self.ledger.put(&slices, claim.as_ref(), Answer::Store);
                }
            }
            Step::Expect { tenant, dimension, arrived } => {
                let value = self.ledger.totals().get((*tenant, *dimension));
                if value < *arrived {
                    let detail =
                        format!("t{tenant} d{dimension}: {value} in the ledger, {arrived} expected by now");
                    return Err(Failure::new("held up", detail));
                }
            }
            Step::Kill => {
                self.end_life()?;
                self.outcome.crashes += 1;
                self.start()?;
            }
            Step::CutPower(survival) => self.cut_power(*survival)?,
            Step::CutPowerAfter { changes, survival } => {
                self.disk.cut_power_after(*changes);
                self.survival = *survival;
            }
            Step::CutPowerWhileOpening { first, changes, second } => {
                self.cut_power_while_opening(*first, *changes, *second)?;
            }
            Step::CopyLog => {
                self.log_copy = Some((self.disk.image().copied(), self.model.bounds.safe.clone()));
            }
            Step::RestoreLog => self.restore_log()?,
            Step::CopyLedger => self.ledger_copy = Some(self.ledger.copied()),
            Step::RestoreLedger => self.restore_ledger(),
            _ => {
                if self.process.is_none() {
                    self.start()?;
                }
                if self.process.is_some() {
                    self.apply_to_process(step, salt)?;
                }
            }
        }
        if self.disk.has_misdirected() {
            self.expect_damage();
        }
        Ok(())
    }

    /// Steps that only a process can take.
    fn apply_to_process(&mut self, step: &Step, salt: u64) -> Result<(), Failure> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let (now_ms, open) = (self.clock.now_ms(), self.clock.open());
        match step {
            Step::Record { recording, thread } => {
                if let Some(place) = process.record(&self.setup, recording, *thread > 0) {
                    self.model.count(place, recording.n);
                }
            }
            Step::Burst { tenants, routes, dimensions, n } => {
                for (tenant, dimension) in
                    tenants.clone().flat_map(|tenant| dimensions.clone().map(move |d| (tenant, d)))
                {
                    for route in routes.clone() {
                        let key = crate::steps::Key::Route(route);
                        let recording = Recording { tenant, key, dimension, n: *n };
                        if let Some(place) = process.record(&self.setup, &recording, false) {
                            self.model.count(place, *n);
                        }
                    }
                }
            }
            Step::HoldMeter { slot, tenant, key } => process.hold_meter(&self.setup, *slot, *tenant, *key),
            Step::UseMeter { slot, dimension, n } => {
                if let Some(place) = process.use_meter(&self.setup, *slot, *dimension, *n) {
                    self.model.count(place, *n);
                }
            }
            Step::DropMeter { slot } => process.drop_meter(*slot),
            Step::MaintainEngine { idle_calls_max } => process.maintain_engine(*idle_calls_max),
            Step::Checkpoint => process.checkpoint(open, now_ms),
            Step::Maintain => process.maintain(open, now_ms),
            Step::Boundary => {
                let window = self.clock.close();
                self.seal(window)?;
            }
            Step::Tick => {
                if let Some(window) = self.clock.tick() {
                    self.seal(window)?;
                }
            }
            Step::Put(answer) => self.put(*answer, salt)?,
            Step::PutAll => drop(put_all(process, &self.ledger, now_ms)),
            Step::Drain { answers } => {
                let drained = process.drain(&self.ledger, answers, now_ms)?;
                self.clock.pass(drained.passed_ms);
                if drained.is_claimed && !self.model.bounds.may_fork {
                    return Err(taken_for_a_copy());
                }
            }
            Step::PutSlowly { is_stored } => {
                self.asked.extend(process.ask_head());
                if let Some(batch) = process.next_batch(now_ms) {
                    let claim = process.claim();
                    let answers = is_stored.then(|| {
                        self.disk.forget_moments();
                        self.ledger.put(&batch.slices, claim.as_ref(), Answer::Store)
                    });
                    self.flights.push_back(Flight { id: batch.id, slices: batch.slices, claim, answers });
                }
            }
            Step::Deliver => {
                if let Some(stream) = self.asked.pop_front() {
                    process.take_head(&stream, self.ledger.head(&stream), now_ms);
                }
                if let Some(flight) = self.flights.pop_front() {
                    self.land(flight)?;
                }
            }
            Step::Allow(tenant) => {
                self.ledger.refuse(*tenant, false);
                let facts = process.facts();
                self.model.note_resumed(&facts);
                for (stream, _) in facts.parked {
                    if self.setup.tenant(stream.tenant()) == *tenant {
                        process.resume(&stream);
                    }
                }
            }
            Step::Clone { recordings, is_mirrored } => self.run_clone(recordings, *is_mirrored),
            Step::Restart => self.restart()?,
            _ => {}
        }
        Ok(())
    }

    fn seal(&mut self, window: Span) -> Result<(), Failure> {
        let Some(process) = &mut self.process else { return Ok(()) };
        if !self.setup.sheds {
            process.seal(window, self.clock.now_ms());
            return Ok(());
        }
        let (before, told) = (process.live(&self.setup), process.facts().shed);
        let sealed = process.seal(window, self.clock.now_ms());
        let (live, facts) = (process.live(&self.setup), process.facts());
        if facts.shed == told && facts.waiting_streams > 0 {
            self.model.note_failed_shedding(&live);
        }
        self.model.note_shed(before, &sealed, &live, facts.shed - told)
    }

    fn put(&mut self, answer: Answer, salt: u64) -> Result<(), Failure> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let now_ms = self.clock.now_ms();
        if matches!(answer, Answer::Unavailable | Answer::Busy | Answer::Dead) {
            if let Some(stream) = process.ask_head() {
                process.take_head(&stream, Err(unavailable()), now_ms);
            }
        } else {
            tell_heads(process, &self.ledger, now_ms);
        }
        let Some(batch) = process.next_batch(now_ms) else { return Ok(()) };
        let bounds = &self.model.bounds;
        let is_promised = self.setup.log.is_some() && self.setup.syncing != Syncing::Never;
        if is_promised
            && !bounds.may_fork
            && !bounds.may_lose
            && (salt.is_multiple_of(2) || self.probing == Probing::NONE)
        {
            let probe = Probe {
                setup: &self.setup,
                ledger: &self.ledger,
                bounds,
                clock: &self.clock,
                life: self.life + 1_000,
            };
            probe.check_durable(&self.disk.image(), &batch.slices)?;
        }
        self.disk.forget_moments();
        let answers = self.ledger.put(&batch.slices, process.claim().as_ref(), answer);
        check_claim(&answers, self.model.bounds.may_fork)?;
        process.complete(batch.id, now_ms, answers);
        Ok(())
    }

    /// A batch that was out is answered.
    fn land(&mut self, flight: Flight) -> Result<(), Failure> {
        let Some(process) = &mut self.process else { return Ok(()) };
        self.disk.forget_moments();
        let store = || self.ledger.put(&flight.slices, flight.claim.as_ref(), Answer::Store);
        let answers = flight.answers.unwrap_or_else(store);
        check_claim(&answers, self.model.bounds.may_fork)?;
        process.complete(flight.id, self.clock.now_ms(), answers);
        Ok(())
    }
}

/// Without copies nobody but this process may export.
fn check_claim(answers: &Answers, may_fork: bool) -> Result<(), Failure> {
    let is_refused = answers.iter().any(|answer| matches!(answer, Err(PutError::Claimed { .. })));
    if is_refused && !may_fork {
        return Err(taken_for_a_copy());
    }
    Ok(())
}

fn taken_for_a_copy() -> Failure {
    Failure::new("claim", "the ledger takes the only process for a copy of another".to_owned())
}
