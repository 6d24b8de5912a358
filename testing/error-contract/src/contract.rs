//! The rules, and the macro that applies them to each variant of an enum.

use std::error::Error;

/// Checks one value of each variant of an error enum.
///
/// A variant that no row names does not compile, since the rows are the arms of a match.
#[macro_export]
macro_rules! assert_errors {
    ($error:ident {
        without_cause: { $($alone:ident => $alone_value:expr),* $(,)? }
        with_cause: { $($caused:ident => $caused_value:expr),* $(,)? }
    }) => {{
        #[allow(dead_code)]
        const fn every_variant_has_a_row(error: &$error) {
            match error {
                $($error::$alone { .. } => {})*
                $($error::$caused { .. } => {})*
            }
        }
        $(
            let value = $alone_value;
            assert!(matches!(value, $error::$alone { .. }), "the row of {} has {value:?}", stringify!($alone));
            $crate::assert_without_cause(&value);
        )*
        $(
            let value = $caused_value;
            assert!(matches!(value, $error::$caused { .. }), "the row of {} has {value:?}", stringify!($caused));
            $crate::assert_with_cause(&value);
        )*
    }};
}

/// Panics unless the error stands alone.
#[track_caller]
pub fn assert_without_cause(error: &dyn Error) {
    assert!(error.source().is_none(), "{error:?} has a source, so its row belongs to `with_cause`");
    assert_message(error);
}

/// Panics unless the error has a source, and its message leaves the texts of all sources to them.
#[track_caller]
pub fn assert_with_cause(error: &dyn Error) {
    assert!(error.source().is_some(), "{error:?} has no source");
    let mut error = Some(error);
    while let Some(wrapping) = error {
        assert_message(wrapping);
        let message = wrapping.to_string();
        let mut cause = wrapping.source();
        while let Some(wrapped) = cause {
            assert!(!message.contains(&wrapped.to_string()), "`{message}` prints its cause `{wrapped}`");
            cause = wrapped.source();
        }
        error = wrapping.source();
    }
}

#[track_caller]
fn assert_message(error: &dyn Error) {
    let message = error.to_string();
    assert!(!message.is_empty(), "{error:?} has no message");
    assert!(!message.contains('\n'), "`{message}` has several lines");
    assert!(!message.ends_with('.'), "`{message}` ends with a full stop, and more may follow it");
}

#[cfg(test)]
mod tests {
    use std::{fmt, panic::catch_unwind};

    use super::*;

    #[derive(Debug)]
    struct Link(&'static str, Option<Box<Link>>);

    impl fmt::Display for Link {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Link {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    fn chain(messages: &[&'static str]) -> Link {
        let cause = messages.get(1..).filter(|rest| !rest.is_empty()).map(|rest| Box::new(chain(rest)));
        Link(messages.first().copied().unwrap_or_default(), cause)
    }

    fn is_refused(check: fn(&dyn Error), messages: &'static [&'static str]) -> bool {
        catch_unwind(|| check(&chain(messages))).is_err()
    }

    #[test]
    fn sound_errors_pass() {
        assert_without_cause(&chain(&["no such file"]));
        assert_with_cause(&chain(&["cannot open", "no route", "timed out"]));
    }

    #[test]
    fn each_fault_is_found() {
        assert!(is_refused(assert_without_cause, &["cannot open", "no route"]), "a source");
        assert!(is_refused(assert_without_cause, &[""]), "no message");
        assert!(is_refused(assert_without_cause, &["two\nlines"]), "two lines");
        assert!(is_refused(assert_without_cause, &["no such file."]), "a full stop");
        assert!(is_refused(assert_with_cause, &["no such file"]), "no source");
        assert!(is_refused(assert_with_cause, &["cannot open: no route", "no route"]), "a cause twice");
        assert!(
            is_refused(assert_with_cause, &["cannot open: timed out", "no route", "timed out"]),
            "a far cause"
        );
        assert!(
            is_refused(assert_with_cause, &["cannot open", "no route: refused", "refused"]),
            "further down"
        );
    }
}
