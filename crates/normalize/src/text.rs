//! Tenants, services and regions: names that the host chooses, and that are refused if they must not be labels.
//!
//! A name is refused as a whole. If only the wrong characters were removed, one tenant's name could become another's, and its
//! usage would be on the other's bill.

use ron_accounting_core::{Reason, Verdict, INVALID, REDACTED};
use unicode_normalization::UnicodeNormalization;

use crate::{character, personal};

/// What normalization does to the letters of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// They stay: tenants are identifiers.
    Kept,
    /// They become lower case: a service or region has one spelling.
    Lower,
}

/// Writes the normalized name to `out`.
pub(crate) fn normalize(raw: &str, case: Case, bytes_max: usize, out: &mut String) -> Verdict {
    let name = raw.trim();
    // This comes first, so that an endless name costs nothing. Lower case can be longer, see below.
    if name.len() > bytes_max {
        return refuse(INVALID, Reason::TooLong, out);
    }
    // One name has one spelling, however its accents are encoded (NFC). What only looks alike stays apart: the Greek `Α` is no Latin `A`,
    // and a ligature is not its letters.
    match case {
        Case::Kept if name.is_ascii() => out.push_str(name),
        Case::Kept => out.extend(name.nfc()),
        Case::Lower => out.extend(name.chars().flat_map(char::to_lowercase).nfc()),
    }
    if out.len() > bytes_max {
        return refuse(INVALID, Reason::TooLong, out);
    }
    if out.chars().any(character::is_forbidden) {
        return refuse(INVALID, Reason::ControlCharacter, out);
    }
    if personal::is_found_in(out) {
        return refuse(REDACTED, Reason::PersonalData, out);
    }
    if out == raw {
        Verdict::Clean
    } else {
        Verdict::Changed
    }
}

fn refuse(placeholder: &str, reason: Reason, out: &mut String) -> Verdict {
    out.clear();
    out.push_str(placeholder);
    Verdict::Replaced(reason)
}
