//! What is behind a failure of a ledger, whatever its type.

use std::{error::Error, fmt, sync::Arc};

/// Why a ledger failed or refused: an error of any type, or a text. Cloning is a reference count.
///
/// Two causes are equal if they read the same, with the causes behind them.
///
/// ```
/// use ron_accounting_export::{Cause, PutError};
///
/// let error = PutError::unavailable("connection refused");
/// assert_eq!(error, PutError::Unavailable { source: Cause::new("connection refused") });
/// assert_eq!(error.with_causes(), format!("{error}: connection refused"));
/// ```
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    /// Wraps an error, or a text where a ledger gives no more.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }

    /// Returns the wrapped error. Callers that know its type can downcast it.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        with_causes(self) == with_causes(other)
    }
}

impl Eq for Cause {}

/// Returns the messages of an error and of all its causes, in one line.
///
/// It is meant for errors whose own message leaves the cause to [`source`](Error::source), as the errors of these crates do.
///
/// ```
/// use ron_accounting_export::{with_causes, PutError};
///
/// let error = PutError::unavailable("connection refused");
/// assert_eq!(with_causes(&error), format!("{error}: connection refused"));
/// ```
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use std::{fmt::Error as FormatError, io};

    use super::*;

    #[test]
    fn a_cause_keeps_its_type_and_compares_by_what_it_says() {
        let cause = Cause::new(io::Error::other("no route to host"));
        assert!(cause.error().downcast_ref::<io::Error>().is_some());
        assert_eq!(cause, Cause::new("no route to host"));
        assert_ne!(cause, Cause::new(FormatError));
        assert_eq!(cause.to_string(), "no route to host");
    }
}
