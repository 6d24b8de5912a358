//! Lower-case hexadecimal, the text form of origins and digests. Strict: each value has exactly one text.

use std::fmt;

use crate::error::ParseError;

pub(crate) fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

pub(crate) fn parse<const N: usize>(text: &str) -> Result<[u8; N], ParseError> {
    if text.len() != 2 * N {
        return Err(ParseError::Length { expected: 2 * N, found: text.len() });
    }
    let mut bytes = [0; N];
    for (index, character) in text.bytes().enumerate() {
        let digit = match character {
            b'0'..=b'9' => character - b'0',
            b'a'..=b'f' => character - b'a' + 10,
            _ => {
                return Err(ParseError::Character {
                    index,
                    found: char::from(character),
                    alphabet: "0-9 and a-f",
                })
            }
        };
        if let Some(byte) = bytes.get_mut(index / 2) {
            *byte = *byte << 4 | digit;
        }
    }
    Ok(bytes)
}
