//! File names with a hash of their content, as bundlers write them: `index-BhTjS0pX.js`, `chunk-X7LHMJ5V.css.map`.
//!
//! A hash of eight characters often looks like a name (`DiwrgTda`). What tells it is where it is: behind the last separator of a file
//! that a page loads, and exactly eight characters long. So less evidence is asked for than elsewhere.

use crate::token;

/// The length of a hash in characters: the default of Vite, Rollup and esbuild.
const HASH_LENGTH: usize = 8;
/// The least evidence for a hash of letters, see [`token::evidence`]. Eight letters of two words (`DataGrid`) have less.
const EVIDENCE_MIN: i32 = -28;
/// The least evidence for a hash with `-` or `_` in it, where words are likelier (`My-Thing`).
const EVIDENCE_SEPARATED_MIN: i32 = -8;

/// Extensions of files that a page loads.
const EXTENSIONS: [&str; 27] = [
    "avif", "br", "cjs", "css", "eot", "gif", "gz", "html", "ico", "jpeg", "jpg", "js", "json", "map", "mjs",
    "mp3", "mp4", "otf", "png", "svg", "ttf", "txt", "wasm", "webm", "webp", "woff", "woff2",
];

/// Returns where the hash of a file name starts and how long it is, or `None` if the file has none.
pub(crate) fn find_hash(segment: &str) -> Option<(usize, usize)> {
    let mut stem = segment;
    while let Some((before, extension)) =
        stem.rsplit_once('.').filter(|(_, extension)| EXTENSIONS.contains(extension))
    {
        stem = before;
        // `index-BhTjS0pX.js.map` and `index-BhTjS0pX.chunk.js`.
        if extension == "js" || extension == "css" {
            stem = stem.strip_suffix(".chunk").or_else(|| stem.strip_suffix(".module")).unwrap_or(stem);
        }
    }
    if stem.len() == segment.len() {
        return None;
    }
    let start = stem.len().checked_sub(HASH_LENGTH)?;
    let separator = stem.as_bytes().get(start.checked_sub(1)?)?;
    let hash = stem.as_bytes().get(start..)?;
    (matches!(separator, b'-' | b'.') && is_hash(hash)).then_some((start, HASH_LENGTH))
}

fn is_hash(text: &[u8]) -> bool {
    let count = |belongs: fn(&u8) -> bool| text.iter().filter(|b| belongs(b)).count();
    let figures = count(u8::is_ascii_digit);
    let small = count(u8::is_ascii_lowercase);
    let capitals = count(u8::is_ascii_uppercase);
    let separators = text.iter().filter(|b| matches!(b, b'-' | b'_')).count();
    if figures + small + capitals + separators != text.len() || small + capitals == 0 {
        return false;
    }
    let is_base_32 =
        small == 0 && separators == 0 && !text.iter().any(|b| matches!(b, b'0' | b'1' | b'8' | b'9'));
    if is_base_32 {
        return true;
    }
    let is_word = capitals == 1 && figures == 0 && text.first().is_some_and(u8::is_ascii_uppercase);
    if small == 0 || capitals == 0 || is_word {
        return false;
    }
    let evidence = text.split(|b| matches!(b, b'-' | b'_')).map(token::evidence).sum::<i32>();
    evidence >= if separators == 0 { EVIDENCE_MIN } else { EVIDENCE_SEPARATED_MIN }
}
