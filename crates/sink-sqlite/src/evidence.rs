//! The slices behind a figure.

use foldhash::HashMap;
use ron_accounting_ledger::{
    collect_evidence, Evidence, EvidenceSums, ReadError, SliceInfo, SliceName, UsageFilter,
};
use ron_ledger_wire::StreamId;
use rusqlite::{Statement, Transaction};

use crate::{
    error::{Fault, Unanswered},
    names::Names,
    open::SqliteLedger,
    stored,
    usage::{each_slice, Amounts, SliceTotal},
};

/// The most decisions about row keys that are kept at a time.
const KEYS_MAX: usize = 1 << 16;

impl SqliteLedger {
    pub(crate) fn slices_behind(
        &self,
        filter: &UsageFilter,
        after: Option<&SliceName>,
        limit: usize,
    ) -> Result<Vec<Evidence>, ReadError> {
        self.read(|transaction| collect_evidence(after, limit, |sums| scan(transaction, filter, after, sums)))
            .map_err(|unanswered: Unanswered| unanswered.at(self.path()))
    }
}

fn scan(
    transaction: &Transaction<'_>,
    filter: &UsageFilter,
    after: Option<&SliceName>,
    sums: &mut EvidenceSums,
) -> Result<(), Unanswered> {
    let mut names = Names::new(transaction, filter)?;
    let mut amounts = Amounts::prepare(transaction)?;
    let mut find = transaction.prepare("SELECT seq, digest, row_count FROM slices WHERE id = ?1")?;
    let mut selected_keys: HashMap<i64, bool> = HashMap::default();
    each_slice(transaction, filter, false, |slice| {
        if !filter.selects_span(slice.start_ms, slice.end_ms) || !names.selects_stream(slice.stream)? {
            return Ok(());
        }
        let stream = names.stream(slice.stream)?;
        if after.is_some_and(|after| stream < after.stream) {
            return Ok(());
        }
        let total = amounts.total(slice)?;
        let amount = if filter.needs_rows() {
            amount_of_rows(slice.id, filter, &mut amounts, &mut names, &mut selected_keys)?
        } else {
            total
        };
        sums.add(&info(&mut find, stream, slice, total)?, amount);
        Ok(())
    })
}

fn amount_of_rows(
    slice: i64,
    filter: &UsageFilter,
    amounts: &mut Amounts<'_>,
    names: &mut Names<'_, '_>,
    selected_keys: &mut HashMap<i64, bool>,
) -> Result<u128, Fault> {
    let mut rows = Vec::new();
    amounts.each_row(slice, |row_key, increment| rows.push((row_key, increment)))?;
    let mut amount = 0;
    for (row_key, increment) in rows {
        let is_selected = if let Some(is_selected) = selected_keys.get(&row_key) {
            *is_selected
        } else {
            let is_selected = filter.selects_row(&names.row_key(row_key)?.as_ref());
            if selected_keys.len() >= KEYS_MAX {
                selected_keys.clear();
            }
            selected_keys.insert(row_key, is_selected);
            is_selected
        };
        if is_selected {
            amount += u128::from(increment);
        }
    }
    Ok(amount)
}

fn info(
    find: &mut Statement<'_>,
    stream: StreamId,
    slice: &SliceTotal,
    total: u128,
) -> Result<SliceInfo, Fault> {
    let mut rows = find.query([slice.id])?;
    let Some(row) = rows.next()? else {
        return Err(Fault::Stored(format!("a total of slice id {}, which does not exist", slice.id)));
    };
    Ok(SliceInfo {
        name: SliceName { stream, seq: stored::seq(row, 0)? },
        digest: stored::digest(row, 1)?,
        start_ms: slice.start_ms,
        end_ms: slice.end_ms,
        row_count: stored::integer(row, 2)?,
        total,
    })
}
