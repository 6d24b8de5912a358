//! Lines of real servers, damaged in many ways from a fixed seed: cut, spliced, doubled, with flipped bits.

use std::{fs, path::PathBuf};

use proptest::{
    prelude::RngCore,
    test_runner::{RngAlgorithm, TestRng},
};
use ron_accounting_access_log::{Format, Parser, SkipReason, Times, FORMAT_NAMES};

const ROUNDS: usize = 4_000;
/// Longer lines are left out, since most damage to them is to one field.
const LINE_BYTES_MAX: usize = 1_200;

/// What has a meaning in some format.
const PIECES: [&[u8]; 15] = [
    b"\"",
    b"\\",
    b" ",
    b"[",
    b"] \"",
    b"\" 200 0 ",
    b"{",
    b"}",
    b"\0\0\0",
    b"\t",
    b"\xff",
    b"-",
    b"\x1b",
    b":",
    b",",
];

/// Chance from a fixed seed.
struct Dice(TestRng);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.next_u64() % end.max(1) as u64).unwrap()
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

fn lines_of_real_servers() -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let logs = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    let mut lines: Vec<Vec<u8>> = logs
        .flat_map(|path| {
            fs::read(path).unwrap().split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>()
        })
        .filter(|line| !line.is_empty() && line.len() <= LINE_BYTES_MAX)
        .collect();
    for line in [
        r#"{"log":"192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 512\n","stream":"stdout"}"#,
        "#Fields: date time c-ip cs-method cs-uri-stem cs-username sc-status sc-bytes",
        "2015-05-17 10:05:03 192.0.2.7 GET /a ada 200 512",
        r#"https 2015-05-17T10:05:03.000000Z app/lb/50 192.0.2.7:2817 10.0.0.1:80 0.0 0.0 0.0 200 200 90 512 "GET https://e:443/a HTTP/1.1" "curl" - - arn "Root=1""#,
        r#"79a5 bucket [17/May/2015:10:05:03 +0000] 192.0.2.7 ada 3E57 REST.GET.OBJECT a "GET /a HTTP/1.1" 200 - 512 512 7 6 "-" "x" -"#,
        "2024-07-30T00:06:21.123456789Z stdout P 192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GE",
    ] {
        lines.push(line.as_bytes().to_vec());
    }
    lines
}

fn damaged(lines: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut line = dice.pick(lines).clone();
    for _ in 0..=dice.below(3) {
        let at = dice.below(line.len() + 1);
        match dice.below(8) {
            0 if at < line.len() => line[at] ^= 1 << dice.below(8),
            1 => line.truncate(at),
            2 => drop(line.drain(..at)),
            3 => {
                let other = dice.pick(lines);
                line.truncate(at);
                line.extend_from_slice(&other[dice.below(other.len())..]);
            }
            4 => line.extend_from_within(at..),
            5 => drop(line.drain(at..at + dice.below(line.len() + 1 - at))),
            6 => line.splice(at..at, dice.pick(&PIECES).iter().copied()).for_each(drop),
            _ => line.extend(dice.pick(lines)),
        }
        line.retain(|b| *b != b'\n');
    }
    line
}

fn formats() -> Vec<String> {
    let mut formats: Vec<String> = FORMAT_NAMES.iter().skip(1).map(ToString::to_string).collect();
    formats.push("docker:combined".to_owned());
    formats.push(r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#.to_owned());
    formats.push(
        r#"log_format x '$remote_addr|$time_iso8601|$host|$remote_user|"$request" $status $bytes_sent';"#
            .to_owned(),
    );
    formats
        .push("json:time=ts,method=request.method,target=request.uri,status=status,user=user_id".to_owned());
    formats
}

/// Reads a line, and what is glued to it. Returns how many requests it told of.
fn read(parsers: &mut (Parser, Parser), line: &[u8]) -> usize {
    let mut rest = line.to_vec();
    let mut requests = 0;
    for _ in 0..=line.len() {
        let line = std::mem::take(&mut rest);
        let told = parsers.0.parse_bytes(&line);
        assert_eq!(told, parsers.1.parse_bytes(&line), "read twice: {}", line.escape_ascii());
        match told {
            Ok(Some(request)) => {
                requests += 1;
                let sent = request.bytes_sent.unwrap_or(0);
                assert!(sent <= 1 << 50, "{sent}");
                match request.rest {
                    Some(behind) if !behind.is_empty() => {
                        assert!(behind.len() < line.len());
                        rest = behind.to_vec();
                    }
                    _ => return requests,
                }
            }
            Ok(None) => return requests,
            Err(skip) => {
                assert!(!skip.to_string().contains(char::is_control), "{skip:?}");
                return requests;
            }
        }
    }
    panic!("no end: {}", line.escape_ascii());
}

#[test]
fn no_damage_makes_a_panic_or_a_request_of_nothing() {
    let lines = lines_of_real_servers();
    let times = Times::new().with_zone("UTC").unwrap();
    let parser = |format: &str| Parser::new(&format.parse::<Format>().unwrap(), b"", &times, &[]).unwrap();
    let mut parsers: Vec<_> = formats().iter().map(|format| (parser(format), parser(format))).collect();
    let mut dice = Dice(TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]));
    let mut told = 0;
    for round in 0..ROUNDS {
        let line = damaged(&lines, &mut dice);
        // Each request has a time, and each time has figures. A pasted line begins one more at most.
        let pieces = line
            .split(|b| matches!(b, b'[' | b'{'))
            .filter(|piece| piece.iter().any(u8::is_ascii_digit))
            .count();
        let none: Vec<u8> = line.iter().copied().filter(|b| !b.is_ascii_digit()).collect();
        for parsers in &mut parsers {
            let requests = read(parsers, &line);
            assert!(requests <= pieces.max(1), "{requests} of {}", line.escape_ascii());
            told += requests;
            if round % 4 == 0 {
                let (parser, _) = parsers;
                let mut parser = parser.clone();
                assert!(!matches!(parser.parse_bytes(&none), Ok(Some(_))), "{}", none.escape_ascii());
            }
        }
        if round % 16 == 0 {
            let log = [line.as_slice(), b"\n", dice.pick(&lines).as_slice()].concat();
            let detected = || {
                Parser::new(&Format::auto(), &log, &times, &[]).map(|parser| parser.description().to_owned())
            };
            assert_eq!(detected(), detected());
        }
    }
    assert!(told > ROUNDS / 4, "only {told} requests: the damage leaves nothing");
}

#[test]
fn pieces_without_an_end_take_no_more_memory_than_a_line_may() {
    let times = Times::new();
    let sample = format!("{}\n", "2024-07-30T00:06:21Z stdout P 192.0.2.7").repeat(3);
    let mut parser = Parser::new(&"combined".parse().unwrap(), sample.as_bytes(), &times, &[]).unwrap();
    let piece = [&b"2024-07-30T00:06:21Z stdout P "[..], &vec![b'x'; 300_000]].concat();
    let is_too_long = |parser: &mut Parser| {
        parser.parse_bytes(&piece).is_err_and(|skip| skip.reason() == SkipReason::TooLong)
    };
    let skipped = (0..40).filter(|_| is_too_long(&mut parser)).count();
    // Each fourth piece is beyond the limit, and all before it are dropped.
    assert_eq!(skipped, 10);
}
