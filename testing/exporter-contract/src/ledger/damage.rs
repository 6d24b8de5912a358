//! Verification: a sound ledger passes, and what is falsified between a ledger and the walk is found.

use std::{cell::Cell, ops::ControlFlow};

use ron_accounting_export::SplitMix64;
use ron_accounting_ledger::{
    verify, AuditedSlice, Ledger, ReadError, SliceInfo, StoredSlice, VerifyError, Violation,
};
use ron_ledger_wire::{Digest, Head, Row, RowKey, SealedSlice, Seq, StreamId};

use super::{
    model::{random_slices, EVENING_MS, MINUTE_MS},
    Subject,
};

fn stored(subject: &Subject<'_>) -> Vec<SealedSlice> {
    let mut slices = random_slices(&mut SplitMix64::new(6), 60, EVENING_MS, MINUTE_MS);
    subject.stores(&slices);
    slices.sort_by(|one, other| (one.stream(), one.seq()).cmp(&(other.stream(), other.seq())));
    slices
}

pub(super) fn a_sound_ledger_is_verified_with_its_figures(subject: &Subject<'_>) {
    let slices = stored(subject);
    let mut progress = Vec::new();
    let verified = match verify(subject.ledger, |now| progress.push((now.slices, now.slices_total))) {
        Ok(verified) => verified,
        Err(error) => subject.fail(format_args!("a sound ledger is not verified: {error}")),
    };
    let count = slices.len() as u64;
    let streams = slices.chunk_by(|one, other| one.stream() == other.stream()).count() as u64;
    let rows: usize = slices.iter().map(SealedSlice::row_count).sum();
    let figures = (verified.streams, verified.slices, verified.rows);
    subject.same("streams, slices and rows", &(streams, count, rows as u64), &figures);
    let first = slices.iter().map(SealedSlice::start_ms).min();
    let last = slices.iter().map(SealedSlice::end_ms).max();
    let windows = (verified.first_window_ms, verified.last_window_ms);
    subject.same("first and last window", &(first, last), &windows);
    subject.same("progress", &(1..=count).map(|slices| (slices, count)).collect(), &progress);
}

/// One thing that is falsified in one slice, or in the head of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Byte,
    CutOff,
    Digest,
    Start,
    End,
    RowCount,
    Total,
    RowChanged,
    RowMissing,
    RowAdded,
    SliceMissing,
    SliceTwice,
    HeadTooFar,
    HeadTooNear,
    HeadDigest,
    StreamTwice,
}

const ALL: [Damage; 16] = [
    Damage::Byte,
    Damage::CutOff,
    Damage::Digest,
    Damage::Start,
    Damage::End,
    Damage::RowCount,
    Damage::Total,
    Damage::RowChanged,
    Damage::RowMissing,
    Damage::RowAdded,
    Damage::SliceMissing,
    Damage::SliceTwice,
    Damage::HeadTooFar,
    Damage::HeadTooNear,
    Damage::HeadDigest,
    Damage::StreamTwice,
];

/// A sound ledger seen through a door that falsifies one slice.
struct Falsified<'a> {
    ledger: &'a dyn Ledger,
    victim: &'a SealedSlice,
    damage: Damage,
    /// Whether there was something to falsify.
    is_done: &'a AtomicFlag,
}

/// A flag that the calls of a shared ledger may set.
type AtomicFlag = std::sync::atomic::AtomicBool;

impl Falsified<'_> {
    fn done(&self) {
        self.is_done.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    fn head(&self, head: Head) -> Head {
        if head.stream() != self.victim.stream() {
            return head;
        }
        let (next, last) = (head.next_seq(), head.last());
        let (next, last) = match self.damage {
            Damage::HeadTooFar => (next.next(), last),
            Damage::HeadTooNear => (next.checked_prev().unwrap_or(Seq::FIRST), last),
            Damage::HeadDigest => (next, Some(Digest::of(b"another"))),
            _ => return head,
        };
        self.done();
        Head::new(head.stream().clone(), next, last)
    }

    fn pass(
        &self,
        audited: &AuditedSlice<'_>,
        visit: &mut dyn FnMut(&AuditedSlice<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if audited.slice.stream != self.victim.stream() || audited.slice.seq != self.victim.seq() {
            return visit(audited);
        }
        let mut shown = *audited;
        let mut bytes = audited.slice.bytes.to_vec();
        let mut rows = audited.rows.map(<[Row]>::to_vec);
        match self.damage {
            Damage::Byte => {
                if let Some(byte) = bytes.last_mut() {
                    *byte ^= 1;
                }
            }
            Damage::CutOff => bytes.truncate(bytes.len() / 2),
            Damage::Digest => shown.slice.digest = Digest::of(b"another"),
            Damage::Start => shown.slice.start_ms -= 1,
            Damage::End => shown.slice.end_ms += 1,
            Damage::RowCount => match &mut shown.row_count {
                Some(count) => *count += 1,
                None => return visit(audited),
            },
            Damage::Total => match &mut shown.total {
                Some(total) => *total += 1,
                None => return visit(audited),
            },
            Damage::RowChanged | Damage::RowMissing | Damage::RowAdded => match &mut rows {
                Some(rows) => falsify(rows, self.damage),
                None => return visit(audited),
            },
            Damage::SliceMissing => {
                self.done();
                return ControlFlow::Continue(());
            }
            Damage::SliceTwice => {
                if visit(audited).is_break() {
                    return ControlFlow::Break(());
                }
            }
            _ => return visit(audited),
        }
        self.done();
        shown.slice.bytes = &bytes;
        shown.rows = rows.as_deref();
        visit(&shown)
    }
}

fn falsify(rows: &mut Vec<Row>, damage: Damage) {
    match damage {
        Damage::RowMissing => drop(rows.pop()),
        Damage::RowAdded => rows.insert(0, Row { key: RowKey::account(0, 0), increment: 1 }),
        _ => {
            if let Some(row) = rows.first_mut() {
                row.increment += 1;
            }
        }
    }
}

impl Ledger for Falsified<'_> {
    fn heads(&self, after: Option<&StreamId>, limit: usize) -> Result<Vec<Head>, ReadError> {
        let heads = self.ledger.heads(after, limit)?;
        let mut shown = Vec::new();
        for head in heads {
            if self.damage == Damage::StreamTwice && head.stream() == self.victim.stream() {
                self.done();
                shown.push(head.clone());
            }
            shown.push(self.head(head));
        }
        Ok(shown)
    }

    fn stream_head(&self, stream: &StreamId) -> Result<Option<Head>, ReadError> {
        Ok(self.ledger.stream_head(stream)?.map(|head| self.head(head)))
    }

    fn slices(&self, stream: &StreamId, from: Seq, limit: usize) -> Result<Vec<SliceInfo>, ReadError> {
        self.ledger.slices(stream, from, limit)
    }

    fn read_slices(
        &self,
        stream: &StreamId,
        from: Seq,
        visit: &mut dyn FnMut(&StoredSlice<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.ledger.read_slices(stream, from, visit)
    }

    fn audit(
        &self,
        stream: &StreamId,
        visit: &mut dyn FnMut(&AuditedSlice<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.ledger.audit(stream, &mut |audited| self.pass(audited, visit))
    }

    fn verify_layout(&self) -> Result<(), VerifyError> {
        self.ledger.verify_layout()
    }

    fn verify_rest(&self) -> Result<(), VerifyError> {
        self.ledger.verify_rest()
    }
}

pub(super) fn each_kind_of_damage_is_found_and_named(subject: &Subject<'_>) {
    let slices = stored(subject);
    let falsified = Cell::new(0);
    for damage in ALL {
        for victim in slices.iter().step_by(slices.len() / 6) {
            let is_done = AtomicFlag::new(false);
            let found =
                verify(&Falsified { ledger: subject.ledger, victim, damage, is_done: &is_done }, |_| {});
            if !is_done.into_inner() {
                // The ledger keeps nothing of this kind beside the bytes.
                continue;
            }
            falsified.set(falsified.get() + 1);
            match found {
                Err(VerifyError::Violation(violation)) => names(subject, damage, victim, &violation),
                other => subject.fail(format_args!("{damage:?} of {victim:?} is not found: {other:?}")),
            }
        }
    }
    subject.is(falsified.get() >= 60, format_args!("only {} falsifications", falsified.get()));
}

fn names(subject: &Subject<'_>, damage: Damage, victim: &SealedSlice, violation: &Violation) {
    if damage == Damage::StreamTwice {
        return;
    }
    subject.same(&format!("the stream of {damage:?}"), &Some(victim.stream()), &violation.stream.as_ref());
    let of_head = [Damage::HeadTooFar, Damage::HeadTooNear, Damage::HeadDigest].contains(&damage);
    let expected = match damage {
        Damage::SliceTwice => victim.seq().next(),
        _ => victim.seq(),
    };
    subject.is(
        of_head || violation.seq == Some(expected),
        format_args!(
            "{damage:?} of slice {} is said to be of {:?}: {violation}",
            victim.seq(),
            violation.seq
        ),
    );
}
