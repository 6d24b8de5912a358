//! Lines of a block into counts.

use std::cell::Cell;

use ron_accounting::labels;
use ron_accounting_access_log::{Lines, SkipReason};

use super::{Generation, Point, Within};
use crate::command::import::{
    follow::{
        batch::Batch,
        block::{BlockLines, BLOCK_BYTES},
        copies::BEGINNING_BYTES,
        meter::Meter,
        taught::Taught,
    },
    held::{Counts, LineLabels},
    metering::SKIPPED_SHOWN_MAX,
    reading::Before,
    routes::method_and_path,
};

/// How many bytes before the unread ones are compared at each look, to notice a file that was cut off and written anew.
const TAIL_BYTES: usize = 1024;

impl Generation {
    /// Takes the lines of a block. Returns whether there was anything new.
    pub(super) fn take_block(
        &mut self,
        meter: &mut Meter<'_>,
        taught: &mut Taught,
        read: usize,
        now_ms: u64,
    ) -> anyhow::Result<bool> {
        let block = meter.block.get(..read).unwrap_or_default();
        let first = block.iter().position(|byte| *byte == b'\n');
        if let Some(within) = self.within.as_mut().filter(|within| !within.is_nuls) {
            let taken = block.get(..first.map_or(read, |at| at + 1)).unwrap_or_default();
            within.hasher.update(taken);
            within.offset += taken.len() as u64;
            note_tail(&mut self.tail, taken);
            let is_new = !taken.is_empty();
            if first.is_some() {
                self.end_long_line(now_ms);
            }
            return Ok(is_new);
        }
        if let Some(last) = first.and_then(|_| block.iter().rposition(|byte| *byte == b'\n')) {
            self.take_lines(meter, taught, last + 1, Some(now_ms))?;
            return Ok(true);
        }
        if read == BLOCK_BYTES {
            // Of NULs before a line one is left, which tells that there were some.
            let nuls = block.iter().position(|byte| *byte != 0).unwrap_or(read).saturating_sub(1);
            let is_nuls = nuls > 0;
            let taken = block.get(..if is_nuls { nuls } else { read }).unwrap_or_default();
            let within = self.within.take();
            let (offset, mut hasher) = within.map_or_else(
                || (self.point.offset, self.point.hasher.clone()),
                |within| (within.offset, within.hasher),
            );
            hasher.update(taken);
            note_tail(&mut self.tail, taken);
            self.within = Some(Within { offset: offset + taken.len() as u64, hasher, is_nuls });
        }
        Ok(read > 0)
    }

    pub(super) fn end_long_line(&mut self, now_ms: u64) {
        let Some(within) = self.within.take() else { return };
        self.point.offset = within.offset;
        self.point.hasher = within.hasher;
        self.lines += 1;
        self.open.tally.lines_read += 1;
        self.open.tally.count_skipped(SkipReason::TooLong.name());
        self.open.since_ms.get_or_insert(now_ms);
    }

    /// Reads the lines in the first bytes of the block, and counts them if there is a time.
    pub(super) fn take_lines(
        &mut self,
        meter: &mut Meter<'_>,
        taught: &mut Taught,
        length: usize,
        counted_at_ms: Option<u64>,
    ) -> anyhow::Result<()> {
        let block = std::mem::take(&mut meter.block);
        let taken = self.take_lines_of(block.get(..length).unwrap_or_default(), meter, taught, counted_at_ms);
        meter.block = block;
        taken
    }

    fn take_lines_of(
        &mut self,
        bytes: &[u8],
        meter: &mut Meter<'_>,
        taught: &mut Taught,
        counted_at_ms: Option<u64>,
    ) -> anyhow::Result<()> {
        let (begin, mut hasher) = match self.within.take() {
            Some(within) => (within.offset, within.hasher),
            None => (self.point.offset, self.point.hasher.clone()),
        };
        let before =
            if counted_at_ms.is_some() { std::mem::take(&mut self.before) } else { Before::default() };
        let (shape, mut buffer) = (meter.shape, String::new());
        let line = Cell::new(0);
        let mut lines = Lines::new(BlockLines::new(bytes, &line));
        let (mut hashed, mut counted_line, mut passed, lines_before) = (0, None, 0, self.lines);
        let Self { name, parser, point, settled, settled_end, open, newest_ms, .. } = self;
        let read = before.each_request(name, &mut lines, parser, |number, parsed| {
            let Some(now_ms) = counted_at_ms else { return Ok(()) };
            passed += 1;
            let request = match parsed {
                Ok(request) => request,
                Err(skip) => {
                    open.since_ms.get_or_insert(now_ms);
                    open.tally.lines_read += 1;
                    open.tally.count_skipped(skip.reason().name());
                    meter.skipped_shown += 1;
                    if meter.skipped_shown <= SKIPPED_SHOWN_MAX {
                        meter.voice.note(&format!("{name}:{}: skipped: {skip}", lines_before + number));
                    }
                    return Ok(());
                }
            };
            taught.observe(request);
            let start_ms = request.time_ms - request.time_ms % shape.window_ms;
            if newest_ms.is_none_or(|newest_ms| start_ms > newest_ms) {
                *newest_ms = Some(start_ms);
                let at = line.get();
                // Of lines that are glued together, the first may be counted already.
                if open.since_ms.is_some() && counted_line != Some(at) {
                    settled.absorb(std::mem::replace(open, Batch::new()));
                    let end = if at == 0 {
                        point.clone()
                    } else {
                        hasher.update(bytes.get(hashed..at).unwrap_or_default());
                        hashed = at;
                        Point { offset: begin + at as u64, hasher: hasher.clone(), until_ms: point.until_ms }
                    };
                    *settled_end = Some(end);
                }
            }
            counted_line = Some(line.get());
            open.since_ms.get_or_insert(now_ms);
            let tenant = shape.tenants.of(request, &mut buffer);
            let (method, route) = method_and_path(request);
            let raw = labels().tenant(tenant).method(method).route(route);
            meter.label_sets.observe(&raw.service(&shape.service).region(&shape.region));
            let counts = Counts {
                requests: 1,
                bytes_in: request.bytes_received.unwrap_or(0).into(),
                bytes_out: request.bytes_sent.unwrap_or(0).into(),
            };
            open.held.add(start_ms, LineLabels { tenant, method, route }, counts);
            open.tally.lines_read += 1;
            open.tally.lines_metered += 1;
            for remark in request.remarks.iter() {
                *open.tally.remarks.entry(remark.name()).or_default() += 1;
            }
            Ok(())
        })?;
        hasher.update(bytes.get(hashed..).unwrap_or_default());
        point.offset = begin + bytes.len() as u64;
        point.hasher = hasher;
        self.lines += lines.number();
        if let Some(now_ms) = counted_at_ms {
            // Names of columns, and pieces of lines.
            open.tally.lines_read += read - passed;
            open.tally.bytes_read += bytes.len() as u64;
            open.since_ms.get_or_insert(now_ms);
        }
        note_tail(&mut self.tail, bytes);
        let room = BEGINNING_BYTES.saturating_sub(self.beginning.len());
        if self.beginning.len() as u64 == begin {
            self.beginning.extend(bytes.iter().take(room));
        }
        Ok(())
    }
}

/// Keeps the last bytes that were read.
fn note_tail(tail: &mut Vec<u8>, bytes: &[u8]) {
    tail.extend_from_slice(bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default());
    tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
}
