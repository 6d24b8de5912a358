//! Questions to a SQLite ledger of ten million rows, beside the SQL that one would write by hand.
//!
//! The ledger takes a minute to build, so it is kept in the folder for the next run.

use std::{
    fs,
    hint::black_box,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{ensure, Context as _};
use ron_accounting::{
    accounting::RowKey,
    export::{Exporter as _, SealedSlice, Slice, StreamId},
};
use ron_accounting_ledger::{Column, Ledger as _, UsageQuery};
use ron_accounting_sqlite::SqliteLedger;
use ron_ledger_wire::{Digest, Origin, Row, Seq};
use rusqlite::{Connection, OpenFlags};

use super::Size;
use crate::{
    figures::{PathFigures, Target},
    race::{race, time_of, Effort, Entrant, Kind, Standings},
};

const TENANTS: usize = 50;
const DIMENSIONS: [&str; 2] = ["requests", "bytes_out"];
const ROWS_PER_SLICE: u64 = 100;
const WINDOW_MS: u64 = 60_000;
/// 2015-05-17 00:00 UTC.
const START_MS: u64 = 1_431_820_800_000;

/// A question, and the SQL for the same sums.
struct Question {
    name: &'static str,
    by: &'static [Column],
    sql: &'static str,
    /// The most milliseconds.
    target_ms: Option<f64>,
    /// The most that it may take in times of the SQL.
    target_ratio: Option<f64>,
}

const QUESTIONS: [Question; 4] = [
    Question {
        name: "tenant, dimension, hour",
        by: &[Column::Tenant, Column::Dimension, Column::Hour],
        sql: "SELECT tenant, dimension, start_ms / 3600000, sum(total_upper * 4294967296 + total_lower)
              FROM slice_totals JOIN streams ON streams.id = stream GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        target_ms: Some(20.0),
        target_ratio: None,
    },
    Question {
        name: "tenant, dimension, day",
        by: &[Column::Tenant, Column::Dimension, Column::Day],
        sql: "SELECT tenant, dimension, start_ms / 86400000, sum(total_upper * 4294967296 + total_lower)
              FROM slice_totals JOIN streams ON streams.id = stream GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        target_ms: Some(20.0),
        target_ratio: None,
    },
    Question {
        name: "tenant, dimension, window",
        by: &[Column::Tenant, Column::Dimension, Column::Window],
        sql: "SELECT tenant, dimension, start_ms, end_ms, sum(total_upper * 4294967296 + total_lower)
              FROM slice_totals JOIN streams ON streams.id = stream GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
        target_ms: None,
        target_ratio: None,
    },
    Question {
        name: "route",
        by: &[Column::Route],
        sql: "SELECT route, sum(increment) FROM usage JOIN row_keys ON row_keys.id = row_key
              GROUP BY route ORDER BY route",
        target_ms: None,
        target_ratio: Some(1.3),
    },
];

pub(super) fn measure(size: Size, folder: &Path) -> anyhow::Result<Vec<PathFigures>> {
    let (windows, rounds) = match size {
        Size::Full => (1000, 7),
        Size::Quick => (20, 1),
    };
    let slices = windows * (TENANTS * DIMENSIONS.len()) as u64;
    let rows = slices * ROWS_PER_SLICE;
    let file = ledger(folder, windows, slices)?;
    let mut path = PathFigures::new("usage", &format!("a ledger of {slices} slices and {rows} rows, asked"));
    for question in &QUESTIONS {
        let effort = Effort { sittings: 1, rounds, turn: Duration::from_millis(1) };
        let standings = ask(question, effort, &file);
        let (ours, plain) = (format!("by {}", question.name), format!("by {}: SQL", question.name));
        for (name, kind) in [(&ours, Kind::Ours), (&plain, Kind::Plain)] {
            path.figure(name.clone(), kind, standings.median(name) / 1e6, "ms");
        }
        if let Some(target) = question.target_ms {
            let median = standings.median(&ours) / 1e6;
            path.ratio(format!("{ours}, ms"), median, Some(Target::AtMost(target)));
        }
        let target = question.target_ratio.map(Target::AtMost);
        path.ratio(format!("{ours} / SQL"), standings.ratio(&ours, &plain), target);
    }
    Ok(vec![path])
}

fn ask(question: &Question, effort: Effort, file: &Path) -> Standings {
    race(effort, || {
        let ledger = SqliteLedger::open_read_only(file).expect("the ledger is there");
        let raw = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("it is SQLite");
        let query = UsageQuery::by(question.by.iter().copied());
        let ours = move || {
            let asked = || {
                let mut sum = 0;
                let visit = &mut |row: &ron_accounting_ledger::UsageRow| {
                    sum += row.sum;
                    ControlFlow::Continue(())
                };
                ledger.usage(&query, visit).expect("the ledger is sound");
                sum
            };
            time_of(asked).0
        };
        let plain = move || time_of(|| plain_sums(&raw, question.sql).expect("the ledger is sound")).0;
        vec![
            Entrant::prepared(format!("by {}", question.name), Kind::Ours, ours),
            Entrant::prepared(format!("by {}: SQL", question.name), Kind::Plain, plain),
        ]
    })
}

fn plain_sums(raw: &Connection, sql: &str) -> rusqlite::Result<()> {
    let mut statement = raw.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            black_box(row.get_ref(column)?);
        }
    }
    Ok(())
}

/// Returns the ledger of an earlier run, or builds it.
fn ledger(folder: &Path, windows: u64, slices: u64) -> anyhow::Result<PathBuf> {
    let file = folder.join(format!("usage-{slices}.db"));
    if !file.exists() {
        eprintln!("building a ledger of {slices} slices");
        let building = tempfile::tempdir_in(folder).context("cannot make a folder")?;
        let built = building.path().join("usage.db");
        build(&built, windows)?;
        fs::rename(&built, &file).with_context(|| format!("cannot name {}", file.display()))?;
    }
    // Carries a ledger of an older build over.
    SqliteLedger::open(&file)?;
    Ok(file)
}

fn build(file: &Path, windows: u64) -> anyhow::Result<()> {
    let ledger = SqliteLedger::open(file)?;
    let mut streams: Vec<(StreamId, Option<Digest>)> = (0..TENANTS)
        .flat_map(|tenant| DIMENSIONS.map(|dimension| (tenant, dimension)))
        .map(|(tenant, dimension)| {
            (StreamId::new(Origin::from_bytes([7; 16]), &format!("tenant-{tenant:03}"), dimension), None)
        })
        .collect();
    for window in 0..windows {
        let mut batch: Vec<SealedSlice> = Vec::new();
        for (number, (stream, previous)) in (0..).zip(&mut streams) {
            let slice = slice(stream, window, number, *previous)?;
            *previous = Some(slice.digest());
            batch.push(slice);
        }
        ensure!(ledger.put_batch(&batch).iter().all(Result::is_ok), "the ledger refused a slice");
    }
    Ok(())
}

fn slice(
    stream: &StreamId,
    window: u64,
    number: u64,
    previous: Option<Digest>,
) -> anyhow::Result<SealedSlice> {
    let row = |route: u64| Row {
        key: RowKey::labels(
            ["GET", "POST"][(route % 2) as usize],
            &format!("/v1/{route}/:id"),
            "store",
            "eu",
        ),
        increment: 1 + (window * 31 + route * 7 + number) % 1000,
    };
    let mut rows: Vec<Row> = (0..ROWS_PER_SLICE).map(row).collect();
    rows.sort_by(|one, other| one.key.cmp(&other.key));
    let start_ms = START_MS + window * WINDOW_MS;
    let seq = Seq::new(window);
    let slice = Slice { stream: stream.clone(), seq, start_ms, end_ms: start_ms + WINDOW_MS, previous, rows };
    Ok(slice.encode()?)
}
