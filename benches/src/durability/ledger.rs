//! A window of a thousand tenants into SQLite, beside the same rows through prepared statements alone.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use ron_accounting::accounting::RowKey;
use ron_accounting::{
    export::{Ack, Exporter, Head, PutError, SealedSlice, Slice, StreamId},
    labels,
    normalize::CharacterNormalizer,
    window::ManualClock,
    Accounting, Dimension,
};
use ron_accounting_sqlite::SqliteLedger;
use rusqlite::{params, Connection, OptionalExtension as _, TransactionBehavior};
use tempfile::tempdir_in;

use super::Size;
use crate::{
    figures::{PathFigures, Target},
    race::{race, time_of, Effort, Entrant, Kind},
};

const DIMENSIONS: [Dimension; 3] = [Dimension::REQUESTS, Dimension::BYTES_IN, Dimension::BYTES_OUT];
const ROWS_PER_SLICE: usize = 100;
const WINDOW_MS: u64 = 60_000;
/// As many slices as the façade puts at once by default.
const SLICES_PER_TRANSACTION: usize = 64;
const PATIENCE: Duration = Duration::from_secs(600);

const FLOOR: &str = "prepared statements, keys known";
const FINDING: &str = "prepared statements, keys looked up";
const WITH_LOG: &str = "ours, with a log";
const FROM_MEMORY: &str = "ours, from memory";

pub(super) fn measure(size: Size, folder: &Path) -> anyhow::Result<Vec<PathFigures>> {
    let (tenants, effort) = match size {
        Size::Full => (1000, Effort { sittings: 2, rounds: 5, turn: Duration::from_millis(1) }),
        Size::Quick => (20, Effort { sittings: 1, rounds: 1, turn: Duration::from_millis(1) }),
    };
    let place = tempdir_in(folder).context("cannot make a folder")?;
    let mut sitting = 0;
    let line_up = || {
        sitting += 1;
        let file = |name: &str| place.path().join(format!("{name}-{sitting}"));
        let mut logged = Metered::new(tenants, &ledger(&file("logged")), Some(file("log")));
        let mut unlogged = Metered::new(tenants, &ledger(&file("unlogged")), None);
        let (mut known, mut found) =
            (Plain::new(tenants, &file("known"), true), Plain::new(tenants, &file("found"), false));
        vec![
            Entrant::prepared(WITH_LOG, Kind::Ours, move || logged.window()),
            Entrant::prepared(FROM_MEMORY, Kind::Ours, move || unlogged.window()),
            Entrant::prepared(FLOOR, Kind::Floor, move || known.window()),
            Entrant::prepared(FINDING, Kind::Plain, move || found.window()),
        ]
    };
    let standings = race(effort, line_up);
    let slices = tenants * DIMENSIONS.len();
    let rows = slices * ROWS_PER_SLICE;
    let title = format!(
        "a window of {tenants} tenants × 3 dimensions × {ROWS_PER_SLICE} rows: sealed, logged, stored, acknowledged"
    );
    let mut path = PathFigures::new("ledger", &title);
    for (name, median) in standings.medians() {
        let kind = match name {
            WITH_LOG | FROM_MEMORY => Kind::Ours,
            FLOOR => Kind::Floor,
            _ => Kind::Plain,
        };
        let per_second = |count: usize| count as f64 / (median / 1e9);
        path.figure(name, kind, median / 1e6, "ms");
        path.figure(format!("{name}: slices"), kind, per_second(slices), "/s");
        path.figure(format!("{name}: rows"), kind, per_second(rows), "/s");
    }
    for name in [WITH_LOG, FROM_MEMORY] {
        path.ratio(format!("{name} / {FLOOR}"), standings.ratio(name, FLOOR), Some(Target::AtMost(1.3)));
        path.ratio(format!("{name} / {FINDING}"), standings.ratio(name, FINDING), None);
    }
    Ok(vec![path])
}

fn ledger(file: &Path) -> Arc<dyn Exporter> {
    Arc::new(SqliteLedger::open(file).expect("the file is new"))
}

/// An instance whose windows close by hand.
struct Metered {
    accounting: Accounting,
    tenants: usize,
    now_ms: u64,
}

impl Metered {
    fn new(tenants: usize, exporter: &Arc<dyn Exporter>, log: Option<PathBuf>) -> Self {
        let clock = Arc::new(ManualClock::new(0));
        let builder = Accounting::builder()
            .normalizer(CharacterNormalizer)
            .manual()
            .window_ms(WINDOW_MS)
            .clock(clock.clone())
            .export_clock(clock)
            .label_limit(2 * tenants * ROWS_PER_SLICE)
            .backlog_max(2 * tenants * DIMENSIONS.len())
            .exporter(Arc::clone(exporter));
        let builder = match log {
            Some(folder) => builder.wal_dir(folder),
            None => builder,
        };
        Self { accounting: builder.build().expect("the settings are in range"), tenants, now_ms: 0 }
    }

    fn record(&self) {
        for tenant in 0..self.tenants {
            let tenant = format!("tenant-{tenant}");
            for route in 0..ROWS_PER_SLICE {
                let route = format!("/v1/objects/{route}/parts");
                let labels =
                    labels().tenant(&tenant).method("GET").route(&route).service("store").region("eu-1");
                self.accounting.record_each(&labels, &DIMENSIONS.map(|dimension| (dimension, 1234)));
            }
        }
    }

    /// How long a window takes from its end until the ledger has everything.
    fn window(&mut self) -> Duration {
        self.record();
        self.now_ms += WINDOW_MS;
        let (took, drained) = time_of(|| {
            self.accounting.tick(self.now_ms)?;
            self.accounting.drain(PATIENCE)
        });
        drained.expect("the ledger takes everything");
        took
    }
}

/// Keeps what it is given until somebody takes it.
#[derive(Default)]
struct Kept(Mutex<Vec<SealedSlice>>);

impl Kept {
    fn take(&self) -> Vec<SealedSlice> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Exporter for Kept {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(batch);
        batch.iter().map(|_| Ok(Ack::Ok)).collect()
    }

    fn head(&self, _stream: &StreamId) -> Result<Option<Head>, PutError> {
        Ok(None)
    }
}

/// The same slices and rows, sealed and decoded beforehand, through prepared statements: nothing is checked.
struct Plain {
    metered: Metered,
    kept: Arc<Kept>,
    connection: Connection,
    streams: HashMap<StreamId, i64>,
    /// The number of each row key, if they are known without asking.
    keys: Option<HashMap<RowKey, i64>>,
}

impl Plain {
    fn new(tenants: usize, file: &Path, knows_keys: bool) -> Self {
        // The schema is the ledger's own.
        drop(SqliteLedger::open(file).expect("the file is new"));
        let connection = Connection::open(file).expect("the file is there");
        for (pragma, value) in [("synchronous", "FULL"), ("foreign_keys", "ON"), ("cell_size_check", "ON")] {
            connection.pragma_update(None, pragma, value).expect("SQLite knows it");
        }
        let kept = Arc::new(Kept::default());
        let exporter: Arc<dyn Exporter> = kept.clone();
        let metered = Metered::new(tenants, &exporter, None);
        Self { metered, kept, connection, streams: HashMap::new(), keys: knows_keys.then(HashMap::new) }
    }

    fn window(&mut self) -> Duration {
        self.metered.window();
        let slices: Vec<_> = self.kept.take().into_iter().map(|sealed| (sealed.decode(), sealed)).collect();
        let (took, stored) =
            time_of(|| slices.chunks(SLICES_PER_TRANSACTION).try_for_each(|slices| self.store(slices)));
        stored.expect("the file is well");
        took
    }

    fn store(&mut self, slices: &[(Slice, SealedSlice)]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut add_stream = transaction.prepare(
                "INSERT INTO streams (origin, tenant, dimension, next_seq, last_digest) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            let mut move_head =
                transaction.prepare("UPDATE streams SET next_seq = ?2, last_digest = ?3 WHERE id = ?1")?;
            let mut add_slice = transaction.prepare(
                "INSERT INTO slices (stream, seq, digest, start_ms, end_ms, row_count, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            let mut find_key = transaction.prepare(
                "SELECT id FROM row_keys WHERE method IS NOT NULL
                 AND method = ?1 AND route = ?2 AND service = ?3 AND region = ?4",
            )?;
            let mut add_key = transaction
                .prepare("INSERT INTO row_keys (method, route, service, region) VALUES (?1, ?2, ?3, ?4)")?;
            let mut add_usage =
                transaction.prepare("INSERT INTO usage (slice, row_key, increment) VALUES (?1, ?2, ?3)")?;
            for (slice, sealed) in slices {
                let digest = sealed.digest();
                let stream = sealed.stream();
                let next = signed(sealed.seq().next().get());
                let id = if let Some(id) = self.streams.get(stream) {
                    move_head.execute(params![id, next, digest.as_bytes()])?;
                    *id
                } else {
                    let origin = stream.origin();
                    let (tenant, dimension) = (stream.tenant(), stream.dimension());
                    let id = add_stream.insert(params![
                        origin.as_bytes(),
                        tenant,
                        dimension,
                        next,
                        digest.as_bytes()
                    ])?;
                    self.streams.insert(stream.clone(), id);
                    id
                };
                let slice_id = add_slice.insert(params![
                    id,
                    signed(sealed.seq().get()),
                    digest.as_bytes(),
                    signed(sealed.start_ms()),
                    signed(sealed.end_ms()),
                    signed(sealed.row_count() as u64),
                    sealed.bytes()
                ])?;
                for row in &slice.rows {
                    let RowKey::Labels { method, route, service, region } = &row.key else { continue };
                    let known = self.keys.as_ref().and_then(|keys| keys.get(&row.key).copied());
                    let labels = [method, route, service, region];
                    let key = if let Some(key) = known {
                        key
                    } else {
                        let found = find_key.query_row(labels, |row| row.get(0)).optional()?;
                        let key = found.map_or_else(|| add_key.insert(labels), Ok)?;
                        if let Some(keys) = &mut self.keys {
                            keys.insert(row.key.clone(), key);
                        }
                        key
                    };
                    add_usage.execute(params![slice_id, key, signed(row.increment)])?;
                }
            }
        }
        transaction.commit()
    }
}

#[allow(clippy::cast_possible_wrap)] // the numbers here are small
const fn signed(number: u64) -> i64 {
    number as i64
}
