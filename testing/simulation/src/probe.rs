//! Crash probes: what would happen if the machine died now?
//!
//! A probe works on copies of disk and ledger. It starts a process over what a power cut leaves, lets it finish, and compares
//! what arrived. The story goes on as if nothing had been.

use std::collections::HashSet;

use ron_ledger_wire::SealedSlice;

use crate::{
    clock::Clock,
    dice::Dice,
    disk::{Disk, Image, Survival},
    ledger::Ledger,
    model::Bounds,
    process::Process,
    report::Failure,
    settle::{settle, Stopped},
    setup::{Setup, Syncing},
};

/// What all probes at one moment of a story share.
#[derive(Debug)]
pub(crate) struct Probe<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) ledger: &'a Ledger,
    pub(crate) bounds: &'a Bounds,
    pub(crate) clock: &'a Clock,
    pub(crate) life: u64,
}

impl Probe<'_> {
    /// Tries deaths at one image, as far as `seen` does not know what they leave.
    pub(crate) fn try_deaths(
        &self,
        image: &Image,
        count: usize,
        salt: u64,
        seen: &mut HashSet<u64>,
    ) -> Result<(), Failure> {
        let mut dice = Dice::new(salt);
        for index in 0..count {
            let choice = dice.roll();
            let survival = match index {
                0 => Survival::Nothing,
                1 => Survival::Everything,
                _ => Survival::chosen_by(choice),
            };
            let is_kill = index + 1 == count && choice % 16 == 3;
            let left = if is_kill { image.clone() } else { image.after_power_cut(survival) };
            if !seen.insert(left.hash() ^ self.ledger.hash().rotate_left(1)) {
                continue;
            }
            let again = choice.is_multiple_of(4).then_some((choice >> 8) % 24);
            let during = if is_kill { "kill".to_owned() } else { format!("power cut; {survival}") };
            self.try_death(left, !is_kill, again, choice, seen).map_err(|failure| failure.within(&during))?;
        }
        Ok(())
    }

    fn try_death(
        &self,
        left: Image,
        is_power_cut: bool,
        again: Option<u64>,
        choice: u64,
        seen: &mut HashSet<u64>,
    ) -> Result<(), Failure> {
        let disk = Disk::holding(left);
        let mut is_power_cut = is_power_cut;
        if let Some(changes) = again {
            disk.cut_power_after(changes);
            let opened = Process::start(self.setup, disk.volume(), self.life, self.clock.now_ms());
            drop(opened);
            disk.end_process();
            let left = disk.image().after_power_cut(Survival::chosen_by(choice >> 16));
            disk.replace(left);
            is_power_cut = true;
            if !seen.insert(disk.image().hash() ^ self.ledger.hash().rotate_left(1)) {
                return Ok(());
            }
        }
        let ledger = self.ledger.copied();
        ledger.refuse_nobody();
        let mut bounds = self.bounds.clone();
        if self.setup.syncing == Syncing::Never && is_power_cut {
            // Nothing was promised but that nothing is counted twice.
            bounds.safe = ledger.totals();
            bounds.may_fork = true;
            ledger.expect_forks();
        }
        let mut clock = self.clock.restarted();
        let mut process = match Process::start(self.setup, disk.volume(), self.life + 1, clock.now_ms()) {
            Ok(process) => process,
            Err(_) if bounds.may_lose => return Ok(()),
            Err(error) => return Err(Failure::new("opening", error.with_causes())),
        };
        check_heads(&mut process, &ledger, bounds.may_fork || bounds.may_lose)?;
        let stopped = Stopped::by_forks(bounds.may_fork || bounds.may_lose);
        let left = settle(self.setup, &mut process, &ledger, &mut clock, stopped)?;
        bounds.check(&ledger.totals(), &left)?;
        ledger.offence().map_or(Ok(()), Err)
    }

    /// Checks that slices which are about to be offered would come again if the power went now.
    pub(crate) fn check_durable(&self, image: &Image, offered: &[SealedSlice]) -> Result<(), Failure> {
        let disk = Disk::holding(image.after_power_cut(Survival::Nothing));
        let ledger = self.ledger.copied();
        ledger.refuse_nobody();
        let mut clock = self.clock.restarted();
        let mut process = Process::start(self.setup, disk.volume(), self.life + 1, clock.now_ms())
            .map_err(|error| Failure::new("opening", error.with_causes()))?;
        check_heads(&mut process, &ledger, self.bounds.may_fork)?;
        settle(self.setup, &mut process, &ledger, &mut clock, Stopped::by_forks(self.bounds.may_fork))?;
        for slice in offered {
            if ledger.stored(slice) != Some(slice.digest()) {
                let detail =
                    format!("{} seq {} is offered, and a power cut loses it", slice.stream(), slice.seq());
                return Err(Failure::new("durability", detail));
            }
        }
        Ok(())
    }
}

/// A process compares its heads with the ledger's as each does at its start. Only a log that went back may be behind.
fn check_heads(process: &mut Process, ledger: &Ledger, may_be_behind: bool) -> Result<(), Failure> {
    match process.check_heads(ledger) {
        Err(error) if !may_be_behind => Err(Failure::new("heads", error.with_causes())),
        _ => Ok(()),
    }
}
