//! Card numbers. The check digit alone is no evidence, since one in ten of all numbers has it: the first figures and the length must
//! be those of a network that issues cards.

/// Returns whether `text` contains a card number, without separators or in the groups that are printed on cards.
pub(super) fn holds_card_number(text: &str) -> bool {
    let belongs = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-');
    let mut rest = text;
    while let Some(start) = rest.find(belongs) {
        let inside_word = rest[..start].ends_with(char::is_alphanumeric);
        let run = &rest[start..];
        let (run, after) = run.split_at(run.find(|c| !belongs(c)).unwrap_or(run.len()));
        // A group that touches letters is part of a word, such as the end of `t4111`.
        let run = if inside_word { run.split_once([' ', '-']).map_or("", |(_, groups)| groups) } else { run };
        let cut = after.starts_with(char::is_alphanumeric);
        let run = if cut { run.rsplit_once([' ', '-']).map_or("", |(groups, _)| groups) } else { run };
        if is_card_number(run.trim_matches([' ', '-'])) {
            return true;
        }
        rest = after;
    }
    false
}

/// Returns whether `run`, figures in groups, is a card number.
fn is_card_number(run: &str) -> bool {
    // The longest is 19 figures in five groups.
    if run.len() > 23 {
        return false;
    }
    let mut groups = [0; 6];
    for (length, group) in groups.iter_mut().zip(run.split([' ', '-'])) {
        *length = group.len();
    }
    let printed = matches!(
        groups,
        [_, 0, ..] | [4, 6, 4 | 5, 0, ..] | [4, 4, 4, 1..=4, 0, ..] | [4, 4, 4, 4, 1..=3, 0]
    );
    let figures = || run.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0');
    let in_groups = run.contains([' ', '-']);
    let issued = is_issued(figures()) || (in_groups && is_seldom_issued(figures()));
    printed && issued && is_luhn(figures())
}

/// Returns whether a network issues cards with these first figures and this length. Without this check, one in ten of all
/// identifiers with 13 to 19 figures would be taken for a card.
fn is_issued(figures: impl Iterator<Item = u8> + Clone) -> bool {
    matches!(
        (prefix(figures.clone()), figures.count()),
        (4000..=4999 | 2221..=2720 | 5100..=5599 | 3528..=3589 | 6011 | 6200..=6299 | 6440..=6599, 16)
            | (3400..=3499 | 3700..=3799, 15)
            | (3000..=3059 | 3095 | 3600..=3699 | 3800..=3999, 14)
    )
}

/// Returns whether a network issues, or issued, a few cards with these first figures and this length. Identifiers that look so are far
/// more frequent than such cards, so that the groups in which cards are printed have to be there, too.
fn is_seldom_issued(figures: impl Iterator<Item = u8> + Clone) -> bool {
    matches!(
        (prefix(figures.clone()), figures.count()),
        (4000..=4999, 13 | 19)
            | (3528..=3589 | 6200..=6299 | 3000..=3059 | 3600..=3699 | 3800..=3999, 16..=19)
            | (5000..=5099 | 5600..=5899 | 6300..=6399 | 6700..=6799, 13..=19)
    )
}

fn prefix(figures: impl Iterator<Item = u8>) -> u32 {
    figures.take(4).fold(0, |number, figure| number * 10 + u32::from(figure))
}

fn is_luhn(figures: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = figures
        .rev()
        .enumerate()
        .map(|(index, figure)| {
            let figure = u32::from(figure);
            match (index % 2, figure) {
                (0, figure) => figure,
                (_, figure @ 0..=4) => figure * 2,
                (_, figure) => figure * 2 - 9,
            }
        })
        .sum();
    sum % 10 == 0
}
