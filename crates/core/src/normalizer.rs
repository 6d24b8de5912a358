//! The one door for labels: nothing is counted under a label that did not pass a [`Normalizer`].
//!
//! The engine applies a normalizer label by label and holds its answer against the hard limits below, so that even a
//! faulty normalizer can't bring a control character or an endless string into a slice.

use crate::Label;

/// The row that takes a tenant's usage when no label set can be evicted, and the tenant past the tenant limit.
pub const OVERFLOW: &str = "~overflow";
/// What stands for a label that was refused.
pub const INVALID: &str = "~invalid";
/// What stands for a label in which personal data was found.
pub const REDACTED: &str = "~redacted";

/// The longest label that is ever counted, in bytes. The wire format refuses longer ones.
pub const LABEL_BYTES_MAX: usize = 1024;

/// Why a label was replaced by a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It is longer than the limit.
    TooLong,
    /// It holds a control character.
    ControlCharacter,
    /// It looks like personal data: an e-mail address, an IP address, a card number.
    PersonalData,
}

impl Reason {
    /// The reason as a phrase for messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "longer than the limit",
            Self::ControlCharacter => "holds a control character",
            Self::PersonalData => "looks like personal data",
        }
    }
}

/// What a [`Normalizer`] did to a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The output equals the input.
    Clean,
    /// The output is another way to write the input: case, encoding, a templated segment.
    Changed,
    /// The input was refused; the output is a placeholder.
    Replaced(Reason),
}

/// Turns raw labels into the ones that are counted.
///
/// An implementation must be *idempotent* (normalizing its own output changes nothing) and *deterministic*: the engine
/// remembers its answers per thread, and the same input must give the same slices everywhere.
pub trait Normalizer: Send + Sync + 'static {
    /// Writes the normalized form of `raw` to `out`, which is empty when called and whose capacity is reused.
    fn normalize(&self, label: Label, raw: &str, out: &mut String) -> Verdict;
}

/// The built-in normalizer: lets text through as it is, unless it is longer than [`LABEL_BYTES_MAX`] or holds a control
/// character, in which case [`INVALID`] stands for it.
///
/// ```
/// use ron_accounting_core::{CharacterNormalizer, Label, Normalizer, Reason, Verdict};
/// let mut out = String::new();
/// let verdict = CharacterNormalizer.normalize(Label::Tenant, "ac\nme", &mut out);
/// assert_eq!((verdict, out.as_str()), (Verdict::Replaced(Reason::ControlCharacter), "~invalid"));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CharacterNormalizer;

impl Normalizer for CharacterNormalizer {
    fn normalize(&self, _label: Label, raw: &str, out: &mut String) -> Verdict {
        out.push_str(raw);
        enforce_limits(out).map_or(Verdict::Clean, Verdict::Replaced)
    }
}

/// Replaces `label` by [`INVALID`] where it breaks a hard limit.
pub(crate) fn enforce_limits(label: &mut String) -> Option<Reason> {
    let reason = if label.len() > LABEL_BYTES_MAX {
        Reason::TooLong
    } else if label.chars().any(char::is_control) {
        Reason::ControlCharacter
    } else {
        return None;
    };
    label.clear();
    label.push_str(INVALID);
    Some(reason)
}
