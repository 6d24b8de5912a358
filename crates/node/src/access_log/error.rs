//! Reasons for skipping a line.

use super::LINE_BYTES_MAX;

/// Errors of a line that cannot be metered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Nothing but white space.
    #[error("the line is empty")]
    Empty,
    /// The line reaches [`LINE_BYTES_MAX`].
    #[error("the line has {LINE_BYTES_MAX} bytes or more")]
    TooLong,
    /// The line is no text.
    #[error("byte {offset} of the line is not UTF-8")]
    InvalidUtf8 {
        /// The first byte that is wrong, counted from 0.
        offset: usize,
    },
    /// The line ends too early.
    #[error("the line is cut off: it ends before the end of its {field}")]
    CutOff {
        /// The field that it ends in, or lacks.
        field: &'static str,
    },
    /// The brackets hold no time, or one before 1970.
    #[error("`{found}` is no time like 17/May/2015:10:05:03 +0000")]
    BadDate {
        /// The beginning of the text that was found instead.
        found: String,
    },
    /// No quotation mark opens the request.
    #[error("`{found}` stands where the request in quotation marks is expected")]
    NoRequest {
        /// The beginning of the text that was found instead.
        found: String,
    },
    /// No three figures follow the request.
    #[error("no status like 200 follows the request, found `{found}`")]
    NoStatus {
        /// The beginning of the text that was found instead.
        found: String,
    },
    /// The size is neither a number below 2^64 nor `-`.
    #[error("`{found}` is no number of bytes")]
    BadSize {
        /// The beginning of the text that was found instead.
        found: String,
    },
}

impl LineError {
    /// Returns the reason in one word, for counting.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::InvalidUtf8 { .. } => "invalid_utf8",
            Self::CutOff { .. } => "cut_off",
            Self::BadDate { .. } => "bad_date",
            Self::NoRequest { .. } => "no_request",
            Self::NoStatus { .. } => "no_status",
            Self::BadSize { .. } => "bad_size",
        }
    }
}

/// Returns the beginning of a field, escaped for a terminal: clients of a server choose what is in its access log.
pub(super) fn excerpt(field: &str) -> String {
    const CHARACTERS_MAX: usize = 40;
    let mut excerpt: String = field.chars().take(CHARACTERS_MAX).flat_map(char::escape_debug).collect();
    if field.chars().nth(CHARACTERS_MAX).is_some() {
        excerpt.push_str("...");
    }
    excerpt
}
