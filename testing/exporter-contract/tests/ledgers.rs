//! The in-memory ledger keeps the contract of ledgers, and each rule of the contract finds the ledger that breaks it.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failed assertion, wherever it stands.

use std::{
    ops::ControlFlow,
    panic::{catch_unwind, AssertUnwindSafe},
};

use ron_accounting_export::{memory::MemoryLedger, Ack, Exporter, PutError};
use ron_accounting_exporter_contract::{check_ledger, ledger_case_names};
use ron_accounting_ledger::{
    usage_rows, AuditedSlice, Evidence, Ledger, ReadError, SliceInfo, SliceName, StoredSlice, UsageFilter,
    UsageQuery, UsageRow,
};
use ron_ledger_wire::{Cid, Head, SealedSlice, Seq, StreamId};

#[test]
fn the_memory_ledger_is_a_ledger() {
    check_ledger(MemoryLedger::new);
}

/// Each is a way to answer wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    HeadsBeginAnew,
    HeadsUnsorted,
    HeadOfAnyStream,
    SlicesFromTheFirst,
    SlicesWithoutLimit,
    BytesFromTheFirst,
    BytesOfTheNext,
    NameOfTheNext,
    IgnoresTheFilter,
    UnsortedGroups,
    LosesTheUpperBits,
    DividesWindows,
    IgnoresTheTimeZone,
    OtherStreamsRefuse,
    EvidenceWithoutLimit,
    EvidenceWithoutLabels,
    EvidenceBeginsAnew,
    VisitsOn,
    CountsDuplicates,
    HidesTheLastSlice,
}

struct Defective {
    ledger: MemoryLedger,
    duplicates: std::sync::atomic::AtomicU64,
    defect: Defect,
}

impl Defective {
    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }
}

impl Exporter for Defective {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        let answers = self.ledger.put_batch(batch);
        let duplicates = answers.iter().filter(|answer| **answer == Ok(Ack::Duplicate)).count() as u64;
        self.duplicates.fetch_add(duplicates, std::sync::atomic::Ordering::Relaxed);
        answers
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        self.ledger.head(stream)
    }
}

impl Ledger for Defective {
    fn heads(&self, after: Option<&StreamId>, limit: usize) -> Result<Vec<Head>, ReadError> {
        let after = after.filter(|_| !self.is(Defect::HeadsBeginAnew));
        let mut heads = self.ledger.heads(after, limit)?;
        if self.is(Defect::HeadsUnsorted) {
            heads.reverse();
        }
        Ok(heads)
    }

    fn stream_head(&self, stream: &StreamId) -> Result<Option<Head>, ReadError> {
        if self.is(Defect::HeadOfAnyStream) {
            return Ok(Some(self.ledger.head(stream)?.unwrap_or_else(|| Head::genesis(stream.clone()))));
        }
        self.ledger.stream_head(stream)
    }

    fn slices(&self, stream: &StreamId, from: Seq, limit: usize) -> Result<Vec<SliceInfo>, ReadError> {
        let from = if self.is(Defect::SlicesFromTheFirst) { Seq::FIRST } else { from };
        let limit = if self.is(Defect::SlicesWithoutLimit) { usize::MAX } else { limit };
        Ledger::slices(&self.ledger, stream, from, limit)
    }

    fn read_slices(
        &self,
        stream: &StreamId,
        from: Seq,
        visit: &mut dyn FnMut(&StoredSlice<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let from = if self.is(Defect::BytesFromTheFirst) { Seq::FIRST } else { from };
        self.ledger.read_slices(stream, from, &mut |slice| {
            let flow = visit(slice);
            if self.is(Defect::VisitsOn) {
                ControlFlow::Continue(())
            } else {
                flow
            }
        })
    }

    fn slice(&self, name: &SliceName) -> Result<Option<ron_accounting_ledger::SliceCopy>, ReadError> {
        let mut name = name.clone();
        if self.is(Defect::BytesOfTheNext) {
            name.seq = name.seq.next();
        }
        self.ledger.slice(&name)
    }

    fn find(&self, cid: &Cid) -> Result<Option<SliceName>, ReadError> {
        let mut found = self.ledger.find(cid)?;
        if let Some(name) = found.as_mut().filter(|_| self.is(Defect::NameOfTheNext)) {
            name.seq = name.seq.next();
        }
        Ok(found)
    }

    fn usage(
        &self,
        query: &UsageQuery,
        visit: &mut dyn FnMut(&UsageRow) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut asked = query.clone();
        match self.defect {
            Defect::IgnoresTheFilter => asked.filter.until_ms = None,
            Defect::IgnoresTheTimeZone => asked.time_zone = ron_accounting_ledger::TimeZone::default(),
            Defect::DividesWindows => asked.straddling = ron_accounting_ledger::Straddling::ByStart,
            Defect::OtherStreamsRefuse => {
                let mut all = query.clone();
                all.filter.tenant = None;
                self.ledger.usage(&all, &mut |_| ControlFlow::Continue(()))?;
            }
            _ => {}
        }
        let mut rows = usage_rows(&self.ledger, &asked)?;
        for row in &mut rows {
            match self.defect {
                Defect::LosesTheUpperBits => row.sum &= u128::from(u64::MAX),
                Defect::CountsDuplicates => {
                    row.sum += u128::from(self.duplicates.load(std::sync::atomic::Ordering::Relaxed));
                }
                _ => {}
            }
        }
        if self.is(Defect::UnsortedGroups) {
            rows.reverse();
        }
        for row in &rows {
            if visit(row).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn evidence(
        &self,
        filter: &UsageFilter,
        after: Option<&SliceName>,
        limit: usize,
    ) -> Result<Vec<Evidence>, ReadError> {
        let mut asked = filter.clone();
        if self.is(Defect::EvidenceWithoutLabels) {
            asked.method = None;
        }
        let after = after.filter(|_| !self.is(Defect::EvidenceBeginsAnew));
        let limit = if self.is(Defect::EvidenceWithoutLimit) { usize::MAX } else { limit };
        self.ledger.evidence(&asked, after, limit)
    }

    fn audit(
        &self,
        stream: &StreamId,
        visit: &mut dyn FnMut(&AuditedSlice<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let last = self.ledger.slices_of(stream).len() as u64;
        self.ledger.audit(stream, &mut |audited| {
            if self.is(Defect::HidesTheLastSlice) && audited.slice.seq.next() == Seq::new(last) {
                return ControlFlow::Break(());
            }
            visit(audited)
        })
    }
}

/// Which case finds the defect, if any.
fn finds(defect: Defect) -> Option<String> {
    let fresh = || Defective { ledger: MemoryLedger::new(), duplicates: 0.into(), defect };
    let panic = catch_unwind(AssertUnwindSafe(|| check_ledger(fresh))).err()?;
    let message = panic.downcast_ref::<String>().expect("a contract panics with a message");
    let (_, rest) = message.split_once("case `").expect("the message names the case");
    rest.split_once('`').map(|(case, _)| case.to_owned())
}

#[test]
fn each_wrong_answer_is_found_by_the_case_that_is_about_it() {
    for (defect, case) in [
        (Defect::HeadsBeginAnew, "heads_come_sorted_and_in_pages"),
        (Defect::HeadsUnsorted, "heads_come_sorted_and_in_pages"),
        (Defect::HeadOfAnyStream, "an_empty_ledger_has_empty_answers"),
        (Defect::SlicesFromTheFirst, "slices_come_in_order_and_in_pages"),
        (Defect::SlicesWithoutLimit, "slices_come_in_order_and_in_pages"),
        (Defect::BytesFromTheFirst, "a_visitor_may_stop"),
        (Defect::BytesOfTheNext, "bytes_come_back_exactly_under_each_name"),
        (Defect::NameOfTheNext, "bytes_come_back_exactly_under_each_name"),
        (Defect::VisitsOn, "a_visitor_may_stop"),
        (Defect::IgnoresTheFilter, "sums_are_those_of_a_plain_model"),
        (Defect::UnsortedGroups, "sums_are_those_of_a_plain_model"),
        (Defect::LosesTheUpperBits, "sums_may_pass_the_largest_increment"),
        (Defect::CountsDuplicates, "a_duplicate_counts_once"),
        (Defect::EvidenceWithoutLabels, "each_figure_is_the_sum_of_its_evidence"),
        (Defect::EvidenceWithoutLimit, "evidence_comes_sorted_and_in_pages"),
        (Defect::EvidenceBeginsAnew, "evidence_comes_sorted_and_in_pages"),
        (Defect::DividesWindows, "calendar_sums_are_those_of_a_plain_model"),
        (Defect::IgnoresTheTimeZone, "calendar_sums_are_those_of_a_plain_model"),
        (Defect::OtherStreamsRefuse, "calendar_sums_are_those_of_a_plain_model"),
        (Defect::HidesTheLastSlice, "a_sound_ledger_is_verified_with_its_figures"),
    ] {
        assert_eq!(finds(defect).as_deref(), Some(case), "{defect:?}");
    }
    assert_eq!(finds(Defect::None), None);
}

#[test]
fn the_names_of_the_cases_are_distinct() {
    let mut names: Vec<_> = ledger_case_names().collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(count == names.len() && count >= 16);
}
