//! An exporter under test, with assertions that name the case.

use std::fmt::{self, Debug};

use ron_accounting_export::{Ack, Exporter, PutError};
use ron_ledger_wire::{Claim, Digest, SealedSlice, Seq, StreamId};

/// How many retryable answers in a row are tolerated while threads compete.
const RETRIES_MAX: usize = 10_000;

pub(crate) struct Probe {
    case: &'static str,
    exporter: Box<dyn Exporter>,
}

impl Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("case", &self.case).finish_non_exhaustive()
    }
}

pub(crate) type Answer = Result<Ack, PutError>;

impl Probe {
    pub(crate) fn new(case: &'static str, exporter: Box<dyn Exporter>) -> Self {
        Self { case, exporter }
    }

    /// Offers a batch and checks the number of answers.
    #[track_caller]
    pub(crate) fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Answer> {
        let answers = self.exporter.put_batch(batch);
        self.same("answers to the batch", &batch.len(), &answers.len());
        answers
    }

    #[track_caller]
    pub(crate) fn put(&self, slice: &SealedSlice) -> Answer {
        self.put_batch(std::slice::from_ref(slice)).remove(0)
    }

    /// Offers a slice until the answer is final, for cases where threads compete.
    #[track_caller]
    pub(crate) fn put_until_final(&self, slice: &SealedSlice) -> Answer {
        self.until_final(|| vec![self.put(slice)]).remove(0)
    }

    /// Repeats a put until no answer is retryable.
    #[track_caller]
    pub(crate) fn until_final(&self, put: impl Fn() -> Vec<Answer>) -> Vec<Answer> {
        for _ in 0..RETRIES_MAX {
            let answers = put();
            if !answers.iter().any(|answer| answer.as_ref().is_err_and(PutError::is_retryable)) {
                return answers;
            }
            std::thread::yield_now();
        }
        self.fail(format_args!("only retryable answers, {RETRIES_MAX} times"))
    }

    /// Offers a batch and compares each answer.
    #[track_caller]
    pub(crate) fn answers(&self, what: &str, batch: &[SealedSlice], expected: &[Answer]) {
        self.same(&format!("answers to {what}"), &expected, &self.put_batch(batch).as_slice());
    }

    /// Offers a batch under a claim and checks the number of answers.
    #[track_caller]
    pub(crate) fn put_claimed(&self, claim: &Claim, batch: &[SealedSlice]) -> Vec<Answer> {
        let answers = self.exporter.put_claimed(claim, batch);
        self.same("answers to the batch", &batch.len(), &answers.len());
        answers
    }

    /// Offers a batch under a claim and compares each answer.
    #[track_caller]
    pub(crate) fn claimed_answers(
        &self,
        what: &str,
        claim: &Claim,
        batch: &[SealedSlice],
        expected: &[Answer],
    ) {
        self.same(&format!("answers to {what}"), &expected, &self.put_claimed(claim, batch).as_slice());
    }

    #[track_caller]
    pub(crate) fn accepts(&self, slice: &SealedSlice) {
        self.same(&format!("answer to new slice {}", name(slice)), &Ok(Ack::Ok), &self.put(slice));
    }

    #[track_caller]
    pub(crate) fn accepts_all(&self, slices: &[SealedSlice]) {
        for slice in slices {
            self.accepts(slice);
        }
    }

    #[track_caller]
    pub(crate) fn finds_duplicate(&self, slice: &SealedSlice) {
        let found = self.put(slice);
        self.same(&format!("answer to stored slice {}", name(slice)), &Ok(Ack::Duplicate), &found);
    }

    #[track_caller]
    pub(crate) fn finds_duplicates(&self, slices: &[SealedSlice]) {
        for slice in slices {
            self.finds_duplicate(slice);
        }
    }

    #[track_caller]
    pub(crate) fn finds_fork(&self, stored: &SealedSlice, offered: &SealedSlice) {
        let conflict = PutError::Conflict { stored: stored.digest(), offered: offered.digest() };
        let found = self.put(offered);
        self.same(&format!("answer to forked slice {}", name(offered)), &Err(conflict), &found);
    }

    #[track_caller]
    pub(crate) fn finds_gap(&self, expected: Seq, slice: &SealedSlice) {
        let gap = PutError::Gap { expected, found: slice.seq() };
        self.same(&format!("answer to slice {} behind a gap", name(slice)), &Err(gap), &self.put(slice));
    }

    /// Checks that `last` is the last slice of the stream. With `None`, the stream must be unknown.
    #[track_caller]
    pub(crate) fn head_is(&self, stream: &StreamId, last: Option<&SealedSlice>) {
        let head = match self.exporter.head(stream) {
            Ok(head) => head,
            Err(error) => self.fail(format_args!("head of {stream}: {}", error.with_causes())),
        };
        let found = head.as_ref().map(|head| (head.stream().clone(), head.next_seq(), head.last()));
        let expected: Option<(StreamId, Seq, Option<Digest>)> =
            last.map(|last| (stream.clone(), last.seq().next(), Some(last.digest())));
        self.same(&format!("head of {stream} (stream, next seq, last digest)"), &expected, &found);
    }

    #[track_caller]
    pub(crate) fn same<T: PartialEq + Debug>(&self, what: &str, expected: &T, found: &T) {
        if expected != found {
            self.fail(format_args!("{what}: expected {expected:?}, found {found:?}"));
        }
    }

    #[track_caller]
    pub(crate) fn fail(&self, message: fmt::Arguments<'_>) -> ! {
        panic!("exporter contract, case `{}`: {message}", self.case)
    }
}

fn name(slice: &SealedSlice) -> String {
    format!("{} of {}", slice.seq(), slice.stream())
}
