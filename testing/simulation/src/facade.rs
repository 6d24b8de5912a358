//! The façade over real directories, driven by hand: `Accounting` as a host uses it, with injected clocks.
//!
//! The disk here works; what goes wrong is what people do to directories: they copy them, restore them, run a copy beside the
//! original, and lose or damage the end of a file.

use std::{
    collections::BTreeMap,
    error::Error,
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
    time::Duration,
};

use ron_accounting::{labels, AccError, Accounting, Dimension, OnFull};
use ron_accounting_export::{memory::MemoryLedger, with_causes, Exporter};
use ron_accounting_ledger::{totals, verify};
use ron_accounting_sqlite::SqliteLedger;
use ron_accounting_window::{Clock, ManualClock};
use ron_ledger_wire::Origin;

use crate::{dice::Dice, report::Failure};

const START_MS: u64 = 1_700_000_000_000;
const WINDOW_MS: u64 = 60_000;
/// Long enough that a put of a ledger in memory returns, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(20);
const TENANTS: [&str; 3] = ["acme", "globex", "initech"];

/// Stories in a hundred that have a real ledger, in a file.
const SQLITE_PERCENT: u64 = 40;

type Totals = BTreeMap<&'static str, u128>;

/// What came of one story of the façade.
#[derive(Debug, Default)]
pub struct FacadeOutcome {
    /// What did not hold, if anything.
    pub failure: Option<Failure>,
    /// What happened.
    pub steps: Vec<String>,
    /// Units that arrived, by tenant.
    pub arrived: Vec<(String, u128)>,
}

/// Runs the story of a seed in a directory of its own.
pub fn run_facade(seed: u64) -> FacadeOutcome {
    let mut outcome = FacadeOutcome::default();
    let result = match tempfile::tempdir() {
        Ok(directory) => Host::new(seed, directory.path()).and_then(|host| host.run(&mut outcome)),
        Err(error) => Err(failed("directory", &error)),
    };
    outcome.failure = result.err();
    outcome
}

fn failed(check: &'static str, error: &(dyn Error + 'static)) -> Failure {
    Failure::new(check, with_causes(error))
}

/// A clock on which time passes with each look, so that nobody waits for a retry.
struct PassingClock(AtomicU64);

impl Clock for PassingClock {
    fn now_ms(&self) -> u64 {
        self.0.fetch_add(100, Ordering::Relaxed)
    }
}

/// The ledger of a story: one that can be away, or the one of the product.
#[derive(Debug)]
enum Books {
    Memory(Arc<MemoryLedger>),
    Sqlite(Arc<SqliteLedger>),
}

impl Books {
    fn exporter(&self) -> Arc<dyn Exporter> {
        match self {
            Self::Memory(ledger) => Arc::clone(ledger) as Arc<_>,
            Self::Sqlite(ledger) => Arc::clone(ledger) as Arc<_>,
        }
    }

    fn set_unavailable(&self, is_unavailable: bool) {
        if let Self::Memory(ledger) = self {
            ledger.set_unavailable(is_unavailable);
        }
    }

    fn lose_acknowledgements(&self, count: usize) {
        if let Self::Memory(ledger) = self {
            ledger.lose_acknowledgements(count);
        }
    }

    fn requests(&self) -> Result<Totals, Failure> {
        let mut requests: Totals = TENANTS.iter().map(|tenant| (*tenant, 0)).collect();
        match self {
            Self::Memory(ledger) => {
                for (tenant, n) in &mut requests {
                    *n = ledger.total(tenant, "requests");
                }
            }
            Self::Sqlite(ledger) => {
                for total in totals(ledger).map_err(|error| failed("totals", &error))? {
                    let tenant = TENANTS.iter().find(|tenant| **tenant == total.tenant);
                    if let Some(tenant) = tenant.filter(|_| total.dimension == "requests") {
                        requests.insert(tenant, total.increment);
                    }
                }
            }
        }
        Ok(requests)
    }

    /// Compares what is stored with what it proves.
    fn verify(&self) -> Result<(), Failure> {
        let Self::Sqlite(ledger) = self else { return Ok(()) };
        verify(ledger, |_| ()).map(drop).map_err(|error| failed("verification", &error))
    }
}

/// A host with its ledger, its log directory, and a plain model of both.
struct Host {
    dice: Dice,
    /// How often a log was opened: a fresh one gets its origin from it.
    openings: u64,
    root: PathBuf,
    log: PathBuf,
    clock: Arc<ManualClock>,
    export_clock: Arc<PassingClock>,
    ledger: Books,
    accounting: Option<Accounting>,
    recorded: Totals,
    /// What must arrive in the end: what was in the ledger or in the log for certain.
    safe: Totals,
    has_copy: bool,
    /// A file was damaged, or the log went back: nothing is certain any more but that nothing counts twice.
    is_doubtful: bool,
    backlog_max: usize,
    label_limit: usize,
}

impl Host {
    fn new(seed: u64, root: &Path) -> Result<Self, Failure> {
        let mut dice = Dice::of(seed, "facade");
        let backlog_max = dice.one_of(&[1, 2, 5, 50]).unwrap_or(50);
        let label_limit = dice.one_of(&[1, 3, 100]).unwrap_or(100);
        let ledger = if Dice::of(seed, "ledger of the facade").percent(SQLITE_PERCENT) {
            let ledger = SqliteLedger::open(root.join("ledger.sqlite"));
            Books::Sqlite(Arc::new(ledger.map_err(|error| failed("ledger", &error))?))
        } else {
            Books::Memory(Arc::new(MemoryLedger::new()))
        };
        Ok(Self {
            dice,
            openings: 0,
            root: root.to_owned(),
            log: root.join("log"),
            clock: Arc::new(ManualClock::new(START_MS)),
            export_clock: Arc::new(PassingClock(AtomicU64::new(START_MS))),
            ledger,
            accounting: None,
            recorded: Totals::new(),
            safe: Totals::new(),
            has_copy: false,
            is_doubtful: false,
            backlog_max,
            label_limit,
        })
    }

    fn open(&mut self, log: &Path) -> Result<Accounting, AccError> {
        self.openings += 1;
        let mut origin = [0x51; 16];
        origin[8..].copy_from_slice(&self.openings.to_be_bytes());
        Accounting::builder()
            .origin(Origin::from_bytes(origin))
            .manual()
            .window_ms(WINDOW_MS)
            .hash_seed(7)
            .label_limit(self.label_limit)
            .backlog_max(self.backlog_max)
            .on_full(OnFull::Stretch)
            .checkpoint_ms(1)
            .drop_timeout_ms(0)
            .clock(Arc::clone(&self.clock))
            .export_clock(Arc::clone(&self.export_clock))
            .exporter(self.ledger.exporter())
            .wal_dir(log)
            .wal_max_bytes(4 << 20)
            .build()
    }

    fn run(mut self, outcome: &mut FacadeOutcome) -> Result<(), Failure> {
        let length = self.dice.size(10, 40);
        for index in 0..length {
            let step = self.dice.below(20);
            outcome.steps.push(name(step).to_owned());
            self.step(step).and_then(|()| self.check_at_most()).map_err(|mut failure| {
                failure.step = Some(index);
                failure
            })?;
        }
        self.finish()?;
        outcome.arrived =
            self.ledger.requests()?.into_iter().map(|(tenant, n)| (tenant.to_owned(), n)).collect();
        Ok(())
    }

    fn step(&mut self, step: u64) -> Result<(), Failure> {
        match step {
            0..=6 => self.record(),
            7..=9 => self.tick(WINDOW_MS),
            10 | 11 => self.tick(10),
            12 | 13 => self.drain(),
            14 => {
                let is_unavailable = self.dice.percent(50);
                self.ledger.set_unavailable(is_unavailable);
                Ok(())
            }
            15 => {
                self.ledger.lose_acknowledgements(self.dice.size(1, 3));
                Ok(())
            }
            16 => {
                self.drop_without_shutdown();
                Ok(())
            }
            17 => self.copy(),
            18 => self.use_copy(),
            _ => self.damage(),
        }
    }

    fn running(&mut self) -> Result<&Accounting, Failure> {
        if self.accounting.is_none() {
            let opened = match self.open(&self.log.clone()) {
                // The log went back, and says so.
                Err(AccError::LedgerAhead { .. }) if self.is_doubtful => {
                    self.log = self.root.join(format!("fresh-{}", self.dice.roll()));
                    self.has_copy = false;
                    self.open(&self.log.clone())
                }
                opened => opened,
            };
            self.accounting = Some(opened.map_err(|error| failed("opening", &error))?);
        }
        self.accounting.as_ref().ok_or_else(|| Failure::new("opening", "nothing is open".to_owned()))
    }

    fn record(&mut self) -> Result<(), Failure> {
        let tenant = self.dice.one_of(&TENANTS).unwrap_or("acme");
        let route = format!("/r{}", self.dice.below(6));
        let n = self.dice.between(1, 1000);
        let labels = labels().tenant(tenant).method("GET").route(&route);
        self.running()?.record(&labels, Dimension::REQUESTS, n);
        *self.recorded.entry(tenant).or_default() += u128::from(n);
        Ok(())
    }

    /// Time passes. What is in a checkpoint or sealed afterwards is safe.
    fn tick(&mut self, ms: u64) -> Result<(), Failure> {
        self.clock.advance(ms);
        let now_ms = self.clock.now_ms();
        let accounting = self.running()?;
        let before = checkpoints(accounting);
        accounting.tick(now_ms).map_err(|error| failed("tick", &error))?;
        if checkpoints(accounting) > before && !self.is_doubtful {
            self.safe = self.recorded.clone();
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), Failure> {
        // A ledger that is away is no place to wait for.
        self.ledger.set_unavailable(false);
        self.running()?.drain(PATIENCE).or_else(|error| {
            if self.is_doubtful {
                Ok(())
            } else {
                Err(failed("drain", &error))
            }
        })
    }

    /// The last handle goes, which makes all durable that was counted.
    fn drop_without_shutdown(&mut self) {
        if self.accounting.take().is_some() && !self.is_doubtful {
            self.safe = self.recorded.clone();
        }
    }

    fn copy(&mut self) -> Result<(), Failure> {
        let copy = self.root.join("copy");
        if self.log.exists() {
            copy_directory(&self.log, &copy).map_err(|error| failed("copy", &error))?;
            self.has_copy = true;
        }
        Ok(())
    }

    /// The copy runs beside the original, or takes its place.
    fn use_copy(&mut self) -> Result<(), Failure> {
        if !self.has_copy {
            return Ok(());
        }
        self.has_copy = false;
        self.is_doubtful = true;
        self.safe.clear();
        let copy = self.root.join("copy");
        if self.dice.percent(50) {
            self.accounting = None;
            fs::remove_dir_all(&self.log)
                .and_then(|()| fs::rename(&copy, &self.log))
                .map_err(|error| failed("restore", &error))?;
            return Ok(());
        }
        if let Ok(clone) = self.open(&copy) {
            clone.record(&labels().tenant("acme").method("GET").route("/r0"), Dimension::REQUESTS, 5);
            *self.recorded.entry("acme").or_default() += 5;
            drop(clone);
        }
        fs::remove_dir_all(&copy).map_err(|error| failed("remove", &error))
    }

    /// The end of a file is lost, or a bit of it flips.
    fn damage(&mut self) -> Result<(), Failure> {
        if !self.dice.percent(30) {
            return Ok(());
        }
        self.accounting = None;
        self.is_doubtful = true;
        self.safe.clear();
        let mut files: Vec<PathBuf> = match fs::read_dir(&self.log) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
            Err(_) => return Ok(()),
        };
        files.retain(|file| file.extension().is_some_and(|extension| extension == "wal"));
        files.sort();
        let Some(file) = files.last() else { return Ok(()) };
        let damaged = damage_file(file, &mut self.dice);
        damaged.map_err(|error| failed("damage", &error))
    }

    fn check_at_most(&self) -> Result<(), Failure> {
        for (tenant, arrived) in self.ledger.requests()? {
            let recorded = self.recorded.get(tenant).copied().unwrap_or_default();
            if arrived > recorded {
                return Err(Failure::new("counted twice", format!("{tenant}: {arrived} of {recorded}")));
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.ledger.set_unavailable(false);
        self.ledger.lose_acknowledgements(0);
        let finished = self.running()?.shutdown(PATIENCE);
        if !self.is_doubtful {
            finished.map_err(|error| failed("shutdown", &error))?;
            self.safe = self.recorded.clone();
        }
        self.accounting = None;
        self.check_at_most()?;
        let arrived = self.ledger.requests()?;
        for (tenant, safe) in &self.safe {
            let value = arrived.get(tenant).copied().unwrap_or_default();
            if value < *safe {
                return Err(Failure::new("lost", format!("{tenant}: {value} arrived, {safe} were safe")));
            }
        }
        // A further start adds nothing.
        self.running()?.drain(PATIENCE).or_else(|error| {
            if self.is_doubtful {
                Ok(())
            } else {
                Err(failed("drain", &error))
            }
        })?;
        if !self.is_doubtful && self.ledger.requests()? != arrived {
            return Err(Failure::new("adds", "a start after a clean end adds something".to_owned()));
        }
        self.ledger.verify()?;
        self.check_at_most()
    }
}

const fn name(step: u64) -> &'static str {
    match step {
        0..=6 => "record",
        7..=9 => "a window's length passes",
        10 | 11 => "10 ms pass",
        12 | 13 => "drain",
        14 => "the ledger goes away or comes back",
        15 => "the ledger's next answers are lost",
        16 => "the last handle is dropped",
        17 => "the log directory is copied",
        18 => "the copy is used",
        _ => "a file is damaged, perhaps",
    }
}

fn checkpoints(accounting: &Accounting) -> u64 {
    accounting.stats().export.map_or(0, |export| export.checkpoints)
}

fn copy_directory(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn damage_file(file: &Path, dice: &mut Dice) -> io::Result<()> {
    let mut content = fs::read(file)?;
    let used = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if used == 0 {
        return Ok(());
    }
    let from = used - dice.index(used.min(256));
    if dice.percent(50) {
        return OpenOptions::new().write(true).open(file)?.set_len(from as u64);
    }
    if let Some(byte) = content.get_mut(from.saturating_sub(1)) {
        *byte ^= 1 << dice.below(8);
    }
    fs::write(file, content)
}
