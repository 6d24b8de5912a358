//! The one walk that proves that a ledger holds what it accepted: every slice, every link, everything that its queries sum.
//!
//! The bytes of the slices are the truth. Each stream is walked from seq 0 with the same acceptance rule by which its slices were
//! stored, and everything else that the ledger has must follow from the bytes.
//!
//! Verification cannot see that a stream was cut off at its end together with its head, or removed as a whole. Compare the heads with what
//! the origin knows. `docs/operations.md` lists everything that it cannot see.
//!
//! Slices may be stored meanwhile. They are verified if they come before the end of their stream is reached.

use std::{cmp::Ordering, ops::ControlFlow};

use ron_ledger_wire::{accept, Acceptance, Digest, Head, Rejection, Row, RowKey, Seq, Slice, StreamId};

use crate::{walk::HEADS_PAGE, AuditedSlice, Ledger, ReadError, Violation};

/// The figures of a verified ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// How many streams there are.
    pub streams: u64,
    /// How many slices all streams have.
    pub slices: u64,
    /// How many rows all slices have.
    pub rows: u64,
    /// Start of the earliest window, in Unix milliseconds; `None` without slices.
    pub first_window_ms: Option<u64>,
    /// End of the latest window, in Unix milliseconds, exclusive; `None` without slices.
    pub last_window_ms: Option<u64>,
}

/// The progress of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyProgress {
    /// How many slices are verified.
    pub slices: u64,
    /// How many slices the ledger had at the beginning, as its heads say.
    pub slices_total: u64,
}

/// Why a ledger is not verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The ledger was read, and differs from what it accepted.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// The ledger could not be read, which says nothing about its content.
    #[error(transparent)]
    Read(ReadError),
}

/// A value that no ledger writes is a difference like any other.
impl From<ReadError> for VerifyError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damaged { stream, seq, source } => {
                let violation = Violation::new("a readable ledger", source.to_string());
                Self::Violation(violation.at(stream.as_ref(), seq))
            }
            error => Self::Read(error),
        }
    }
}

impl VerifyError {
    /// Adds stream and number to a violation, unless the stream is known already.
    fn at(self, stream: &StreamId, seq: Seq) -> Self {
        match self {
            Self::Violation(violation) => Self::Violation(violation.at(Some(stream), Some(seq))),
            error @ Self::Read(_) => error,
        }
    }
}

/// Checks that slices, links, heads and all that queries sum agree.
///
/// Calls `progress` after each slice. Holds one slice and its rows in memory, and a page of heads.
pub fn verify<L: Ledger + ?Sized>(
    ledger: &L,
    mut progress: impl FnMut(VerifyProgress),
) -> Result<Verification, VerifyError> {
    ledger.verify_layout()?;
    let mut slices_total: u64 = 0;
    each_head(ledger, |head| {
        slices_total = slices_total.saturating_add(head.next_seq().get());
        Ok(())
    })?;
    let mut verified = Verification::default();
    each_head(ledger, |head| {
        verify_stream(ledger, head, &mut verified, &mut |slices| {
            progress(VerifyProgress { slices, slices_total: slices_total.max(slices) });
        })
    })?;
    ledger.verify_rest()?;
    Ok(verified)
}

fn each_head<L: Ledger + ?Sized>(
    ledger: &L,
    mut visit: impl FnMut(&Head) -> Result<(), VerifyError>,
) -> Result<(), VerifyError> {
    let mut after: Option<StreamId> = None;
    loop {
        let page = ledger.heads(after.as_ref(), HEADS_PAGE)?;
        for head in &page {
            // Without this, a ledger that repeats a page would be walked for ever.
            if let Some(before) = after.as_ref().filter(|before| *before >= head.stream()) {
                let expected = format!("a stream that is sorted behind {before}");
                return Err(Violation::new(expected, head.stream().to_string()).into());
            }
            visit(head)?;
            after = Some(head.stream().clone());
        }
        if page.len() < HEADS_PAGE {
            return Ok(());
        }
    }
}

fn verify_stream<L: Ledger + ?Sized>(
    ledger: &L,
    stored: &Head,
    verified: &mut Verification,
    progress: &mut dyn FnMut(u64),
) -> Result<(), VerifyError> {
    let stream = stored.stream();
    let mut head = Head::genesis(stream.clone());
    let mut failure = None;
    let read = ledger.audit(stream, &mut |audited| match check_slice(audited, &head) {
        Ok((slice, next)) => {
            head = next;
            verified.count(&slice);
            progress(verified.slices);
            ControlFlow::Continue(())
        }
        Err(violation) => {
            failure = Some(violation);
            ControlFlow::Break(())
        }
    });
    if let Some(violation) = failure {
        return Err(violation.at(Some(stream), Some(head.next_seq())).into());
    }
    read.map_err(|error| VerifyError::from(error).at(stream, head.next_seq()))?;
    verified.streams += 1;
    if head.next_seq() > stored.next_seq() {
        // Slices were stored since the head was read, or the head was moved back.
        let now = ledger.stream_head(stream)?.unwrap_or_else(|| Head::genesis(stream.clone()));
        return check_head(&head, &now);
    }
    check_head(&head, stored)
}

impl Verification {
    fn count(&mut self, slice: &Slice) {
        self.slices += 1;
        self.rows += slice.rows.len() as u64;
        let first = self.first_window_ms.map_or(slice.start_ms, |first| first.min(slice.start_ms));
        let last = self.last_window_ms.map_or(slice.end_ms, |last| last.max(slice.end_ms));
        self.first_window_ms = Some(first);
        self.last_window_ms = Some(last);
    }
}

/// Compares what a ledger keeps of a slice with its bytes and with the chain so far.
fn check_slice(audited: &AuditedSlice<'_>, head: &Head) -> Result<(Slice, Head), Violation> {
    let stored = &audited.slice;
    let (expected_seq, seq) = (head.next_seq(), stored.seq);
    if seq != expected_seq {
        return Err(Violation::new(format!("slice {expected_seq}"), format!("slice {seq} after the gap")));
    }
    let (slice, next) = match accept(head, &stored.digest, stored.bytes) {
        Acceptance::Next { slice, head } => (slice, head),
        Acceptance::Repeated { seq, .. } | Acceptance::Gap { found: seq, .. } => {
            return Err(Violation::new(
                format!("the bytes of slice {expected_seq}"),
                format!("the bytes of slice {seq}"),
            ))
        }
        Acceptance::Reject(rejection) => return Err(explain(&rejection, stored.digest)),
    };
    let total = slice.rows.iter().map(|row| u128::from(row.increment)).sum();
    let numbers = [
        ("start_ms", Some(u128::from(stored.start_ms)), u128::from(slice.start_ms)),
        ("end_ms", Some(u128::from(stored.end_ms)), u128::from(slice.end_ms)),
        ("row_count", audited.row_count.map(u128::from), slice.rows.len() as u128),
        ("total", audited.total, total),
    ];
    for (name, kept, bytes) in numbers {
        if let Some(kept) = kept.filter(|kept| *kept != bytes) {
            return Err(Violation::new(
                format!("{name} {bytes}, as in the slice's bytes"),
                format!("{name} {kept}"),
            ));
        }
    }
    if let Some(missing) = audited.missing {
        return Err(missing.clone());
    }
    if let Some((expected, found)) = audited.rows.and_then(|rows| first_difference(&slice.rows, rows)) {
        return Err(Violation::new(expected, found));
    }
    Ok((slice, next))
}

fn explain(rejection: &Rejection, stored: Digest) -> Violation {
    match rejection {
        Rejection::DigestMismatch { computed, .. } => Violation::new(
            format!("bytes with the stored digest {stored}"),
            format!("bytes with digest {computed}"),
        ),
        Rejection::WrongStream { expected, found } => {
            Violation::new(format!("a slice of stream {expected}"), format!("a slice of stream {found}"))
        }
        Rejection::BrokenLink { expected, found, .. } => {
            let link = |digest: &Option<Digest>| {
                digest.map_or_else(|| "no link".to_owned(), |digest| format!("a link to {digest}"))
            };
            Violation::new(link(expected), link(found))
        }
        Rejection::Malformed(error) => Violation::new("a canonical slice", error.to_string()),
        _ => Violation::new("an acceptable slice", rejection.to_string()),
    }
}

/// Compares the head that a ledger has with the end of the chain.
fn check_head(walked: &Head, stored: &Head) -> Result<(), VerifyError> {
    let (walked_next, stored_next) = (walked.next_seq(), stored.next_seq());
    let (seq, expected, found) = match walked_next.cmp(&stored_next) {
        Ordering::Less => (
            walked_next,
            format!("slice {walked_next}, since the head says next seq {stored_next}"),
            "no slice".to_owned(),
        ),
        Ordering::Greater => {
            (stored_next, format!("a head with next seq {walked_next}"), format!("next seq {stored_next}"))
        }
        Ordering::Equal if walked.last() == stored.last() => return Ok(()),
        Ordering::Equal => {
            let digest = |digest: Option<Digest>| {
                digest.map_or_else(|| "no digest".to_owned(), |digest| format!("digest {digest}"))
            };
            (
                stored_next.checked_prev().unwrap_or(Seq::FIRST),
                format!("a head with {}", digest(walked.last())),
                digest(stored.last()),
            )
        }
    };
    Err(Violation::new(expected, found).at(Some(stored.stream()), Some(seq)).into())
}

/// Compares the rows in the bytes with those that queries sum, in both directions. Both are sorted by key.
fn first_difference(expected: &[Row], found: &[Row]) -> Option<(String, String)> {
    let (mut expected, mut found) = (expected.iter(), found.iter());
    loop {
        let (expected, found) = match (expected.next(), found.next()) {
            (Some(expected), Some(found)) if expected == found => continue,
            (None, None) => return None,
            pair => pair,
        };
        let order = match (expected, found) {
            (Some(expected), Some(found)) => expected.key.cmp(&found.key),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let expected_text = expected.map(describe).unwrap_or_default();
        let found_text = found.map(describe).unwrap_or_default();
        return Some(match order {
            Ordering::Less => (format!("{expected_text} in the roll-up"), "no such row".to_owned()),
            Ordering::Equal => (format!("{expected_text} in the roll-up"), found_text),
            Ordering::Greater => {
                ("no row that the slice has not".to_owned(), format!("{found_text} in the roll-up"))
            }
        });
    }
}

/// Describes a row. Labels are quoted, so that control characters in an edited ledger reach no terminal.
fn describe(row: &Row) -> String {
    let increment = row.increment;
    match &row.key {
        RowKey::Labels { method, route, service, region } => {
            format!("labels {method:?} {route:?} {service:?} {region:?} = {increment}")
        }
        RowKey::Account { namespace, id } => format!("account {namespace}:{id} = {increment}"),
    }
}
