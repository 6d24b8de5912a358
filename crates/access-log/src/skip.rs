//! Why a line is not a request, and what is worth a remark about one that is.

use std::fmt;

/// Why a line was skipped. Each has a word for counting, see [`SkipReason::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SkipReason {
    /// Nothing but white space or NULs.
    Empty,
    /// The line is longer than the reader's limit.
    TooLong,
    /// The line ends before everything that is needed is whole.
    CutOff,
    /// The time cannot be read, or is before 1970.
    BadDate,
    /// The time has no zone, and none was given.
    NoTimeZone,
    /// What identifies the client is no address and no name of a host.
    BadClient,
    /// No request where the format has it.
    NoRequest,
    /// No status where the format has it.
    NoStatus,
    /// No number of bytes where the format has it.
    BadSize,
    /// The line can be read in more ways than are tried.
    Ambiguous,
    /// A line was cut, and the next one follows in the same line.
    Glued,
    /// The line has another format than the log.
    OtherFormat,
}

impl SkipReason {
    /// Returns the reason in one word, for counting: `cut_off`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::CutOff => "cut_off",
            Self::BadDate => "bad_date",
            Self::NoTimeZone => "no_time_zone",
            Self::BadClient => "bad_client",
            Self::NoRequest => "no_request",
            Self::NoStatus => "no_status",
            Self::BadSize => "bad_size",
            Self::Ambiguous => "ambiguous",
            Self::Glued => "glued",
            Self::OtherFormat => "other_format",
        }
    }
}

/// A line that was skipped: the reason, and the beginning of what was found instead, fit for a terminal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Skip {
    reason: SkipReason,
    found: String,
}

impl Skip {
    /// Returns a skip for this reason, without an excerpt.
    pub const fn new(reason: SkipReason) -> Self {
        Self { reason, found: String::new() }
    }

    /// Returns a skip for this reason, with the beginning of `found`.
    pub(crate) fn found(reason: SkipReason, found: &[u8]) -> Self {
        Self { reason, found: excerpt(found) }
    }

    /// Returns why the line was skipped.
    pub const fn reason(&self) -> SkipReason {
        self.reason
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = &self.found;
        match self.reason {
            SkipReason::Empty => f.write_str("the line is empty"),
            SkipReason::TooLong => f.write_str("the line is longer than the limit"),
            SkipReason::CutOff => {
                write!(f, "the line is cut off: it ends before its {found} is whole")
            }
            SkipReason::BadDate => write!(
                f,
                "`{found}` is no time that is known here: give its form with --time-format, as in %d/%b/%Y:%H:%M:%S %z"
            ),
            SkipReason::NoTimeZone => {
                write!(f, "the time `{found}` has no zone: give one with --time-zone, as in UTC or Europe/Berlin")
            }
            SkipReason::BadClient => write!(f, "`{found}` is no address of a client"),
            SkipReason::NoRequest => write!(f, "`{found}` was found where the request is expected"),
            SkipReason::NoStatus => write!(f, "no status like 200 follows the request, found `{found}`"),
            SkipReason::BadSize => write!(f, "`{found}` is no number of bytes"),
            SkipReason::Ambiguous => {
                f.write_str("the line can be read in more ways than are tried")
            }
            SkipReason::Glued => f.write_str("the line is cut off, and another line follows in it"),
            SkipReason::OtherFormat => write!(f, "the line has another format than the log: `{found}`"),
        }
    }
}

/// What is worth counting about a line although it was metered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Remark {
    /// The line is cut behind everything that is needed.
    Cut,
    /// The end of the line has other fields than the format.
    OtherEnd,
    /// A client's quotation marks are not escaped.
    RawQuotes,
    /// Another line follows in the same line, and is not metered.
    Glued,
    /// The number of bytes is negative, or larger than a response can be, and counts as 0.
    SizeNotCredible,
    /// The number of bytes cannot be told for certain, and counts as 0.
    SizeUnknown,
    /// NULs before the line were left out.
    Nul,
    /// The line can be read in several ways that differ in who made the request, and counts without client, user, host
    /// and kept fields.
    IdentityUnknown,
}

impl Remark {
    /// Every remark.
    pub const ALL: [Self; 8] = [
        Self::Cut,
        Self::OtherEnd,
        Self::RawQuotes,
        Self::Glued,
        Self::SizeNotCredible,
        Self::SizeUnknown,
        Self::Nul,
        Self::IdentityUnknown,
    ];

    /// Returns the remark in one word, for counting: `cut`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::OtherEnd => "other_end",
            Self::RawQuotes => "raw_quotes",
            Self::Glued => "glued",
            Self::SizeNotCredible => "size_not_credible",
            Self::SizeUnknown => "size_unknown",
            Self::Nul => "nul",
            Self::IdentityUnknown => "identity_unknown",
        }
    }
}

/// A set of remarks about one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Remarks(u8);

impl Remarks {
    /// Returns whether there is nothing to remark.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether `remark` was made.
    pub const fn contains(self, remark: Remark) -> bool {
        self.0 & (1 << remark as u8) != 0
    }

    /// Returns the remarks that were made.
    pub fn iter(self) -> impl Iterator<Item = Remark> {
        Remark::ALL.into_iter().filter(move |remark| self.contains(*remark))
    }

    pub(crate) fn add(&mut self, remark: Remark) {
        self.0 |= 1 << remark as u8;
    }
}

/// Returns the beginning of a field, without control characters, since clients decide what a log holds.
pub(crate) fn excerpt(field: &[u8]) -> String {
    const CHARACTERS_MAX: usize = 40;
    let head = field.get(..4 * CHARACTERS_MAX).unwrap_or(field);
    let text = String::from_utf8_lossy(head);
    let mut excerpt: String = text.chars().take(CHARACTERS_MAX).flat_map(char::escape_debug).collect();
    if head.len() < field.len() || text.chars().nth(CHARACTERS_MAX).is_some() {
        excerpt.push_str("...");
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::{excerpt, Remark, Remarks};

    #[test]
    fn an_excerpt_is_short_and_has_no_control_characters() {
        assert_eq!(excerpt(b"a\x1b[2J\xff"), "a\\u{1b}[2J\u{fffd}");
        assert_eq!(excerpt(&[b'x'; 41]), format!("{}...", "x".repeat(40)));
        assert_eq!(excerpt(&[b'x'; 40]), "x".repeat(40));
    }

    #[test]
    fn each_remark_is_kept_apart() {
        for remark in Remark::ALL {
            let mut remarks = Remarks::default();
            assert!(remarks.is_empty());
            remarks.add(remark);
            assert_eq!(remarks.iter().collect::<Vec<_>>(), [remark]);
        }
    }
}
