//! A run: many lives on one log, and what is left of them.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{bail, Context as _};
use ron_accounting_ledger::{usage_rows, verify, Column, UsageQuery, Value};
use ron_accounting_sqlite::SqliteLedger;

use crate::{
    dice::Dice,
    life::{program_beside, End, Lived, Node},
    locker::Locker,
    plan::Plan,
    report::Report,
    small_disk::SmallDisk,
    tally::{judge, LifeTally, Row, RowName},
};

/// The small disk: room for log, ledger, and SQLite's own log.
const DISK_MIB: u64 = 48;
/// Starts that may fail one after the other before the run is given up.
const REFUSALS_MAX: u64 = 50;
/// How long a node that is told to finish waits for a ledger that may be locked.
const DRAIN_IN_PASSING: Duration = Duration::from_secs(3);
/// And for one that is well.
const DRAIN_AT_LAST: Duration = Duration::from_secs(30);

/// Runs a plan. `node` is the program `crash-node`; `None` for the one beside the program that runs.
pub fn run(plan: &Plan, node: Option<&Path>) -> anyhow::Result<Report> {
    let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = plan.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    let program = match node {
        Some(node) => node.to_owned(),
        None => program_beside(&std::env::current_exe().context("cannot find the own program")?),
    };
    let mut report = {
        let mut run = Run::new(plan, &folder, program)?;
        run.live()?;
        run.end()?
    };
    if !report.is_right() || plan.folder.is_some() {
        report.folder = Some(folder);
        let _ = temporary.keep();
    }
    Ok(report)
}

struct Run<'a> {
    plan: &'a Plan,
    folder: PathBuf,
    node: Node,
    /// Ends before the disk, whose files it uses.
    locker: Option<Locker>,
    disk: Option<SmallDisk>,
    dice: Dice,
    lives: Vec<LifeTally>,
    report: Report,
    started: Instant,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, folder: &Path, program: PathBuf) -> anyhow::Result<Self> {
        let small = folder.join("disk");
        std::fs::create_dir_all(&small).with_context(|| format!("cannot make {}", small.display()))?;
        let wants_disk = plan.disk_full && !plan.limit_files;
        let disk = if wants_disk { SmallDisk::mount(&small, DISK_MIB)? } else { None };
        let plan_as_run = Plan { limit_files: plan.disk_full && disk.is_none(), ..plan.clone() };
        let mut dice = Dice::new(plan.seed);
        // Where the log alone is full, slices leave it, and make room.
        let is_outside = disk.is_some() && dice.once_in(2);
        let ledger = if is_outside { folder.join("usage.db") } else { small.join("usage.db") };
        let locker =
            if plan.ledger_locked { Some(Locker::start(&ledger, Dice::new(!plan.seed))?) } else { None };
        let node = Node {
            program,
            log: small.join("log"),
            ledger,
            stderr: folder.join("stderr"),
            file_kib_max: None,
            is_manual: false,
            drain: DRAIN_IN_PASSING,
            checkpoint_ms: 0,
            has_own_tenants: plan.churn,
            label_limit: if plan.churn { 16 } else { 2048 },
            routes: if plan.churn { 200 } else { 8 },
        };
        let conditions = plan_as_run.conditions() + if is_outside { ", ledger elsewhere" } else { "" };
        let report = Report { conditions, seed: plan.seed, ..Report::default() };
        Ok(Self {
            plan,
            folder: folder.to_owned(),
            node,
            locker,
            disk,
            dice,
            lives: Vec::new(),
            report,
            started: Instant::now(),
        })
    }

    /// Lives until enough of them were killed.
    fn live(&mut self) -> anyhow::Result<()> {
        let mut refused_in_a_row = 0;
        while self.report.kills < self.plan.kills {
            self.node.is_manual = self.dice.once_in(2);
            // Windows are 200 ms: some have several checkpoints, and some have none.
            self.node.checkpoint_ms = self.dice.within(10..400);
            let is_full = self.plan.disk_full && self.dice.once_in(2);
            if is_full {
                self.report.full_spells += 1;
                let spare = if self.dice.once_in(2) { 0 } else { self.dice.within(0..256) };
                match &self.disk {
                    Some(disk) => disk.fill(spare)?,
                    None => self.node.file_kib_max = Some(16 + spare),
                }
            }
            let end = End::random(&mut self.dice);
            let lived = self.node.live(self.report.lives, end, &mut self.dice)?;
            if let Some(disk) = &self.disk {
                disk.free();
            }
            self.node.file_kib_max = None;
            refused_in_a_row = if lived.refused.is_some() { refused_in_a_row + 1 } else { 0 };
            if refused_in_a_row > REFUSALS_MAX {
                bail!("the node does not start any more: {}", lived.refused.unwrap_or_default());
            }
            self.count(lived);
        }
        Ok(())
    }

    fn count(&mut self, lived: Lived) {
        let report = &mut self.report;
        report.lives += 1;
        report.kills += u64::from(lived.was_killed);
        report.kills_while_opening += u64::from(lived.was_killed && lived.was_opening);
        report.entries += lived.tally.sent.len() as u64;
        if !lived.was_killed {
            report.clean_ends += u64::from(lived.finished == Some(Ok(())));
            if let Some(Err(reason)) = lived.finished {
                report.undrained = (report.undrained.0 + 1, Some(reason));
            }
        }
        if lived.refused.is_some() {
            report.refused = (report.refused.0 + 1, lived.refused);
        }
        self.lives.push(lived.tally);
    }

    /// Heals everything, drains, and compares; then starts twice more, which must change nothing.
    fn end(mut self) -> anyhow::Result<Report> {
        self.report.locks = self.locker.take().map_or(0, Locker::end);
        (self.node.is_manual, self.node.drain) = (false, DRAIN_AT_LAST);
        self.finish("the last life")?;
        let ledger = self.read("the last life")?;
        self.report.verdict = judge(&self.lives, &ledger.rows, !self.plan.churn);
        self.report.slices = ledger.slices;
        for start in ["a further start", "a second further start"] {
            self.finish(start)?;
            let again = self.read(start)?;
            if again != ledger {
                let sum = |ledger: &Ledger| ledger.rows.iter().map(|row| row.1).sum::<u128>();
                self.report.faults.push(format!(
                    "{start} adds {} units to the {} in the ledger, and {} slices",
                    sum(&again).saturating_sub(sum(&ledger)),
                    sum(&ledger),
                    again.slices.saturating_sub(ledger.slices)
                ));
            }
        }
        self.report.took = self.started.elapsed();
        if let Some(disk) = self.disk.as_ref().filter(|_| !self.report.is_right()) {
            disk.copy_to(&self.folder.join("disk-at-the-end"))?;
        }
        Ok(self.report)
    }

    /// A life that records nothing and ends by itself.
    fn finish(&mut self, what: &str) -> anyhow::Result<()> {
        let lived = self.node.live(self.report.lives, End::Clean(0), &mut Dice::new(0))?;
        self.report.lives += 1;
        match (lived.finished, lived.refused) {
            (Some(Ok(())), _) => {}
            (Some(Err(reason)), _) => self.report.faults.push(format!("{what} does not drain: {reason}")),
            (None, Some(reason)) => self.report.faults.push(format!("{what} does not start: {reason}")),
            (None, None) => self.report.faults.push(format!("{what} ended without a word")),
        }
        Ok(())
    }

    fn read(&mut self, after: &str) -> anyhow::Result<Ledger> {
        let ledger = SqliteLedger::open_read_only(&self.node.ledger)?;
        let slices = match verify(&ledger, |_| {}) {
            Ok(verification) => verification.slices,
            Err(error) => {
                let error = anyhow::Error::from(error);
                self.report.faults.push(format!("the ledger after {after}: {error:#}"));
                0
            }
        };
        let by = [Column::Tenant, Column::Dimension, Column::Route];
        let usage = usage_rows(&ledger, &UsageQuery::by(by))?;
        let text = |value: Option<&Value>| match value {
            Some(Value::Text(text)) => text.to_string(),
            other => format!("{other:?}"),
        };
        let rows = usage.iter().map(|row| {
            let [tenant, dimension, route] = [0, 1, 2].map(|column| text(row.values.get(column)));
            (RowName { tenant, dimension, route }, row.sum)
        });
        Ok(Ledger { rows: rows.collect(), slices })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Ledger {
    rows: Vec<Row>,
    slices: u64,
}
