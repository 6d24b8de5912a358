//! What follows behind everything that is needed.

use memchr::memmem;

use super::Template;

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

    /// Returns whether the literal texts follow in order, the last one at the end of the line. Fields may hold
    /// anything.
    fn matches_tail(&self, index: usize, rest: &[u8]) -> bool {
        let mut rest = rest;
        for (number, slot) in self.slots.iter().enumerate().skip(index) {
            let is_last = number + 1 == self.slots.len();
            let after = slot.after.as_slice();
            if number == index {
                match rest.strip_prefix(after) {
                    Some(behind) => rest = behind,
                    None => return false,
                }
                if is_last {
                    return rest.is_empty() || self.open_end;
                }
            } else if is_last && !self.open_end {
                return rest.ends_with(after);
            } else {
                match memmem::find(rest, after) {
                    Some(at) => rest = rest.get(at + after.len()..).unwrap_or_default(),
                    None => return false,
                }
            }
        }
        true
    }
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
