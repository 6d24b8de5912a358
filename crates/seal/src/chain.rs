//! The chain of one stream: it numbers the slices and links each to the one before.

use ron_accounting_window::Span;
use ron_ledger_wire::{Digest, EncodeError, Head, SealedSlice, Seq, SliceBuilder, SortedKeys, StreamId};

/// Where a stream's chain ends, and whether its counts wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    /// The number of the next slice.
    next_seq: Seq,
    /// The digest of the slice before it.
    last: Option<Digest>,
    /// The start of the first window whose counts are still in the engine because the stream had to wait.
    waits_since_ms: Option<u64>,
}

/// What the slices of one stream have in common at one sealing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SliceSpec<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) span: Span,
    pub(crate) bytes_max: usize,
}

impl Chain {
    pub(crate) const fn next_seq(&self) -> Seq {
        self.next_seq
    }

    pub(crate) const fn waits_since_ms(&self) -> Option<u64> {
        self.waits_since_ms
    }

    pub(crate) fn head(&self, stream: &StreamId) -> Head {
        Head::new(stream.clone(), self.next_seq, self.last)
    }

    /// Moves to a head that an earlier process left. Ignores one that is not ahead of this chain.
    ///
    /// The head may lack its digest, after a power cut in a log without syncs. Then no further slice can be encoded.
    pub(crate) fn continue_from(&mut self, head: &Head) {
        if head.next_seq() > self.next_seq {
            self.next_seq = head.next_seq();
            self.last = head.last();
        }
    }

    /// Lets the counts of a window wait. If those of an earlier window wait already, the earlier start is kept.
    pub(crate) fn wait_since(&mut self, start_ms: u64) {
        self.waits_since_ms.get_or_insert(start_ms);
    }

    pub(crate) fn end_wait(&mut self) {
        self.waits_since_ms = None;
    }

    /// Returns the span of the next slices: the window, and those before it for which the stream had to wait.
    pub(crate) fn span(&self, window: Span) -> Span {
        Span { start_ms: self.waits_since_ms.unwrap_or(window.start_ms), end_ms: window.end_ms }
    }

    /// Appends rows to the chain, as one slice or as several of the same span. `rows` are indexes into `keys`, ascending,
    /// and their counts. On an error, neither the chain nor `slices` change.
    pub(crate) fn seal_rows(
        &mut self,
        spec: SliceSpec<'_>,
        keys: &SortedKeys,
        rows: impl Iterator<Item = (usize, u64)>,
        slices: &mut Vec<SealedSlice>,
    ) -> Result<(), EncodeError> {
        let first = slices.len();
        let mut next = self.clone();
        let result = next.push_rows(spec, keys, rows, slices);
        match result {
            Ok(()) => *self = next,
            Err(_) => slices.truncate(first),
        }
        result
    }

    fn push_rows(
        &mut self,
        spec: SliceSpec<'_>,
        keys: &SortedKeys,
        mut rows: impl Iterator<Item = (usize, u64)>,
        slices: &mut Vec<SealedSlice>,
    ) -> Result<(), EncodeError> {
        let mut builder = self.begin_slice(spec)?;
        while let Some(row) = builder.push_sorted(keys, &mut rows)? {
            if builder.is_empty() {
                return Err(EncodeError::Full);
            }
            self.finish_slice(builder, slices)?;
            builder = self.begin_slice(spec)?;
            if builder.push_sorted(keys, [row])?.is_some() {
                return Err(EncodeError::Full);
            }
        }
        if !builder.is_empty() {
            self.finish_slice(builder, slices)?;
        }
        Ok(())
    }

    fn begin_slice(&self, spec: SliceSpec<'_>) -> Result<SliceBuilder, EncodeError> {
        let Span { start_ms, end_ms } = spec.span;
        let builder = SliceBuilder::new(spec.stream, self.next_seq, start_ms, end_ms, self.last)?;
        Ok(builder.bytes_max(spec.bytes_max))
    }

    fn finish_slice(
        &mut self,
        builder: SliceBuilder,
        slices: &mut Vec<SealedSlice>,
    ) -> Result<(), EncodeError> {
        let slice = builder.finish()?;
        self.next_seq = self.next_seq.next();
        self.last = Some(slice.digest());
        self.waits_since_ms = None;
        slices.push(slice);
        Ok(())
    }

    /// Checks that the first slice links to none. A later one may lack its link if the log has lost the digest, see
    /// [`Self::continue_from`].
    pub(crate) fn validate(&self) -> Result<(), String> {
        match self.last {
            Some(last) if self.next_seq.is_first() => Err(format!("the first slice would link to {last}")),
            _ => Ok(()),
        }
    }
}
