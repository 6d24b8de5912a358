//! The ledger: the one acceptance rule, with answers that get lost, and an eye on what it is offered.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ron_accounting_export::{Ack, Exporter, PutError};
use ron_ledger_wire::{
    accept, judge_claim, Acceptance, Claim, ClaimId, ClaimVerdict, Digest, Head, Origin, SealedSlice, Seq,
    StreamId,
};

use crate::{process, report::Failure, setup::Setup, steps::Answer, totals::Totals};

/// One result per slice.
pub type Answers = Vec<Result<Ack, PutError>>;

#[derive(Debug, Clone)]
struct Chain {
    head: Head,
    slices: Vec<SealedSlice>,
}

#[derive(Debug, Clone)]
struct State {
    setup: Arc<Setup>,
    chains: BTreeMap<StreamId, Chain>,
    /// Which opening of a log exports under an origin.
    holders: BTreeMap<Origin, ClaimId>,
    totals: Totals,
    refused: BTreeSet<usize>,
    /// Whether gaps and forks are what has to happen, after clones and restored copies.
    may_fork: bool,
    offence: Option<Failure>,
    stored: u64,
}

/// A ledger in memory. Clones share it.
#[derive(Debug, Clone)]
pub struct Ledger(Arc<Mutex<State>>);

impl Ledger {
    /// An empty ledger.
    pub fn new(setup: &Arc<Setup>) -> Self {
        let totals = setup.totals();
        let setup = Arc::clone(setup);
        let (chains, refused) = (BTreeMap::new(), BTreeSet::new());
        Self(Arc::new(Mutex::new(State {
            setup,
            chains,
            holders: BTreeMap::new(),
            totals,
            refused,
            may_fork: false,
            offence: None,
            stored: 0,
        })))
    }

    /// Another ledger with the same content.
    #[must_use]
    pub fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// Goes back to what a copy holds.
    pub fn restore(&self, copy: &Self) {
        let copy = copy.state().clone();
        let mut state = self.state();
        (state.chains, state.holders, state.totals) = (copy.chains, copy.holders, copy.totals);
    }

    /// Gaps and forks are no offences any more.
    pub fn expect_forks(&self) {
        self.state().may_fork = true;
    }

    /// Refuses a tenant, or takes it again.
    pub fn refuse(&self, tenant: usize, is_refused: bool) {
        let mut state = self.state();
        if is_refused {
            state.refused.insert(tenant);
        } else {
            state.refused.remove(&tenant);
        }
    }

    /// Whether it refuses anybody.
    pub fn refuses_anybody(&self) -> bool {
        !self.state().refused.is_empty()
    }

    /// Takes everyone again.
    pub fn refuse_nobody(&self) {
        self.state().refused.clear();
    }

    /// Units that are stored.
    pub fn totals(&self) -> Totals {
        self.state().totals.clone()
    }

    /// The digest that is stored under a slice's identity.
    pub fn stored(&self, slice: &SealedSlice) -> Option<Digest> {
        let state = self.state();
        let index = usize::try_from(slice.seq().get()).ok()?;
        state.chains.get(slice.stream())?.slices.get(index).map(SealedSlice::digest)
    }

    /// The first thing that was offered and must never be.
    pub fn offence(&self) -> Option<Failure> {
        self.state().offence.clone()
    }

    /// Each stream with the number that comes next.
    pub fn heads(&self) -> BTreeMap<StreamId, Seq> {
        self.state().chains.iter().map(|(stream, chain)| (stream.clone(), chain.head.next_seq())).collect()
    }

    /// Tells contents apart.
    pub fn hash(&self) -> u64 {
        let mut hasher = foldhash::quality::FixedState::with_seed(2).build_hasher();
        for chain in self.state().chains.values() {
            chain.head.next_seq().hash(&mut hasher);
            chain.head.last().hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Offers a batch under a claim, with the answers that it is to give.
    pub fn put(&self, batch: &[SealedSlice], claim: Option<&Claim>, answer: Answer) -> Answers {
        let mut state = self.state();
        match answer {
            Answer::Unavailable => unavailable().for_all(batch),
            Answer::Busy => PutError::Busy.for_all(batch),
            Answer::Dead => Vec::new(),
            Answer::Store => state.put(batch, claim, u64::MAX),
            Answer::Some(mask) => state.put(batch, claim, mask),
            Answer::Lost => {
                state.put(batch, claim, u64::MAX);
                unavailable().for_all(batch)
            }
            Answer::Silent => {
                state.put(batch, claim, u64::MAX);
                Vec::new()
            }
            Answer::Short => {
                let mut answers = state.put(batch, claim, u64::MAX);
                answers.pop();
                answers
            }
            Answer::Long => {
                let mut answers = state.put(batch, claim, u64::MAX);
                answers.push(Ok(Ack::Ok));
                answers
            }
            Answer::SomeLost(mask) => {
                let answers = state.put(batch, claim, u64::MAX);
                let lost =
                    |(index, answer)| if mask >> (index % 64) & 1 == 1 { Err(unavailable()) } else { answer };
                answers.into_iter().enumerate().map(lost).collect()
            }
        }
    }

    /// Checks that the slices of each stream are one chain.
    pub fn verify(&self) -> Result<(), Failure> {
        for (stream, chain) in &self.state().chains {
            let mut head = Head::genesis(stream.clone());
            for slice in &chain.slices {
                match accept(&head, &slice.digest(), slice.bytes()) {
                    Acceptance::Next { head: next, .. } => head = next,
                    other => {
                        return Err(Failure::new("chain", format!("{stream} seq {}: {other:?}", slice.seq())))
                    }
                }
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exporter for Ledger {
    fn put_batch(&self, batch: &[SealedSlice]) -> Answers {
        self.put(batch, None, Answer::Store)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        Ok(self.state().chains.get(stream).map(|chain| chain.head.clone()))
    }
}

impl State {
    /// Stores the slices that `mask` names, in order.
    fn put(&mut self, batch: &[SealedSlice], claim: Option<&Claim>, mask: u64) -> Answers {
        let mut stopped: BTreeSet<StreamId> = BTreeSet::new();
        let mut answers = Vec::with_capacity(batch.len());
        // A mask of nothing is a ledger that is not there.
        let refusal = claim.filter(|_| mask > 0).and_then(|claim| self.judge(claim, batch));
        for (index, slice) in batch.iter().enumerate() {
            let stream = slice.stream();
            let claimed = refusal.as_ref().filter(|(origin, _)| *origin == stream.origin());
            let answer = if let Some((_, refusal)) = claimed {
                answers.push(Err(refusal.clone()));
                continue;
            } else if stopped.contains(stream) {
                Err(process::not_reached())
            } else if mask >> (index % 64) & 1 == 0 {
                Err(unavailable())
            } else if self.refused.contains(&self.setup.tenant(stream.tenant())) {
                Err(PutError::rejected("no such customer"))
            } else {
                self.store(slice)
            };
            if answer.is_err() {
                stopped.insert(stream.clone());
            }
            answers.push(answer);
        }
        answers
    }

    /// Takes an origin over for a claim, or says why it is not given.
    fn judge(&mut self, claim: &Claim, batch: &[SealedSlice]) -> Option<(Origin, PutError)> {
        let origin = claim.origin();
        if !batch.iter().any(|slice| slice.stream().origin() == origin) {
            return None;
        }
        match judge_claim(self.holders.get(&origin).copied(), claim) {
            ClaimVerdict::Held => None,
            ClaimVerdict::Taken => {
                self.holders.insert(origin, claim.holder());
                None
            }
            ClaimVerdict::Refused { current } => Some((origin, PutError::Claimed { origin, current })),
        }
    }

    fn store(&mut self, offered: &SealedSlice) -> Result<Ack, PutError> {
        let stream = offered.stream();
        let chain = self.chains.get(stream);
        let head = chain.map_or_else(|| Head::genesis(stream.clone()), |chain| chain.head.clone());
        match accept(&head, &offered.digest(), offered.bytes()) {
            Acceptance::Next { head, .. } => {
                self.totals.add(self.setup.place(stream), offered.total());
                self.stored += 1;
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
                let stored = chain.and_then(|chain| chain.slices.get(index)).map(SealedSlice::digest);
                match stored {
                    Some(stored) if stored == digest => Ok(Ack::Duplicate),
                    Some(stored) => {
                        self.offend("identity", format!("{stream}: there are two slices {seq}"));
                        Err(PutError::Conflict { stored, offered: digest })
                    }
                    None => Err(PutError::rejected(format!("seq {seq} is not in the ledger"))),
                }
            }
            Acceptance::Gap { expected, found } => {
                self.offend("order", format!("{stream}: expects slice {expected} and was offered {found}"));
                Err(PutError::Gap { expected, found })
            }
            Acceptance::Reject(rejection) => {
                self.offend("chain", format!("{stream}: {rejection}"));
                Err(rejection.into())
            }
        }
    }

    fn offend(&mut self, check: &'static str, detail: String) {
        if !self.may_fork && self.offence.is_none() {
            self.offence = Some(Failure::new(check, detail));
        }
    }
}

/// The answer of a ledger that is away.
pub(crate) fn unavailable() -> PutError {
    PutError::unavailable("the simulated ledger is away")
}
