//! What is counted: the built-in dimensions and those that a host registers.

use std::fmt;

/// A dimension of one engine: a small index into its [`Dimensions`].
///
/// The built-in ones are constants. Others come from [`Dimensions::register`] and are valid only with an
/// engine that was built with that registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dimension(pub(crate) u16);

impl Dimension {
    /// Requests served, one each.
    pub const REQUESTS: Self = Self(0);
    /// Bytes received.
    pub const BYTES_IN: Self = Self(1);
    /// Bytes sent.
    pub const BYTES_OUT: Self = Self(2);
    /// Processor time, in a unit that the host chooses, such as microseconds.
    pub const CPU: Self = Self(3);

    /// Returns the position in [`Dimensions::names`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The longest name of a dimension, in bytes.
pub const DIMENSION_NAME_BYTES_MAX: usize = 64;
/// The most dimensions that one engine can have. Each costs 8 bytes per label set and thread.
pub const DIMENSIONS_MAX: usize = 64;

/// The names of the dimensions that every engine has, in the order of their indexes.
pub(crate) const BUILT_IN: [&str; 4] = ["requests", "bytes_in", "bytes_out", "cpu"];

/// Why a dimension could not be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DimensionError {
    /// The name is empty, too long, or holds other characters than `a-z`, `0-9` and `_`.
    #[error("dimension name {name:?} must have 1 to 64 characters of a-z, 0-9 and _")]
    Name {
        /// The refused name.
        name: String,
    },
    /// The engine has as many dimensions as it can have.
    #[error("dimension {name:?} would be one more than the {DIMENSIONS_MAX} that an engine can have")]
    TooMany {
        /// The refused name.
        name: String,
    },
}

/// The registry of an engine's dimensions, fixed once the engine is built.
///
/// ```
/// use ron_accounting_core::{Dimension, Dimensions};
/// let mut dimensions = Dimensions::default();
/// let tokens = dimensions.register("tokens")?;
/// assert_eq!(dimensions.name(tokens), Some("tokens"));
/// assert_eq!(dimensions.find("bytes_in"), Some(Dimension::BYTES_IN));
/// # Ok::<(), ron_accounting_core::DimensionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimensions {
    names: Vec<Box<str>>,
}

impl Default for Dimensions {
    fn default() -> Self {
        Self { names: BUILT_IN.iter().map(|&name| name.into()).collect() }
    }
}

impl Dimensions {
    /// Makes a registry of a single dimension: models are smaller without the others.
    #[cfg(loom)]
    pub(crate) fn one() -> Self {
        Self { names: vec!["requests".into()] }
    }

    /// Adds a dimension, or finds the one that has this name already. Refuses a name of other than 1 to
    /// [`DIMENSION_NAME_BYTES_MAX`] characters of `a-z`, `0-9` and `_`, and more than [`DIMENSIONS_MAX`]
    /// dimensions.
    pub fn register(&mut self, name: &str) -> Result<Dimension, DimensionError> {
        if let Some(dimension) = self.find(name) {
            return Ok(dimension);
        }
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || name.len() > DIMENSION_NAME_BYTES_MAX || !name.bytes().all(allowed) {
            return Err(DimensionError::Name { name: name.into() });
        }
        let index = self.names.len();
        match u16::try_from(index) {
            Ok(narrow) if index < DIMENSIONS_MAX => {
                self.names.push(name.into());
                Ok(Dimension(narrow))
            }
            _ => Err(DimensionError::TooMany { name: name.into() }),
        }
    }

    /// Returns the dimension of this name.
    pub fn find(&self, name: &str) -> Option<Dimension> {
        let index = self.names.iter().position(|known| &**known == name)?;
        u16::try_from(index).ok().map(Dimension)
    }

    /// Returns the name of a dimension, or `None` if it belongs to another registry.
    pub fn name(&self, dimension: Dimension) -> Option<&str> {
        self.names.get(dimension.index()).map(|name| &**name)
    }

    /// Returns all names, in order of their index.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Returns all dimensions, in order of their index.
    pub fn iter(&self) -> impl Iterator<Item = Dimension> {
        (0..self.names.len()).filter_map(|index| u16::try_from(index).ok().map(Dimension))
    }

    /// Returns how many there are, which is never zero.
    pub fn count(&self) -> usize {
        self.names.len()
    }
}

impl fmt::Display for Dimensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_errors;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let name = || "Tokens".to_owned();
        assert_errors!(DimensionError {
            without_cause: {
                Name => DimensionError::Name { name: name() },
                TooMany => DimensionError::TooMany { name: name() },
            }
            with_cause: {}
        });
    }
}
