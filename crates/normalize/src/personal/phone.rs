//! Telephone numbers.

/// Returns whether `text` contains a telephone number: the international form, or the North American one with its area code in
/// parentheses. Figures without either are identifiers.
pub(super) fn holds_phone_number(text: &str) -> bool {
    holds_international(text) || holds_area_code(text)
}

/// Returns whether `text` contains `(555) 123-4567`.
fn holds_area_code(text: &str) -> bool {
    text.match_indices('(').any(|(start, _)| {
        let form = b"(ddd) ddd-dddd";
        let mut rest = text.as_bytes().iter().skip(start).peekable();
        form.iter().all(|&expected| match expected {
            b'd' => rest.next().is_some_and(u8::is_ascii_digit),
            b' ' | b'-' => {
                rest.next_if(|b| matches!(b, b' ' | b'-' | b'.'));
                true
            }
            expected => rest.next() == Some(&expected),
        }) && !rest.peek().is_some_and(|b| b.is_ascii_alphanumeric())
    })
}

/// Returns whether `text` contains a plus and 7 to 15 figures.
fn holds_international(text: &str) -> bool {
    text.match_indices('+').any(|(plus, _)| {
        let before = text[..plus].chars().next_back();
        let rest = &text[plus + 1..];
        // The length of the longest number with two separators at each figure. What follows cannot change the result.
        let number =
            rest.bytes().take(48).take_while(|b| b.is_ascii_digit() || b" -.()/".contains(b)).count();
        let figures = rest.bytes().take(number).filter(u8::is_ascii_digit).count();
        !before.is_some_and(char::is_alphanumeric)
            && rest.starts_with(|c: char| ('1'..='9').contains(&c))
            && (7..=15).contains(&figures)
            && !rest[number..].starts_with(char::is_alphanumeric)
    })
}
