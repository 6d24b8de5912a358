//! How lives begin and end, and how copies of logs and ledgers come into them.

use ron_ledger_wire::{SealedSlice, Seq, StreamId};

use super::World;
use crate::{
    disk::{Disk, Survival},
    process::{inspect, Facts, Process},
    report::Failure,
    settle::put_all,
    setup::Syncing,
    steps::Recording,
};

/// A log of fewer segments may be refused, if it is refused at once.
const SEGMENTS_MIN: u64 = 6;
/// The openings of clones are numbered from here.
const CLONES: u64 = 1 << 32;
/// Rounds of sealing and exporting in a shutdown.
const SHUTDOWN_ROUNDS_MAX: usize = 40;

impl World {
    /// Starts a process over what the disk holds. None may come of a disk that does not work.
    pub(super) fn start(&mut self) -> Result<(), Failure> {
        self.life += 1;
        if self.disk.has_misdirected() {
            self.expect_damage();
        }
        self.clock = self.clock.restarted();
        let is_healthy = self.disk.is_healthy();
        let is_fresh = self.disk.image().lengths().next().is_none();
        match Process::start(&self.setup, self.disk.volume(), self.life, self.clock.now_ms()) {
            Ok(mut process) => {
                let heads = process.check_heads(&self.ledger);
                self.model.begin_life(&mut process);
                let facts = process.facts();
                self.has_told_damage |= facts.tells_damage || facts.refused > 0 || heads.is_err();
                if heads.is_ok() {
                    self.check_ledger_is_watched(&facts)?;
                }
                self.process = Some(process);
                let bounds = &self.model.bounds;
                match heads {
                    Err(error) if !bounds.may_fork && !bounds.may_lose => {
                        Err(Failure::new("heads", error.with_causes()))
                    }
                    _ => Ok(()),
                }
            }
            Err(error) => {
                self.has_told_damage = true;
                let is_small =
                    self.setup.log.is_some_and(|log| log.max_bytes / log.segment_bytes < SEGMENTS_MIN);
                if is_small && is_fresh && is_healthy {
                    self.is_refused = true;
                    return Ok(());
                }
                if is_healthy && !self.model.bounds.may_lose {
                    return Err(Failure::new("opening", error.with_causes()));
                }
                Ok(())
            }
        }
    }

    /// The process is no more. The page cache stays.
    pub(super) fn end_life(&mut self) -> Result<(), Failure> {
        let process = self.process.take();
        if self.disk.is_healthy() && !self.disk.is_off() {
            self.noted.extend(process.iter().flat_map(|process| process.acknowledged().clone()));
        } else {
            self.noted.clear();
        }
        self.disk.end_process();
        drop(process);
        let unstored = self.flights.drain(..).filter(|flight| flight.answers.is_none());
        self.ghosts.extend(unstored.map(|flight| (flight.slices, flight.claim)));
        self.asked.clear();
        if self.setup.log.is_none() {
            self.model.trust_only(self.ledger.totals());
        }
        self.trace_all();
        self.check_inspection()
    }

    /// What an operator sees in the log is what the next start will find.
    fn check_inspection(&self) -> Result<(), Failure> {
        let bounds = &self.model.bounds;
        if self.setup.log.is_none() || self.is_refused || bounds.may_fork || bounds.may_lose {
            return Ok(());
        }
        let failed = |detail: String| Err(Failure::new("inspection", detail));
        let inspection = match inspect(self.disk.image()) {
            Ok(inspection) => inspection,
            Err(error) => return failed(error.with_causes()),
        };
        if let Some(kind) = inspection.records.keys().find(|kind| **kind == "unknown") {
            return failed(format!("there are records of kind {kind}"));
        }
        let heads = self.ledger.heads();
        let is_missing =
            |slice: &&SealedSlice| heads.get(slice.stream()).is_none_or(|next_seq| slice.seq() >= *next_seq);
        let unacknowledged = inspection.unacknowledged.iter().filter(is_missing).map(SealedSlice::total);
        let known = self.ledger.totals().sum() + unacknowledged.sum::<u128>() + inspection.live;
        let (least, most) = (bounds.safe.sum(), bounds.recorded.sum());
        if known < least || known > most {
            return failed(format!("ledger and log have {known} units, {least} were safe, {most} counted"));
        }
        Ok(())
    }

    pub(super) fn cut_power(&mut self, survival: Survival) -> Result<(), Failure> {
        self.lose_power(survival)?;
        self.start()
    }

    pub(super) fn cut_power_while_opening(
        &mut self,
        first: Survival,
        changes: u64,
        second: Survival,
    ) -> Result<(), Failure> {
        self.lose_power(first)?;
        self.disk.cut_power_after(changes);
        self.start()?;
        self.lose_power(second)?;
        self.start()
    }

    fn lose_power(&mut self, survival: Survival) -> Result<(), Failure> {
        self.end_life()?;
        self.noted.clear();
        self.disk.replace(self.disk.image().after_power_cut(survival));
        self.outcome.crashes += 1;
        self.outcome.power_cuts += 1;
        self.outcome.crash_states.insert(self.disk.image().hash() ^ self.ledger.hash().rotate_left(1));
        if self.setup.syncing == Syncing::Never {
            self.model.trust_only(self.ledger.totals());
            self.expect_forks();
        }
        self.check_inspection()
    }

    pub(super) fn expect_forks(&mut self) {
        self.model.bounds.may_fork = true;
        self.ledger.expect_forks();
    }

    pub(super) fn expect_damage(&mut self) {
        self.noted.clear();
        self.model.bounds.may_lose = true;
        self.expect_forks();
    }

    /// A second process runs from a copy of the log, against the same ledger, and ends.
    pub(super) fn run_clone(&mut self, recordings: &[Recording], is_mirrored: bool) {
        if self.setup.log.is_none() {
            return;
        }
        let disk = Disk::holding(self.disk.image().copied());
        self.is_cloned = true;
        self.expect_forks();
        self.clones += 1;
        let life = CLONES + self.clones;
        let Ok(mut clone) = Process::start(&self.setup, disk.volume(), life, self.clock.now_ms()) else {
            return;
        };
        // As at each start: what it tells is of no interest here, but from now on it may ask for heads.
        let _ = clone.check_heads(&self.ledger);
        let mut recorded = self.setup.totals();
        for recording in recordings {
            if let Some(place) = clone.record(&self.setup, recording, false) {
                recorded.add(place, recording.n.into());
            }
            let process = self.process.as_ref().filter(|_| is_mirrored);
            if let Some(place) = process.and_then(|process| process.record(&self.setup, recording, false)) {
                self.model.count(place, recording.n);
            }
        }
        let mut clock = self.clock.clone();
        for _ in 0..4 {
            put_all(&mut clone, &self.ledger, clock.now_ms());
            if !clone.live(&self.setup).is_empty() {
                let window = clock.close();
                clone.seal(window, clock.now_ms());
            }
            clone.flush(clock.now_ms());
        }
        put_all(&mut clone, &self.ledger, clock.now_ms());
        // What the clone still has is not there for certain, nor is what it threw away.
        let mut arrived = recorded.clone();
        let (pending, _) = clone.exported(&self.setup);
        arrived.take_all(&pending);
        arrived.take_all(&clone.live(&self.setup));
        if clone.facts().shed > 0 {
            arrived.clear();
        }
        self.model.count_elsewhere(&recorded, &arrived);
    }

    pub(super) fn restore_log(&mut self) -> Result<(), Failure> {
        let Some((image, safe)) = self.log_copy.clone() else { return Ok(()) };
        self.end_life()?;
        self.outcome.crashes += 1;
        self.disk.replace(image);
        self.expect_forks();
        self.noted.clear();
        if self.ledger_copy.is_some() || self.setup.sheds {
            self.model.trust_only(self.ledger.totals());
        } else {
            let mut safe = safe;
            safe.lower(&self.model.bounds.safe);
            safe.raise(&self.ledger.totals());
            self.model.trust_only(safe);
        }
        self.start()
    }

    pub(super) fn restore_ledger(&mut self) {
        let Some(copy) = &self.ledger_copy else { return };
        let mut lost = self.ledger.totals();
        lost.take_all(&copy.totals());
        self.ledger.restore(copy);
        self.expect_forks();
        self.model.note_ledger_loss(&lost);
    }

    /// A ledger that has less than the log knows was restored from a copy. A start sends again what the log still has, and
    /// names the streams of which it has not all.
    fn check_ledger_is_watched(&self, facts: &Facts) -> Result<(), Failure> {
        let heads = self.ledger.heads();
        let is_behind =
            |(stream, noted): &(&StreamId, &Seq)| heads.get(*stream).is_none_or(|head| head < *noted);
        let unnamed = self.noted.iter().filter(is_behind).find(|(stream, _)| !facts.behind.contains(stream));
        match unnamed.filter(|_| facts.resent == 0) {
            Some((stream, _)) => Err(Failure::new(
                "unnoticed",
                format!("{stream}: the ledger went back, and the start said nothing"),
            )),
            None => Ok(()),
        }
    }

    /// Seals and exports all that there is, as far as the ledger takes it, then ends and starts again.
    pub(super) fn restart(&mut self) -> Result<(), Failure> {
        let is_healthy = self.disk.is_healthy();
        for _ in 0..SHUTDOWN_ROUNDS_MAX {
            let window = self.clock.close();
            self.seal(window)?;
            let Some(process) = &mut self.process else { return Ok(()) };
            process.flush(self.clock.now_ms());
            put_all(process, &self.ledger, self.clock.now_ms());
            let facts = process.facts();
            if process.live(&self.setup).is_empty() && (facts.is_drained || facts.is_stuck) {
                break;
            }
        }
        if let Some(process) = &mut self.process {
            if !process.live(&self.setup).is_empty() {
                process.checkpoint_last(self.clock.open(), self.clock.now_ms());
            }
            self.model.check(process, &self.ledger, &self.disk)?;
            let bounds = &self.model.bounds;
            let is_promised = self.setup.log.is_some() && !bounds.may_fork && !bounds.may_lose;
            // What is larger than its share of the log stays in memory, and the log says so.
            let is_told = process.facts().uncovered_streams > 0;
            if is_promised && !is_told && is_healthy && self.disk.is_healthy() {
                self.model.check_clean_end()?;
            }
        }
        self.end_life()?;
        self.start()
    }
}
