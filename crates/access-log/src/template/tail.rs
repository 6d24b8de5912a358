//! What follows behind everything that is needed.

use memchr::memmem;

use super::{Slot, Template};
use crate::{found::Role, Remark};

impl Template {
    /// Returns from where to where the field behind number `index` may begin, if the line is to end as the format
    /// says: with the literal texts in order, the last one at the end of the line. Fields of clients may hold
    /// anything, and those of the server are one token each.
    ///
    /// It is found from the right and once for a line, since a line may have many ends of its request.
    pub(super) fn tail_bounds(&self, index: usize, line: &[u8]) -> Option<(usize, usize)> {
        let behind = self.slots.get(index + 1..)?;
        let mut end = line.len();
        let mut before = behind;
        if !self.open_end {
            let Some((mut last, mut between)) = behind.split_last() else { return Some((end, end)) };
            end = line.strip_suffix(last.after.as_slice())?.len();
            while !last.wild {
                let Some((previous, others)) = between.split_last() else {
                    return Some((last.token_start(line.get(..end)?), end));
                };
                let at = memmem::rfind(line.get(..end)?, &previous.after)?;
                if !last.is_one_token(line.get(at + previous.after.len()..end)?) {
                    return None;
                }
                (last, between, end) = (previous, others, at);
            }
            before = between;
        }
        for slot in before.iter().rev() {
            end = memmem::rfind(line.get(..end)?, &slot.after)?;
        }
        Some((0, end))
    }

    /// Returns the remark about a line that does not end as the format says behind field number `index`.
    pub(super) fn tail_remark(&self, index: usize, rest: &[u8]) -> Remark {
        let expected = self.slots.len() - index - 1;
        match tokens(rest) {
            Some(count) if count >= expected => Remark::OtherEnd,
            // It ends within a field or has too few.
            _ => Remark::Cut,
        }
    }
}

impl Slot {
    /// Returns where the longest single token begins that ends where `bytes` does.
    fn token_start(&self, bytes: &[u8]) -> usize {
        let may_have_spaces = self.quoted || self.role == Role::Time;
        let other = if may_have_spaces { b'"' } else { b' ' };
        memchr::memrchr2(b'"', other, bytes).map_or(0, |at| at + 1)
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
