//! How a world ends: everything heals, all drains, and further starts add nothing.

use ron_accounting_export::Exporter;

use super::{World, PAUSE_MS_MAX};
use crate::{
    report::Failure,
    settle::{put_all, settle, Stopped},
    steps::Answer,
    totals::Totals,
};

impl World {
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        self.disk.heal();
        self.settle_beside_refused()?;
        self.ledger.refuse_nobody();
        while let Some((slices, claim)) = self.ghosts.pop_front() {
            self.ledger.put(&slices, claim.as_ref(), Answer::Store);
        }
        if self.process.is_none() {
            self.start()?;
        }
        if self.process.is_none() && !self.is_refused && !self.model.bounds.may_lose {
            return Err(Failure::new("opening", "no process starts although the disk works".to_owned()));
        }
        let Some(process) = &mut self.process else { return Ok(()) };
        for stream in self.asked.drain(..) {
            process.take_head(&stream, self.ledger.head(&stream), self.clock.now_ms());
        }
        while let Some(flight) = self.flights.pop_front() {
            self.land(flight)?;
        }
        let may_fork = self.model.bounds.may_fork;
        let left = self.settle_all(may_fork)?;
        if let Some(process) = &mut self.process {
            self.model.check(process, &self.ledger, &self.disk)?;
        }
        self.model.bounds.check(&self.ledger.totals(), &left)?;
        self.check_told(&left)?;
        self.ledger.verify()?;
        if may_fork {
            return Ok(());
        }
        // A log that was left alone after a failure notes the last acknowledgements, too.
        self.clock.pass(PAUSE_MS_MAX);
        if let Some(process) = &mut self.process {
            process.flush(self.clock.now_ms());
        }
        let arrived = self.ledger.totals();
        for _ in 0..2 {
            self.end_life()?;
            self.start()?;
            let Some(process) = &mut self.process else { return Ok(()) };
            let (pending, _) = process.exported(&self.setup);
            if !pending.is_empty() {
                return Err(Failure::new("adds", format!("a start after a clean end recovers [{pending}]")));
            }
            settle(&self.setup, process, &self.ledger, &mut self.clock, Stopped::Nobody)?;
            if let Some(((tenant, dimension), value, before)) =
                self.ledger.totals().first_difference(&arrived)
            {
                let detail = format!(
                    "t{tenant} d{dimension}: {before} after a clean end, {value} after a further start"
                );
                return Err(Failure::new("adds", detail));
            }
        }
        Ok(())
    }

    /// While the ledger refuses tenants, all others must finish.
    fn settle_beside_refused(&mut self) -> Result<(), Failure> {
        let is_plain = !self.model.bounds.may_fork && !self.setup.sheds && self.flights.is_empty();
        if !is_plain || !self.ledger.refuses_anybody() {
            return Ok(());
        }
        if self.process.is_none() {
            self.start()?;
        }
        let Some(process) = &mut self.process else { return Ok(()) };
        settle(&self.setup, process, &self.ledger, &mut self.clock, Stopped::Refused).map(drop)
    }

    /// Lets the process finish, with the model aware of what is thrown away.
    fn settle_all(&mut self, may_fork: bool) -> Result<Totals, Failure> {
        if self.setup.sheds {
            for _ in 0..6 {
                let Some(process) = &mut self.process else { break };
                process.maintain(self.clock.open(), self.clock.now_ms());
                put_all(process, &self.ledger, self.clock.now_ms());
                self.clock.pass(20 + self.setup.jitter_ms);
                let window = self.clock.close();
                self.seal(window)?;
            }
        }
        let Some(process) = &mut self.process else { return Ok(self.setup.totals()) };
        settle(&self.setup, process, &self.ledger, &mut self.clock, Stopped::by_forks(may_fork))
    }

    /// Where damage made a loss, somebody must have been told.
    fn check_told(&self, left: &Totals) -> Result<(), Failure> {
        let bounds = &self.model.bounds;
        // What a misdirected write left out at the end of a log, nobody can see; what a clone took is another matter.
        if !bounds.may_lose || self.has_told_damage || self.disk.has_misdirected() || self.is_cloned {
            return Ok(());
        }
        let mut known = self.ledger.totals();
        known.add_all(left);
        match bounds.safe.first_above(&known) {
            Some(((tenant, dimension), least, value)) => {
                let detail = format!(
                    "t{tenant} d{dimension}: {value} in the ledger, {least} were safe, nothing was said"
                );
                Err(Failure::new("lost silently", detail))
            }
            None => Ok(()),
        }
    }
}
