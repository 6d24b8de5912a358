//! The order in which streams are offered.
//!
//! Streams that may be offered are in one queue. After its turn a stream goes to the end of the queue, whether it succeeded
//! or failed. So each ready stream is served once before any is served twice, however much one of them has pending.
//! Taking the next stream costs the same for ten streams as for ten thousand. The lanes decide how many slices a turn gives.

use std::collections::{BTreeMap, VecDeque};

use ron_ledger_wire::StreamId;

/// The ready streams in turn, and the waiting streams by the time when they are due.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    ready: VecDeque<StreamId>,
    /// Keys are due times and tickets. The ticket orders streams that are due in the same millisecond.
    waiting: BTreeMap<(u64, u64), StreamId>,
    next_ticket: u64,
}

impl Schedule {
    pub(crate) fn add_ready(&mut self, stream: StreamId) {
        self.ready.push_back(stream);
    }

    pub(crate) fn add_waiting(&mut self, due: u64, stream: StreamId) {
        self.waiting.insert((due, self.next_ticket), stream);
        self.next_ticket = self.next_ticket.wrapping_add(1);
    }

    /// Takes up to `count` streams that are ready, or that wait and are due.
    pub(crate) fn take(&mut self, elapsed: u64, count: usize) -> Vec<StreamId> {
        while let Some(entry) = self.waiting.first_entry() {
            if entry.key().0 > elapsed {
                break;
            }
            self.ready.push_back(entry.remove());
        }
        self.ready.drain(..count.min(self.ready.len())).collect()
    }

    /// Returns the time when the next stream can be taken. A time in the past means at once.
    pub(crate) fn next_due(&self) -> Option<u64> {
        if self.ready.is_empty() {
            self.waiting.keys().next().map(|(due, _)| *due)
        } else {
            Some(0)
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns every stream, the ready ones first.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &StreamId> {
        self.ready.iter().chain(self.waiting.values())
    }
}

#[cfg(test)]
mod tests {
    use ron_ledger_wire::Origin;

    use super::*;

    fn stream(tenant: &str) -> StreamId {
        StreamId::new(Origin::from_bytes([1; 16]), tenant, "requests")
    }

    #[test]
    fn due_streams_queue_behind_ready_ones_in_the_order_of_their_times() {
        let mut schedule = Schedule::default();
        schedule.add_waiting(20, stream("late"));
        schedule.add_waiting(10, stream("early"));
        schedule.add_waiting(10, stream("early, second"));
        assert_eq!(schedule.next_due(), Some(10));
        schedule.add_ready(stream("ready"));
        assert_eq!(schedule.next_due(), Some(0));

        assert_eq!(schedule.take(9, 8), [stream("ready")]);
        assert_eq!(schedule.take(19, 1), [stream("early")]);
        assert_eq!(schedule.take(20, 8), [stream("early, second"), stream("late")]);
        assert_eq!(schedule.next_due(), None);
    }
}
