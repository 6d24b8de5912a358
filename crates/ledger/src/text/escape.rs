//! Makes text from elsewhere safe to show. Whoever writes a log or a slice chooses labels, and people open them on terminals and in
//! spreadsheets.

use std::borrow::Cow;

/// Returns whether a character controls a terminal or the direction and order of text, or cannot be seen.
#[must_use]
pub fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the text in one line, with each hostile character and each backslash beside one written as an escape.
///
/// ```
/// assert_eq!(ron_accounting_ledger::text::visible("\u{1b}[2J"), r"\u{1b}[2J");
/// ```
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' | '\\' => shown.extend(character.escape_default()),
            hostile if is_hostile(hostile) => shown.extend(hostile.escape_unicode()),
            plain => shown.push(plain),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_can_be_seen_stays_and_what_controls_is_escaped() {
        for plain in ["", "/v1/objects/:id", "é 日本語 😀", r"C:\logs", "say \"hi\""] {
            assert_eq!(visible(plain), plain);
        }
        for (hostile, shown) in [
            ("\u{1b}[2J", r"\u{1b}[2J"),
            ("two\nlines\\", r"two\nlines\\"),
            ("\u{202e}gpj.exe", r"\u{202e}gpj.exe"),
            ("a\u{200b}b", r"a\u{200b}b"),
            ("\u{85}", r"\u{85}"),
        ] {
            assert_eq!(visible(hostile), shown);
        }
    }
}
