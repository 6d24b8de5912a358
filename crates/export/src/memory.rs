//! A ledger in memory with faults to inject, for tests of programs that export.
//!
//! It keeps the exact bytes and follows the same acceptance rule as every other ledger, so that a program that passes with it
//! works with a durable one. It is also the reference for the exporter contract.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ron_ledger_wire::{
    accept, judge_claim, Acceptance, Claim, ClaimId, ClaimVerdict, Head, Origin, SealedSlice, StreamId,
};

use crate::{Ack, Exporter, PutError};

/// A ledger in memory. Clones are handles to the same ledger, like two connections to one database.
///
/// ```
/// use ron_accounting_export::{memory::MemoryLedger, Ack, Exporter};
/// use ron_ledger_wire::{Origin, Row, RowKey, Seq, Slice, StreamId};
///
/// let slice = Slice {
///     stream: StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests"),
///     seq: Seq::FIRST,
///     start_ms: 0,
///     end_ms: 60_000,
///     previous: None,
///     rows: vec![Row { key: RowKey::Account { namespace: 1, id: 42 }, increment: 3 }],
/// }
/// .encode()?;
///
/// let ledger = MemoryLedger::new();
/// ledger.lose_acknowledgements(1);
/// assert!(ledger.put_batch(&[slice.clone()])[0].is_err(), "stored, but the answer was lost");
/// assert_eq!(ledger.put_batch(&[slice])[0], Ok(Ack::Duplicate));
/// assert_eq!(ledger.total("acme", "requests"), 3);
/// # Ok::<(), ron_ledger_wire::EncodeError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    chains: BTreeMap<StreamId, Chain>,
    /// Increments by tenant and dimension.
    totals: BTreeMap<(String, String), u128>,
    /// The opening of a log that exports under each origin.
    holders: BTreeMap<Origin, ClaimId>,
    faults: Faults,
    puts: u64,
}

#[derive(Debug)]
struct Chain {
    head: Head,
    /// In the order of their sequence numbers, from 0.
    slices: Vec<SealedSlice>,
}

#[derive(Debug, Default)]
struct Faults {
    unavailable: bool,
    puts_to_fail: usize,
    acknowledgements_to_lose: usize,
    batches_to_answer_short: usize,
    refused: BTreeMap<StreamId, PutError>,
}

impl MemoryLedger {
    /// Returns an empty ledger without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns every stored slice, sorted by stream and then by sequence number.
    #[must_use]
    pub fn slices(&self) -> Vec<SealedSlice> {
        self.lock().chains.values().flat_map(|chain| chain.slices.iter().cloned()).collect()
    }

    /// Returns the stored slices of one stream in order.
    #[must_use]
    pub fn slices_of(&self, stream: &StreamId) -> Vec<SealedSlice> {
        self.lock().chains.get(stream).map(|chain| chain.slices.clone()).unwrap_or_default()
    }

    /// Returns the sum of all increments for each pair of tenant and dimension, over all origins.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<(String, String), u128> {
        self.lock().totals.clone()
    }

    /// Returns the sum of all increments of one tenant and dimension, over all origins.
    #[must_use]
    pub fn total(&self, tenant: &str, dimension: &str) -> u128 {
        let key = (tenant.to_owned(), dimension.to_owned());
        self.lock().totals.get(&key).copied().unwrap_or(0)
    }

    /// Returns the opening of a log that exports under this origin; `None` before the first put with a claim.
    #[must_use]
    pub fn holder(&self, origin: Origin) -> Option<ClaimId> {
        self.lock().holders.get(&origin).copied()
    }

    /// Returns how many slices were judged so far, whatever the answer. Slices that were not reached and those of a refused claim
    /// do not count.
    #[must_use]
    pub fn puts(&self) -> u64 {
        self.lock().puts
    }

    /// Makes the ledger unreachable (true), or reachable again (false).
    pub fn set_unavailable(&self, unavailable: bool) {
        self.lock().faults.unavailable = unavailable;
    }

    /// Answers the next `count` slices with [`PutError::Unavailable`], and does not store them.
    pub fn fail_puts(&self, count: usize) {
        self.lock().faults.puts_to_fail = count;
    }

    /// Answers the next `count` slices that are stored with [`PutError::Unavailable`], as if the connection broke between the
    /// commit and the answer.
    pub fn lose_acknowledgements(&self, count: usize) {
        self.lock().faults.acknowledgements_to_lose = count;
    }

    /// Processes the next `count` batches, but leaves out the answer to their first slice. Callers must not take such answers
    /// for those of other slices.
    pub fn answer_short(&self, count: usize) {
        self.lock().faults.batches_to_answer_short = count;
    }

    /// Answers slices of this stream with this error from now on, and does not store them. `None` ends that.
    pub fn refuse(&self, stream: &StreamId, error: Option<PutError>) {
        let refused = &mut self.lock().faults.refused;
        match error {
            Some(error) => refused.insert(stream.clone(), error),
            None => refused.remove(stream),
        };
    }

    /// Takes the lock, even after a panic of another thread: a slice is applied after all checks, so nothing is half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exporter for MemoryLedger {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        self.lock().answer(None, batch)
    }

    fn put_claimed(&self, claim: &Claim, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        self.lock().answer(Some(claim), batch)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        let state = self.lock();
        if state.faults.unavailable {
            return Err(unavailable());
        }
        Ok(state.chains.get(stream).map(|chain| chain.head.clone()))
    }
}

impl State {
    fn answer(&mut self, claim: Option<&Claim>, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        let mut answers = self.put_all(claim, batch);
        if take_one(&mut self.faults.batches_to_answer_short) {
            answers.drain(..1.min(answers.len()));
        }
        answers
    }

    /// Puts slices in order. The first slice of a stream that is not stored ends its run.
    fn put_all(&mut self, claim: Option<&Claim>, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        let refusal = claim.and_then(|claim| Some((claim.origin(), self.judge(claim, batch)?)));
        let mut refused: BTreeSet<&StreamId> = BTreeSet::new();
        let answers = batch.iter().map(|slice| {
            let origin = slice.stream().origin();
            if let Some((_, error)) = refusal.as_ref().filter(|(claimed, _)| *claimed == origin) {
                return Err(error.clone());
            }
            if refused.contains(slice.stream()) {
                return Err(PutError::NotReached);
            }
            let answer = self.put(slice);
            if answer.is_err() {
                refused.insert(slice.stream());
            }
            answer
        });
        answers.collect()
    }

    /// Takes the origin over for a claim, or returns why the claim is refused.
    fn judge(&mut self, claim: &Claim, batch: &[SealedSlice]) -> Option<PutError> {
        let origin = claim.origin();
        if self.faults.unavailable || !batch.iter().any(|slice| slice.stream().origin() == origin) {
            return None;
        }
        match judge_claim(self.holders.get(&origin).copied(), claim) {
            ClaimVerdict::Held => None,
            ClaimVerdict::Taken => {
                self.holders.insert(origin, claim.holder());
                None
            }
            ClaimVerdict::Refused { current } => Some(PutError::Claimed { origin, current }),
        }
    }

    fn put(&mut self, slice: &SealedSlice) -> Result<Ack, PutError> {
        self.puts = self.puts.saturating_add(1);
        if self.faults.unavailable || take_one(&mut self.faults.puts_to_fail) {
            return Err(unavailable());
        }
        if let Some(error) = self.faults.refused.get(slice.stream()) {
            return Err(error.clone());
        }
        let ack = self.store(slice)?;
        if ack == Ack::Ok && take_one(&mut self.faults.acknowledgements_to_lose) {
            return Err(unavailable());
        }
        Ok(ack)
    }

    fn store(&mut self, offered: &SealedSlice) -> Result<Ack, PutError> {
        let stream = offered.stream();
        let chain = self.chains.get(stream);
        let head = chain.map_or_else(|| Head::genesis(stream.clone()), |chain| chain.head.clone());
        match accept(&head, &offered.digest(), offered.bytes()) {
            Acceptance::Next { slice, head } => {
                let key = (stream.tenant().to_owned(), stream.dimension().to_owned());
                let total = self.totals.entry(key).or_default();
                *total = slice.rows.iter().fold(*total, |sum, row| sum.saturating_add(row.increment.into()));
                let chain = self
                    .chains
                    .entry(stream.clone())
                    .or_insert_with(|| Chain { head: head.clone(), slices: Vec::new() });
                chain.head = head;
                chain.slices.push(offered.clone());
                Ok(Ack::Ok)
            }
            Acceptance::Repeated { seq, digest } => {
                let index = usize::try_from(seq.get()).unwrap_or(usize::MAX);
                match chain.and_then(|chain| chain.slices.get(index)) {
                    Some(stored) if stored.digest() == digest => Ok(Ack::Duplicate),
                    Some(stored) => Err(PutError::Conflict { stored: stored.digest(), offered: digest }),
                    None => Err(PutError::rejected(format!("seq {seq} is not in the ledger"))),
                }
            }
            Acceptance::Gap { expected, found } => Err(PutError::Gap { expected, found }),
            Acceptance::Reject(rejection) => Err(rejection.into()),
        }
    }
}

fn unavailable() -> PutError {
    PutError::unavailable("fault injected into the in-memory ledger")
}

fn take_one(count: &mut usize) -> bool {
    let any = *count > 0;
    *count = count.saturating_sub(1);
    any
}
