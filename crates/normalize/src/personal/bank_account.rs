//! International bank account numbers.

/// The countries with an IBAN, and how long theirs is (ISO 13616).
const LENGTHS: [(&[u8; 2], usize); 81] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
];

/// Returns whether `text` contains an IBAN, in one piece or in groups of four, with the length of its country and a right check number.
pub(super) fn holds_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    (0..bytes.len()).any(|start| {
        let behind_word = start > 0 && bytes.get(start - 1).is_some_and(u8::is_ascii_alphanumeric);
        !behind_word && bytes.get(start..).is_some_and(|rest| leading_iban(rest).is_some())
    })
}

fn leading_iban(text: &[u8]) -> Option<()> {
    let country = text.get(..2)?;
    let (_, length) = LENGTHS.iter().find(|(code, _)| code.eq_ignore_ascii_case(country))?;
    let mut remainder = [0_u8; 34];
    let (mut taken, mut offset) = (0, 0);
    while taken < *length {
        if taken > 0 && taken % 4 == 0 && text.get(offset) == Some(&b' ') {
            offset += 1;
        }
        let b = text.get(offset).filter(|b| b.is_ascii_alphanumeric())?;
        *remainder.get_mut(taken)? = b.to_ascii_uppercase();
        (taken, offset) = (taken + 1, offset + 1);
    }
    let account = remainder.get(..*length)?;
    let check = account.get(2..4)?.iter().all(u8::is_ascii_digit);
    let ends = !text.get(offset).is_some_and(u8::is_ascii_alphanumeric);
    (check && ends && is_checked(account)).then_some(())
}

/// Returns whether the number, with its first four characters at its end and letters as 10 to 35, is 1 modulo 97.
fn is_checked(account: &[u8]) -> bool {
    let (head, tail) = account.split_at(account.len().min(4));
    let remainder = tail.iter().chain(head).fold(0_u32, |remainder, &b| {
        if b.is_ascii_digit() {
            (remainder * 10 + u32::from(b - b'0')) % 97
        } else {
            (remainder * 100 + u32::from(b - b'A') + 10) % 97
        }
    });
    remainder == 1
}
