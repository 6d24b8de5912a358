//! Requests that end at random, beside a counter on the wire.
//!
//! A server and a handler that were written for this count by themselves: the server, which is right outside of the layer,
//! each frame that it was handed, and the handler each frame that it read. Their sums are what must be in the ledger.

use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc, Arc, Mutex,
    },
    task::Poll,
    thread,
    time::Duration,
};

use http::{Request, Response};
use http_body::Body;
use ron_accounting::{export::MemoryLedger, AccError, Accounting, Dimensions};
use ron_accounting_tower::{header, MeterLayer, RequestBody, RequestOutcome, ResponseBody};
use tower::{Layer, Service};

use crate::support::{frame, poll, Script, Step, TENANT};

const TENANTS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];
const DIMENSIONS: [&str; 5] = ["requests", "bytes_in", "bytes_out", "requests_aborted", "requests_failed"];

/// Usage by tenant and dimension.
pub(crate) type Sums = BTreeMap<(&'static str, &'static str), u64>;

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Report {
    /// What the counters outside of the layer saw.
    pub(crate) wire: Sums,
    /// What the ledger has.
    pub(crate) ledger: Sums,
    /// How often the hook was called, of the requests of the layer that has one.
    pub(crate) settled: u64,
    /// How many requests that layer had.
    pub(crate) with_hook: u64,
}

/// Random numbers from a seed.
struct Dice(u64);

impl Dice {
    /// Returns a number below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn script(&mut self) -> Script {
        let steps = (0..self.roll(6)).map(|_| match self.roll(12) {
            0 => Step::Trailers,
            1 | 2 => Step::Wait,
            3 if self.roll(4) == 0 => Step::Error,
            4 if self.roll(20) == 0 => Step::Panic,
            _ => Step::Data(usize::try_from(self.roll(2000)).unwrap_or(0)),
        });
        let script = Script::new(steps.collect::<Vec<_>>());
        match self.roll(3) {
            0 => script.says_end(),
            _ => script,
        }
    }
}

/// What the handler of one request does.
#[derive(Debug, Clone)]
struct Plan {
    tenant: &'static str,
    reads: u64,
    waits: u64,
    keeps_body: bool,
    end: End,
    answer: Arc<Mutex<Option<Script>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Answer(u16),
    Error,
    Panic,
}

/// A response, or a request body, that is dropped by another thread than made it.
enum Parcel {
    Response(Box<ResponseBody<Script>>, &'static str),
    Request(Box<RequestBody<Script>>, &'static str),
}

type Wire = Arc<Mutex<Sums>>;

fn count(wire: &Wire, tenant: &'static str, dimension: &'static str, n: u64) {
    *wire.lock().expect("no counter panics").entry((tenant, dimension)).or_default() += n;
}

/// Runs requests on two threads.
pub(crate) fn run(requests: u64, seed: u64) -> Result<Report, AccError> {
    let mut dimensions = Dimensions::default();
    dimensions.register("requests_aborted")?;
    dimensions.register("requests_failed")?;
    let ledger = MemoryLedger::new();
    let acc = Accounting::builder().dimensions(dimensions).exporter(ledger.clone()).manual_at(0).build()?;
    let settled = Arc::new(AtomicU64::new(0));
    let wire = Wire::default();
    let outcomes = Arc::clone(&wire);
    let settle = Arc::clone(&settled);
    let plain = MeterLayer::new(&acc).tenant(header(TENANT));
    let with_hook = plain.clone().hand_out_usage().on_settled(move |settlement| {
        settle.fetch_add(1, Ordering::Relaxed);
        let tenant = TENANTS.iter().find(|tenant| **tenant == settlement.labels.tenant).expect("one of ours");
        match settlement.outcome {
            RequestOutcome::Complete => {}
            RequestOutcome::AbortedByClient => count(&outcomes, tenant, "requests_aborted", 1),
            RequestOutcome::Failed => count(&outcomes, tenant, "requests_failed", 1),
        }
    });
    // Outcomes are counted where the hook is: it says what the counters are compared with.
    let with_hook = with_hook
        .count_aborted("requests_aborted")
        .and_then(|layer| layer.count_failed("requests_failed"))
        .expect("they are registered above");

    let (senders, receivers): (Vec<_>, Vec<_>) = (0..2).map(|_| mpsc::channel::<Parcel>()).unzip();
    let mut others = senders.into_iter().rev();
    let hooked = AtomicU64::new(0);
    thread::scope(|scope| {
        for (number, mine) in (0..).zip(receivers) {
            let other = others.next().expect("one for each");
            let (wire, acc, hooked, plain, with_hook) = (&wire, &acc, &hooked, &plain, &with_hook);
            scope.spawn(move || {
                let mut dice = Dice(seed.wrapping_mul(2) + number);
                for turn in 0..requests / 2 {
                    let is_hooked = dice.roll(2) == 0;
                    hooked.fetch_add(u64::from(is_hooked), Ordering::Relaxed);
                    one_request(&mut dice, if is_hooked { with_hook } else { plain }, wire, &other);
                    while let Ok(parcel) = mine.try_recv() {
                        consume(&mut dice, parcel, wire);
                    }
                    if number == 0 && turn % 4096 == 0 {
                        let _ = acc.tick((turn / 4096 + 1) * 60_000);
                    }
                }
                drop(other);
                while let Ok(parcel) = mine.recv() {
                    consume(&mut dice, parcel, wire);
                }
            });
        }
    });
    acc.shutdown(Duration::from_secs(30))?;
    let mut sums = Sums::new();
    for tenant in TENANTS {
        for dimension in DIMENSIONS {
            let total = u64::try_from(ledger.total(tenant, dimension)).unwrap_or(u64::MAX);
            if total > 0 {
                sums.insert((tenant, dimension), total);
            }
        }
    }
    let mut wire = std::mem::take(&mut *wire.lock().expect("no counter panics"));
    wire.retain(|_, sum| *sum > 0);
    let (settled, with_hook) = (settled.load(Ordering::Relaxed), hooked.load(Ordering::Relaxed));
    Ok(Report { wire, ledger: sums, settled, with_hook })
}

fn one_request(dice: &mut Dice, layer: &MeterLayer, wire: &Wire, other: &mpsc::Sender<Parcel>) {
    let tenant = TENANTS[usize::try_from(dice.roll(4)).unwrap_or(0)];
    let plan = Plan {
        tenant,
        reads: dice.roll(6),
        waits: dice.roll(3),
        keeps_body: dice.roll(8) == 0,
        end: match dice.roll(40) {
            0 => End::Error,
            1 => End::Panic,
            2 => End::Answer(503),
            3 => End::Answer(204),
            _ => End::Answer(200),
        },
        answer: Arc::new(Mutex::new(Some(dice.script()))),
    };
    count(wire, tenant, "requests", 1);
    let (wires, others) = (Arc::clone(wire), other.clone());
    let mut service = layer.layer(tower::service_fn(move |request| {
        handle(request, plan.clone(), Arc::clone(&wires), others.clone())
    }));
    let request =
        Request::builder().uri("/").header(TENANT, tenant).body(dice.script()).expect("it is valid");
    let work = std::panic::AssertUnwindSafe(|| {
        let mut future = Box::pin(service.call(request));
        for _ in 0..=dice.roll(5) {
            if let Poll::Ready(response) = poll(future.as_mut()) {
                return response.ok().map(|response| Box::new(response.into_body()));
            }
        }
        None
    });
    if let Ok(Some(body)) = std::panic::catch_unwind(work) {
        let parcel = Parcel::Response(body, tenant);
        if dice.roll(4) == 0 {
            let _ = other.send(parcel);
        } else {
            consume(dice, parcel, wire);
        }
    }
}

async fn handle(
    request: Request<RequestBody<Script>>,
    plan: Plan,
    wire: Wire,
    other: mpsc::Sender<Parcel>,
) -> Result<Response<Script>, BrokenService> {
    let mut body = request.into_body();
    for _ in 0..plan.reads {
        if let Poll::Ready(Some(Ok(frame))) = frame(&mut body) {
            count(&wire, plan.tenant, "bytes_in", frame.data_ref().map_or(0, |data| data.len() as u64));
        }
    }
    for _ in 0..plan.waits {
        tokio::task::yield_now().await;
    }
    if plan.keeps_body {
        let _ = other.send(Parcel::Request(Box::new(body), plan.tenant));
    }
    match plan.end {
        End::Answer(status) => {
            let script = plan.answer.lock().ok().and_then(|mut answer| answer.take()).unwrap_or_default();
            Ok(Response::builder().status(status).body(script).unwrap_or_default())
        }
        End::Error => Err(BrokenService),
        End::Panic => panic!("the plan says so"),
    }
}

#[derive(Debug)]
struct BrokenService;

/// Takes some frames of a body and drops it: of a response as the server, of a request as a task that outlives its handler.
fn consume(dice: &mut Dice, parcel: Parcel, wire: &Wire) {
    let work = std::panic::AssertUnwindSafe(|| match parcel {
        Parcel::Response(body, tenant) => take_frames(dice, *body, wire, (tenant, "bytes_out")),
        Parcel::Request(body, tenant) => take_frames(dice, *body, wire, (tenant, "bytes_in")),
    });
    let _ = std::panic::catch_unwind(work);
}

fn take_frames<B>(
    dice: &mut Dice,
    mut body: B,
    wire: &Wire,
    (tenant, dimension): (&'static str, &'static str),
) where
    B: Body<Data = bytes::Bytes> + Unpin,
{
    for _ in 0..dice.roll(8) {
        if body.is_end_stream() {
            break;
        }
        match frame(&mut body) {
            Poll::Ready(Some(Ok(frame))) => {
                count(wire, tenant, dimension, frame.data_ref().map_or(0, |data| data.len() as u64));
            }
            Poll::Ready(_) => break,
            Poll::Pending => {}
        }
    }
}
