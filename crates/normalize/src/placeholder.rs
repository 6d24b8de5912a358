//! The words that replace values in a route.
//!
//! A placeholder is a colon and a name, like the parameter of a route template. Normalization keeps it unchanged. It also
//! keeps any other `:name`, which the host may have written.

/// A number: digits, also with number punctuation (`1.5`, `555-1234`).
pub const NUMBER: &str = ":num";
/// A UUID in the 8-4-4-4-12 form.
pub const UUID: &str = ":uuid";
/// A ULID: 26 characters of Crockford's base 32.
pub const ULID: &str = ":ulid";
/// A hexadecimal token: 8 or more digits with a letter among them, or 16 or more of letters alone.
pub const HEX: &str = ":hex";
/// A token that looks random: base 64 and similar encodings.
pub const TOKEN: &str = ":token";
/// A date or date-time in an ISO 8601 form with separators.
pub const DATE: &str = ":date";
/// A segment with an e-mail address.
pub const EMAIL: &str = ":email";
/// An IPv4 or IPv6 address.
pub const ADDRESS: &str = ":ip";
/// A hardware address: six groups of two hexadecimal digits, or three of four.
pub const HARDWARE_ADDRESS: &str = ":mac";
/// The version of a package or file: `7.0.1`, `1.16.2-rc.1`. Versions of an API (`/v2`, `/2024-01-01`) stay.
pub const VERSION: &str = ":version";
/// What Kubernetes appends to the name of a pod: `7c5ddbdf54-x2x8q`.
pub const POD: &str = ":pod";
/// A value at a position that has shown too many of them, see [`RouteLearner`](crate::RouteLearner).
pub const NAME: &str = ":name";
/// A segment that is itself a path, with an encoded slash or a backslash.
pub const PATH: &str = ":path";
/// Free text: a segment longer than 80 bytes, or with characters that no URL has.
pub const TEXT: &str = ":text";
/// A segment that is not text: a malformed or doubled percent escape, invalid UTF-8, control or invisible characters.
pub const INVALID: &str = ":invalid";
/// The rest of a route beyond the limit on length or depth.
pub const MORE: &str = ":more";
/// The target of a `CONNECT` request, `host:port`.
pub const AUTHORITY: &str = ":authority";

/// All placeholders of this crate. There is a limited number of them, which is why the learner leaves them alone.
pub(crate) const ALL: [&str; 17] = [
    NUMBER,
    UUID,
    ULID,
    HEX,
    TOKEN,
    DATE,
    EMAIL,
    ADDRESS,
    HARDWARE_ADDRESS,
    VERSION,
    POD,
    NAME,
    PATH,
    TEXT,
    INVALID,
    MORE,
    AUTHORITY,
];

/// The longest name of a placeholder, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 32;
/// The most digits in the name of a placeholder. With more, it is an identifier and not a name.
const NAME_DIGITS_MAX: usize = 3;

/// Returns whether `text` is a placeholder: `:` and a name.
pub(crate) fn is_placeholder(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|name| {
        is_name(name) && name.bytes().filter(u8::is_ascii_digit).count() <= NAME_DIGITS_MAX
    })
}

/// Returns whether `name` can be the name of a parameter.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
