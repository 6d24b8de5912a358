//! What follows behind everything that is needed.

use memchr::memmem;

use super::{Slot, Template};

/// How the rest of a line compares with the rest of its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// As the format says, quotation marks of clients not counted.
    AsExpected,
    /// It ends within a field or has too few.
    Cut,
    /// It has other fields.
    Other,
}

impl Template {
    /// Compares what follows field number `index`, whose end is where `rest` begins.
    pub(super) fn tail(&self, index: usize, rest: &[u8]) -> Tail {
        if self.matches_tail(index, rest) {
            return Tail::AsExpected;
        }
        let expected = self.slots.len() - index - 1;
        match tokens(rest) {
            Some(count) if count < expected => Tail::Cut,
            Some(_) => Tail::Other,
            None => Tail::Cut,
        }
    }

    /// Returns whether the literal texts follow in order, the last one at the end of the line. Fields of clients may
    /// hold anything.
    fn matches_tail(&self, index: usize, rest: &[u8]) -> bool {
        let (Some(slot), Some(behind)) = (self.slots.get(index), self.slots.get(index + 1..)) else {
            return false;
        };
        let Some(rest) = rest.strip_prefix(slot.after.as_slice()) else { return false };
        if self.open_end {
            return in_order(behind, rest).is_some();
        }
        match behind.split_last() {
            None => rest.is_empty(),
            Some((last, between)) => match rest.strip_suffix(last.after.as_slice()) {
                Some(rest) => matches_to_end(between, last, rest),
                None => false,
            },
        }
    }
}

/// Returns whether `rest` holds the fields `between` and then `last`. Fields of the server at the end are told from
/// the right, so that they are what the server wrote whatever a client wrote before them.
fn matches_to_end(between: &[Slot], last: &Slot, rest: &[u8]) -> bool {
    let (mut between, mut last, mut rest) = (between, last, rest);
    while !last.wild {
        let Some((before, others)) = between.split_last() else { return last.is_one_token(rest) };
        let Some(at) = memmem::rfind(rest, &before.after) else { return false };
        if !last.is_one_token(rest.get(at + before.after.len()..).unwrap_or_default()) {
            return false;
        }
        (between, last, rest) = (others, before, rest.get(..at).unwrap_or_default());
    }
    in_order(between, rest).is_some()
}

/// Returns what follows the texts behind these fields, which are in `rest` in this order.
fn in_order<'a>(slots: &[Slot], rest: &'a [u8]) -> Option<&'a [u8]> {
    slots.iter().try_fold(rest, |rest, slot| {
        let at = memmem::find(rest, &slot.after)?;
        rest.get(at + slot.after.len()..)
    })
}

/// Returns how many fields there are, those in quotation marks as one; `None` if a quotation mark is not closed.
fn tokens(rest: &[u8]) -> Option<usize> {
    // The closing one of a quoted field that was needed.
    let mut rest = rest.strip_prefix(b"\"").unwrap_or(rest).trim_ascii();
    let mut count = 0;
    while !rest.is_empty() {
        count += 1;
        rest = match rest.strip_prefix(b"\"") {
            Some(quoted) => quoted.get(memchr::memchr(b'"', quoted)? + 1..)?,
            None => rest.get(memchr::memchr(b' ', rest).unwrap_or(rest.len())..)?,
        }
        .trim_ascii_start();
    }
    Some(count)
}
