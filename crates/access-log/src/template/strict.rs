//! The one reading of a line that is written as its format says.

use memchr::memchr;

use super::{Slot, Template};
use crate::{found::Found, near, text::Escapes, time::Times};

impl Template {
    /// Reads a line field by field into `found`. Returns `None` if anything is not as the format says, or if more
    /// follows that could as well be the end of the request.
    pub(super) fn read_strictly<'a>(
        &self,
        line: &'a [u8],
        times: &Times,
        found: &mut Found<'a>,
    ) -> Option<()> {
        let rest = self.read_beginning(line, times, found)?;
        if rest.is_empty() {
            return Some(());
        }
        // With the quotation mark that ended the last field: it may be the one that ends the request.
        let quote = usize::from(self.slots.last().is_some_and(|slot| slot.after.ends_with(b"\"")));
        let rest = line.get(line.len() - rest.len() - quote..)?;
        (self.open_end && !has_request_end(rest)).then_some(())
    }

    /// Reads a line field by field. Returns what follows the last one.
    pub(super) fn read_beginning<'a>(
        &self,
        line: &'a [u8],
        times: &Times,
        found: &mut Found<'a>,
    ) -> Option<&'a [u8]> {
        let mut rest = line;
        if !self.before.is_empty() {
            rest = rest.strip_prefix(self.before.as_slice())?;
        }
        for slot in &self.slots {
            let length = slot.length(rest, self.open_end, self.escapes)?;
            let (value, behind) = rest.split_at(length);
            found.fill(slot.role, value, times).ok()?;
            if let Some(position) = slot.keep {
                found.keep(position, value);
            }
            rest = behind.get(slot.after.len()..)?;
        }
        Some(rest)
    }
}

impl Slot {
    /// Returns how many bytes the field has if `rest` begins with it.
    fn length(&self, rest: &[u8], open_end: bool, escapes: Escapes) -> Option<usize> {
        let Some(&first) = self.after.first() else {
            return Some(if open_end { memchr(b' ', rest).unwrap_or(rest.len()) } else { rest.len() });
        };
        if self.quoted {
            let end = unescaped_quote(rest, escapes)?;
            return begins(rest.get(end..)?, &self.after).then_some(end);
        }
        let mut from = 0;
        loop {
            let at = from + near::find(first, rest.get(from..)?)?;
            if self.after.len() == 1 || begins(rest.get(at..)?, &self.after) {
                return Some(at);
            }
            from = at + 1;
        }
    }
}

/// Returns whether `bytes` begins with the few of `text`: cheaper than a call to compare memory.
fn begins(bytes: &[u8], text: &[u8]) -> bool {
    bytes.len() >= text.len() && bytes.iter().zip(text).all(|(a, b)| a == b)
}

/// Returns the first quotation mark without a backslash that escapes it.
pub(super) fn unescaped_quote(rest: &[u8], escapes: Escapes) -> Option<usize> {
    if !matches!(escapes, Escapes::Backslash | Escapes::Json) {
        return memchr(b'"', rest);
    }
    let mut from = 0;
    loop {
        let at = from + near::find_either(b'"', b'\\', rest.get(from..)?)?;
        if rest[at] == b'"' {
            return Some(at);
        }
        from = at + 2;
    }
}

/// Returns whether something follows that looks like the end of a request with its status: `" 200 `.
fn has_request_end(rest: &[u8]) -> bool {
    let is_end = |behind: &[u8]| matches!(behind, [b' ', h, t, o, b' ', ..] if [h, t, o].iter().all(|b| b.is_ascii_digit()));
    memchr::memchr_iter(b'"', rest).any(|at| rest.get(at + 1..).is_some_and(is_end))
}
