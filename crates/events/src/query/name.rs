//! The event's name in a query, kept without an allocation if it is short.

use std::fmt;

/// The longest name that is kept without an allocation, in bytes.
const INLINE_LEN_MAX: usize = 38;

/// An event's name. A query lives only for nanoseconds, so that an allocation would be most of its cost.
pub(super) struct Name(Kept);

enum Kept {
    Inline { len: u8, bytes: [u8; INLINE_LEN_MAX] },
    Boxed(Box<str>),
}

impl Name {
    pub(super) fn new(name: &str) -> Self {
        let mut bytes = [0; INLINE_LEN_MAX];
        match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(name.as_bytes());
                Self(Kept::Inline { len, bytes })
            }
            _ => Self(Kept::Boxed(name.into())),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match &self.0 {
            Kept::Inline { len, bytes } => {
                let name = bytes.get(..usize::from(*len)).and_then(|name| std::str::from_utf8(name).ok());
                name.unwrap_or_default()
            }
            Kept::Boxed(name) => name,
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_length_come_back() {
        for len in 0..100 {
            let name = "é".repeat(len / 2) + &"x".repeat(len % 2);
            assert_eq!(Name::new(&name).as_str(), name);
        }
    }
}
