//! Conservation, whatever is done in whatever order: recorded = taken + still there, to the unit, for each
//! reader.
//!
//! Random steps run on an engine with tiny limits and on a plain map. The steps run one at a time, so the map
//! knows each reading exactly; they run on several threads, so that each has its own cells and cache.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

mod totals;

use std::{
    sync::mpsc::{channel, Sender},
    thread::{spawn, JoinHandle},
};

use proptest::prelude::*;
use ron_accounting_core::{
    labels, AccountKey, Dimension, Engine, Labels, Meter, Outcome, Overflow, Reader, Reading, Tenant,
    TenantId, UsageKey, OVERFLOW,
};

use totals::{add, by_tenant, sum, Totals};

const WORKERS: usize = 3;
const TENANTS: [&str; 4] = ["a", "b", "c", "d"];
const METHODS: [&str; 4] = ["GET", "PUT", "DELETE", OVERFLOW];
const DIMENSIONS: [Dimension; 4] =
    [Dimension::REQUESTS, Dimension::BYTES_IN, Dimension::BYTES_OUT, Dimension::CPU];

/// Where usage goes: a label set or an account, by tenant and number within it.
#[derive(Debug, Clone, Copy)]
enum Target {
    Labels(usize, usize),
    Account(usize, u128),
}

#[derive(Debug, Clone)]
enum Step {
    Record {
        worker: usize,
        target: Target,
        amounts: Vec<(usize, u64)>,
    },
    Meter {
        worker: usize,
        target: Target,
    },
    CloneMeter(prop::sample::Index),
    DropMeter(prop::sample::Index),
    RecordMeter {
        worker: usize,
        meter: prop::sample::Index,
        dimension: usize,
        n: u64,
    },
    Maintain(u64),
    EndThread(usize),
    /// One that holds tenants, or not.
    AddReader(bool),
    DropReader(prop::sample::Index),
    Take(prop::sample::Index),
    TakeIf {
        reader: prop::sample::Index,
        tenants: [bool; 5],
        dimensions: [bool; 4],
    },
    Peek(prop::sample::Index),
    See(prop::sample::Index),
    TakeSeen {
        reader: prop::sample::Index,
        tenants: [bool; 5],
    },
    Restore {
        reader: prop::sample::Index,
        target: Target,
        dimension: usize,
        n: u64,
    },
}

fn targets() -> impl Strategy<Value = Target> {
    prop_oneof![
        4 => (0..TENANTS.len(), 0..METHODS.len()).prop_map(|(tenant, method)| Target::Labels(tenant, method)),
        1 => (0..TENANTS.len(), 0..2_u128).prop_map(|(tenant, id)| Target::Account(tenant, id)),
    ]
}

/// Mostly small; some fill a cell at once, and none saturates a sum.
fn amounts() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..100_u64, 1 => ((1_u64 << 48) - 3)..(1 << 48) + 3]
}

fn steps() -> impl Strategy<Value = Step> {
    let any_one = any::<prop::sample::Index>;
    let worker = 0..WORKERS;
    let dimension = 0..DIMENSIONS.len();
    prop_oneof![
        12 => (worker.clone(), targets(), prop::collection::vec((dimension.clone(), amounts()), 1..3))
            .prop_map(|(worker, target, amounts)| Step::Record { worker, target, amounts }),
        2 => (worker.clone(), targets()).prop_map(|(worker, target)| Step::Meter { worker, target }),
        1 => any_one().prop_map(Step::CloneMeter),
        3 => any_one().prop_map(Step::DropMeter),
        4 => (worker.clone(), any_one(), dimension.clone(), amounts())
            .prop_map(|(worker, meter, dimension, n)| Step::RecordMeter { worker, meter, dimension, n }),
        3 => (0..3_u64).prop_map(Step::Maintain),
        1 => worker.prop_map(Step::EndThread),
        1 => any::<bool>().prop_map(Step::AddReader),
        1 => any_one().prop_map(Step::DropReader),
        3 => any_one().prop_map(Step::Take),
        2 => (any_one(), any::<[bool; 5]>(), any::<[bool; 4]>())
            .prop_map(|(reader, tenants, dimensions)| Step::TakeIf { reader, tenants, dimensions }),
        1 => any_one().prop_map(Step::Peek),
        2 => any_one().prop_map(Step::See),
        3 => (any_one(), any::<[bool; 5]>()).prop_map(|(reader, tenants)| Step::TakeSeen { reader, tenants }),
        1 => (any_one(), targets(), dimension, amounts())
            .prop_map(|(reader, target, dimension, n)| Step::Restore { reader, target, dimension, n }),
    ]
}

/// A thread that does what it is told, one thing at a time.
struct Worker {
    work: Sender<Box<dyn FnOnce() + Send>>,
    thread: JoinHandle<()>,
}

impl Worker {
    fn start() -> Self {
        let (work, todo) = channel::<Box<dyn FnOnce() + Send>>();
        let thread = spawn(move || todo.into_iter().for_each(|job| job()));
        Self { work, thread }
    }

    fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (answer, answered) = channel();
        self.work.send(Box::new(move || answer.send(job()).unwrap())).unwrap();
        answered.recv().unwrap()
    }

    fn end(self) {
        drop(self.work);
        self.thread.join().unwrap();
    }
}

/// A reader, and what the model says it has not taken.
struct Modelled {
    reader: Reader,
    holds_tenants: bool,
    due: Totals,
    /// What was seen and is still to be taken, and what was due then.
    seen: Option<(Reading, Totals)>,
}

impl Modelled {
    fn new(engine: &Engine, holds_tenants: bool) -> Self {
        let reader = if holds_tenants { engine.reader().hold_tenants() } else { engine.reader() };
        Self { reader, holds_tenants, due: Totals::new(), seen: None }
    }

    /// Whether counts may be under `~overflow` that were recorded under another tenant.
    fn may_mix(&self, engine: &Engine) -> bool {
        !self.holds_tenants && engine.stats().folded_keys > 0
    }
}

/// The name of a key in the model: its tenant first.
fn name(key: &UsageKey) -> String {
    match key.labels() {
        Some(Labels { method, region, .. }) => format!("{} {method} {region}", key.tenant()),
        None => format!("{} {:?}", key.tenant(), key.account()),
    }
}

/// The name that an outcome says usage of `key` was counted under.
fn counted_under(key: &UsageKey, outcome: Outcome) -> String {
    match outcome {
        Outcome::Counted => name(key),
        Outcome::Overflowed(Overflow::LabelSets) => format!("{} {OVERFLOW} {OVERFLOW}", key.tenant()),
        Outcome::Overflowed(Overflow::Tenants) => format!("{OVERFLOW} {OVERFLOW} {OVERFLOW}"),
        other => panic!("{other:?}"),
    }
}

/// What the model's names come to by tenant.
fn tenants(totals: &Totals) -> Totals {
    let mut by_tenant = Totals::new();
    for ((name, index), n) in totals {
        let tenant = name.split(' ').next().unwrap_or_default().to_owned();
        *by_tenant.entry((tenant, *index)).or_default() += n;
    }
    by_tenant
}

fn by_dimension(totals: &Totals) -> Totals {
    let mut sums = Totals::new();
    for ((_, index), n) in totals {
        add(&mut sums, "", DIMENSIONS[*index], *n);
    }
    sums
}

/// Takes `n` off what is due; nothing is due no more.
fn take(due: &mut Totals, what: (String, usize), n: u64) {
    let left = due[&what] - n;
    if left == 0 {
        due.remove(&what);
    } else {
        due.insert(what, left);
    }
}

/// Which tenants a reading takes. It owns them, so that their numbers stay the same meanwhile.
struct Accepted(Vec<(Tenant, bool)>);

impl Accepted {
    fn new(engine: &Engine, accepted: [bool; 5]) -> Self {
        let names = TENANTS.into_iter().chain([OVERFLOW]);
        Self(names.map(|name| engine.tenant(name)).zip(accepted).collect())
    }

    fn has(&self, id: TenantId) -> bool {
        self.0.iter().find(|(tenant, _)| tenant.id() == id).unwrap().1
    }

    /// Whether a name of the model is one of an accepted tenant.
    fn has_tenant_of(&self, name: &str) -> bool {
        let name = name.split(' ').next().unwrap_or_default();
        self.0.iter().find(|(tenant, _)| tenant.name() == name).unwrap().1
    }
}

struct Model {
    engine: Engine,
    workers: Vec<Worker>,
    meters: Vec<Meter>,
    readers: Vec<Modelled>,
    label_limit: usize,
    tenant_limit: usize,
    /// Whether there was a reader that holds tenants.
    held_tenants: bool,
}

impl Model {
    fn new(label_limit: usize, tenant_limit: usize, holds_tenants: bool) -> Self {
        let engine = Engine::builder().label_limit(label_limit).tenant_limit(tenant_limit).build().unwrap();
        let readers = vec![Modelled::new(&engine, holds_tenants)];
        let workers = (0..WORKERS).map(|_| Worker::start()).collect();
        Self { engine, workers, meters: Vec::new(), readers, label_limit, tenant_limit, held_tenants: false }
    }

    /// Every reader is owed what is counted.
    fn count(&mut self, name: &str, amounts: &[(Dimension, u64)]) {
        for modelled in &mut self.readers {
            for (dimension, n) in amounts {
                add(&mut modelled.due, name, *dimension, *n);
            }
        }
    }

    fn key(&self, target: Target) -> UsageKey {
        match target {
            Target::Labels(tenant, method) => self.engine.usage_key(&raw(tenant, method)),
            Target::Account(tenant, id) => {
                self.engine.tenant(TENANTS[tenant]).usage_key(AccountKey { ns: 0, id })
            }
        }
    }

    fn check(&self, reader: usize, reading: &Reading, due: &Totals) {
        if self.engine.stats().folded_keys == 0 {
            assert_eq!(&sum(reading, name), due);
        }
        let (taken, due) = (by_tenant(reading), tenants(due));
        if !self.readers[reader].may_mix(&self.engine) {
            return assert_eq!(taken, due);
        }
        // Only `~overflow` has too much, and that is what others have too little.
        assert_eq!(by_dimension(&taken), by_dimension(&due));
        let mut others = taken.iter().filter(|((tenant, _), _)| tenant != OVERFLOW);
        assert!(others.all(|(what, n)| due.get(what).is_some_and(|due| n <= due)), "{taken:?}, {due:?}");
    }

    fn step(&mut self, step: Step) {
        let engine = self.engine.clone();
        match step {
            Step::Record { worker, target, amounts } => {
                let amounts: Vec<_> = amounts.into_iter().map(|(index, n)| (DIMENSIONS[index], n)).collect();
                let counted = self.workers[worker].run(move || match target {
                    Target::Labels(tenant, method) => {
                        vec![(engine.try_record_each(&raw(tenant, method), &amounts), amounts)]
                    }
                    Target::Account(tenant, id) => {
                        let (tenant, account) = (engine.tenant(TENANTS[tenant]), AccountKey { ns: 0, id });
                        let record = |(dimension, n)| {
                            (engine.try_record_account(&tenant, account, dimension, n), vec![(dimension, n)])
                        };
                        amounts.into_iter().map(record).collect()
                    }
                });
                for (outcome, amounts) in counted {
                    let name = counted_under(&self.key(target), outcome);
                    self.count(&name, &amounts);
                }
            }
            Step::Meter { worker, target } => {
                let meter = self.workers[worker].run(move || match target {
                    Target::Labels(tenant, method) => engine.meter(&raw(tenant, method)),
                    Target::Account(tenant, id) => {
                        engine.account_meter(&engine.tenant(TENANTS[tenant]), AccountKey { ns: 0, id })
                    }
                });
                let (meter, outcome) = meter;
                let expected = counted_under(&self.key(target), outcome);
                assert_eq!(meter.key().map(name), Some(expected));
                self.meters.push(meter);
            }
            Step::CloneMeter(meter) if !self.meters.is_empty() => {
                self.meters.push(meter.get(&self.meters).clone());
            }
            Step::DropMeter(meter) if !self.meters.is_empty() => {
                self.meters.swap_remove(meter.index(self.meters.len()));
            }
            Step::RecordMeter { worker, meter, dimension, n } if !self.meters.is_empty() => {
                let meter = meter.get(&self.meters).clone();
                let name = meter.key().map(name).unwrap();
                let dimension = DIMENSIONS[dimension];
                assert_eq!(
                    self.workers[worker].run(move || meter.try_record(dimension, n)),
                    Outcome::Counted
                );
                self.count(&name, &[(dimension, n)]);
            }
            Step::Maintain(idle) => engine.maintain(idle),
            Step::EndThread(worker) => std::mem::replace(&mut self.workers[worker], Worker::start()).end(),
            Step::AddReader(holds_tenants) if self.readers.len() < 3 => {
                self.readers.push(Modelled::new(&engine, holds_tenants));
            }
            Step::DropReader(reader) if self.readers.len() > 1 => {
                self.readers.swap_remove(reader.index(self.readers.len()));
            }
            Step::Take(reader) => {
                let reader = reader.index(self.readers.len());
                let reading = self.readers[reader].reader.take();
                let due = std::mem::take(&mut self.readers[reader].due);
                self.readers[reader].seen = None;
                self.check(reader, &reading, &due);
            }
            Step::TakeIf { reader, tenants, dimensions } => {
                let reader = reader.index(self.readers.len());
                let mut reading = Reading::default();
                let tenants = if self.readers[reader].may_mix(&engine) { [true; 5] } else { tenants };
                let accepted = Accepted::new(&engine, tenants);
                self.readers[reader].reader.take_if(
                    |tenant, dimension| accepted.has(tenant) && dimensions[dimension.index()],
                    &mut reading,
                );
                let (mut taken, mut left) = (Totals::new(), Totals::new());
                for ((name, index), n) in std::mem::take(&mut self.readers[reader].due) {
                    let is_taken = accepted.has_tenant_of(&name) && dimensions[index];
                    let side = if is_taken { &mut taken } else { &mut left };
                    side.insert((name, index), n);
                }
                self.readers[reader].due = left;
                self.readers[reader].seen = None;
                self.check(reader, &reading, &taken);
            }
            Step::Peek(reader) => {
                let reader = reader.index(self.readers.len());
                let modelled = &self.readers[reader];
                let mut reading = Reading::default();
                modelled.reader.peek(&mut reading);
                self.check(reader, &reading, &modelled.due);
            }
            Step::See(reader) => {
                let reader = reader.index(self.readers.len());
                let modelled = &mut self.readers[reader];
                let mut reading = Reading::default();
                modelled.reader.peek(&mut reading);
                modelled.seen = Some((reading, modelled.due.clone()));
            }
            Step::TakeSeen { reader, tenants } => {
                let reader = reader.index(self.readers.len());
                let modelled = &mut self.readers[reader];
                let tenants = if modelled.may_mix(&engine) { [true; 5] } else { tenants };
                let accepted = Accepted::new(&engine, tenants);
                if let Some((mut reading, due)) = modelled.seen.take() {
                    reading.retain(|tenant, _| accepted.has(tenant));
                    modelled.reader.take_seen(&reading);
                    for ((name, index), n) in due {
                        if accepted.has_tenant_of(&name) {
                            take(&mut modelled.due, (name, index), n);
                        }
                    }
                }
            }
            Step::Restore { reader, target, dimension, n } => {
                let key = self.key(target);
                let modelled = reader.index(self.readers.len());
                let modelled = &mut self.readers[modelled];
                add(&mut modelled.due, &name(&key), DIMENSIONS[dimension], n);
                modelled.reader.restore(&key, DIMENSIONS[dimension], n);
            }
            _ => {}
        }
        let stats = self.engine.stats();
        assert!(stats.label_sets <= self.label_limit, "{stats:?}");
        assert!(stats.ids_in_use <= 8 * self.label_limit + self.tenant_limit + 1, "{stats:?}");
        // Readers hold the tenants of counts that came late, however many, and until the next `maintain`.
        self.held_tenants |= self.readers.iter().any(|modelled| modelled.holds_tenants);
        let tenant_limit = if self.held_tenants { TENANTS.len() } else { self.tenant_limit };
        assert!(stats.tenants <= tenant_limit + 1, "{stats:?}");
        assert_eq!(stats.saturations, 0);
        // On a worker, so that its caches are checked as well.
        let engine = self.engine.clone();
        assert_eq!(self.workers[0].run(move || engine.validate()), Ok(()));
    }

    fn end(mut self) {
        for reader in 0..self.readers.len() {
            let reading = self.readers[reader].reader.take();
            self.check(reader, &reading, &self.readers[reader].due);
            assert!(self.readers[reader].reader.take().is_empty());
        }
        self.meters.clear();
        self.workers.into_iter().for_each(Worker::end);
    }
}

fn raw(tenant: usize, method: usize) -> Labels<'static> {
    let same = METHODS[method];
    // The last method makes the overflow row's own labels.
    let (route, service) = if same == OVERFLOW { (OVERFLOW, OVERFLOW) } else { ("/", "s") };
    labels().tenant(TENANTS[tenant]).method(same).route(route).service(service).region(same)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_counted_twice(
        label_limit in prop_oneof![1..5_usize, 5..25_usize],
        tenant_limit in 1..5_usize,
        holds_tenants in any::<bool>(),
        steps in prop::collection::vec(steps(), 1..150),
    ) {
        let mut model = Model::new(label_limit, tenant_limit, holds_tenants);
        for step in steps {
            model.step(step);
        }
        model.end();
    }
}
