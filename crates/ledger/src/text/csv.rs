//! Writes lines of comma-separated values, quoted by RFC 4180, with a newline at the end of each.
//!
//! Text is made safe for terminals and spreadsheets: hostile characters are escaped, so that a record is one line, and what a
//! spreadsheet would take for a formula begins with an apostrophe.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use crate::text::escape;

/// Writes one line.
pub(crate) fn write_line<'a>(
    out: &mut dyn Write,
    fields: impl IntoIterator<Item = &'a str>,
) -> io::Result<()> {
    for (index, field) in fields.into_iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        out.write_all(quoted(&harmless(field)).as_bytes())?;
    }
    out.write_all(b"\n")
}

/// Returns the field as text that no spreadsheet computes. Some programs take the wide forms of the signs for the signs.
fn harmless(field: &str) -> Cow<'_, str> {
    let visible = escape::visible(field);
    if field.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']) {
        return Cow::Owned(format!("'{visible}"));
    }
    visible
}

fn quoted(field: &str) -> Cow<'_, str> {
    if field.contains([',', '"', ';']) {
        Cow::Owned(format!("\"{}\"", field.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(field)
    }
}

#[cfg(test)]
mod tests {
    use super::write_line;

    fn line(fields: &[&str]) -> String {
        let mut out = Vec::new();
        write_line(&mut out, fields.iter().copied()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_what_needs_quotes_has_them() {
        assert_eq!(line(&["plain", "", "a,b", "say \"hi\""]), "plain,,\"a,b\",\"say \"\"hi\"\"\"\n");
        assert_eq!(line(&["two\nlines", "\u{1b}[2J"]), "two\\nlines,\\u{1b}[2J\n");
    }

    #[test]
    fn nothing_is_a_formula() {
        assert_eq!(line(&["=1+1", "+1", "-1", "@SUM(A1)"]), "'=1+1,'+1,'-1,'@SUM(A1)\n");
        assert_eq!(line(&["=HYPERLINK(\"x\",\"y\")"]), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"\n");
        assert_eq!(line(&["\t=1", "\u{ff1d}1", "a=1", "1-2"]), "'\\t=1,'\u{ff1d}1,a=1,1-2\n");
    }
}
