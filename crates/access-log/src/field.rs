//! Names of fields that a parser keeps.

use std::{fmt, str::FromStr};

/// A field by its name: a header of the request, or any field as the log's own format calls it.
///
/// Names of headers are compared without case, and `-` is `_`, as nginx writes it.
///
/// ```
/// use ron_accounting_access_log::FieldName;
///
/// let header: FieldName = "header:X-Tenant".parse()?;
/// assert_eq!(header, "header:x_tenant".parse()?);
/// assert_ne!(header, "field:X-Tenant".parse()?);
/// # Ok::<(), ron_accounting_access_log::FieldNameError>(())
/// ```
#[derive(Debug, Clone)]
pub enum FieldName {
    /// A header of the request.
    Header(String),
    /// A field of the format: a variable of nginx, a column, a path within JSON.
    Field(String),
}

/// What is no name of a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` names no field: write header:NAME or field:NAME")]
pub struct FieldNameError {
    found: String,
}

impl FieldName {
    pub(crate) fn header(name: &[u8]) -> Self {
        Self::Header(String::from_utf8_lossy(name).into_owned())
    }

    pub(crate) fn field(name: &[u8]) -> Self {
        Self::Field(String::from_utf8_lossy(name).into_owned())
    }
}

impl PartialEq for FieldName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Header(a), Self::Header(b)) => same_header(a.as_bytes(), b.as_bytes()),
            (Self::Field(a), Self::Field(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for FieldName {}

/// Returns whether two names are of one header.
pub(crate) fn same_header(a: &[u8], b: &[u8]) -> bool {
    let folded = |b: &u8| if *b == b'-' { b'_' } else { b.to_ascii_lowercase() };
    a.len() == b.len() && a.iter().map(folded).eq(b.iter().map(folded))
}

impl FromStr for FieldName {
    type Err = FieldNameError;

    fn from_str(text: &str) -> Result<Self, FieldNameError> {
        match text.split_once(':') {
            Some(("header", name)) if !name.is_empty() => Ok(Self::Header(name.to_owned())),
            Some(("field", name)) if !name.is_empty() => Ok(Self::Field(name.to_owned())),
            _ => Err(FieldNameError { found: text.to_owned() }),
        }
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Field(name) => write!(f, "field:{name}"),
        }
    }
}
