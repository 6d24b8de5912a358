//! What the ledger's heads tell: at the start, whether log and ledger fit together; later, where a stream continues whose
//! head the log has dropped.

use ron_accounting_export::{Exporter, PutError};
use ron_ledger_wire::{Head, Seq, StreamId};

use super::Pipeline;
use crate::PipelineError;

/// How many streams are remembered that the ledger does not have. Beyond it they are asked for again.
const GENESIS_MAX: usize = 65_536;

/// How long a ledger that could not tell a head is left alone.
const ASK_AGAIN_MS: u64 = 1_000;

impl Pipeline {
    /// Compares the heads of log and ledger, before anything is offered. If the ledger cannot be asked, each slice is compared
    /// when it is offered.
    ///
    /// A ledger that has less than it acknowledged was restored from an older copy: what the log still has is offered again,
    /// and the other streams are named in [`PipelineStats::behind`](crate::PipelineStats::behind). A ledger that has more is an
    /// error, since this log is an older copy then.
    pub fn check_heads(&mut self, exporter: &dyn Exporter) -> Result<(), PipelineError> {
        self.expect_ledger();
        let heads: Vec<_> = self.sealer.heads().collect();
        for head in heads {
            let stream = head.stream();
            let ledger = match exporter.head(stream) {
                Ok(ledger) => ledger.unwrap_or_else(|| Head::genesis(stream.clone())),
                Err(error) => {
                    self.note_put(error);
                    return Ok(());
                }
            };
            if ledger.next_seq() > head.next_seq() {
                self.follow_or_refuse(&head, &ledger)?;
            }
            let acknowledged =
                self.journal.as_ref().map_or(Seq::FIRST, |journal| journal.acknowledged(stream));
            if ledger.next_seq() < acknowledged {
                self.send_again(stream, ledger.next_seq(), acknowledged);
            }
        }
        Ok(())
    }

    fn follow_or_refuse(&mut self, log: &Head, ledger: &Head) -> Result<(), PipelineError> {
        let stream = log.stream();
        let has_counts = self.unlogged.contains_key(stream)
            || self.ready.iter().chain(&self.undurable).any(|slice| slice.stream() == stream);
        let journal = self.journal.as_mut().filter(|journal| journal.has_forgotten() && !has_counts);
        let Some(journal) = journal else {
            return Err(PipelineError::LedgerAhead {
                stream: stream.clone(),
                ledger: ledger.next_seq(),
                log: log.next_seq(),
            });
        };
        // The log had dropped the stream, and a file that came back after a power cut has an old head of it.
        journal.adopt(ledger);
        self.sealer.continue_from(ledger);
        Ok(())
    }

    fn send_again(&mut self, stream: &StreamId, ledger: Seq, acknowledged: Seq) {
        let slices = self.journal.as_mut().and_then(|journal| journal.reopen(stream, ledger));
        let Some(slices) = slices else {
            self.note(PipelineError::LedgerBehind { stream: stream.clone(), ledger, log: acknowledged });
            self.behind.push(stream.clone());
            return;
        };
        self.counters.resent += slices.len() as u64;
        for slice in slices.into_iter().rev() {
            self.totals.entry(stream.clone()).or_default().sealed += slice.total();
            self.ready.push_front(slice);
        }
    }

    /// Tells that there is a ledger that can be asked for heads, so that the log may drop those of idle streams when they
    /// take too much of it.
    pub fn expect_ledger(&mut self) {
        self.can_ask = true;
        if let Some(journal) = &mut self.journal {
            journal.allow_forgetting();
        }
    }

    /// Asks again for what has been recovered, in case an earlier question had no answer.
    pub(super) fn ask_for_recovered(&mut self, now_ms: u64) {
        // A clock that stepped back must not prolong the wait.
        if now_ms < self.ask_from_ms && self.ask_from_ms - now_ms <= ASK_AGAIN_MS {
            return;
        }
        let open = self.recovered.keys().filter(|stream| !self.asked.contains(*stream));
        self.unknown.extend(open.cloned());
    }

    /// Returns a stream that waits until the ledger was asked for its head; answer with [`Pipeline::take_head`].
    pub fn ask_head(&mut self) -> Option<StreamId> {
        let stream = self.unknown.pop_first()?;
        self.asked.insert(stream.clone());
        Some(stream)
    }

    /// Takes the ledger's answer to [`Pipeline::ask_head`]. After an error the stream waits for the next boundary.
    pub fn take_head(&mut self, stream: &StreamId, answer: Result<Option<Head>, PutError>, now_ms: u64) {
        self.asked.remove(stream);
        match answer {
            Ok(Some(head)) => {
                if let Some(journal) = &mut self.journal {
                    journal.adopt(&head);
                }
                self.sealer.continue_from(&head);
                // So that it is forgotten again, also if nothing of it is ever sealed.
                self.totals.entry(stream.clone()).or_default().used_at = self.boundary;
            }
            Ok(None) => {
                if self.genesis.len() >= GENESIS_MAX {
                    self.genesis.clear();
                }
                self.genesis.insert(stream.clone());
            }
            Err(error) => {
                self.note_put(error);
                self.ask_from_ms = now_ms.saturating_add(ASK_AGAIN_MS);
                return;
            }
        }
        if let Some(live) = self.recovered.remove(stream) {
            self.totals.entry(stream.clone()).or_default().sealed -= live.total();
            self.seal_recovered(&live);
            self.log_sealed(now_ms);
        }
        if self.unknown.is_empty() && self.asked.is_empty() {
            self.may_have_room = true;
            self.seal_waiting(now_ms);
        }
    }
}
