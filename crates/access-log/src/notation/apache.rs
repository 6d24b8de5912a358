//! The directives of Apache: `%h`, `%>s`, `%{User-Agent}i`.

use crate::{
    found::Role,
    template::{Template, TemplateBuilder, TemplateFault, Variable},
    text::Escapes,
    FieldName, FormatError,
};

enum Token<'t> {
    Literal(&'t str),
    Directive { argument: Option<&'t str>, letter: &'t str },
}

pub(super) fn template(format: &str) -> Result<Result<Template, TemplateFault>, FormatError> {
    let tokens = tokens(format)?;
    let mut builder = TemplateBuilder::new();
    let mut pattern = None;
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        index += 1;
        match token {
            Token::Literal(text) => builder.literal(text.replace("\\t", "\t").as_bytes()),
            Token::Directive { argument: Some(argument), letter: "t" } => {
                let (time, used) = time_pattern(argument, tokens.get(index..).unwrap_or_default());
                index += used;
                builder.field(Variable::new(Role::Time, u8::from(pattern.is_some())));
                if pattern.is_none() {
                    pattern = Some(time);
                }
            }
            // The time is in brackets, which are no part of it.
            Token::Directive { letter: "t", .. } => {
                builder.literal(b"[");
                builder.field(Variable::new(Role::Time, u8::from(pattern.is_some())));
                pattern.get_or_insert(None);
                builder.literal(b"]");
            }
            // `%U%q` is one target.
            Token::Directive { letter: "q", .. } if builder.ends_in_field() => {}
            Token::Directive { argument, letter } => builder.field(variable(*argument, letter)),
        }
    }
    Ok(builder
        .finish(Escapes::Backslash, true)
        .map(|template| Template { time_pattern: pattern.flatten(), ..template }))
}

fn tokens(format: &str) -> Result<Vec<Token<'_>>, FormatError> {
    let mut tokens = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        tokens.push(Token::Literal(&rest[..at]));
        let behind = &rest[at + 1..];
        if let Some(escaped) = behind.strip_prefix('%') {
            tokens.push(Token::Literal("%"));
            rest = escaped;
            continue;
        }
        // Statuses for which the field is written, and which of several requests is meant.
        let behind = behind.trim_start_matches(|c: char| c.is_ascii_digit() || "!,<>".contains(c));
        let (argument, behind) = match behind.strip_prefix('{').and_then(|behind| behind.split_once('}')) {
            Some((argument, behind)) => (Some(argument), behind),
            None => (None, behind),
        };
        let behind = behind.trim_start_matches(['<', '>']);
        let length = if behind.starts_with('^') { 3 } else { 1 };
        let Some(letter) = behind
            .get(..length)
            .filter(|letter| letter.bytes().all(|b| b.is_ascii_alphabetic() || b == b'^'))
        else {
            return Err(FormatError::Notation {
                reason: format!("`%{}` is no field", crate::skip::excerpt(behind.as_bytes())),
            });
        };
        tokens.push(Token::Directive { argument, letter });
        rest = &behind[length..];
    }
    tokens.push(Token::Literal(rest));
    Ok(tokens)
}

/// Returns a time that several directives write, as one pattern, and how many tokens it takes besides the first. The
/// pattern is `None` for a number since 1970.
fn time_pattern(argument: &str, behind: &[Token<'_>]) -> (Option<String>, usize) {
    let Some(mut pattern) = part_of_pattern(argument) else { return (None, 0) };
    let mut used = 0;
    let mut between = String::new();
    for (index, token) in behind.iter().enumerate() {
        match token {
            Token::Literal(text) => between.push_str(&text.replace('%', "%%")),
            Token::Directive { argument: Some(argument), letter: "t" } => {
                let Some(part) = part_of_pattern(argument) else { break };
                pattern.push_str(&std::mem::take(&mut between));
                pattern.push_str(&part);
                used = index + 1;
            }
            Token::Directive { .. } => break,
        }
    }
    (Some(pattern), used)
}

fn part_of_pattern(argument: &str) -> Option<String> {
    let argument =
        argument.strip_prefix("begin:").or_else(|| argument.strip_prefix("end:")).unwrap_or(argument);
    match argument {
        "sec" | "msec" | "usec" | "begin" | "end" => None,
        "msec_frac" | "usec_frac" => Some("%f".to_owned()),
        _ => Some(argument.to_owned()),
    }
}

fn variable(argument: Option<&str>, letter: &str) -> Variable {
    let name = |variable: Variable| match argument {
        Some(argument) => variable.named(FieldName::field(argument.as_bytes())),
        None => variable.named(FieldName::field(letter.as_bytes())),
    };
    match (letter, argument) {
        ("a", None) => Variable::new(Role::Client, 0),
        ("h", None) => Variable::new(Role::Client, 1),
        ("a" | "h", Some("c")) => Variable::new(Role::Client, 2),
        ("l", _) => Variable::new(Role::Ident, 0),
        ("u", _) => Variable::new(Role::User, 0),
        ("r", _) => Variable::new(Role::Request, 0),
        ("m", _) => Variable::new(Role::Method, 0),
        ("U", _) => Variable::new(Role::Target, 0),
        ("q", _) => Variable::new(Role::Query, 0),
        ("s", _) => Variable::new(Role::Status, 0),
        ("b" | "B", _) => Variable::new(Role::BytesSent, 0),
        ("O", _) => Variable::new(Role::BytesSent, 1),
        ("I", _) => Variable::new(Role::BytesReceived, 0),
        ("v" | "V", _) => Variable::new(Role::Host, u8::from(letter == "V")),
        ("i", Some(header)) => {
            let role = if header.eq_ignore_ascii_case("host") { Role::Host } else { Role::Ignore };
            Variable { role, rank: 2, wild: true, name: Some(FieldName::header(header.as_bytes())) }
        }
        ("C" | "o" | "e" | "n" | "x" | "f" | "^ti" | "^to", _) => name(Variable::other(true)),
        _ => name(Variable::other(false)),
    }
}
