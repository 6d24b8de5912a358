//! File names for event names of any kind.
//!
//! Lower-case letters, digits, `-` and `_` are kept. Every other byte is encoded as `%` and two hexadecimal digits. So no file
//! name leads out of its directory or is hidden in it, and two names differ even in a directory that ignores case. A name
//! that would be too long becomes `%%` and its BLAKE3 digest, and the file then begins with the name. Names that some
//! systems reserve for devices have their first letter encoded.

/// The longest stem, in bytes. With an extension it stays below the 255 bytes that file systems allow.
const STEM_LEN_MAX: usize = 200;
/// The stem of the empty name. No other name can have it.
const EMPTY: &str = "%-";
const DIGEST_PREFIX: &str = "%%";
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// Returns the stem of a name's file, and whether the file must begin with the name.
pub(super) fn stem(name: &str) -> (String, bool) {
    let mut stem = String::with_capacity(name.len());
    let device = is_device(name);
    for (index, byte) in name.bytes().enumerate() {
        let plain = matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if plain && !(device && index == 0) {
            stem.push(char::from(byte));
        } else {
            stem.push('%');
            stem.extend(
                [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')),
            );
        }
        if stem.len() > STEM_LEN_MAX {
            return (format!("{DIGEST_PREFIX}{}", blake3::hash(name.as_bytes()).to_hex()), true);
        }
    }
    if stem.is_empty() {
        stem.push_str(EMPTY);
    }
    (stem, false)
}

/// Returns whether a stem is a digest, so that the file begins with the name.
pub(super) fn is_digest(stem: &str) -> bool {
    stem.starts_with(DIGEST_PREFIX)
}

/// Returns the name whose stem this is. Returns `None` if there is none, or if the stem is a digest.
pub(super) fn name(of: &str) -> Option<String> {
    if of == EMPTY {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(of.len());
    let mut rest = of.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(*rest.next()?).to_digit(16);
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    // Only a stem that `stem` would make belongs to a name.
    String::from_utf8(bytes).ok().filter(|name| stem(name).0 == of)
}

fn is_device(name: &str) -> bool {
    let numbered = NUMBERED_DEVICES
        .iter()
        .filter_map(|device| name.strip_prefix(device))
        .any(|number| number.len() == 1 && number.as_bytes().first().is_some_and(u8::is_ascii_digit));
    numbered || DEVICES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_become_what_the_module_says() {
        assert_eq!(stem("api_call-2").0, "api_call-2");
        assert_eq!(stem("../a\0B").0, "%2e%2e%2fa%00%42");
        assert_eq!(stem("").0, "%-");
        assert_eq!(stem("nul").0, "%6eul");
        assert_eq!(stem("com1").0, "%63om1");
        assert_eq!(stem(&"x".repeat(200)), ("x".repeat(200), false));
        assert!(is_digest(&stem(&"x".repeat(201)).0));
    }

    #[test]
    fn stems_that_belong_to_no_name_are_refused() {
        for foreign in ["A", "a.b", "%2", "%2E", "%61", "nul", "%ff", "%%00"] {
            assert_eq!(name(foreign), None, "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn a_name_comes_back_from_its_stem(text in any::<String>()) {
            let (stem, digest) = stem(&text);
            prop_assert!(stem.len() <= STEM_LEN_MAX);
            prop_assert!(digest || name(&stem) == Some(text));
        }

        #[test]
        fn names_that_differ_have_stems_that_differ_in_more_than_case(one in "[a-dA-D%./]{0,4}", other in "[a-dA-D%./]{0,4}") {
            prop_assume!(one != other);
            prop_assert_ne!(stem(&one).0.to_lowercase(), stem(&other).0.to_lowercase());
        }
    }
}
