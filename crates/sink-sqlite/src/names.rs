//! What the ids in a query's rows stand for, and whether the query selects it.

use foldhash::HashMap;
use ron_accounting_ledger::UsageFilter;
use ron_ledger_wire::{RowKey, StreamId};
use rusqlite::{Statement, Transaction};

use crate::{error::Fault, stored};

/// The most names of each kind that are kept at a time.
const NAMES_MAX: usize = 1 << 14;

pub(crate) struct Names<'conn, 'query> {
    filter: &'query UsageFilter,
    find_stream: Statement<'conn>,
    find_row_key: Statement<'conn>,
    streams: HashMap<i64, StreamId>,
    selected: HashMap<i64, bool>,
    row_keys: HashMap<i64, RowKey>,
}

impl<'conn, 'query> Names<'conn, 'query> {
    pub(crate) fn new(
        transaction: &'conn Transaction<'_>,
        filter: &'query UsageFilter,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            filter,
            find_stream: transaction
                .prepare("SELECT origin, tenant, dimension FROM streams WHERE id = ?1")?,
            find_row_key: transaction.prepare(
                "SELECT method, route, service, region, namespace, account FROM row_keys WHERE id = ?1",
            )?,
            streams: HashMap::default(),
            selected: HashMap::default(),
            row_keys: HashMap::default(),
        })
    }

    pub(crate) fn stream(&mut self, id: i64) -> Result<StreamId, Fault> {
        if let Some(stream) = self.streams.get(&id) {
            return Ok(stream.clone());
        }
        let mut rows = self.find_stream.query([id])?;
        let Some(row) = rows.next()? else {
            return Err(Fault::Stored(format!("a slice of stream id {id}, which does not exist")));
        };
        let stream = stored::stream(row, 0)?;
        keep(&mut self.streams, id, stream.clone());
        Ok(stream)
    }

    /// Returns whether the filter selects a stream.
    pub(crate) fn selects_stream(&mut self, id: i64) -> Result<bool, Fault> {
        if !self.filter.needs_streams() {
            return Ok(true);
        }
        if let Some(is_selected) = self.selected.get(&id) {
            return Ok(*is_selected);
        }
        let is_selected = self.filter.selects_stream(&self.stream(id)?);
        keep(&mut self.selected, id, is_selected);
        Ok(is_selected)
    }

    pub(crate) fn row_key(&mut self, id: i64) -> Result<&RowKey, Fault> {
        if !self.row_keys.contains_key(&id) {
            let mut rows = self.find_row_key.query([id])?;
            let found = match rows.next()? {
                Some(row) => stored::row_key(row, 0)?,
                None => None,
            };
            let key = found.ok_or_else(|| missing(id))?;
            keep(&mut self.row_keys, id, key);
        }
        self.row_keys.get(&id).ok_or_else(|| missing(id))
    }
}

fn missing(id: i64) -> Fault {
    Fault::Stored(format!("a row in `usage` of row key {id}, which does not exist"))
}

/// Remembers a name, and forgets all others if there are too many.
fn keep<V>(names: &mut HashMap<i64, V>, id: i64, value: V) {
    if names.len() >= NAMES_MAX {
        names.clear();
    }
    names.insert(id, value);
}
