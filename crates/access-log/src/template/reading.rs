//! A line by a template: as it should be, or as what can be made of it.

use super::Template;
use crate::{
    found::{Found, Role},
    time::Times,
    Remark, Skip, SkipReason,
};

impl Template {
    /// Reads a line. `raw_quotes` is whether a line of this log had quotation marks of a client that were not escaped, and is
    /// set when this one has.
    pub(crate) fn read<'a>(
        &self,
        line: &'a [u8],
        times: &Times,
        raw_quotes: &mut bool,
    ) -> Result<Found<'a>, Skip> {
        if let Some(found) = self.read_strictly(line, times) {
            return Ok(found);
        }
        self.read_damaged(line, times, raw_quotes)
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
            if let Some((mut found, rest)) = self.read_beginning(line, times) {
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
        // Two lines in one, or a client that wrote what looks like a second: its request counts in both cases. What is sure
        // of the second is too little, since a client could have written that another pays.
        if let Ok(mut reading) = self.search(line, times, second) {
            reading.found.remarks.add(Remark::Glued);
            return Ok(reading.found);
        }
        let mut reading = self.search(line, times, usize::MAX)?;
        reading.found.remarks.add(Remark::Glued);
        reading.found.forget_sizes();
        Ok(reading.found)
    }

    /// Where a second `[time] "` is, behind the beginning of the request.
    fn second_beginning(&self, line: &[u8], times: &Times) -> Option<usize> {
        let time = self.slots.get(self.position(Role::Time)?)?;
        if !time.after.starts_with(b"] \"") {
            return None;
        }
        let mut beginnings = memchr::memchr_iter(b'[', line).filter(|at| {
            let rest = line.get(at + 1..).unwrap_or_default();
            let end = memchr::memchr(b']', rest.get(..48).unwrap_or(rest));
            end.is_some_and(|end| rest[end..].starts_with(&time.after) && times.unix_ms(&rest[..end]).is_ok())
        });
        beginnings.next()?;
        beginnings.next()
    }
}

fn has_raw_quote(request: &[u8]) -> bool {
    memchr::memchr_iter(b'"', request).any(|at| at == 0 || request[at - 1] != b'\\')
}
