//! Readings of a line that is not as its format says: damaged, or from a writer that does not escape what clients
//! send.
//!
//! Fields that the server writes (addresses, times, numbers) have a form, and fields that a client writes may hold
//! anything, the text between fields included. So each end of a client's field is tried behind which the server's
//! fields have their form. Of several readings the one is taken
//!
//! 1. that ends as the format does,
//! 2. whose request ends in a version of HTTP,
//! 3. whose host has no spaces and quotation marks,
//! 4. that counts most bytes: a client that writes quotation marks into its own request can raise its bill, and never
//!    lower it.
//!
//! Who made the request is taken from the leftmost reading if the format names it before the request, where the
//! client cannot write. Otherwise all readings must agree on it, or the request counts without it.

use super::{describe, Slot, Template};
use crate::{
    found::{Found, Role},
    request::is_version,
    text::Escapes,
    time::Times,
    Remark, Skip, SkipReason,
};

/// Ends of fields that are tried for one line. A line of a mebibyte of quotation marks stays below.
const STEPS_MAX: u32 = 2_000_000;
/// A line of so many bytes may be cut because of what a client sent: syslog and `HAProxy` cut at 1,024.
const LONG_LINE_BYTES: usize = 1000;
/// Spaces within a time.
const TIME_ENDS_MAX: u32 = 6;

/// A reading, and how good it is.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) found: Found<'a>,
    /// Whether the line ends as the format says.
    ends_well: bool,
    /// Where the last field that is needed ends.
    end: usize,
    is_http: bool,
}

struct Search<'t, 'a> {
    template: &'t Template,
    line: &'a [u8],
    times: &'t Times,
    last_needed: usize,
    /// Who pays is named before anything that the client writes.
    identity_first: bool,
    request: usize,
    /// No end of the request is tried from here on.
    limit: usize,
    steps: u32,
    spans: Vec<(usize, usize)>,
    /// Where the field behind the last one that is needed may begin.
    tail_bounds: Option<(usize, usize)>,
    best: Option<Reading<'a>>,
    is_ambiguous: bool,
    stuck: Stuck,
}

/// How far any reading came.
struct Stuck {
    index: usize,
    at: usize,
    reason: SkipReason,
}

impl Template {
    /// Returns the best reading of a line in which no request ends at or behind `limit`.
    pub(super) fn search<'a>(
        &self,
        line: &'a [u8],
        times: &Times,
        limit: usize,
    ) -> Result<Reading<'a>, Skip> {
        let request = [Role::Request, Role::Target].into_iter().find_map(|role| self.position(role));
        let request = request.unwrap_or(self.slots.len());
        let identity_first = self.slots.iter().skip(request).all(|slot| !slot.is_identity());
        let mut search = Search {
            template: self,
            line,
            times,
            last_needed: self.last_needed(),
            identity_first,
            request,
            limit,
            steps: STEPS_MAX,
            spans: vec![(0, 0); self.slots.len()],
            tail_bounds: self.tail_bounds(self.last_needed(), line),
            best: None,
            is_ambiguous: false,
            stuck: Stuck { index: 0, at: 0, reason: SkipReason::OtherFormat },
        };
        if let Some(start) = literal(line, 0, &self.before) {
            search.descend(0, start);
        }
        search.end()
    }
}

impl<'a> Search<'_, 'a> {
    fn descend(&mut self, index: usize, start: usize) {
        let Some(slot) = self.template.slots.get(index) else { return };
        let is_last = index == self.last_needed;
        let mut ends_left = match slot.role {
            _ if slot.wild => u32::MAX,
            Role::Time => TIME_ENDS_MAX,
            _ => 1,
        };
        let mut from = start;
        while let Some((end, behind)) = self.next_end(slot, from, is_last) {
            if self.steps == 0 || (index == self.request && end >= self.limit) {
                return;
            }
            self.steps -= 1;
            let value = self.line.get(start..end).unwrap_or_default();
            match Found::default().fill(slot.role, value, self.times) {
                Ok(()) if slot.wild || slot.is_one_token(value) => {
                    self.spans[index] = (start, end);
                    if is_last {
                        self.consider(end);
                    } else {
                        self.descend(index + 1, behind);
                    }
                    // The leftmost user is the user, whatever the client wrote behind.
                    if index < self.request && self.identity_first && self.best.is_some() {
                        return;
                    }
                }
                Ok(()) => self.note(index, start, SkipReason::OtherFormat),
                Err(reason) => self.note(index, start, reason),
            }
            ends_left -= 1;
            if ends_left == 0 {
                return;
            }
            from = end + 1;
        }
        if from == start {
            self.note(index, start, self.missing_end(slot, start));
            if index == self.request && self.identity_first {
                self.consider_cut(index, start);
            }
        }
    }

    /// Considers a request that nothing ends: it was too long for what wrote or carried the line. Who sent it, and
    /// when, is known by then, and a long target must not hide it. What is behind it is not known.
    fn consider_cut(&mut self, index: usize, start: usize) {
        let is_last = index == self.last_needed;
        let has_time = self.template.position(Role::Time).is_some_and(|time| time < index);
        if !has_time || self.best.is_some() || !(is_last || self.line.len() >= LONG_LINE_BYTES) {
            return;
        }
        self.spans[index] = (start, self.line.len());
        let Some(mut found) = self.found(index) else { return };
        found.remarks.add(Remark::Cut);
        if !is_last {
            found.forget_sizes();
        }
        let end = self.line.len();
        self.best = Some(Reading { found, ends_well: true, end, is_http: false });
    }

    /// Returns the fields up to the one of this number.
    fn found(&self, last: usize) -> Option<Found<'a>> {
        let mut found = Found::default();
        for (slot, (from, to)) in self.template.slots.iter().zip(&self.spans).take(last + 1) {
            let value = self.line.get(*from..*to).unwrap_or_default();
            if let Some(position) = slot.keep {
                found.keep(position, value);
            }
            found.fill(slot.role, value, self.times).ok()?;
        }
        Some(found)
    }

    /// Returns the next position from `from` on where the field may end, and where the next one begins.
    ///
    /// Of the last needed field only the first byte behind it is asked for, since it is whole then.
    fn next_end(&self, slot: &Slot, from: usize, is_last: bool) -> Option<(usize, usize)> {
        let rest = self.line.get(from..)?;
        let Some(&first) = slot.after.first() else {
            let space = if self.template.open_end { memchr::memchr(b' ', rest) } else { None };
            let end = space.map_or(self.line.len(), |space| from + space);
            return Some((end, end));
        };
        for at in memchr::memchr_iter(first, rest).map(|at| from + at) {
            if slot.quoted && self.template.escapes_quotes && self.is_escaped(at) {
                continue;
            }
            if is_last {
                return Some((at, at + 1));
            }
            if let Some(behind) = literal(self.line, at, &slot.after) {
                return Some((at, behind));
            }
        }
        None
    }

    fn is_escaped(&self, at: usize) -> bool {
        let before = self.line.get(..at).unwrap_or_default();
        let backslashes = before.iter().rev().take_while(|b| **b == b'\\').count();
        matches!(self.template.escapes, Escapes::Backslash | Escapes::Json) && backslashes % 2 == 1
    }

    fn consider(&mut self, end: usize) {
        let Some(found) = self.found(self.last_needed) else { return };
        let ends_well = self.ends_well(end);
        let request = found.request_line().unwrap_or_default();
        let is_http = request.rsplit(|b| *b == b' ').next().is_some_and(is_version);
        let reading = Reading { found, ends_well, end, is_http };
        let Some(best) = &self.best else {
            self.best = Some(reading);
            return;
        };
        let rank =
            |reading: &Reading<'_>| (reading.ends_well, reading.is_http, reading.found.has_plain_host());
        let same_identity = reading.found.same_identity(&best.found);
        match rank(&reading).cmp(&rank(best)) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Greater => {
                self.is_ambiguous = false;
                self.best = Some(reading);
            }
            std::cmp::Ordering::Equal => {
                self.is_ambiguous |= !same_identity && !self.identity_first;
                if (same_identity || self.is_ambiguous) && reading.found.sent() > best.found.sent() {
                    self.best = Some(reading);
                }
            }
        }
    }

    /// Returns whether the line ends as the format says if the last field that is needed ends at `end`.
    fn ends_well(&self, end: usize) -> bool {
        let after = self.template.slots.get(self.last_needed).map_or(&[][..], |slot| &slot.after);
        let rest = self.line.get(end..).unwrap_or_default();
        let begins = end + after.len();
        rest.starts_with(after) && self.tail_bounds.is_some_and(|(from, to)| (from..=to).contains(&begins))
    }

    fn note(&mut self, index: usize, at: usize, reason: SkipReason) {
        if index > self.stuck.index || self.stuck.reason == SkipReason::OtherFormat {
            self.stuck = Stuck { index, at, reason };
        }
    }

    /// Returns why a field has no end: the line ends within it, or something else is there.
    fn missing_end(&self, slot: &Slot, start: usize) -> SkipReason {
        let rest = self.line.get(start..).unwrap_or_default();
        match slot.role {
            // `"GET /` goes on to the end of the line, and `GET / 200` has no quotation mark.
            Role::Time if self.template.has(Role::Request) => {
                let behind = memchr::memchr(b']', rest).and_then(|at| rest.get(at + 1..)).unwrap_or_default();
                match behind.trim_ascii_start() {
                    [] => SkipReason::CutOff,
                    _ => SkipReason::NoRequest,
                }
            }
            _ => SkipReason::CutOff,
        }
    }

    fn end(self) -> Result<Reading<'a>, Skip> {
        if self.steps == 0 && self.best.is_none() {
            return Err(Skip::new(SkipReason::Ambiguous));
        }
        if let Some(mut reading) = self.best {
            if self.is_ambiguous {
                reading.found.forget_identity();
            }
            if !reading.ends_well {
                let rest = self.line.get(reading.end..).unwrap_or_default();
                reading.found.remarks.add(self.template.tail_remark(self.last_needed, rest));
            }
            return Ok(reading);
        }
        let role = self.template.slots.get(self.stuck.index).map_or(Role::Ignore, |slot| slot.role);
        let rest = self.line.get(self.stuck.at..).unwrap_or_default();
        let found = match self.stuck.reason {
            SkipReason::CutOff => describe(role).as_bytes(),
            SkipReason::NoRequest => {
                rest.get(memchr::memchr(b']', rest).map_or(0, |at| at + 1)..).unwrap_or(rest)
            }
            SkipReason::OtherFormat => self.line,
            SkipReason::BadDate | SkipReason::NoTimeZone => {
                rest.get(..memchr::memchr(b']', rest).unwrap_or(rest.len())).unwrap_or(rest)
            }
            _ => rest.get(..memchr::memchr(b' ', rest).unwrap_or(rest.len())).unwrap_or(rest),
        };
        Err(Skip::found(self.stuck.reason, found.trim_ascii()))
    }
}

/// Returns where the text ends that `line` has at `at`. A space within is one or several; one at the end is one,
/// since the next field may be empty.
fn literal(line: &[u8], at: usize, text: &[u8]) -> Option<usize> {
    let mut end = at;
    for (number, b) in text.iter().enumerate() {
        if line.get(end) != Some(b) {
            return None;
        }
        end += 1;
        let is_within = number + 1 < text.len();
        while *b == b' ' && is_within && line.get(end) == Some(&b' ') {
            end += 1;
        }
    }
    Some(end)
}
