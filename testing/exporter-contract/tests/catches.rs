//! Each rule of the contract finds the ledger that breaks it.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failed assertion, wherever it stands.

use std::{
    collections::{HashMap, HashSet},
    panic::{catch_unwind, AssertUnwindSafe},
    sync::{Arc, Barrier, Mutex},
    thread::{self, ThreadId},
};

use ron_accounting_export::{memory::MemoryLedger, Ack, Exporter, PutError};
use ron_accounting_exporter_contract::{case_names, check, check_reopening};
use ron_ledger_wire::{
    judge_claim, Claim, ClaimId, ClaimVerdict, Digest, Head, Origin, SealedSlice, Seq, StreamId,
    SLICE_BYTES_MAX, TEXT_BYTES_MAX,
};

type Answer = Result<Ack, PutError>;
type Put = fn(&MemoryLedger, &[SealedSlice]) -> Vec<Answer>;
type ReadHead = fn(&MemoryLedger, &StreamId) -> Result<Option<Head>, PutError>;

/// A right ledger behind a wrong door.
struct Defective {
    ledger: MemoryLedger,
    put: Put,
    head: ReadHead,
}

impl Exporter for Defective {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Answer> {
        (self.put)(&self.ledger, batch)
    }

    fn put_claimed(&self, claim: &Claim, batch: &[SealedSlice]) -> Vec<Answer> {
        self.ledger.put_claimed(claim, batch)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        (self.head)(&self.ledger, stream)
    }
}

/// Which case finds the defect, if any.
fn finds(run: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(run)).err()?;
    let message = panic.downcast_ref::<String>().expect("a contract panics with a message");
    let (_, rest) = message.split_once("case `").expect("the message names the case");
    rest.split_once('`').map(|(case, _)| case.to_owned())
}

fn finds_put(put: Put) -> Option<String> {
    finds(|| {
        check(|| {
            Box::new(Defective {
                ledger: MemoryLedger::new(),
                put,
                head: |ledger, stream| ledger.head(stream),
            })
        });
    })
}

fn finds_head(head: ReadHead) -> Option<String> {
    finds(|| {
        check(|| {
            Box::new(Defective {
                ledger: MemoryLedger::new(),
                put: |ledger, batch| ledger.put_batch(batch),
                head,
            })
        });
    })
}

fn map(
    ledger: &MemoryLedger,
    batch: &[SealedSlice],
    mut change: impl FnMut(&SealedSlice, Answer) -> Answer,
) -> Vec<Answer> {
    batch.iter().zip(ledger.put_batch(batch)).map(|(slice, answer)| change(slice, answer)).collect()
}

/// Puts slice by slice. `ends` says whether this answer ends the run of its stream.
fn put_each(
    batch: &[SealedSlice],
    ends: fn(&Answer) -> bool,
    mut put: impl FnMut(&SealedSlice) -> Answer,
) -> Vec<Answer> {
    let mut ended = HashSet::new();
    let put = |slice: &SealedSlice| {
        if ended.contains(slice.stream()) {
            return Err(PutError::NotReached);
        }
        let answer = put(slice);
        if ends(&answer) {
            ended.insert(slice.stream().clone());
        }
        answer
    };
    batch.iter().map(put).collect()
}

fn put_runs(ledger: &MemoryLedger, batch: &[SealedSlice], ends: fn(&Answer) -> bool) -> Vec<Answer> {
    put_each(batch, ends, |slice| ledger.put_batch(std::slice::from_ref(slice)).remove(0))
}

#[test]
fn a_right_ledger_passes() {
    assert_eq!(finds_put(MemoryLedger::put_batch), None);
    assert_eq!(finds_head(MemoryLedger::head), None);
}

#[test]
fn wrong_answers_are_found() {
    let repeats_are_new: Put = |ledger, batch| map(ledger, batch, |_, answer| answer.map(|_| Ack::Ok));
    let forks_are_duplicates: Put = |ledger, batch| {
        map(ledger, batch, |_, answer| match answer {
            Err(PutError::Conflict { .. }) => Ok(Ack::Duplicate),
            answer => answer,
        })
    };
    let evidence_is_swapped: Put = |ledger, batch| {
        map(ledger, batch, |_, answer| match answer {
            Err(PutError::Conflict { stored, offered }) => {
                Err(PutError::Conflict { stored: offered, offered: stored })
            }
            answer => answer,
        })
    };
    let gaps_are_busy: Put = |ledger, batch| {
        map(ledger, batch, |_, answer| match answer {
            Err(PutError::Gap { .. }) => Err(PutError::Busy),
            answer => answer,
        })
    };
    let links_are_ignored: Put = |ledger, batch| {
        map(ledger, batch, |_, answer| match answer {
            Err(PutError::Rejected { .. }) => Ok(Ack::Ok),
            answer => answer,
        })
    };
    let old_identities_are_forgotten: Put = |ledger, batch| {
        map(ledger, batch, |slice, answer| match answer {
            Ok(Ack::Duplicate) if slice.seq().get() + 3 < ledger.slices_of(slice.stream()).len() as u64 => {
                Err(PutError::rejected("too old"))
            }
            answer => answer,
        })
    };
    assert_eq!(finds_put(repeats_are_new).unwrap(), "a_repeat_is_a_duplicate_and_changes_nothing");
    assert_eq!(
        finds_put(old_identities_are_forgotten).unwrap(),
        "a_repeat_is_a_duplicate_and_changes_nothing"
    );
    assert_eq!(finds_put(forks_are_duplicates).unwrap(), "a_fork_is_a_conflict_with_both_digests");
    assert_eq!(finds_put(evidence_is_swapped).unwrap(), "a_fork_is_a_conflict_with_both_digests");
    assert_eq!(finds_put(gaps_are_busy).unwrap(), "a_gap_is_refused");
    assert_eq!(finds_put(links_are_ignored).unwrap(), "a_broken_link_is_refused");
}

#[test]
fn wrong_batches_are_found() {
    let one_answer_short: Put = |ledger, batch| ledger.put_batch(batch).into_iter().skip(1).collect();
    let an_answer_too_many: Put = |ledger, batch| {
        let mut answers = ledger.put_batch(batch);
        answers.push(Ok(Ack::Ok));
        answers
    };
    let reversed: Put = |ledger, batch| ledger.put_batch(batch).into_iter().rev().collect();
    let all_or_nothing: Put = |ledger, batch| {
        let trial = MemoryLedger::new();
        trial.put_batch(&ledger.slices());
        match trial.put_batch(batch).into_iter().find_map(Result::err) {
            Some(error) => error.for_all(batch),
            None => ledger.put_batch(batch),
        }
    };
    let stops_at_the_first_error: Put = |ledger, batch| {
        let mut answers: Vec<Answer> = Vec::new();
        for slice in batch {
            let failed = answers.iter().any(Result::is_err);
            answers.push(if failed {
                Err(PutError::Busy)
            } else {
                ledger.put_batch(std::slice::from_ref(slice)).remove(0)
            });
        }
        answers
    };
    assert_eq!(finds_put(one_answer_short).unwrap(), "a_chain_is_accepted_in_order");
    assert_eq!(finds_put(an_answer_too_many).unwrap(), "a_chain_is_accepted_in_order");
    let mixed = "a_batch_answers_per_slice_and_keeps_the_good_ones";
    assert_eq!(finds_put(reversed).unwrap(), mixed);
    assert_eq!(finds_put(all_or_nothing).unwrap(), mixed);
    assert_eq!(finds_put(stops_at_the_first_error).unwrap(), mixed);
}

#[test]
fn wrong_runs_are_found() {
    let right: Put = |ledger, batch| put_runs(ledger, batch, Result::is_err);
    let one_slice_of_a_stream_per_batch: Put = |ledger, batch| put_runs(ledger, batch, |_| true);
    let goes_on_behind_a_refusal: Put = |ledger, batch| put_runs(ledger, batch, |_| false);
    let stores_what_it_says_is_not_reached: Put = |ledger, batch| {
        let mut refused = HashSet::new();
        let answers = put_runs(ledger, batch, |_| false);
        let answers = batch.iter().zip(answers).map(|(slice, answer)| {
            let is_behind = refused.contains(slice.stream());
            if answer.is_err() {
                refused.insert(slice.stream().clone());
            }
            if is_behind {
                Err(PutError::NotReached)
            } else {
                answer
            }
        });
        answers.collect()
    };
    let sorts_runs: Put = |ledger, batch| {
        let mut order: Vec<usize> = (0..batch.len()).collect();
        order.sort_by_key(|index| {
            let slice = &batch[*index];
            (slice.stream().clone(), slice.seq())
        });
        let sorted: Vec<SealedSlice> = order.iter().map(|index| batch[*index].clone()).collect();
        let mut answers = vec![Err(PutError::NotReached); batch.len()];
        for (index, answer) in order.into_iter().zip(ledger.put_batch(&sorted)) {
            answers[index] = answer;
        }
        answers
    };
    let goes_on_behind_a_fork: Put = |ledger, batch| {
        put_runs(ledger, batch, |answer| !matches!(answer, Ok(_) | Err(PutError::Conflict { .. })))
    };
    let a_repeated_head_means_a_repeated_run: Put = |ledger, batch| {
        let mut repeated = HashMap::new();
        map(ledger, batch, |slice, answer| {
            let is_repeated = *repeated.entry(slice.stream().clone()).or_insert(answer == Ok(Ack::Duplicate));
            answer.map(|ack| if is_repeated { Ack::Duplicate } else { ack })
        })
    };
    let a_repeat_behind_a_new_slice_is_new: Put = |ledger, batch| {
        let mut new = HashSet::new();
        map(ledger, batch, |slice, answer| {
            if answer == Ok(Ack::Ok) {
                new.insert(slice.stream().clone());
            }
            answer.map(|ack| if new.contains(slice.stream()) { Ack::Ok } else { ack })
        })
    };
    assert_eq!(finds_put(right), None);
    let refusal = "a_refusal_ends_the_run_of_its_stream_alone";
    assert_eq!(finds_put(one_slice_of_a_stream_per_batch).unwrap(), "a_run_is_stored_as_a_whole");
    assert_eq!(finds_put(goes_on_behind_a_refusal).unwrap(), refusal);
    assert_eq!(finds_put(stores_what_it_says_is_not_reached).unwrap(), refusal);
    assert_eq!(finds_put(sorts_runs).unwrap(), "a_gap_ends_a_run");
    assert_eq!(finds_put(goes_on_behind_a_fork).unwrap(), "a_fork_ends_a_run");
    let lost = "a_run_whose_answers_were_lost_is_offered_again";
    assert_eq!(finds_put(a_repeated_head_means_a_repeated_run).unwrap(), lost);
    let repeats = "a_run_may_have_duplicates_before_and_after_new_slices";
    assert_eq!(finds_put(a_repeat_behind_a_new_slice_is_new).unwrap(), repeats);
}

#[test]
fn limits_that_are_too_low_are_found() {
    fn refuse_if(
        ledger: &MemoryLedger,
        batch: &[SealedSlice],
        too_much: fn(&SealedSlice) -> bool,
    ) -> Vec<Answer> {
        let put = |slice: &SealedSlice| {
            if too_much(slice) {
                return Err(PutError::rejected("too much"));
            }
            ledger.put_batch(std::slice::from_ref(slice)).remove(0)
        };
        put_each(batch, Result::is_err, put)
    }
    let size: Put =
        |ledger, batch| refuse_if(ledger, batch, |slice| slice.bytes().len() + 64 > SLICE_BYTES_MAX);
    let names: Put =
        |ledger, batch| refuse_if(ledger, batch, |slice| slice.stream().dimension().len() >= TEXT_BYTES_MAX);
    let increment: Put = |ledger, batch| {
        refuse_if(ledger, batch, |slice| slice.row_count() == 1 && slice.total() > i64::MAX as u128)
    };
    assert_eq!(finds_put(size).unwrap(), "a_slice_of_full_size_is_accepted");
    assert_eq!(finds_put(names).unwrap(), "the_longest_names_are_accepted");
    assert_eq!(finds_put(increment).unwrap(), "the_largest_increment_is_accepted");
}

#[test]
fn wrong_heads_are_found() {
    let unknown_is_genesis: ReadHead =
        |ledger, stream| Ok(Some(ledger.head(stream)?.unwrap_or_else(|| Head::genesis(stream.clone()))));
    let one_behind: ReadHead = |ledger, stream| {
        let head = ledger.head(stream)?;
        Ok(head.map(|head| Head::new(stream.clone(), head.next_seq().checked_prev().unwrap(), head.last())))
    };
    let another_digest: ReadHead = |ledger, stream| {
        let head = ledger.head(stream)?;
        Ok(head.map(|head| Head::new(stream.clone(), head.next_seq(), Some(Digest::of(b"")))))
    };
    assert_eq!(finds_head(unknown_is_genesis).unwrap(), "a_gap_is_refused");
    assert_eq!(finds_head(one_behind).unwrap(), "a_chain_is_accepted_in_order");
    assert_eq!(finds_head(another_digest).unwrap(), "a_chain_is_accepted_in_order");
}

/// Keeps a ledger for each key that a slice's stream, or its thread, is reduced to.
struct Split<K> {
    key: fn(&StreamId) -> K,
    ledgers: Mutex<HashMap<K, MemoryLedger>>,
}

impl<K: std::hash::Hash + Eq + Send> Exporter for Split<K> {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Answer> {
        let mut ledgers = self.ledgers.lock().unwrap();
        let put = |slice: &SealedSlice| {
            let ledger = ledgers.entry((self.key)(slice.stream())).or_default();
            ledger.put_batch(std::slice::from_ref(slice)).remove(0)
        };
        put_each(batch, Result::is_err, put)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        self.ledgers.lock().unwrap().entry((self.key)(stream)).or_default().head(stream)
    }
}

#[test]
fn a_ledger_that_each_thread_sees_its_own_way_is_found() {
    let found = finds(|| {
        check(|| Box::new(Split::<ThreadId> { key: |_| thread::current().id(), ledgers: Mutex::default() }));
    });
    assert_eq!(found.unwrap(), "threads_on_different_streams_do_not_disturb_each_other");
}

/// Looks first and stores later, with time in between for somebody else: no transaction.
#[derive(Default)]
struct Racy {
    slices: Mutex<HashMap<StreamId, Vec<SealedSlice>>>,
}

impl Exporter for Racy {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Answer> {
        let put = |slice: &SealedSlice| {
            let trial = MemoryLedger::new();
            trial.put_batch(&self.slices.lock().unwrap().get(slice.stream()).cloned().unwrap_or_default());
            for _ in 0..100 {
                thread::yield_now();
            }
            let answer = trial.put_batch(std::slice::from_ref(slice)).remove(0);
            if answer == Ok(Ack::Ok) {
                self.slices.lock().unwrap().entry(slice.stream().clone()).or_default().push(slice.clone());
            }
            answer
        };
        put_each(batch, Result::is_err, put)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        let trial = MemoryLedger::new();
        trial.put_batch(&self.slices.lock().unwrap().get(stream).cloned().unwrap_or_default());
        trial.head(stream)
    }
}

#[test]
fn a_ledger_without_transactions_is_found() {
    let found = finds(|| check(|| Box::new(Racy::default()))).unwrap();
    let races = ["threads_on_one_stream_store_each_slice_once", "of_two_forks_at_once_one_wins"];
    assert!(races.contains(&found.as_str()), "found by {found}");
}

/// Takes streams with the same reduced name for one.
#[derive(Clone)]
struct Confused {
    name: fn(&StreamId) -> String,
    heads: Arc<Mutex<HashMap<String, Vec<Digest>>>>,
}

impl Exporter for Confused {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Answer> {
        let mut heads = self.heads.lock().unwrap();
        let put = |slice: &SealedSlice| {
            let stored = heads.entry((self.name)(slice.stream())).or_default();
            match (usize::try_from(slice.seq().get()).unwrap(), stored.len()) {
                (seq, length) if seq > length => {
                    Err(PutError::Gap { expected: Seq::new(length as u64), found: slice.seq() })
                }
                (seq, length) if seq == length => {
                    if slice.previous() != stored.last().copied() {
                        return Err(PutError::rejected("link"));
                    }
                    stored.push(slice.digest());
                    Ok(Ack::Ok)
                }
                (seq, _) if stored[seq] == slice.digest() => Ok(Ack::Duplicate),
                (seq, _) => Err(PutError::Conflict { stored: stored[seq], offered: slice.digest() }),
            }
        };
        put_each(batch, Result::is_err, put)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        let heads = self.heads.lock().unwrap();
        let stored = heads.get(&(self.name)(stream)).filter(|stored| !stored.is_empty());
        Ok(stored
            .map(|stored| Head::new(stream.clone(), Seq::new(stored.len() as u64), stored.last().copied())))
    }
}

#[test]
fn confused_streams_are_found() {
    let find = |name| finds(|| check(|| Box::new(Confused { name, heads: Arc::default() })));
    let full = |stream: &StreamId| format!("{:?}", (stream.origin(), stream.tenant(), stream.dimension()));
    let copies = "another_copy_is_refused_for_every_slice";
    assert_eq!(find(full).unwrap(), copies, "it keeps streams apart, and judges no claim");
    let apart = "streams_are_independent";
    assert_eq!(find(|stream| stream.tenant().to_owned()).unwrap(), apart);
    assert_eq!(find(|stream| format!("{:?}", (stream.tenant(), stream.dimension()))).unwrap(), apart);
    assert_eq!(find(|stream| format!("{:?}", (stream.origin(), stream.tenant()))).unwrap(), apart);
    let alike = "streams_that_look_alike_are_kept_apart";
    assert_eq!(find(StreamId::to_string).unwrap(), alike, "a slash within a name");
    let lower = |stream: &StreamId| format!("{stream:?}").to_lowercase();
    assert_eq!(find(lower).unwrap(), alike, "upper and lower case");
}

type Holders = Mutex<HashMap<Origin, ClaimId>>;
type PutClaimed = fn(&MemoryLedger, &Holders, &Claim, &[SealedSlice]) -> Vec<Answer>;

/// A right ledger that judges claims in its own way.
#[derive(Clone)]
struct Claiming {
    ledger: MemoryLedger,
    holders: Arc<Holders>,
    put: PutClaimed,
}

impl Exporter for Claiming {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Answer> {
        self.ledger.put_batch(batch)
    }

    fn put_claimed(&self, claim: &Claim, batch: &[SealedSlice]) -> Vec<Answer> {
        (self.put)(&self.ledger, &self.holders, claim, batch)
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        self.ledger.head(stream)
    }
}

/// Judges as the contract wants it. `origin` is what the holder is kept for.
fn judge(holders: &Holders, origin: Origin, claim: &Claim) -> Option<PutError> {
    let mut holders = holders.lock().unwrap();
    match judge_claim(holders.get(&origin).copied(), claim) {
        ClaimVerdict::Refused { current } => Some(PutError::Claimed { origin: claim.origin(), current }),
        ClaimVerdict::Held | ClaimVerdict::Taken => {
            holders.insert(origin, claim.holder());
            None
        }
    }
}

fn has_own(claim: &Claim, batch: &[SealedSlice]) -> bool {
    batch.iter().any(|slice| slice.stream().origin() == claim.origin())
}

/// Puts all, but answers this error for slices of the claim's origin without putting them.
fn put_others(ledger: &MemoryLedger, claim: &Claim, batch: &[SealedSlice], error: &PutError) -> Vec<Answer> {
    put_each(
        batch,
        |_| false,
        |slice| {
            if slice.stream().origin() == claim.origin() {
                return Err(error.clone());
            }
            ledger.put_batch(std::slice::from_ref(slice)).remove(0)
        },
    )
}

static BOTH_ARE_JUDGED: Barrier = Barrier::new(2);

#[test]
#[allow(clippy::too_many_lines)] // A list of defects.
fn wrong_claims_are_found() {
    let find = |put: PutClaimed| {
        finds(|| {
            check(|| Box::new(Claiming { ledger: MemoryLedger::new(), holders: Arc::default(), put }));
        })
    };
    let right: PutClaimed = |ledger, holders, claim, batch| {
        let own = has_own(claim, batch).then(|| judge(holders, claim.origin(), claim)).flatten();
        own.map_or_else(|| ledger.put_batch(batch), |error| put_others(ledger, claim, batch, &error))
    };
    let refuses_a_first_claim: PutClaimed = |ledger, holders, claim, batch| {
        let current = holders.lock().unwrap().get(&claim.origin()).copied();
        if current.is_some() {
            return ledger.put_batch(batch);
        }
        PutError::Claimed { origin: claim.origin(), current: claim.holder() }.for_all(batch)
    };
    let stores_what_it_refuses: PutClaimed = |ledger, holders, claim, batch| {
        let answers = ledger.put_batch(batch);
        judge(holders, claim.origin(), claim).map_or(answers, |error| error.for_all(batch))
    };
    let knows_duplicates_first: PutClaimed = |ledger, holders, claim, batch| {
        let Some(error) = judge(holders, claim.origin(), claim) else { return ledger.put_batch(batch) };
        let is_stored = |slice: &SealedSlice| ledger.slices_of(slice.stream()).contains(slice);
        batch
            .iter()
            .map(|slice| if is_stored(slice) { Ok(Ack::Duplicate) } else { Err(error.clone()) })
            .collect()
    };
    let knows_no_successors: PutClaimed = |ledger, holders, claim, batch| {
        let childless = Claim::new(claim.origin(), claim.holder(), []);
        let Some(error) = judge(holders, claim.origin(), &childless) else { return ledger.put_batch(batch) };
        error.for_all(batch)
    };
    let keeps_an_old_holder: PutClaimed = |ledger, holders, claim, batch| {
        let before = holders.lock().unwrap().get(&claim.origin()).copied();
        let refused = judge(holders, claim.origin(), claim);
        // With one ancestor too, the case of the copies would find it first.
        let has_several = claim.ancestors().len() > 1;
        if let Some(before) = before.filter(|_| has_several) {
            holders.lock().unwrap().insert(claim.origin(), before);
        }
        refused.map_or_else(|| ledger.put_batch(batch), |error| error.for_all(batch))
    };
    let has_one_holder_for_all: PutClaimed = |ledger, holders, claim, batch| {
        let refused = judge(holders, Origin::from_bytes([0; 16]), claim);
        refused.map_or_else(|| ledger.put_batch(batch), |error| error.for_all(batch))
    };
    let refuses_the_whole_batch: PutClaimed = |ledger, holders, claim, batch| {
        let refused = has_own(claim, batch).then(|| judge(holders, claim.origin(), claim)).flatten();
        refused.map_or_else(|| ledger.put_batch(batch), |error| error.for_all(batch))
    };
    let takes_over_without_a_slice: PutClaimed = |ledger, holders, claim, batch| {
        let refused = judge(holders, claim.origin(), claim);
        refused.map_or_else(|| ledger.put_batch(batch), |error| put_others(ledger, claim, batch, &error))
    };
    let takes_over_with_a_stored_slice_alone: PutClaimed = |ledger, holders, claim, batch| {
        let before = holders.lock().unwrap().clone();
        if let Some(error) = has_own(claim, batch).then(|| judge(holders, claim.origin(), claim)).flatten() {
            return put_others(ledger, claim, batch, &error);
        }
        let answers = ledger.put_batch(batch);
        if answers.iter().all(Result::is_err) {
            *holders.lock().unwrap() = before;
        }
        answers
    };
    let judges_first_and_stores_later: PutClaimed = |ledger, holders, claim, batch| {
        if !has_own(claim, batch) {
            return ledger.put_batch(batch);
        }
        let mut trial = holders.lock().unwrap().clone();
        let verdict = judge_claim(trial.get(&claim.origin()).copied(), claim);
        // Of two offers at once, both are judged before either is stored. The other cases offer on the test's own thread.
        if thread::current().name().is_none() {
            BOTH_ARE_JUDGED.wait();
        }
        match verdict {
            ClaimVerdict::Refused { current } => {
                let error = PutError::Claimed { origin: claim.origin(), current };
                put_others(ledger, claim, batch, &error)
            }
            ClaimVerdict::Held | ClaimVerdict::Taken => {
                trial.insert(claim.origin(), claim.holder());
                *holders.lock().unwrap() = trial;
                ledger.put_batch(batch)
            }
        }
    };
    assert_eq!(find(right), None);
    assert_eq!(find(refuses_a_first_claim).unwrap(), "the_first_claim_takes_the_origin");
    let copies = "another_copy_is_refused_for_every_slice";
    assert_eq!(find(stores_what_it_refuses).unwrap(), copies);
    assert_eq!(find(knows_duplicates_first).unwrap(), copies);
    assert_eq!(find(knows_no_successors).unwrap(), copies, "the copies are successors themselves");
    let successor = "a_successor_takes_over_and_the_old_holder_is_refused";
    assert_eq!(find(keeps_an_old_holder).unwrap(), successor);
    let origins = "claims_of_different_origins_are_independent";
    assert_eq!(find(has_one_holder_for_all).unwrap(), origins);
    let own = "a_claim_judges_slices_of_its_own_origin_alone";
    assert_eq!(find(refuses_the_whole_batch).unwrap(), own);
    assert_eq!(find(takes_over_without_a_slice).unwrap(), own);
    let stays = "a_claim_stays_when_its_slices_are_refused";
    assert_eq!(find(takes_over_with_a_stored_slice_alone).unwrap(), stays);
    assert_eq!(find(judges_first_and_stores_later).unwrap(), "of_two_copies_at_once_one_wins");
}

#[test]
fn a_ledger_that_forgets_its_claims_when_it_is_closed_is_found() {
    let right: PutClaimed = |ledger, holders, claim, batch| {
        let refused = judge(holders, claim.origin(), claim);
        refused.map_or_else(|| ledger.put_batch(batch), |error| error.for_all(batch))
    };
    let open = |ledger: &MemoryLedger| -> Box<dyn Exporter> {
        Box::new(Claiming { ledger: ledger.clone(), holders: Arc::default(), put: right })
    };
    assert_eq!(finds(|| check_reopening(MemoryLedger::new, open)).unwrap(), "state_survives_reopening");
}

#[test]
fn a_ledger_that_forgets_when_it_is_closed_is_found() {
    let found = finds(|| check_reopening(|| (), |()| Box::new(MemoryLedger::new())));
    assert_eq!(found.unwrap(), "state_survives_reopening");
}

#[test]
fn the_names_of_the_cases_are_distinct() {
    let mut names: Vec<_> = case_names().collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(count == names.len() && count >= 30);
}
