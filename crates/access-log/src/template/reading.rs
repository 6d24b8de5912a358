//! A line by a template: as it should be, or as what can be made of it.

use super::Template;
use crate::{
    found::{Found, Role},
    time::Times,
    Remark, Skip, SkipReason,
};

/// A longer text in brackets is no time.
const TIME_BYTES_MAX: usize = 48;
/// From the identity to the time of a line.
const USER_BYTES_MAX: usize = 256;

impl Template {
    /// Reads a line into `found`. `raw_quotes` says whether the log has quotation marks of clients that are not
    /// escaped, and is set when this line has.
    pub(crate) fn read<'a>(
        &self,
        line: &'a [u8],
        times: &Times,
        raw_quotes: &mut bool,
        found: &mut Found<'a>,
    ) -> Result<(), Skip> {
        if self.read_strictly(line, times, found).is_none() {
            *found = self.read_damaged(line, times, raw_quotes)?;
        }
        // Where a host is in front, which a client may have written, the client and user could be part of it.
        if self.has(Role::ServerName) && self.has(Role::Ident) && found.user_has_client() {
            found.forget_identity();
        }
        Ok(())
    }

    /// Returns whether anything can be made of a line.
    pub(crate) fn reads(&self, line: &[u8], times: &Times) -> bool {
        self.read(line, times, &mut false, &mut Found::default()).is_ok()
    }

    #[cold]
    fn read_damaged<'a>(
        &self,
        line: &'a [u8],
        times: &Times,
        raw_quotes: &mut bool,
    ) -> Result<Found<'a>, Skip> {
        let second = self.second_beginning(line, times);
        if let (Some(_), true) = (second, self.escapes_quotes) {
            // No client can have written a second beginning.
            let mut found = Found::default();
            if let Some(rest) = self.read_beginning(line, times, &mut found) {
                found.remarks.add(Remark::Glued);
                found.rest = Some(rest);
                return Ok(found);
            }
            return Err(Skip::new(SkipReason::Glued));
        }
        let Some(second) = second.filter(|_| !*raw_quotes) else {
            let mut reading = self.search(line, times, usize::MAX)?;
            if second.is_none() && has_raw_quote(reading.found.request_line().unwrap_or_default()) {
                reading.found.remarks.add(Remark::RawQuotes);
                *raw_quotes = true;
            }
            return Ok(reading.found);
        };
        // Two lines in one, or a client that wrote what looks like a second: its request counts in both cases. What
        // is sure of the second is too little, since a client could have written that another pays.
        if let Ok(mut reading) = self.search(line, times, second) {
            reading.found.remarks.add(Remark::Glued);
            return Ok(reading.found);
        }
        let mut reading = self.search(line, times, usize::MAX)?;
        reading.found.remarks.add(Remark::Glued);
        reading.found.forget_sizes();
        reading.found.end_request_at_version();
        Ok(reading.found)
    }

    /// Returns where a second `- user [time] "` is, whose time has the form of the first.
    fn second_beginning(&self, line: &[u8], times: &Times) -> Option<usize> {
        let time = self.slots.get(self.position(Role::Time)?)?;
        if !time.after.starts_with(b"] \"") {
            return None;
        }
        let time_at = |at: usize| {
            let rest = line.get(at + 1..).unwrap_or_default();
            let end = memchr::memchr(b']', rest.get(..TIME_BYTES_MAX).unwrap_or(rest))?;
            let time_bytes = &rest[..end];
            (rest[end..].starts_with(&time.after) && times.unix_ms(time_bytes).is_ok()).then_some(time_bytes)
        };
        let mut times = memchr::memchr_iter(b'[', line).filter_map(|at| Some((at, time_at(at)?)));
        let (first_at, first) = times.next()?;
        let behind_identity = |at: usize| {
            let before = &line[first_at..at];
            let identity = memchr::memmem::rfind(before, b" - ");
            !self.has(Role::Ident) || identity.is_some_and(|at| before.len() - at < USER_BYTES_MAX)
        };
        times.find(|(at, time)| same_form(time, first) && behind_identity(*at)).map(|(at, _)| at)
    }
}

/// Returns whether figures, letters and signs are at the same positions.
fn same_form(a: &[u8], b: &[u8]) -> bool {
    let class = |b: &u8| match b {
        b'0'..=b'9' => b'0',
        b'+' | b'-' => b'+',
        _ if b.is_ascii_alphabetic() => b'a',
        _ => *b,
    };
    a.iter().map(class).eq(b.iter().map(class))
}

fn has_raw_quote(request: &[u8]) -> bool {
    memchr::memchr_iter(b'"', request).any(|at| at == 0 || request[at - 1] != b'\\')
}
