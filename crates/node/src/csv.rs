//! Writes lines of comma-separated values, quoted by RFC 4180, with a newline at the end of each.

use std::{
    borrow::Cow,
    io::{self, Write},
};

/// Writes one line.
pub(crate) fn write_line<'a>(
    out: &mut dyn Write,
    fields: impl IntoIterator<Item = &'a str>,
) -> io::Result<()> {
    for (index, field) in fields.into_iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        out.write_all(quoted(field).as_bytes())?;
    }
    out.write_all(b"\n")
}

fn quoted(field: &str) -> Cow<'_, str> {
    if field.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", field.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(field)
    }
}

#[cfg(test)]
mod tests {
    use super::write_line;

    #[test]
    fn only_what_needs_quotes_has_them() {
        let mut out = Vec::new();
        write_line(&mut out, ["plain", "", "a,b", "say \"hi\"", "two\nlines"]).unwrap();
        assert_eq!(out, b"plain,,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\n");
    }
}
