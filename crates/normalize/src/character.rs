//! Characters that must not be in a label, because they are invisible or change how the rest is read.

/// Returns whether `c` is a control character, is invisible, reorders text, or replaces bytes that are not UTF-8.
///
/// A label with such a character can look like another tenant's, or break or hide a part of a line of a log.
pub(crate) fn is_forbidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            // Zero-width spaces and joiners, marks of direction.
            | '\u{200b}'..='\u{200f}'
            // Line and paragraph separators, embeddings and overrides of direction.
            | '\u{2028}'..='\u{202e}'
            // Invisible operators, isolates of direction, deprecated format characters.
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            // Interlinear annotation, object replacement, the replacement character, two noncharacters.
            | '\u{fff0}'..='\u{ffff}'
            // Tags, which contain hidden ASCII, and variation selectors beyond the basic ones.
            | '\u{e0000}'..='\u{e0fff}')
}
