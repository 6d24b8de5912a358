//! Normalization: nothing is counted under a label that did not pass a [`Normalizer`].
//!
//! The engine applies a normalizer label by label and checks its output against the hard limits below. So
//! even a faulty normalizer cannot put a control character or an endless string into a key.

use crate::Label;

/// All labels but the tenant of an overflow row, which takes a tenant's usage when no label set can be
/// evicted. Also the tenant that takes the usage past the tenant limit.
pub const OVERFLOW: &str = "~overflow";
/// The placeholder for a label that was refused.
pub const INVALID: &str = "~invalid";
/// The placeholder for a label in which personal data was found.
pub const REDACTED: &str = "~redacted";

/// The longest label that is ever counted, in bytes.
pub const LABEL_BYTES_MAX: usize = 1024;

/// Why a label was replaced by a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The label is longer than the limit.
    TooLong,
    /// The label holds a control character.
    ControlCharacter,
    /// The label looks like personal data: an e-mail address, an IP address, a card number.
    PersonalData,
    /// The normalizer panicked on the label.
    NormalizerPanicked,
}

impl Reason {
    /// Returns the reason as a phrase for messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "longer than the limit",
            Self::ControlCharacter => "holds a control character",
            Self::PersonalData => "looks like personal data",
            Self::NormalizerPanicked => "makes the normalizer panic",
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
/// An implementation must be *idempotent*: normalizing its own output changes nothing. And it must be
/// *deterministic*: each thread remembers its output, and the same input must be counted under the same key
/// on all of them. One that learns tells so by [`Normalizer::generation`].
///
/// A panic of an implementation doesn't reach the caller of the recording function where panics unwind. The label is
/// counted as [`INVALID`], with [`Reason::NormalizerPanicked`], and the engine counts such panics
/// ([`EngineStats::normalizer_panics`](crate::EngineStats::normalizer_panics)). The process's panic hook sees
/// each, which is once per raw label set and thread.
pub trait Normalizer: Send + Sync + 'static {
    /// Writes the normalized form of `raw` to `out`, which is empty when called and whose capacity is reused.
    fn normalize(&self, label: Label, raw: &str, out: &mut String) -> Verdict;

    /// Returns a number that changes when the output of some input has changed, for an implementation that learns. It is
    /// read often. By default it never changes.
    ///
    /// A thread compares it each time that it sees a raw label set for the first time. When it has changed, the thread forgets
    /// what it remembers, and asks again. What was counted before stays where it is, and a [`Meter`](crate::Meter) keeps its
    /// label set.
    fn generation(&self) -> u64 {
        0
    }
}

/// The built-in normalizer. Passes a label on unchanged, unless it is longer than [`LABEL_BYTES_MAX`] or
/// holds a control character: then it writes [`INVALID`].
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

/// Replaces `label` by [`INVALID`] if it breaks a hard limit, and returns which.
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
