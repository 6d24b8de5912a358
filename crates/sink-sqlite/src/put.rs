//! Stores slices: one transaction per batch, with the acceptance rule inside it.
//!
//! The transaction takes the write lock before it reads a head. So no other process can move the head between the decision and
//! the insert. Each slice has its own answer: a refused slice has written nothing, or is rolled back. Behind a refused slice,
//! the rest of its stream is not reached. If SQLite fails as a whole, everything is rolled back, and every slice gets the same
//! retryable answer.

use std::collections::HashSet;

use ron_accounting_export::{Ack, Exporter, PutError};
use ron_ledger_wire::{
    accept_sealed, Acceptance, Claim, Digest, Head, RowKeyRef, SealedSlice, Seq, StreamId,
};
use rusqlite::{
    params, params_from_iter, Connection, OptionalExtension, Statement, Transaction, TransactionBehavior,
};

use crate::{
    claim,
    error::{is_constraint, Fault, Refusal},
    open::{Opened, SqliteLedger},
    row_keys::RowKeyIds,
    stored,
};

impl Exporter for SqliteLedger {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        self.put_all(None, batch).unwrap_or_else(|error| error.for_all(batch))
    }

    fn put_claimed(&self, claim: &Claim, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        self.put_all(Some(claim), batch).unwrap_or_else(|error| error.for_all(batch))
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        self.read(|transaction| {
            let found = find_stream(&mut transaction.prepare(FIND_STREAM)?, stream)?;
            Ok(found.map(|found| found.head(stream)))
        })
        .map_err(|fault: Fault| fault.unavailable(self.path()))
    }

    fn heads_of(&self, streams: &[StreamId]) -> Vec<Result<Option<Head>, PutError>> {
        let heads = self.read(|transaction| {
            let mut statement = transaction.prepare(FIND_STREAM)?;
            let head = |stream| Ok(find_stream(&mut statement, stream)?.map(|found| found.head(stream)));
            streams.iter().map(head).collect::<Result<Vec<_>, Fault>>()
        });
        match heads {
            Ok(heads) => heads.into_iter().map(Ok).collect(),
            Err(fault) => vec![Err(fault.unavailable(self.path())); streams.len()],
        }
    }
}

impl SqliteLedger {
    fn put_all(
        &self,
        claim: Option<&Claim>,
        batch: &[SealedSlice],
    ) -> Result<Vec<Result<Ack, PutError>>, PutError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut opened = self.lock();
        if !opened.is_writable() {
            return Err(Refusal::ReadOnly { path: self.path().to_owned() }.into());
        }
        let Opened { connection, row_keys, .. } = &mut *opened;
        let mut answers = put_in_transaction(connection, row_keys, claim, batch, Savepoints::No);
        if answers.as_ref().is_err_and(Fault::is_constraint) {
            row_keys.forget();
            answers = put_in_transaction(connection, row_keys, claim, batch, Savepoints::Yes);
        }
        answers.map_err(|fault| {
            row_keys.forget();
            fault.unavailable(self.path())
        })
    }
}

/// Whether each slice can be rolled back by itself.
///
/// A constraint fails only if the file was edited, for example if a head was moved back. Such a stream must not stop the others,
/// so its slice is rolled back alone. But a savepoint makes SQLite copy each page before it changes. So a batch is tried without
/// savepoints first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Savepoints {
    No,
    Yes,
}

fn put_in_transaction(
    connection: &mut Connection,
    row_keys: &mut RowKeyIds,
    claim: Option<&Claim>,
    batch: &[SealedSlice],
    savepoints: Savepoints,
) -> Result<Vec<Result<Ack, PutError>>, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let answers = put_within(&transaction, row_keys, claim, batch, savepoints)?;
    transaction.commit()?;
    Ok(answers)
}

/// Stores slices as a part of a transaction that has the write lock.
fn put_within(
    transaction: &Transaction<'_>,
    row_keys: &mut RowKeyIds,
    claim: Option<&Claim>,
    batch: &[SealedSlice],
    savepoints: Savepoints,
) -> Result<Vec<Result<Ack, PutError>>, Fault> {
    row_keys.refresh(transaction)?;
    let mut ledger = Statements::prepare(transaction, row_keys, savepoints)?;
    let refusal = match claim {
        Some(claim) => claim::take_over(transaction, claim, batch)?.map(|error| (claim.origin(), error)),
        None => None,
    };
    let mut refused: HashSet<&StreamId> = HashSet::new();
    let mut answers = Vec::with_capacity(batch.len());
    for slice in batch {
        let origin = slice.stream().origin();
        if let Some((_, error)) = refusal.as_ref().filter(|(claimed, _)| *claimed == origin) {
            answers.push(Err(error.clone()));
            continue;
        }
        let answer =
            if refused.contains(slice.stream()) { Err(PutError::NotReached) } else { ledger.put(slice)? };
        if answer.is_err() {
            refused.insert(slice.stream());
        }
        answers.push(answer);
    }
    Ok(answers)
}

/// Stores all slices as a part of a transaction that has the write lock. Fails if one of them is refused; the transaction must then
/// not be committed.
pub(crate) fn put_all_within(
    transaction: &Transaction<'_>,
    row_keys: &mut RowKeyIds,
    batch: &[SealedSlice],
) -> Result<(), Fault> {
    if batch.is_empty() {
        return Ok(());
    }
    let answers = put_within(transaction, row_keys, None, batch, Savepoints::No)?;
    answers.into_iter().try_for_each(|answer| answer.map(drop).map_err(Fault::Refused))
}

pub(crate) const FIND_STREAM: &str = "SELECT id, next_seq, last_digest FROM streams
  WHERE origin = ?1 AND tenant = ?2 AND dimension = ?3";

pub(crate) struct StoredStream {
    id: i64,
    next_seq: Seq,
    last: Digest,
}

impl StoredStream {
    pub(crate) fn head(&self, stream: &StreamId) -> Head {
        Head::new(stream.clone(), self.next_seq, Some(self.last))
    }
}

pub(crate) fn find_stream(
    statement: &mut Statement<'_>,
    stream: &StreamId,
) -> Result<Option<StoredStream>, Fault> {
    let origin = stream.origin();
    let mut rows = statement.query(params![origin.as_bytes(), stream.tenant(), stream.dimension()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(StoredStream { id: row.get(0)?, next_seq: stored::seq(row, 1)?, last: stored::digest(row, 2)? }))
}

/// Rows of usage per statement. Starting a statement costs about as much as storing a row.
const USAGE_BLOCK: usize = 32;

/// The statements of one batch. Each is prepared once and run for many rows.
struct Statements<'conn> {
    connection: &'conn Connection,
    row_keys: &'conn mut RowKeyIds,
    savepoints: Savepoints,
    find_stream: Statement<'conn>,
    find_digest: Statement<'conn>,
    add_stream: Statement<'conn>,
    move_head: Statement<'conn>,
    add_slice: Statement<'conn>,
    add_total: Statement<'conn>,
    find_labels: Statement<'conn>,
    add_labels: Statement<'conn>,
    find_account: Statement<'conn>,
    add_account: Statement<'conn>,
    add_usage: Statement<'conn>,
    /// Prepared for the first slice that is large enough.
    add_usage_block: Option<Statement<'conn>>,
    /// Id of the key and stored increment of each row of the current slice.
    rows: Vec<(i64, i64)>,
}

impl<'conn> Statements<'conn> {
    fn prepare(
        connection: &'conn Connection,
        row_keys: &'conn mut RowKeyIds,
        savepoints: Savepoints,
    ) -> rusqlite::Result<Self> {
        let prepare = |sql: &str| connection.prepare(sql);
        Ok(Self {
            connection,
            row_keys,
            savepoints,
            find_stream: prepare(FIND_STREAM)?,
            find_digest: prepare("SELECT digest FROM slices WHERE stream = ?1 AND seq = ?2")?,
            add_stream: prepare(
                "INSERT INTO streams (origin, tenant, dimension, next_seq, last_digest) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            move_head: prepare("UPDATE streams SET next_seq = ?2, last_digest = ?3 WHERE id = ?1")?,
            add_slice: prepare(
                "INSERT INTO slices (stream, seq, digest, start_ms, end_ms, row_count, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?,
            add_total: prepare(
                "INSERT INTO slice_totals (start_ms, end_ms, stream, slice, total_upper, total_lower)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            find_labels: prepare(
                "SELECT id FROM row_keys WHERE method IS NOT NULL
                 AND method = ?1 AND route = ?2 AND service = ?3 AND region = ?4",
            )?,
            add_labels: prepare(
                "INSERT INTO row_keys (method, route, service, region) VALUES (?1, ?2, ?3, ?4)",
            )?,
            find_account: prepare(
                "SELECT id FROM row_keys WHERE account IS NOT NULL AND namespace = ?1 AND account = ?2",
            )?,
            add_account: prepare("INSERT INTO row_keys (namespace, account) VALUES (?1, ?2)")?,
            add_usage: prepare("INSERT INTO usage (slice, row_key, increment) VALUES (?, ?, ?)")?,
            add_usage_block: None,
            rows: Vec::new(),
        })
    }

    /// Judges and stores one slice. Returns its answer, or the fault that ends the batch.
    fn put(&mut self, offered: &SealedSlice) -> Result<Result<Ack, PutError>, Fault> {
        let stream = offered.stream();
        let found = find_stream(&mut self.find_stream, stream)?;
        let head = found.as_ref().map_or_else(|| Head::genesis(stream.clone()), |found| found.head(stream));
        Ok(match accept_sealed(&head, offered) {
            Acceptance::Next { head, .. } => {
                let stream = found.map(|found| found.id);
                return self.store_or_roll_back(stream, offered, &head);
            }
            Acceptance::Repeated { seq, digest } => self.compare(found.as_ref(), seq, digest)?,
            Acceptance::Gap { expected, found } => Err(PutError::Gap { expected, found }),
            Acceptance::Reject(rejection) => Err(rejection.into()),
        })
    }

    /// Compares a slice with the stored slice of the same number: is it a duplicate or a fork?
    fn compare(
        &mut self,
        found: Option<&StoredStream>,
        seq: Seq,
        offered: Digest,
    ) -> Result<Result<Ack, PutError>, Fault> {
        let Some(stream) = found else { return Ok(Err(Refusal::MissingSlice { seq }.into())) };
        let Ok(number) = i64::try_from(seq.get()) else {
            return Ok(Err(Refusal::MissingSlice { seq }.into()));
        };
        let mut rows = self.find_digest.query(params![stream.id, number])?;
        let Some(row) = rows.next()? else { return Ok(Err(Refusal::MissingSlice { seq }.into())) };
        let stored = stored::digest(row, 0)?;
        Ok(if stored == offered { Ok(Ack::Duplicate) } else { Err(PutError::Conflict { stored, offered }) })
    }

    fn store_or_roll_back(
        &mut self,
        stream: Option<i64>,
        offered: &SealedSlice,
        head: &Head,
    ) -> Result<Result<Ack, PutError>, Fault> {
        let columns = match SliceColumns::of(offered, head) {
            Ok(columns) => columns,
            Err(refused) => return Ok(Err(refused)),
        };
        if self.savepoints == Savepoints::No {
            self.store(stream, offered, &columns)?;
            return Ok(Ok(Ack::Ok));
        }
        self.connection.execute_batch("SAVEPOINT slice")?;
        match self.store(stream, offered, &columns) {
            Ok(()) => {
                self.connection.execute_batch("RELEASE slice")?;
                Ok(Ok(Ack::Ok))
            }
            Err(error) if is_constraint(&error) => {
                self.connection.execute_batch("ROLLBACK TO slice; RELEASE slice")?;
                self.row_keys.forget();
                Ok(Err(Refusal::Constraint(error).into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn store(
        &mut self,
        stream: Option<i64>,
        offered: &SealedSlice,
        columns: &SliceColumns,
    ) -> rusqlite::Result<()> {
        let digest = offered.digest();
        let stream = if let Some(stream) = stream {
            self.move_head.execute(params![stream, columns.next_seq, digest.as_bytes()])?;
            stream
        } else {
            let id = offered.stream();
            self.add_stream.insert(params![
                id.origin().as_bytes(),
                id.tenant(),
                id.dimension(),
                columns.next_seq,
                digest.as_bytes()
            ])?
        };
        let slice_id = self.add_slice.insert(params![
            stream,
            columns.seq,
            digest.as_bytes(),
            columns.start_ms,
            columns.end_ms,
            columns.row_count,
            offered.bytes()
        ])?;
        self.add_total.execute(params![
            columns.start_ms,
            columns.end_ms,
            stream,
            slice_id,
            columns.total.0,
            columns.total.1
        ])?;
        self.rows.clear();
        for (key, row) in offered.rows().with_encoded_keys() {
            let id = match self.row_keys.get(key) {
                Some(id) => id,
                None => self.intern(key, &row.key)?,
            };
            self.rows.push((id, stored::increment_to_stored(row.increment)));
        }
        let mut blocks = self.rows.chunks_exact(USAGE_BLOCK);
        for block in &mut blocks {
            let add = match &mut self.add_usage_block {
                Some(add) => add,
                none => none.insert(prepare_usage_block(self.connection)?),
            };
            let values = block.iter().flat_map(|(id, increment)| [slice_id, *id, *increment]);
            add.execute(params_from_iter(values))?;
        }
        for (id, increment) in blocks.remainder() {
            self.add_usage.execute((slice_id, id, increment))?;
        }
        Ok(())
    }

    fn intern(&mut self, encoded: &[u8], key: &RowKeyRef<'_>) -> rusqlite::Result<i64> {
        let id = match *key {
            RowKeyRef::Labels { method, route, service, region } => {
                let labels = [method, route, service, region];
                let found = self.find_labels.query_row(labels, |row| row.get(0)).optional()?;
                found.map_or_else(|| self.add_labels.insert(labels), Ok)?
            }
            RowKeyRef::Account { namespace, id } => {
                let account = (namespace, id.to_be_bytes());
                let found = self.find_account.query_row(account, |row| row.get(0)).optional()?;
                found.map_or_else(|| self.add_account.insert(account), Ok)?
            }
        };
        self.row_keys.insert(encoded, id);
        Ok(id)
    }
}

fn prepare_usage_block(connection: &Connection) -> rusqlite::Result<Statement<'_>> {
    let more = ", (?, ?, ?)".repeat(USAGE_BLOCK - 1);
    connection.prepare(&format!("INSERT INTO usage (slice, row_key, increment) VALUES (?, ?, ?){more}"))
}

/// The numbers of a slice as SQLite stores them. They are converted before anything is written.
struct SliceColumns {
    seq: i64,
    next_seq: i64,
    start_ms: i64,
    end_ms: i64,
    row_count: i64,
    /// The upper and the lower part.
    total: (i64, i64),
}

impl SliceColumns {
    fn of(offered: &SealedSlice, head: &Head) -> Result<Self, PutError> {
        Ok(Self {
            seq: stored::integer_to_stored("seq", offered.seq().get())?,
            next_seq: stored::integer_to_stored("the seq after it", head.next_seq().get())?,
            start_ms: stored::integer_to_stored("start_ms", offered.start_ms())?,
            end_ms: stored::integer_to_stored("end_ms", offered.end_ms())?,
            row_count: stored::integer_to_stored("row count", offered.row_count() as u64)?,
            total: stored::total_to_stored(offered.total())?,
        })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn heads_are_told_in_the_order_in_which_they_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(folder.path().join("usage.db")).unwrap();
        ledger.put_batch(&[chain(&stream("acme"), 2), chain(&stream("globex"), 1)].concat());
        let streams = ["globex", "unknown", "acme"].map(stream);
        let heads = ledger.heads_of(&streams);
        assert_eq!(heads, streams.map(|stream| ledger.head(&stream)));
        let next: Vec<_> =
            heads.into_iter().map(|head| head.unwrap().map(|head| head.next_seq().get())).collect();
        assert_eq!(next, [Some(1), None, Some(2)]);
    }

    use ron_accounting_export::{Ack, Exporter, PutError};
    use ron_accounting_exporter_contract::samples::{chain, full_slice, stream};
    use ron_accounting_ledger::verify;
    use ron_ledger_wire::{Row, RowKey, Seq, Slice};

    use crate::SqliteLedger;

    #[test]
    fn a_full_disk_makes_the_whole_batch_unavailable_and_keeps_nothing_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(folder.path().join("usage.db")).unwrap();
        let pages_max = |pages: i64| {
            let opened = ledger.lock();
            opened.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
        };
        let acme = chain(&stream("acme"), 2);
        assert_eq!(ledger.put_batch(&acme[..1]), [Ok(Ack::Ok)]);

        let (large, rows) = full_slice(&stream("globex"));
        let batch = [acme[1].clone(), acme[0].clone(), large];
        // No room for the bytes of the large slice, or for all of its keys.
        for pages in [20, 500] {
            pages_max(pages);
            let answers = ledger.put_batch(&batch);
            assert_eq!(answers.len(), 3);
            for answer in answers {
                assert!(
                    matches!(&answer, Err(error @ PutError::Unavailable { .. }) if error.with_causes().contains("full")),
                    "{answer:?}"
                );
            }
            assert_eq!(ledger.head(acme[0].stream()).unwrap().unwrap().next_seq(), Seq::new(1));
            assert_eq!(verify(&ledger, |_| {}).unwrap().rows, 1);
        }

        pages_max(i64::from(i32::MAX));
        // Other keys get the ids that the keys of the failed batch would have had.
        let row = |id| Row { key: RowKey::account(9, id), increment: 1 };
        let others = Slice {
            stream: stream("initech"),
            seq: Seq::FIRST,
            start_ms: 0,
            end_ms: 60_000,
            previous: None,
            rows: (0..100).map(row).collect(),
        };
        assert_eq!(ledger.put_batch(&[others.encode().unwrap()]), [Ok(Ack::Ok)]);
        assert_eq!(ledger.put_batch(&batch), [Ok(Ack::Ok), Ok(Ack::Duplicate), Ok(Ack::Ok)]);
        assert_eq!(verify(&ledger, |_| {}).unwrap().rows, 102 + rows as u64);
    }
}
