//! Recognizes random tokens: base 64, base 62, base 36, and other encodings of keys, sessions or content hashes.
//!
//! No grammar distinguishes a random token from a name. In a name, small letters, capitals and figures come in runs, and the
//! letters follow each other as in words. In a random string, nearly every pair of neighbours breaks one of the two rules. Two
//! measures use this:
//!
//! * The **share** of odd pairs, for runs of 11 characters and more.
//! * The **evidence**, for words of letters and figures from 6 characters on: the logarithm of how much more often random text
//!   has these neighbours than names have. Its weights were estimated from the file names of a Linux system (22 000 words) and
//!   as many random ones.
//!
//! | of | are taken for a token |
//! | --- | --- |
//! | 22 000 words of 6 to 15 characters in file names of a Linux system | 3 in 200, most of them names of instructions and vectors (`WhVbVhR`, `int16x8x3`) |
//! | 67 000 parts of file names with `-` or `_` in them | 5, names of instructions aside |
//! | random tokens of capitals, small letters and figures, 6 or 7 characters | 9 in 10 |
//! | the same with 11 characters or more | 96 in 100 |
//! | the same with `-` and `_`, 11 characters | 86 in 100; 97 in 100 with 21 |
//! | random tokens of small letters and figures, 8 characters | 1 in 2: for these, a name is preferred |
//! | the same with 16 characters or more | 9 in 10 |
//!
//! A template of the host decides such a route with certainty, and the [learner](crate::RouteLearner) by the values it has seen.

/// Shorter words are never tokens.
const WORD_MIN: usize = 6;
/// From this length on, the share of odd neighbours can decide.
const LENGTH_MIN: usize = 11;
/// The least evidence for a token that has capitals, small letters and figures, in quarters of a natural logarithm.
const EVIDENCE_MIN: i32 = 4;
/// From this length on, names of this kind are rare, and a little more of a name is no reason to take a token for one.
const LENGTH_EVIDENT: usize = 14;
/// The least evidence from that length on.
const EVIDENCE_LONG_MIN: i32 = -13;
/// The least evidence for a token of figures and letters of one case.
const EVIDENCE_ONE_CASE_MIN: i32 = 12;
/// The least evidence for a token without figures: names are written in many ways (`toURL`).
const EVIDENCE_LETTERS_MIN: i32 = 12;
/// Shorter runs with `-` or `_` are never tokens.
const BASE64_MIN: usize = 10;
/// The least evidence of such a run.
const BASE64_EVIDENCE_MIN: i32 = 8;
/// The least evidence of a part of it that is long enough to be a word.
const BASE64_PART_EVIDENCE_MIN: i32 = -12;
/// Shorter parts can be no word.
const BASE64_WORD_MIN: usize = 4;

/// From so many groups of letters and figures on, a word is a token: `1b2c3d`, `5O190127TN364715T`.
const GROUPS_MIN: usize = 5;

/// The evidence of a character after two others, by their kinds. The first index is what comes before: nothing, a figure, a
/// small letter, a capital; the second and third are figure, small letter, capital, and the last column is the end of the word.
const AFTER_TWO: [[[i32; 4]; 3]; 4] = [
    [[-4, 3, 4, -22], [1, -3, 13, -16], [12, -3, 4, -13]],
    [[-3, -2, 9, 0], [-3, -1, 11, -1], [-1, 0, 1, -1]],
    [[-5, 0, 11, -1], [4, -2, 4, 0], [9, -4, 7, 8]],
    [[-4, 4, 2, -3], [14, -4, 8, 8], [6, 1, -2, 1]],
];
/// From this length on, the share of odd neighbours decides alone.
const LENGTH_LONG: usize = 16;
/// From this length on, capitals count like figures.
const LENGTH_WITHOUT_FIGURES: usize = 20;

/// For each letter, the letters that often follow it: the 250 most frequent pairs of English prose about software. These are
/// eight in ten of all pairs in prose, but only four in ten of random letters.
const FOLLOWERS: [&[u8]; 26] = [
    b"bcdgiklmnprstuvy",
    b"aeilorsu",
    b"acehiklorstu",
    b"adeilorsu",
    b"abcdefgilmnopqrstvwxy",
    b"aefilorsu",
    b"aehilnorsu",
    b"aeiot",
    b"abcdefglmnoprstvz",
    b"e",
    b"aeis",
    b"adeilostuy",
    b"abeilmopsu",
    b"acdefgiknostu",
    b"abcdfgilmnoprstuvw",
    b"aehiloprstu",
    b"u",
    b"acdegiklmnorstuvy",
    b"acehilopstuy",
    b"acdefhilmoprstuy",
    b"abcefgilmnprst",
    b"aei",
    b"aeior",
    b"pst",
    b"lnps",
    b"aei",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Figure,
    Small,
    Capital,
    Separator,
}

impl Kind {
    fn of(b: u8) -> Self {
        match b {
            b'0'..=b'9' => Self::Figure,
            b'a'..=b'z' => Self::Small,
            b'A'..=b'Z' => Self::Capital,
            _ => Self::Separator,
        }
    }

    /// Returns the column of [`AFTER_TWO`].
    const fn index(self) -> usize {
        match self {
            Self::Figure => 0,
            Self::Small | Self::Separator => 1,
            Self::Capital => 2,
        }
    }
}

/// What a run consists of.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    figures: usize,
    figure_groups: usize,
    /// Groups of figures, and of letters of any case.
    groups: usize,
    small: usize,
    capitals: usize,
    separators: usize,
    pairs: usize,
    odd: usize,
}

impl Count {
    fn of(run: &[u8]) -> Self {
        let mut count = Self::default();
        let mut previous = b'-';
        for &b in run {
            match Kind::of(b) {
                Kind::Figure => {
                    count.figures += 1;
                    count.figure_groups += usize::from(Kind::of(previous) != Kind::Figure);
                }
                Kind::Small => count.small += 1,
                Kind::Capital => count.capitals += 1,
                Kind::Separator => count.separators += 1,
            }
            let begins = !previous.is_ascii_alphanumeric() || b.is_ascii_digit() != previous.is_ascii_digit();
            count.groups += usize::from(b.is_ascii_alphanumeric() && begins);
            if Kind::of(b) != Kind::Separator && Kind::of(previous) != Kind::Separator {
                count.pairs += 1;
                count.odd += usize::from(is_odd(previous, b));
            }
            previous = b;
        }
        count
    }

    /// Returns whether at least this share of the pairs is odd.
    fn share(&self, percent: usize) -> bool {
        self.odd * 100 >= self.pairs * percent
    }

    /// Returns whether there are letters of both cases.
    fn is_mixed(&self) -> bool {
        self.small > 0 && self.capitals > 0
    }
}

/// Returns whether `run`, which has only letters, figures, `-` and `_`, looks random.
pub(crate) fn is_random(run: &[u8]) -> bool {
    if run.len() < WORD_MIN {
        return false;
    }
    let count = Count::of(run);
    if count.separators > 0 {
        is_base64(run, count)
    } else {
        has_evidence(run, count) || has_odd_pairs(run, count)
    }
}

/// Returns whether the share of odd pairs of a long word says that it is a token.
fn has_odd_pairs(word: &[u8], count: Count) -> bool {
    if word.len() < LENGTH_MIN || count.small + count.capitals == 0 {
        false
    } else if word.len() < LENGTH_LONG {
        (count.figure_groups >= 2 && count.share(50))
            || (count.figures > 0 && count.is_mixed() && count.share(60))
    } else if count.figures > 0 {
        count.share(50)
    } else {
        count.is_mixed() && word.len() >= LENGTH_WITHOUT_FIGURES && count.share(60)
    }
}

/// Returns whether a word of letters and figures is a token by the evidence of its neighbours. A word that ends in a number
/// (`seg10`, `IBM943`) is not: its number is replaced alone.
fn has_evidence(word: &[u8], count: Count) -> bool {
    let letters = count.small + count.capitals;
    if count.groups >= GROUPS_MIN && letters > 0 {
        return true;
    }
    let ends_in_number = word.get(..letters).is_some_and(|start| start.iter().all(u8::is_ascii_alphabetic));
    let is_capitalized = count.capitals == 1 && word.first().is_some_and(u8::is_ascii_uppercase);
    if letters == 0 || (ends_in_number && (!count.is_mixed() || is_capitalized)) {
        return false;
    }
    let least = match (count.figures > 0, count.is_mixed()) {
        (true, true) if word.len() >= LENGTH_EVIDENT => EVIDENCE_LONG_MIN,
        (true, true) => EVIDENCE_MIN,
        (true, false) => EVIDENCE_ONE_CASE_MIN,
        (false, true) => EVIDENCE_LETTERS_MIN,
        (false, false) => return false,
    };
    evidence(word) >= least
}

/// Returns how much more `word` looks like random text than like a name, in quarters of a natural logarithm. Above zero, random
/// text is likelier.
pub(crate) fn evidence(word: &[u8]) -> i32 {
    let (mut before, mut last, mut sum) = (0, None, 0);
    for &b in word {
        let kind = Kind::of(b).index();
        if let Some(previous) = last {
            sum += after_two(before, Kind::of(previous).index(), kind) + letters(previous, b);
            before = Kind::of(previous).index() + 1;
        }
        last = Some(b);
    }
    sum + last.map_or(0, |last| after_two(before, Kind::of(last).index(), 3))
}

fn after_two(first: usize, second: usize, third: usize) -> i32 {
    AFTER_TWO.get(first).and_then(|row| row.get(second)?.get(third)).copied().unwrap_or(0)
}

/// Returns the evidence of two letters that begin or continue a word.
fn letters(first: u8, second: u8) -> i32 {
    let often = often_follows(first, second);
    match (Kind::of(first), Kind::of(second)) {
        (Kind::Small | Kind::Capital, Kind::Small) => {
            if often {
                -4
            } else {
                8
            }
        }
        (Kind::Capital, Kind::Capital) => {
            if often {
                -2
            } else {
                1
            }
        }
        _ => 0,
    }
}

/// Returns whether the separators in `run` can be digits of base 64. Then the parts between them are no words, and there is evidence in
/// all of them together.
fn is_base64(run: &[u8], count: Count) -> bool {
    let parts = || run.split(|&b| Kind::of(b) == Kind::Separator);
    run.len() >= BASE64_MIN
        && count.is_mixed()
        && parts().all(|part| part.len() < BASE64_WORD_MIN || evidence(part) >= BASE64_PART_EVIDENCE_MIN)
        && parts().map(evidence).sum::<i32>() >= BASE64_EVIDENCE_MIN
}

/// Returns whether two neighbours are of different kinds, or letters that seldom follow each other. A capital before a small
/// letter is not odd, since words begin so.
fn is_odd(first: u8, second: u8) -> bool {
    match (Kind::of(first), Kind::of(second)) {
        (Kind::Figure, Kind::Figure) => false,
        (Kind::Small | Kind::Capital, Kind::Small) | (Kind::Capital, Kind::Capital) => {
            !often_follows(first, second)
        }
        _ => true,
    }
}

fn often_follows(first: u8, second: u8) -> bool {
    let row = usize::from(first.to_ascii_lowercase().wrapping_sub(b'a'));
    FOLLOWERS.get(row).is_some_and(|followers| followers.contains(&second.to_ascii_lowercase()))
}
