//! The plain model: what was counted, what of it is safe, and what has to hold after each step.

use std::sync::Arc;

use ron_ledger_wire::SealedSlice;

use crate::{
    disk::Disk,
    ledger::Ledger,
    process::{Facts, Process},
    report::Failure,
    setup::Setup,
    totals::{Place, Totals},
};

/// What a log may have beyond its limit: two segments for bookkeeping, and the copies of what failed syncs left in doubt.
const RESERVE_SEGMENTS: u64 = 3;
/// The most that one record of a small world takes.
const RECORD_BYTES_MAX: u64 = 16 << 10;
/// Files beside those that the limit in bytes explains: damaged ones that were set aside, and a few without content.
const SPARE_FILES: u64 = 16;

/// What must be in the ledger in the end, and what may be.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// Counted in all lives, less what was thrown away.
    pub(crate) recorded: Totals,
    /// Thrown away. Damage can bring it back, and a copy of the log may have exported it before.
    shed: Totals,
    /// Durably sealed or in a durable checkpoint.
    pub(crate) safe: Totals,
    /// Clones and restored copies make forks and gaps, which stop streams.
    pub(crate) may_fork: bool,
    /// What was durable may be damaged.
    pub(crate) may_lose: bool,
}

impl Bounds {
    /// What may arrive at the most.
    fn most(&self) -> Totals {
        let mut most = self.recorded.clone();
        if self.may_lose || self.may_fork {
            most.add_all(&self.shed);
        }
        most
    }

    /// Compares what arrived. `left` is what a process still holds.
    pub(crate) fn check(&self, arrived: &Totals, left: &Totals) -> Result<(), Failure> {
        if let Some(((tenant, dimension), value, most)) = arrived.first_above(&self.most()) {
            let detail = format!("t{tenant} d{dimension}: {value} in the ledger, {most} recorded");
            return Err(Failure::new("counted twice", detail));
        }
        if self.may_lose {
            return Ok(());
        }
        let mut known = arrived.clone();
        if self.may_fork {
            known.add_all(left);
        }
        match self.safe.first_above(&known) {
            Some(((tenant, dimension), least, value)) => {
                let detail = format!("t{tenant} d{dimension}: {value} in the ledger, {least} were safe");
                Err(Failure::new(if self.may_fork { "lost beside a copy" } else { "lost" }, detail))
            }
            None => Ok(()),
        }
    }
}

/// What is known about a world, and about the life of its process.
#[derive(Debug)]
pub(crate) struct Model {
    setup: Arc<Setup>,
    pub(crate) bounds: Bounds,
    /// Safe when this life began.
    inherited: Totals,
    /// Counted in this life, less what was thrown away.
    recorded: Totals,
    /// What this life answers for.
    entrusted: Totals,
    checkpoints: u64,
    pending_max: usize,
}

impl Model {
    pub(crate) fn new(setup: &Arc<Setup>) -> Self {
        let zero = setup.totals();
        Self {
            setup: Arc::clone(setup),
            bounds: Bounds {
                recorded: zero.clone(),
                shed: zero.clone(),
                safe: zero.clone(),
                may_fork: false,
                may_lose: false,
            },
            inherited: zero.clone(),
            recorded: zero.clone(),
            entrusted: zero,
            checkpoints: 0,
            pending_max: 0,
        }
    }

    /// A process starts, over what the one before it left.
    pub(crate) fn begin_life(&mut self, process: &mut Process) {
        self.inherited.clone_from(&self.bounds.safe);
        self.recorded.clear();
        let (pending, acknowledged) = process.exported(&self.setup);
        self.entrusted = process.live(&self.setup);
        self.entrusted.add_all(&pending);
        self.entrusted.add_all(&acknowledged);
        let facts = process.facts();
        self.checkpoints = facts.checkpoints;
        let most = self.setup.slices_pending_max();
        // Counts of streams whose heads the log had dropped come on top, once the ledger has told the heads.
        let has_dropped_heads = self.setup.tenant_bytes > 0;
        self.pending_max = if has_dropped_heads { most + facts.pending } else { most.max(facts.pending) };
    }

    /// Parked streams try again, so that their slices count again.
    pub(crate) fn note_resumed(&mut self, facts: &Facts) {
        self.pending_max = self.pending_max.max(facts.pending - facts.refused);
    }

    pub(crate) fn count(&mut self, place: Place, n: u64) {
        for totals in [&mut self.bounds.recorded, &mut self.recorded, &mut self.entrusted] {
            totals.add(place, n.into());
        }
    }

    /// Another process counted, of which so much has certainly arrived.
    pub(crate) fn count_elsewhere(&mut self, recorded: &Totals, arrived: &Totals) {
        self.bounds.recorded.add_all(recorded);
        self.bounds.safe.add_all(arrived);
        self.inherited.add_all(arrived);
    }

    /// A sealing threw away what had no room: what was live before, and is neither sealed nor live.
    pub(crate) fn note_shed(
        &mut self,
        mut shed: Totals,
        sealed: &[SealedSlice],
        live: &Totals,
        told: u128,
    ) -> Result<(), Failure> {
        let mut kept = live.clone();
        for slice in sealed {
            kept.add(self.setup.place(slice.stream()), slice.total());
        }
        shed.take_all(&kept);
        if shed.sum() != told {
            return Err(Failure::new("shed", format!("{told} told, {} gone", shed.sum())));
        }
        let mut inherited = shed.clone();
        inherited.take_all(&self.recorded);
        self.inherited.take_all(&inherited);
        self.bounds.shed.add_all(&shed);
        let Bounds { recorded, safe, .. } = &mut self.bounds;
        for totals in [recorded, safe, &mut self.recorded, &mut self.entrusted] {
            totals.take_all(&shed);
        }
        Ok(())
    }

    /// A sealing was about to throw away what has no room, and could not: whether it is in the log nobody knows.
    pub(crate) fn note_failed_shedding(&mut self, live: &Totals) {
        self.bounds.safe.take_all(live);
    }

    /// The ledger lost what it had.
    pub(crate) fn note_ledger_loss(&mut self, lost: &Totals) {
        let mut inherited = lost.clone();
        inherited.take_all(&self.recorded);
        self.inherited.take_all(&inherited);
        self.recorded.take_all(lost);
        self.bounds.safe.take_all(lost);
    }

    /// Nothing is safe but this, for a life that begins.
    pub(crate) fn trust_only(&mut self, safe: Totals) {
        self.bounds.safe = safe;
    }

    /// Nothing is safe but this, in a life that goes on.
    pub(crate) fn trust_nothing_else(&mut self, safe: Totals) {
        self.inherited.clone_from(&safe);
        self.recorded.clear();
        self.bounds.safe = safe;
    }

    /// Looks at what has become safe, then compares all that must hold at any moment.
    pub(crate) fn check(
        &mut self,
        process: &mut Process,
        ledger: &Ledger,
        disk: &Disk,
    ) -> Result<(), Failure> {
        let facts = process.facts();
        let live = process.live(&self.setup);
        let (pending, acknowledged) = process.exported(&self.setup);
        self.look(&facts, &live);

        let mut all = live;
        all.add_all(&pending);
        all.add_all(&acknowledged);
        if let Some(((tenant, dimension), value, entrusted)) = all.first_difference(&self.entrusted) {
            let detail = format!(
                "t{tenant} d{dimension}: {value} live, pending or acknowledged, {entrusted} entrusted"
            );
            return Err(Failure::new("conservation", detail));
        }
        self.check_pending(&facts)?;
        if facts.shed > 0 && !self.setup.sheds {
            return Err(Failure::new("shed", format!("{} units were thrown away", facts.shed)));
        }
        if let Some(((tenant, dimension), value, most)) = ledger.totals().first_above(&self.bounds.most()) {
            let detail = format!("t{tenant} d{dimension}: {value} in the ledger, {most} recorded");
            return Err(Failure::new("counted twice", detail));
        }
        self.check_disk(disk)?;
        ledger.offence().map_or(Ok(()), Err)
    }

    /// Slices that wait for an operator, or fail while others are taken, take no room from the others. Of those that wait for
    /// the log, each stream may have one beyond: while nothing else can move, one is always admitted. While all fail, there is
    /// as much beyond, to find one that does not.
    fn check_pending(&self, facts: &Facts) -> Result<(), Failure> {
        let active = facts.pending - facts.refused - facts.set_aside;
        let of_log = facts.not_durable.min(self.setup.streams());
        let most = 2 * self.pending_max + of_log;
        if active > most {
            let detail = format!("{active} slices are on their way, {most} may be");
            return Err(Failure::new("pending", detail));
        }
        let most = 2 * self.pending_max + facts.parked.len() + facts.stalled + of_log;
        if facts.pending - facts.refused > most {
            let detail = format!("{} slices, {most} may be", facts.pending);
            return Err(Failure::new("pending beside parked", detail));
        }
        Ok(())
    }

    /// Checks that all of this life is safe, before a process ends of its own will over a disk that works.
    pub(crate) fn check_clean_end(&self) -> Result<(), Failure> {
        let mut all = self.inherited.clone();
        all.add_all(&self.recorded);
        all.lower(&self.bounds.recorded);
        match all.first_above(&self.bounds.safe) {
            Some(((tenant, dimension), value, safe)) => {
                let detail =
                    format!("t{tenant} d{dimension}: of {value}, {safe} are in the ledger or in the log");
                Err(Failure::new("lost at a clean end", detail))
            }
            None => Ok(()),
        }
    }

    fn look(&mut self, facts: &Facts, live: &Totals) {
        let is_checkpointed = facts.checkpoints > self.checkpoints;
        self.checkpoints = facts.checkpoints;
        if facts.not_durable > 0 && !is_checkpointed {
            return;
        }
        let mut safe = self.inherited.clone();
        safe.add_all(&self.recorded);
        if !is_checkpointed {
            safe.take_all(live);
        }
        safe.lower(&self.bounds.recorded);
        self.bounds.safe.raise(&safe);
    }

    fn check_disk(&self, disk: &Disk) -> Result<(), Failure> {
        let Some(log) = self.setup.log else { return Ok(()) };
        let image = disk.image();
        let lengths = || image.lengths().filter(|(name, _)| !name.ends_with(".damaged"));
        let bytes: u64 = lengths().map(|(_, length)| length).sum();
        let segment_bytes = log.segment_bytes_used();
        let bytes_max = log.max_bytes + RESERVE_SEGMENTS * segment_bytes.max(RECORD_BYTES_MAX);
        if bytes > bytes_max {
            return Err(Failure::new("log bytes", format!("{bytes} bytes of files, {bytes_max} may be")));
        }
        let files = image.lengths().count() as u64;
        let files_max = bytes_max / segment_bytes + SPARE_FILES;
        if files > files_max {
            return Err(Failure::new("log files", format!("{files} files, {files_max} may be")));
        }
        Ok(())
    }
}
