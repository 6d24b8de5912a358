//! Which segment is emptied next, by what emptying it writes and what it frees.

use std::collections::BTreeSet;

use ron_accounting_wal::{Limit as WalLimit, SegmentUsage, Storage};
use ron_ledger_wire::StreamId;

use super::{budgets::RECORD_BYTES, index::Item, records::HEAD_BYTES, Log};

/// The part of a segment that has to be garbage, so that emptying it is worth the copies.
const GARBAGE_SHARE: u64 = 8;

impl<S: Storage + Send> Log<S>
where
    S::File: Send,
{
    /// Returns the segment that frees the most of what the limit is about, if that is enough.
    pub(super) fn victim(
        &self,
        limit: WalLimit,
        is_candidate: impl Fn(&SegmentUsage) -> bool,
    ) -> Option<u64> {
        let is_finished =
            |usage: &SegmentUsage| self.unfinished_from.map_or(true, |from| usage.number < from);
        let mut candidates: Vec<SegmentUsage> = self.wal.usage();
        // Without records it is the one that keeps the log's numbers, and cannot go.
        let may_go = |usage: &SegmentUsage| usage.records > 0 && !usage.is_poisoned && is_finished(usage);
        candidates.retain(|usage| may_go(usage) && is_candidate(usage));
        match limit {
            WalLimit::Records => candidates.into_iter().filter_map(|usage| self.records_freed(&usage)).max(),
            // A copy would be young. So only what needs none counts.
            WalLimit::Age => {
                let needs_none = |usage: &SegmentUsage| self.index.load(usage.number).live_records == 0;
                candidates.into_iter().find(needs_none).map(|usage| (1, std::cmp::Reverse(usage.number)))
            }
            _ => self.with_most_bytes_freed(candidates),
        }
        .map(|(_, number)| number.0)
    }

    fn records_freed(&self, usage: &SegmentUsage) -> Option<(u64, std::cmp::Reverse<u64>)> {
        let freed = usage.records - self.index.load(usage.number).live_records as u64;
        is_worth(freed, usage.records).then_some((freed, std::cmp::Reverse(usage.number)))
    }

    fn with_most_bytes_freed(&self, candidates: Vec<SegmentUsage>) -> Option<(u64, std::cmp::Reverse<u64>)> {
        // What heads take is counted only for segments that could be the best: that looks at each of their records.
        let at_most = |usage: &SegmentUsage| {
            let load = self.index.load(usage.number);
            usage.bytes.saturating_sub(load.live_bytes + load.live_records as u64 * RECORD_BYTES)
        };
        let mut candidates: Vec<_> = candidates.into_iter().map(|usage| (at_most(&usage), usage)).collect();
        candidates.sort_by_key(|(bytes, usage)| (std::cmp::Reverse(*bytes), usage.number));
        let mut best = None;
        for (at_most, usage) in candidates {
            if best.is_some_and(|(freed, _)| freed >= at_most) {
                break;
            }
            let freed = self.bytes_freed(&usage);
            if is_worth(freed, usage.bytes) {
                best = best.max(Some((freed, std::cmp::Reverse(usage.number))));
            }
        }
        best
    }

    /// Whether a closed segment holds no slices and checkpoints that are needed, and is worth the copies of what else it
    /// holds.
    pub(super) fn is_spent(&self, usage: &SegmentUsage) -> bool {
        self.index.load(usage.number).live_records == 0 && is_worth(self.bytes_freed(usage), usage.bytes)
    }

    /// The bytes that emptying a segment frees, beyond those of the copies with their part of what a segment takes by itself.
    fn bytes_freed(&self, usage: &SegmentUsage) -> u64 {
        let copied = self.budgets.bytes_in_segments(self.bytes_to_copy(usage.number));
        usage.bytes.saturating_sub(copied)
    }

    pub(super) fn bytes_to_copy(&self, segment: u64) -> u64 {
        let load = self.index.load(segment);
        let mut bytes = load.live_bytes + load.live_records as u64 * RECORD_BYTES;
        let mut heads = BTreeSet::new();
        for (position, item) in self.index.in_segment(segment) {
            match item {
                Item::Slice { stream, seq } if self.needs_head(&stream, seq, segment) => {
                    heads.insert(stream);
                }
                Item::Heads(streams) => {
                    let is_here = |stream: &StreamId| {
                        let head = self.streams.get(stream).and_then(|log| log.head);
                        head.is_some_and(|head| head.position == position)
                    };
                    heads.extend(streams.into_iter().filter(is_here));
                }
                Item::Identity if self.identity_at == Some(position) => {
                    bytes += RECORD_BYTES + self.identity.stored_bytes();
                }
                Item::Empty(streams) => {
                    bytes += RECORD_BYTES + streams.iter().map(head_bytes).sum::<u64>();
                }
                _ => {}
            }
        }
        let (kept, _) = self.choose_heads(segment, heads);
        let bytes_of_heads: u64 = kept.iter().map(head_bytes).sum();
        bytes + bytes_of_heads
    }
}

fn head_bytes(stream: &StreamId) -> u64 {
    HEAD_BYTES + (stream.tenant().len() + stream.dimension().len()) as u64
}

const fn is_worth(freed: u64, whole: u64) -> bool {
    freed > 0 && freed >= whole / GARBAGE_SHARE
}
