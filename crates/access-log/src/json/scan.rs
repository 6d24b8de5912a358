//! A walk through one line of JSON that does not allocate.

use std::borrow::Cow;

use crate::{near, text::hexadecimal};

/// Objects within objects.
const DEPTH_MAX: u32 = 32;

/// Which bytes numbers and words are made of.
const IS_WORD: [bool; 256] = {
    let mut is_word = [false; 256];
    let mut b = 0_u8;
    loop {
        is_word[b as usize] = b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_');
        if b == u8::MAX {
            break is_word;
        }
        b += 1;
    }
};

/// A value that is no object and no array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    /// The content of the quotation marks, escapes not undone.
    Text(&'a [u8]),
    /// A number, or another word without quotation marks.
    Bare(&'a [u8]),
}

impl<'a> Scalar<'a> {
    /// Returns the value as it is in the line.
    pub(crate) fn raw(self) -> &'a [u8] {
        match self {
            Self::Text(raw) | Self::Bare(raw) => raw,
        }
    }

    /// Returns the value with its escapes undone; nothing for `null`.
    pub(crate) fn bytes(self) -> Cow<'a, [u8]> {
        match self {
            Self::Text(raw) => unescaped(raw),
            Self::Bare(b"null") => Cow::Borrowed(b""),
            Self::Bare(raw) => Cow::Borrowed(raw),
        }
    }
}

/// What a walk tells of.
pub(crate) trait Visit<'a> {
    /// Is called where a key may begin, with its quotation mark. A visitor that knows which key comes here, and that `rest` begins
    /// with it, says so; [`Visit::enter`] is not called then.
    fn expect(&mut self, _depth: usize, _rest: &'a [u8]) -> Option<Ahead> {
        None
    }
    /// Is called for each other key, at this depth below the first object. Returns whether its value is wanted.
    fn enter(&mut self, depth: usize, key: &'a [u8]) -> bool;
    /// Is called for the value of the key that was entered last.
    fn value(&mut self, depth: usize, value: Scalar<'a>);
    /// Is called behind the value.
    fn leave(&mut self, depth: usize);
    /// Is called with the bytes of a value that is not wanted.
    fn pass(&mut self, _value: &'a [u8]) {}
}

/// What a visitor knows to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ahead {
    /// A key: how many bytes it has with its quotation marks and the colon, and whether its value is wanted.
    Key { bytes: usize, wanted: bool },
    /// A key and its whole value, which is not wanted.
    Pair { bytes: usize },
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    /// The object is whole, and another one begins at this byte.
    Followed(usize),
    /// The line ended first.
    Cut,
    NoJson,
}

#[derive(Debug)]
pub(crate) struct Scan<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// Walks through a line that begins with an object.
    pub(crate) fn walk(line: &'a [u8], visit: &mut impl Visit<'a>) -> End {
        let mut scan = Self { line, at: 0 };
        if scan.peek() != Some(b'{') {
            return End::NoJson;
        }
        if let Err(end) = scan.object(0, visit) {
            return end;
        }
        // A comma, where lines are the elements of an array.
        if scan.peek() == Some(b',') {
            scan.at += 1;
        }
        match scan.peek() {
            None => End::Whole,
            Some(b'{') => End::Followed(scan.at),
            Some(_) => End::NoJson,
        }
    }

    /// Returns the next byte that is no white space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        // Most lines have none.
        match self.line.get(self.at) {
            Some(b) if *b > b' ' => Some(*b),
            _ => self.peek_behind_white_space(),
        }
    }

    #[cold]
    fn peek_behind_white_space(&mut self) -> Option<u8> {
        let rest = self.line.get(self.at..)?;
        self.at += rest.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(rest.len());
        self.line.get(self.at).copied()
    }

    fn expect(&mut self, wanted: u8) -> Result<(), End> {
        match self.peek() {
            Some(b) if b == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(End::NoJson),
            None => Err(End::Cut),
        }
    }

    fn object(&mut self, depth: usize, visit: &mut impl Visit<'a>) -> Result<(), End> {
        if depth >= DEPTH_MAX as usize {
            return Err(End::NoJson);
        }
        self.expect(b'{')?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.peek();
            let rest = self.line.get(self.at..).unwrap_or_default();
            match visit.expect(depth, rest) {
                Some(Ahead::Pair { bytes }) => self.at += bytes,
                Some(Ahead::Key { bytes, wanted }) => {
                    self.at += bytes;
                    self.member(depth, visit, wanted)?;
                }
                None => {
                    self.expect(b'"')?;
                    let key = self.string()?;
                    self.expect(b':')?;
                    let wanted = visit.enter(depth, key);
                    self.member(depth, visit, wanted)?;
                }
            }
            visit.leave(depth);
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => return Err(End::NoJson),
                None => return Err(End::Cut),
            }
        }
    }

    /// Reads the value of a key.
    fn member(&mut self, depth: usize, visit: &mut impl Visit<'a>, wanted: bool) -> Result<(), End> {
        let start = self.at;
        self.value(depth, visit, wanted)?;
        if !wanted {
            visit.pass(self.line.get(start..self.at).unwrap_or_default());
        }
        Ok(())
    }

    fn value(&mut self, depth: usize, visit: &mut impl Visit<'a>, wanted: bool) -> Result<(), End> {
        match self.peek().ok_or(End::Cut)? {
            b'{' if wanted => self.object(depth + 1, visit),
            b'[' if wanted => self.array(depth, visit),
            b'{' | b'[' => self.skip(),
            b'"' => {
                self.at += 1;
                let text = self.string()?;
                if wanted {
                    visit.value(depth, Scalar::Text(text));
                }
                Ok(())
            }
            _ => {
                let bare = self.bare()?;
                if wanted {
                    visit.value(depth, Scalar::Bare(bare));
                }
                Ok(())
            }
        }
    }

    /// Reads an array, of which the first value counts: headers are arrays in some logs.
    fn array(&mut self, depth: usize, visit: &mut impl Visit<'a>) -> Result<(), End> {
        self.expect(b'[')?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        let mut is_first = true;
        loop {
            if is_first && !matches!(self.peek(), Some(b'[' | b'{')) {
                self.value(depth, visit, true)?;
            } else {
                self.value(depth, visit, false)?;
            }
            is_first = false;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => return Err(End::NoJson),
                None => return Err(End::Cut),
            }
        }
    }

    /// Skips an object or an array.
    fn skip(&mut self) -> Result<(), End> {
        let mut depth = 0_u32;
        loop {
            let b = *self.line.get(self.at).ok_or(End::Cut)?;
            self.at += 1;
            match b {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
    }

    /// Returns the rest of a string whose first quotation mark was read.
    fn string(&mut self) -> Result<&'a [u8], End> {
        let start = self.at;
        loop {
            let rest = self.line.get(self.at..).ok_or(End::Cut)?;
            let at = self.at + near::find_either(b'"', b'\\', rest).ok_or(End::Cut)?;
            if self.line[at] == b'"' {
                self.at = at + 1;
                return Ok(&self.line[start..at]);
            }
            self.at = at + 2;
        }
    }

    /// Returns a number, or a word. Empty where nginx has no value for a number: `"size":,`.
    fn bare(&mut self) -> Result<&'a [u8], End> {
        let rest = self.line.get(self.at..).unwrap_or_default();
        let is_end = |b: u8| matches!(b, b',' | b'}' | b']') || b.is_ascii_whitespace();
        let length = rest.iter().position(|b| !IS_WORD[usize::from(*b)]).unwrap_or(rest.len());
        match rest.get(length) {
            Some(b) if is_end(*b) => {
                self.at += length;
                Ok(rest.get(..length).unwrap_or_default())
            }
            // A number that the line ends in may have more figures.
            _ if !rest.iter().any(|b| is_end(*b)) => Err(End::Cut),
            _ => Err(End::NoJson),
        }
    }
}

/// Undoes the escapes of JSON, and `\xHH`, which nginx and Apache write where they are not asked for JSON.
pub(crate) fn unescaped(raw: &[u8]) -> Cow<'_, [u8]> {
    if near::find(b'\\', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    unescape_into(raw, &mut out);
    Cow::Owned(out)
}

/// Appends the value with its escapes undone, see [`unescaped`].
pub(crate) fn unescape_into(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some((&b, tail)) = rest.split_first() {
        if b != b'\\' {
            let plain = near::find(b'\\', rest).unwrap_or(rest.len());
            out.extend_from_slice(&rest[..plain]);
            rest = &rest[plain..];
            continue;
        }
        let used = match tail {
            [b'u', ..] => unicode(tail, out),
            [b'x', high, low, ..] => hexadecimal(*high, *low).map(|byte| {
                out.push(byte);
                3
            }),
            [escaped, ..] => {
                let byte = match escaped {
                    b'n' => Some(b'\n'),
                    b't' => Some(b'\t'),
                    b'r' => Some(b'\r'),
                    b'b' => Some(0x08),
                    b'f' => Some(0x0c),
                    b'"' | b'\\' | b'/' => Some(*escaped),
                    _ => None,
                };
                out.extend(byte);
                byte.map(|_| 1)
            }
            [] => None,
        };
        if used.is_none() {
            // A backslash that escapes nothing is itself.
            out.push(b'\\');
        }
        rest = tail.get(used.unwrap_or(0)..).unwrap_or_default();
    }
}

/// Writes the character of `u1234`, or of a pair of surrogates. Returns how many bytes it took.
fn unicode(tail: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let unit = |digits: &[u8]| {
        let [a, b, c, d] = digits else { return None };
        Some(u32::from(hexadecimal(*a, *b)?) << 8 | u32::from(hexadecimal(*c, *d)?))
    };
    let first = unit(tail.get(1..5)?)?;
    let (code, used) = match (first, tail.get(5..7)) {
        (0xd800..=0xdbff, Some(b"\\u")) => match unit(tail.get(7..11)?)? {
            second @ 0xdc00..=0xdfff => (0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00), 11),
            _ => return None,
        },
        _ => (first, 5),
    };
    let character = char::from_u32(code)?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Some(used)
}

#[cfg(test)]
mod tests {
    use super::{unescaped, End, Scalar, Scan, Visit};

    #[derive(Default)]
    struct Trace {
        path: Vec<String>,
        seen: Vec<String>,
    }

    impl<'a> Visit<'a> for Trace {
        fn enter(&mut self, _: usize, key: &'a [u8]) -> bool {
            self.path.push(String::from_utf8_lossy(key).into_owned());
            key != b"skipped"
        }

        fn value(&mut self, depth: usize, value: Scalar<'a>) {
            assert_eq!(depth + 1, self.path.len());
            let value = value.bytes();
            self.seen.push(format!("{}={}", self.path.join("."), String::from_utf8_lossy(&value)));
        }

        fn leave(&mut self, _: usize) {
            self.path.pop();
        }
    }

    fn walk(line: &str) -> (End, Vec<String>) {
        let mut trace = Trace::default();
        let end = Scan::walk(line.as_bytes(), &mut trace);
        (end, trace.seen)
    }

    #[test]
    fn each_value_is_told_with_its_path() {
        let line = r#" {"a":1,"b":{"c":"x\"y","d":[ "first","second" ]},"skipped":{"e":[{"f":"}"}]},"g":null,"h":,"i":[]} "#;
        assert_eq!(
            walk(line),
            (End::Whole, ["a=1", "b.c=x\"y", "b.d=first", "g=", "h="].map(str::to_owned).to_vec())
        );
    }

    #[test]
    fn no_beginning_of_a_line_passes_for_a_whole_one() {
        let line = r#"{"a":12,"b":{"c":"x\"y"},"skipped":[1,{"x":"y"}],"d":true}"#;
        for end in 1..line.len() {
            assert_eq!(walk(&line[..end]).0, End::Cut, "{}", &line[..end]);
        }
        // A number that may go on is not told.
        assert_eq!(walk(r#"{"a":12"#).1, [""; 0]);
    }

    #[test]
    fn what_is_no_json_is_none() {
        for line in
            ["", "[1]", "{a:1}", "{\"a\" 1}", "{\"a\":1}x", "{\"a\":1},,", "{\"a\":\"x\"y\"}", "{\"a\":(}"]
        {
            assert_eq!(walk(line).0, End::NoJson, "{line}");
        }
        assert_eq!(walk(&"{\"a\":".repeat(1000)).0, End::NoJson);
    }

    #[test]
    fn escapes_are_undone() {
        for (raw, expected) in [
            (r#"a\"b\\c\/d\n"#, "a\"b\\c/d\n"),
            (r"\u00e9\ud83d\ude00", "é😀"),
            (r"\xc3\xa9", "é"),
            (r"\ud83d \q \", r"\ud83d \q \"),
            (r"\u12", r"\u12"),
        ] {
            assert_eq!(unescaped(raw.as_bytes()), expected.as_bytes(), "{raw}");
        }
    }
}
