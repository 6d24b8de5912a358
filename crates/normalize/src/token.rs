//! Recognizes random tokens: base 64, base 62, base 36, and other encodings of keys, sessions or content hashes.
//!
//! No grammar distinguishes a random token from a name, so this counts odd pairs of neighbouring characters. In a name, small
//! letters, capitals and figures come in runs, and the letters follow each other as in words. In a random string, nearly every
//! pair of neighbours breaks one of the two rules.
//!
//! | of | are taken for a token |
//! | --- | --- |
//! | 33 000 file names of a Linux system with 10 characters or more | fewer than 1 in 1000 (`avx512vbmi2`) |
//! | random tokens with 11 to 15 characters | about 2 in 3: for these, a name is preferred |
//! | random tokens with 16 characters | 9 in 10 |
//! | random tokens with 22 characters or more | 96 in 100 |
//!
//! A template of the host decides such a route with certainty.

/// Shorter runs are never tokens.
const LENGTH_MIN: usize = 11;
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
}

/// What a run consists of.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    figures: usize,
    figure_groups: usize,
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
    if run.len() < LENGTH_MIN {
        return false;
    }
    let count = Count::of(run);
    if count.small + count.capitals == 0 || (count.separators > 0 && !is_base64(run, count)) {
        false
    } else if run.len() < LENGTH_LONG {
        (count.figure_groups >= 2 && count.share(50))
            || (count.figures > 0 && count.is_mixed() && count.share(60))
    } else if count.figures > 0 {
        count.share(50)
    } else {
        count.is_mixed() && run.len() >= LENGTH_WITHOUT_FIGURES && count.share(60)
    }
}

/// Returns whether the separators in `run` can be digits of base 64. Then there are few of them, one in 32 on average, and the
/// parts between them are no words.
fn is_base64(run: &[u8], count: Count) -> bool {
    run.len() >= LENGTH_LONG
        && count.is_mixed()
        && count.separators * 8 <= run.len()
        && run
            .split(|&b| Kind::of(b) == Kind::Separator)
            .all(|part| part.len() < 5 || Count::of(part).share(40))
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
