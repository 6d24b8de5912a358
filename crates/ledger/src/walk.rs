//! Answers from the bytes of all slices, for ledgers without an index.

use std::ops::ControlFlow;

use ron_accounting_export::Cause;
use ron_ledger_wire::{Cid, SealedSlice, Seq, StreamId};

use crate::{
    evidence::{collect_evidence, Evidence},
    sums::sum_usage,
    Ledger, ReadError, SliceCopy, SliceInfo, SliceName, StoredSlice, UsageFilter, UsageQuery, UsageRow,
};

/// How many heads are in memory at a time.
pub(crate) const HEADS_PAGE: usize = 1000;

/// Passes each stream to `visit` until it breaks. Streams that come while this is under way may be left out.
pub(crate) fn each_stream<L: Ledger + ?Sized>(
    ledger: &L,
    mut visit: impl FnMut(&StreamId) -> Result<ControlFlow<()>, ReadError>,
) -> Result<(), ReadError> {
    let mut after: Option<StreamId> = None;
    loop {
        let page = ledger.heads(after.as_ref(), HEADS_PAGE)?;
        for head in &page {
            if visit(head.stream())?.is_break() {
                return Ok(());
            }
        }
        match page.last() {
            Some(last) if page.len() == HEADS_PAGE => after = Some(last.stream().clone()),
            _ => return Ok(()),
        }
    }
}

/// Passes each slice of a ledger to `visit` with its exact bytes, until it breaks: the streams in their order, and the slices of each by
/// number. One slice is in memory at a time. Nothing is checked, see [`verify`](crate::verify).
pub fn read_all<L: Ledger + ?Sized>(
    ledger: &L,
    mut visit: impl FnMut(&StoredSlice<'_>) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    each_stream(ledger, |stream| {
        let mut flow = ControlFlow::Continue(());
        ledger.read_slices(stream, Seq::FIRST, &mut |slice| {
            flow = visit(slice);
            flow
        })?;
        Ok(flow)
    })
}

pub(crate) fn slice<L: Ledger + ?Sized>(
    ledger: &L,
    name: &SliceName,
) -> Result<Option<SliceCopy>, ReadError> {
    let mut found = None;
    ledger.read_slices(&name.stream, name.seq, &mut |slice| {
        found = (slice.seq == name.seq).then(|| slice.to_copy());
        ControlFlow::Break(())
    })?;
    Ok(found)
}

pub(crate) fn find<L: Ledger + ?Sized>(ledger: &L, cid: &Cid) -> Result<Option<SliceName>, ReadError> {
    let mut found = None;
    each_stream(ledger, |stream| {
        ledger.read_slices(stream, Seq::FIRST, &mut |slice| {
            if slice.digest == cid.digest() {
                found = Some(slice.name());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

/// Passes each slice of the selected streams to `visit`, decoded.
fn each_slice<L: Ledger + ?Sized>(
    ledger: &L,
    filter: &UsageFilter,
    visit: &mut dyn FnMut(&StreamId, &SealedSlice) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    each_stream(ledger, |stream| {
        if !filter.selects_stream(stream) {
            return Ok(ControlFlow::Continue(()));
        }
        let mut result = Ok(());
        ledger.read_slices(stream, Seq::FIRST, &mut |stored| {
            result = decode(stored).and_then(|slice| visit(stream, &slice));
            if result.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        result.map(|()| ControlFlow::Continue(()))
    })
}

fn decode(stored: &StoredSlice<'_>) -> Result<SealedSlice, ReadError> {
    SealedSlice::from_bytes(stored.bytes).map_err(|error| ReadError::Damaged {
        stream: Some(stored.stream.clone()),
        seq: Some(stored.seq),
        source: Cause::new(error),
    })
}

pub(crate) fn usage<L: Ledger + ?Sized>(
    ledger: &L,
    query: &UsageQuery,
    visit: &mut dyn FnMut(&UsageRow) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let scan = |sums: &mut crate::UsageSums<'_>| {
        each_slice(ledger, &query.filter, &mut |stream, slice| {
            let begun = sums.begin(slice.start_ms(), slice.end_ms());
            if !begun.map_err(|error| error.of(stream, slice.seq()))? {
                return Ok(());
            }
            if query.needs_rows() {
                for row in slice.rows().filter(|row| query.filter.selects_row(&row.key)) {
                    sums.add(Some(stream), Some(&row.key), row.increment.into());
                }
            } else {
                sums.add(Some(stream), None, slice.total());
            }
            Ok(())
        })
    };
    sum_usage(query, scan, visit)
}

pub(crate) fn evidence<L: Ledger + ?Sized>(
    ledger: &L,
    filter: &UsageFilter,
    after: Option<&SliceName>,
    limit: usize,
) -> Result<Vec<Evidence>, ReadError> {
    collect_evidence(after, limit, |sums| {
        each_slice(ledger, filter, &mut |stream, slice| {
            if filter.selects_span(slice.start_ms(), slice.end_ms()) {
                let selected = slice.rows().filter(|row| filter.selects_row(&row.key));
                let amount = selected.map(|row| u128::from(row.increment)).sum();
                let name = SliceName { stream: stream.clone(), seq: slice.seq() };
                sums.add(&info(name, slice), amount);
            }
            Ok(())
        })
    })
}

/// Returns what a decoded slice says of itself.
pub(crate) fn info(name: SliceName, slice: &SealedSlice) -> SliceInfo {
    SliceInfo {
        name,
        digest: slice.digest(),
        start_ms: slice.start_ms(),
        end_ms: slice.end_ms(),
        row_count: slice.row_count() as u64,
        total: slice.total(),
    }
}
