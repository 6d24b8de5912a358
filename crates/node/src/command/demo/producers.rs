//! Threads that record. Each keeps a tally of its own, which the engine is compared with.

use std::{
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        Arc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context;
use ron_accounting::{labels, Accounting, Dimension, Labels, Meter};

/// A dimension that is not built in.
pub(super) const TOKENS: &str = "tokens";

const DIMENSIONS: [&str; 4] = ["requests", "bytes_in", "bytes_out", TOKENS];

/// Method and route of the label sets, as a request has them: `#` is a number, which normalization takes out again.
const ENDPOINTS: [(&str, &str); 8] = [
    ("GET", "/v1/feed"),
    ("GET", "/v1/objects/#"),
    ("PUT", "/v1/objects/#"),
    ("DELETE", "/v1/objects/#"),
    ("GET", "/v1/users/#/inbox"),
    ("POST", "/v1/users/#/messages"),
    ("POST", "/v1/completions"),
    ("GET", "/health"),
];

/// How many different numbers replace each `#`.
const NUMBERS: usize = 4;

/// How long a thread records before it rests, so that the demo leaves time for other programs.
const BURST: Duration = Duration::from_micros(400);
const REST: Duration = Duration::from_micros(1600);
const BURST_REQUESTS_MIN: usize = 256;

/// The requests that the threads record.
#[derive(Debug)]
pub(super) struct Workload {
    tenants: Vec<String>,
    requests: Vec<Request>,
}

#[derive(Debug)]
struct Request {
    tenant: usize,
    method: &'static str,
    target: String,
}

impl Workload {
    pub(super) fn new(tenants: usize) -> Self {
        let tenants: Vec<String> = (0..tenants).map(|number| format!("tenant-{number:02}")).collect();
        let mut requests = Vec::new();
        for tenant in 0..tenants.len() {
            for (method, route) in ENDPOINTS {
                for number in 0..if route.contains('#') { NUMBERS } else { 1 } {
                    let target = route.replace('#', &(4711 + number).to_string());
                    requests.push(Request { tenant, method, target });
                }
            }
        }
        Self { tenants, requests }
    }

    /// Returns how many label sets there are after normalization.
    pub(super) fn label_sets(&self) -> usize {
        self.tenants.len() * ENDPOINTS.len()
    }
}

/// Units per tenant and dimension.
type Tally = Vec<[u64; DIMENSIONS.len()]>;

/// Threads that are recording.
#[derive(Debug)]
pub(super) struct Producers {
    workload: Arc<Workload>,
    stop: Arc<AtomicBool>,
    increments: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Tally>>,
}

impl Producers {
    pub(super) fn start(
        accounting: &Accounting,
        workload: Workload,
        tokens: Dimension,
        threads: usize,
    ) -> anyhow::Result<Self> {
        let mut producers = Self {
            workload: Arc::new(workload),
            stop: Arc::default(),
            increments: Arc::default(),
            threads: Vec::with_capacity(threads),
        };
        for number in 0..threads {
            let producer = Producer {
                accounting: accounting.clone(),
                workload: Arc::clone(&producers.workload),
                dimensions: [Dimension::REQUESTS, Dimension::BYTES_IN, Dimension::BYTES_OUT, tokens],
                tally: vec![[0; DIMENSIONS.len()]; producers.workload.tenants.len()],
                random: 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number as u64 + 1),
            };
            let (stop, increments) = (Arc::clone(&producers.stop), Arc::clone(&producers.increments));
            let thread = thread::Builder::new()
                .name(format!("producer-{number}"))
                .spawn(move || producer.record_until(&stop, &increments))
                .context("cannot start a thread: ask for fewer with --threads")?;
            producers.threads.push(thread);
        }
        Ok(producers)
    }

    /// Returns the number of increments so far. The newest are not included yet.
    pub(super) fn increments(&self) -> u64 {
        self.increments.load(Ordering::Relaxed)
    }

    /// Stops the threads, and returns what they recorded: tenant, dimension, units.
    pub(super) fn stop(self) -> Vec<(String, &'static str, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut recorded = Vec::new();
        for thread in self.threads {
            // A thread that panicked has no tally, so the balance says `no`, as it should.
            let Ok(tally) = thread.join() else { continue };
            for (tenant, units) in self.workload.tenants.iter().zip(tally) {
                recorded.extend(
                    DIMENSIONS.into_iter().zip(units).map(|(name, units)| (tenant.clone(), name, units)),
                );
            }
        }
        recorded
    }
}

struct Producer {
    accounting: Accounting,
    workload: Arc<Workload>,
    dimensions: [Dimension; DIMENSIONS.len()],
    tally: Tally,
    random: u64,
}

impl Producer {
    fn record_until(mut self, stop: &AtomicBool, increments: &AtomicU64) -> Tally {
        let workload = Arc::clone(&self.workload);
        let requests = &workload.requests;
        // Half of the requests go through handles, as a service's hottest code does, and half through labels.
        let meters: Vec<Meter> =
            requests.iter().map(|request| self.accounting.meter(&request.labels(&workload))).collect();
        while !stop.load(Ordering::Relaxed) {
            let burst = Instant::now();
            let mut recorded = 0;
            while burst.elapsed() < BURST {
                for _ in 0..BURST_REQUESTS_MIN {
                    let random = self.next_random();
                    let index = usize::try_from(random >> 40).unwrap_or(0) % requests.len().max(1);
                    let Some((request, meter)) = requests.get(index).zip(meters.get(index)) else { continue };
                    let by_meter = random & 1 == 0;
                    self.record(request, by_meter.then_some(meter), random);
                }
                recorded += (BURST_REQUESTS_MIN * DIMENSIONS.len()) as u64;
            }
            increments.fetch_add(recorded, Ordering::Relaxed);
            thread::sleep(REST);
        }
        self.tally
    }

    /// Counts one request twice: in the engine and in the tally.
    fn record(&mut self, request: &Request, meter: Option<&Meter>, random: u64) {
        let units = [1, random >> 1 & 0x3ff, random >> 11 & 0xffff, random >> 27 & 0x7f];
        let [requests, bytes_in, bytes_out, tokens] = self.dimensions;
        let [one, received, sent, spent] = units;
        let amounts = [(requests, one), (bytes_in, received), (bytes_out, sent), (tokens, spent)];
        match meter {
            Some(meter) => {
                for (dimension, units) in amounts {
                    meter.record(dimension, units);
                }
            }
            None => self.accounting.record_each(&request.labels(&self.workload), &amounts),
        }
        if let Some(tally) = self.tally.get_mut(request.tenant) {
            for (sum, units) in tally.iter_mut().zip(units) {
                *sum += units;
            }
        }
    }

    /// Returns the next number of an xorshift generator, which is fast and good enough to pick requests.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

impl Request {
    fn labels<'a>(&'a self, workload: &'a Workload) -> Labels<'a> {
        let tenant = workload.tenants.get(self.tenant).map_or("", String::as_str);
        labels().tenant(tenant).method(self.method).route(&self.target).service("demo").region("local")
    }
}
