//! The formats: what each is called, and what reads it.
//!
//! * `clf`: common, combined and their `vhost_` forms.
//! * `aws`, `haproxy`, `envoy`: formats that their documentation fixes.
//! * `w3c`: columns that the log itself names.
//! * `name`: the names of formats, and texts that are formats.
//!
//! JSON is in `json`, and formats of a server's own configuration are in `notation`.

pub(crate) mod aws;
pub(crate) mod clf;
pub(crate) mod envoy;
pub(crate) mod haproxy;
mod name;
pub(crate) mod w3c;

pub(crate) use name::layout;
pub use name::{Format, FORMAT_NAMES};

use crate::json::JsonMap;
use crate::template::Template;

/// What reads the lines of a log.
#[derive(Debug, Clone)]
pub(crate) enum Layout {
    Template(Template),
    Json(Box<JsonMap>),
    W3c(w3c::Columns),
}

/// Why a log cannot be read as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// No format has this name, and it is none in a notation.
    #[error("there is no format `{name}`: write one of {}, or a format in the notation of Apache's LogFormat or of nginx's log_format", FORMAT_NAMES.join(", "))]
    NoSuchFormat {
        /// What was asked for.
        name: String,
    },
    /// A format in a server's notation that cannot be read.
    #[error("the format cannot be used: {reason}")]
    Notation {
        /// What is wrong with it.
        reason: String,
    },
    /// The keys of a JSON format that cannot be used.
    #[error("the keys cannot be used: {reason}; write json:time=KEY,method=KEY,target=KEY,status=KEY,bytes_sent=KEY,client=KEY,user=KEY")]
    Keys {
        /// What is wrong with them.
        reason: String,
    },
    /// The format has no field of this name.
    #[error("the format {format} has no {name}: {hint}")]
    NoSuchField {
        /// The format.
        format: String,
        /// The field that was asked for.
        name: String,
        /// What to do.
        hint: String,
    },
    /// More fields are to be kept of a line than can be.
    #[error("at most {most} fields can be kept of a line: ask for fewer")]
    TooManyFields {
        /// As many can be kept.
        most: usize,
    },
    /// The log is none of the known formats.
    #[error("this is no access log that is known here: {seems}; {remedy}")]
    Unknown {
        /// What it seems to be.
        seems: String,
        /// What to do.
        remedy: String,
    },
    /// The log could be read in several ways that differ in who made the requests.
    #[error("this could be read in several ways: {seems}; {remedy}")]
    Ambiguous {
        /// What speaks for which.
        seems: String,
        /// What to do.
        remedy: String,
    },
    /// The times have no zone, and none was given.
    #[error(
        "the times of this {format} log have no zone: give one with --time-zone, as in UTC or Europe/Berlin"
    )]
    NoTimeZone {
        /// What the log is.
        format: String,
    },
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::{Format, FormatError};

    #[test]
    fn each_error_is_a_whole_message() {
        let text = || "x".to_owned();
        assert_errors!(FormatError {
            without_cause: {
                NoSuchFormat => "xml".parse::<Format>().unwrap_err(),
                Notation => "%h %t".parse::<Format>().unwrap_err(),
                Keys => "json:x=y".parse::<Format>().unwrap_err(),
                NoSuchField => FormatError::NoSuchField { format: text(), name: text(), hint: text() },
                TooManyFields => FormatError::TooManyFields { most: 8 },
                Unknown => FormatError::Unknown { seems: text(), remedy: text() },
                Ambiguous => FormatError::Ambiguous { seems: text(), remedy: text() },
                NoTimeZone => FormatError::NoTimeZone { format: text() }
            }
            with_cause: {}
        });
    }
}
