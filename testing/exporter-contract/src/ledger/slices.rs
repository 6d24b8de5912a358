//! Heads, slices, names and bytes.

use std::ops::ControlFlow;

use ron_accounting_export::SplitMix64;
use ron_accounting_ledger::{read_all, totals, usage_rows, SliceInfo, SliceName, UsageFilter, UsageQuery};
use ron_ledger_wire::{Cid, Digest, SealedSlice, Seq, StreamId};

use super::{
    model::{random_slices, EVENING_MS, MINUTE_MS},
    Subject,
};
use crate::samples::stream;

fn stored(subject: &Subject<'_>) -> Vec<SealedSlice> {
    let mut slices = random_slices(&mut SplitMix64::new(1), 120, EVENING_MS, MINUTE_MS);
    subject.stores(&slices);
    slices.sort_by(|one, other| (one.stream(), one.seq()).cmp(&(other.stream(), other.seq())));
    slices
}

fn name(slice: &SealedSlice) -> SliceName {
    SliceName { stream: slice.stream().clone(), seq: slice.seq() }
}

fn unknown() -> StreamId {
    stream("nobody")
}

pub(super) fn an_empty_ledger_has_empty_answers(subject: &Subject<'_>) {
    let ledger = subject.ledger;
    subject.same("heads", &Vec::new(), &subject.answered("heads", ledger.heads(None, 10)));
    subject.same("head", &None, &subject.answered("head", ledger.stream_head(&unknown())));
    let slices = subject.answered("slices", ledger.slices(&unknown(), Seq::FIRST, 10));
    subject.same("slices", &Vec::new(), &slices);
    let name = SliceName { stream: unknown(), seq: Seq::FIRST };
    subject.same("slice", &None, &subject.answered("slice", ledger.slice(&name)));
    let cid = Cid::from(Digest::of(b"nothing"));
    subject.same("name", &None, &subject.answered("name", ledger.find(&cid)));
    let rows = subject.answered("usage", usage_rows(ledger, &UsageQuery::default()));
    subject.same("usage", &Vec::new(), &rows);
    subject.same("totals", &Vec::new(), &subject.answered("totals", totals(ledger)));
    let evidence = subject.answered("evidence", ledger.evidence(&UsageFilter::default(), None, 10));
    subject.same("evidence", &Vec::new(), &evidence);
}

pub(super) fn heads_come_sorted_and_in_pages(subject: &Subject<'_>) {
    let slices = stored(subject);
    let mut expected: Vec<(StreamId, Seq, Option<Digest>)> = Vec::new();
    for slice in &slices {
        if expected.last().is_some_and(|(stream, ..)| stream == slice.stream()) {
            expected.pop();
        }
        expected.push((slice.stream().clone(), slice.seq().next(), Some(slice.digest())));
    }
    for limit in [1, 2, 7, expected.len(), 1000] {
        let mut found: Vec<(StreamId, Seq, Option<Digest>)> = Vec::new();
        loop {
            let after = found.last().map(|(stream, ..)| stream.clone());
            let page = subject.answered("heads", subject.ledger.heads(after.as_ref(), limit));
            subject.is(page.len() <= limit, format_args!("a page of {} heads of {limit}", page.len()));
            let is_last = page.len() < limit;
            found.extend(page.iter().map(|head| (head.stream().clone(), head.next_seq(), head.last())));
            subject.is(found.len() <= expected.len(), format_args!("pages of {limit} heads do not end"));
            if is_last {
                break;
            }
        }
        subject.same(&format!("heads in pages of {limit}"), &expected, &found);
    }
    for (stream, next_seq, last) in &expected {
        let head = subject.answered("head", subject.ledger.stream_head(stream));
        let found = head.map(|head| (head.next_seq(), head.last()));
        subject.same(&format!("head of {stream}"), &Some((*next_seq, *last)), &found);
    }
    subject.same("unknown head", &None, &subject.answered("head", subject.ledger.stream_head(&unknown())));
    // A page may begin behind a stream that the ledger does not have.
    let behind = subject.answered("heads", subject.ledger.heads(Some(&unknown()), 1000));
    let expected = expected.iter().filter(|(stream, ..)| *stream > unknown()).count();
    subject.same("heads behind an unknown stream", &expected, &behind.len());
}

pub(super) fn slices_come_in_order_and_in_pages(subject: &Subject<'_>) {
    let slices = stored(subject);
    for of_stream in slices.chunk_by(|one, other| one.stream() == other.stream()) {
        let Some(first) = of_stream.first() else { continue };
        let stream = first.stream();
        let expected: Vec<SliceInfo> = of_stream
            .iter()
            .map(|slice| SliceInfo {
                name: name(slice),
                digest: slice.digest(),
                start_ms: slice.start_ms(),
                end_ms: slice.end_ms(),
                row_count: slice.row_count() as u64,
                total: slice.total(),
            })
            .collect();
        for (from, limit) in [(0, 1000), (0, 1), (1, 2), (2, 1000), (1000, 1), (u64::MAX, 1)] {
            let found = subject.answered("slices", subject.ledger.slices(stream, Seq::new(from), limit));
            let expected: Vec<SliceInfo> =
                expected.iter().filter(|info| info.name.seq >= Seq::new(from)).take(limit).cloned().collect();
            subject.same(&format!("{limit} slices of {stream} from {from}"), &expected, &found);
        }
    }
}

pub(super) fn bytes_come_back_exactly_under_each_name(subject: &Subject<'_>) {
    let slices = stored(subject);
    for slice in &slices {
        let (name, ledger) = (name(slice), subject.ledger);
        let copy = subject.answered("slice", ledger.slice(&name));
        let Some(copy) = copy else { subject.fail(format_args!("{name} is not found")) };
        subject.is(
            copy.bytes == slice.bytes() && copy.cid() == slice.cid() && copy.name == name,
            format_args!("{name} comes back as {} with other bytes, or under another name", copy.name),
        );
        subject.same("span", &(slice.start_ms(), slice.end_ms()), &(copy.start_ms, copy.end_ms));
        let found = subject.answered("name", ledger.find(&slice.cid()));
        subject.same(&format!("name of {}", slice.cid()), &Some(name.clone()), &found);
        let beyond = SliceName { stream: name.stream, seq: Seq::new(1000) };
        let beyond = subject.answered("slice", ledger.slice(&beyond));
        subject.same("a slice past the end", &None, &beyond);
    }
    let mut read = Vec::new();
    let all = read_all(subject.ledger, |slice| {
        read.push((slice.name(), slice.digest, slice.start_ms, slice.end_ms, slice.bytes.to_vec()));
        ControlFlow::Continue(())
    });
    subject.answered("all slices", all);
    let expected: Vec<_> = slices
        .iter()
        .map(|slice| (name(slice), slice.digest(), slice.start_ms(), slice.end_ms(), slice.bytes().to_vec()))
        .collect();
    subject.is(read == expected, format_args!("all slices: not those that were stored, or not in order"));
}

pub(super) fn a_visitor_may_stop(subject: &Subject<'_>) {
    let slices = stored(subject);
    let mut visits = 0;
    let all = read_all(subject.ledger, |_| {
        visits += 1;
        if visits == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    subject.answered("three slices", all);
    subject.same("visits to slices", &3, &visits);
    let mut visits = 0;
    let usage = subject.ledger.usage(&UsageQuery::by([ron_accounting_ledger::Column::Window]), &mut |_| {
        visits += 1;
        ControlFlow::Break(())
    });
    subject.answered("one group", usage);
    subject.same("visits to groups", &1, &visits);
    let Some(longest) = slices.iter().max_by_key(|slice| slice.seq()) else { return };
    let mut seqs = Vec::new();
    let read = subject.ledger.read_slices(longest.stream(), Seq::new(1), &mut |slice| {
        seqs.push(slice.seq.get());
        if seqs.len() == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    subject.answered("slices from 1", read);
    subject.same("slices from 1, until the second", &vec![1, 2], &seqs);
}
