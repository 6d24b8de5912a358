//! Proves that a ledger holds what it accepted: every slice, every link, every row of the roll-up.
//!
//! The bytes of the slices are the truth. Each stream is walked from seq 0 with the same acceptance rule by which its slices were
//! stored, and everything else in the file must follow from the bytes.
//!
//! Verification cannot see that a stream was cut off at its end together with its head, or removed as a whole. Compare
//! [`SqliteLedger::heads`] with what the origin knows. `docs/operations.md` lists everything that it cannot see.
//!
//! SQLite checks its own structure last, because the walk can say which slice is damaged, and SQLite often cannot.

use ron_ledger_wire::{accept, Acceptance, Digest, Head, Rejection, Seq, Slice, StreamId};
use rusqlite::{params, Connection, OptionalExtension, Row, Statement};

use crate::{
    error::{Fault, LedgerError},
    evidence::STREAMS,
    open::SqliteLedger,
    roll_up, schema, stored,
    violation::{Stop, Violation},
};

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
    /// How many slices the ledger has.
    pub slices_total: u64,
}

/// Why a ledger is not verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The ledger was read, and differs from what it accepted.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// The ledger could not be read, which says nothing about its content.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl SqliteLedger {
    /// Checks that slices, links, heads and roll-up agree, in one consistent view of all streams.
    ///
    /// Calls `progress` after each slice. Holds one slice and its rows in memory, and reads the file about twice. To keep no
    /// writer waiting, call it on a second handle that was opened with [`SqliteLedger::open_read_only`]. The `-wal` file grows
    /// meanwhile.
    pub fn verify(&self, mut progress: impl FnMut(VerifyProgress)) -> Result<Verification, VerifyError> {
        self.read(|transaction| walk(transaction, &mut progress).map_err(|stop| stop.at(None, None))).map_err(
            |stop| match stop {
                Stop::Violation(violation) => VerifyError::Violation(violation),
                Stop::Fault(fault) => VerifyError::Ledger(fault.at(self.path())),
            },
        )
    }
}

fn walk(connection: &Connection, progress: &mut dyn FnMut(VerifyProgress)) -> Result<Verification, Stop> {
    if let Some((expected, found)) = schema::difference(connection)? {
        return Err(Stop::violation(expected, found));
    }
    let slices_total = connection
        .query_row("SELECT count(*) FROM slices", [], |row| Ok(stored::integer(row, 0)))
        .map_err(Fault::from)??;
    let mut walker = Walker {
        slices: connection.prepare(
            "SELECT id, seq, digest, start_ms, end_ms, row_count, bytes FROM slices
             WHERE stream = ?1 ORDER BY seq",
        )?,
        roll_up: roll_up::prepare(connection)?,
        verified: Verification::default(),
        progress: &mut |slices| progress(VerifyProgress { slices, slices_total }),
    };
    let mut streams = connection.prepare(STREAMS)?;
    let mut streams = streams.query([])?;
    while let Some(row) = streams.next()? {
        let stream = stored::stream(row, 1)?;
        walker.stream(row, &stream).map_err(|stop| stop.at(Some(&stream), None))?;
    }
    let verified = walker.verified;
    refuse_orphans(connection)?;
    refuse_broken_structure(connection)?;
    Ok(verified)
}

struct Walker<'conn, 'progress> {
    slices: Statement<'conn>,
    roll_up: Statement<'conn>,
    verified: Verification,
    progress: &'progress mut dyn FnMut(u64),
}

impl Walker<'_, '_> {
    fn stream(&mut self, row: &Row<'_>, stream: &StreamId) -> Result<(), Stop> {
        let stored_next = stored::seq(row, 4)?;
        let stored_last = stored::digest(row, 5)?;
        let mut head = Head::genesis(stream.clone());
        let mut slices = self.slices.query([row.get::<_, i64>(0)?])?;
        loop {
            let locate = |stop: Stop| stop.at(Some(stream), Some(head.next_seq()));
            let Some(row) = slices.next().map_err(|error| locate(error.into()))? else { break };
            let (slice, next) = check_slice(row, &head).map_err(locate)?;
            roll_up::check(&mut self.roll_up, row.get(0)?, &slice).map_err(locate)?;
            head = next;

            let verified = &mut self.verified;
            verified.slices += 1;
            verified.rows += slice.rows.len() as u64;
            let first = verified.first_window_ms.map_or(slice.start_ms, |first| first.min(slice.start_ms));
            let last = verified.last_window_ms.map_or(slice.end_ms, |last| last.max(slice.end_ms));
            verified.first_window_ms = Some(first);
            verified.last_window_ms = Some(last);
            (self.progress)(verified.slices);
        }
        self.verified.streams += 1;
        check_head(&head, stored_next, stored_last)
    }
}

/// Compares the row of a slice with its bytes and with the chain so far.
fn check_slice(row: &Row<'_>, head: &Head) -> Result<(Slice, Head), Stop> {
    let expected_seq = head.next_seq();
    let seq = stored::seq(row, 1)?;
    if seq != expected_seq {
        return Err(Stop::violation(format!("slice {expected_seq}"), format!("slice {seq} after the gap")));
    }
    let digest = stored::digest(row, 2)?;
    let (slice, next) = match accept(head, &digest, stored::blob(row, 6)?) {
        Acceptance::Next { slice, head } => (slice, head),
        Acceptance::Repeated { seq, .. } | Acceptance::Gap { found: seq, .. } => {
            return Err(Stop::violation(
                format!("the bytes of slice {expected_seq}"),
                format!("the bytes of slice {seq}"),
            ))
        }
        Acceptance::Reject(rejection) => return Err(explain(&rejection, digest)),
    };
    let columns = [
        ("start_ms", stored::integer(row, 3)?, slice.start_ms),
        ("end_ms", stored::integer(row, 4)?, slice.end_ms),
        ("row_count", stored::integer(row, 5)?, slice.rows.len() as u64),
    ];
    for (name, column, bytes) in columns {
        if column != bytes {
            return Err(Stop::violation(
                format!("{name} {bytes}, as in the slice's bytes"),
                format!("{name} {column}"),
            ));
        }
    }
    Ok((slice, next))
}

fn explain(rejection: &Rejection, stored: Digest) -> Stop {
    match rejection {
        Rejection::DigestMismatch { computed, .. } => Stop::violation(
            format!("bytes with the stored digest {stored}"),
            format!("bytes with digest {computed}"),
        ),
        Rejection::WrongStream { expected, found } => {
            Stop::violation(format!("a slice of stream {expected}"), format!("a slice of stream {found}"))
        }
        Rejection::BrokenLink { expected, found, .. } => {
            let link = |digest: &Option<Digest>| {
                digest.map_or_else(|| "no link".to_owned(), |digest| format!("a link to {digest}"))
            };
            Stop::violation(link(expected), link(found))
        }
        Rejection::Malformed(error) => Stop::violation("a canonical slice", error.to_string()),
        _ => Stop::violation("an acceptable slice", rejection.to_string()),
    }
}

/// Compares the row of a stream with the end of its chain.
fn check_head(head: &Head, stored_next: Seq, stored_last: Digest) -> Result<(), Stop> {
    let (seq, expected, found) = if stored_next > head.next_seq() {
        let seq = head.next_seq();
        (seq, format!("slice {seq}, since the head says next seq {stored_next}"), "no slice".to_owned())
    } else if stored_next < head.next_seq() {
        (stored_next, format!("a head with next seq {}", head.next_seq()), format!("next seq {stored_next}"))
    } else if head.last() != Some(stored_last) {
        let last = head.last().map_or_else(|| "none".to_owned(), |digest| digest.to_string());
        (
            stored_next.checked_prev().unwrap_or(Seq::FIRST),
            format!("a head with digest {last}"),
            format!("digest {stored_last}"),
        )
    } else {
        return Ok(());
    };
    Err(Stop::violation(expected, found).at(Some(head.stream()), Some(seq)))
}

/// Refuses slices without a stream and rows without a slice, which the walk does not reach.
fn refuse_orphans(connection: &Connection) -> Result<(), Stop> {
    let mut slices = connection.prepare(
        "SELECT slices.seq, slices.bytes FROM slices LEFT JOIN streams ON streams.id = slices.stream
         WHERE streams.id IS NULL ORDER BY slices.stream, slices.seq LIMIT 1",
    )?;
    let mut slices = slices.query([])?;
    if let Some(row) = slices.next()? {
        let stream = Slice::decode(stored::blob(row, 1)?).ok().map(|slice| slice.stream);
        return Err(Stop::violation("a row in `streams` for the slice", "no such row")
            .at(stream.as_ref(), Some(stored::seq(row, 0)?)));
    }
    let usage: Option<i64> = connection
        .query_row(
            "SELECT usage.slice FROM usage LEFT JOIN slices ON slices.id = usage.slice
             WHERE slices.id IS NULL LIMIT 1",
            params![],
            |row| row.get(0),
        )
        .optional()?;
    match usage {
        Some(id) => Err(Stop::violation(
            "rows of stored slices only",
            format!("a row in `usage` of slice id {id}, which does not exist"),
        )),
        None => Ok(()),
    }
}

fn refuse_broken_structure(connection: &Connection) -> Result<(), Stop> {
    // Not `quick_check`, because queries use indexes, which only `integrity_check` compares.
    let answer: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if answer == "ok" {
        return Ok(());
    }
    Err(Stop::violation("a sound SQLite file", answer))
}
