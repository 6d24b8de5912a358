//! JSON lines beside a plain model: a tree that is written in many ways, and read as a whole by `serde_json`.

use std::fmt::Write;

use proptest::prelude::*;
use ron_accounting_access_log::{FieldName, Format, Parser, Remark, Times};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Null,
    Flag(bool),
    Number(u32),
    Text(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// How a tree is written.
#[derive(Debug, Clone, Copy)]
struct Style {
    spaces: bool,
    all_escaped: bool,
}

impl Node {
    fn write(&self, style: Style, out: &mut String) {
        let space = if style.spaces { " \t" } else { "" };
        match self {
            Self::Null => out.push_str("null"),
            Self::Flag(flag) => write!(out, "{flag}").unwrap(),
            Self::Number(number) => write!(out, "{number}").unwrap(),
            Self::Text(text) => write_text(text, style.all_escaped, out),
            Self::Array(nodes) => {
                out.push('[');
                for (at, node) in nodes.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    out.push_str(space);
                    node.write(style, out);
                }
                out.push(']');
            }
            Self::Object(pairs) => {
                out.push('{');
                for (at, (key, node)) in pairs.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    out.push_str(space);
                    // Keys are compared as they are written.
                    write_text(key, false, out);
                    out.push_str(space);
                    out.push(':');
                    out.push_str(space);
                    node.write(style, out);
                    out.push_str(space);
                }
                out.push('}');
            }
        }
    }

    /// What `serde_json` reads: of several values under one key the last one.
    fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Flag(flag) => (*flag).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.clone().into(),
            Self::Array(nodes) => nodes.iter().map(Self::to_value).collect(),
            Self::Object(pairs) => pairs.iter().map(|(key, node)| (key.clone(), node.to_value())).collect(),
        }
    }

    /// Appends the values at a path as text, in the order of the line.
    fn at(&self, path: &[&str], found: &mut Vec<String>) {
        match (self, path) {
            (Self::Object(pairs), [first, rest @ ..]) => {
                pairs.iter().filter(|(key, _)| key == first).for_each(|(_, node)| node.at(rest, found));
            }
            (Self::Array(nodes), _) => {
                // The first element stands for the array, if it is no array and no object.
                let first = nodes.first().filter(|node| !matches!(node, Self::Array(_) | Self::Object(_)));
                if let Some(first) = first {
                    first.at(path, found);
                }
            }
            (Self::Null, []) => found.push(String::new()),
            (Self::Flag(flag), []) => found.push(flag.to_string()),
            (Self::Number(number), []) => found.push(number.to_string()),
            (Self::Text(text), []) => found.push(text.clone()),
            _ => {}
        }
    }
}

fn write_text(text: &str, all_escaped: bool, out: &mut String) {
    if !all_escaped {
        out.push_str(&serde_json::to_string(text).unwrap());
        return;
    }
    out.push('"');
    for unit in text.encode_utf16() {
        write!(out, "\\u{unit:04x}").unwrap();
    }
    out.push('"');
}

/// Text with all that has a meaning in JSON. Without `x`: a backslash and `x` have a meaning of their own in logs.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\""),
        Just("\\"),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\"k\":"),
        Just("\n"),
        Just("\u{1}"),
        Just("é"),
        Just("😀"),
        Just("/"),
        Just(" "),
        Just("k"),
        Just("u0041"),
        Just("a rather long piece of text"),
        Just("null"),
        Just("-"),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn key() -> impl Strategy<Value = String> {
    let known = ["k", "o", "u", "q", "ok", "k\"", "o\\", "", "level", "é"];
    proptest::sample::select(known.to_vec()).prop_map(str::to_owned)
}

fn node() -> impl Strategy<Value = Node> {
    let scalar = prop_oneof![
        Just(Node::Null),
        any::<bool>().prop_map(Node::Flag),
        proptest::sample::select(vec![1, 12, 123, 200]).prop_map(Node::Number),
        text().prop_map(Node::Text),
        Just(Node::Text("the same".to_owned())),
    ];
    scalar.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Node::Array),
            proptest::collection::vec((key(), inner), 0..5).prop_map(Node::Object),
        ]
    })
}

/// Lines of which most have the keys of the one before, as those of a server.
fn lines() -> impl Strategy<Value = Vec<(Vec<(String, Node)>, Style)>> {
    let pairs = proptest::collection::vec((key(), node()), 0..7);
    let style = (any::<bool>(), any::<bool>());
    let style = style.prop_map(|(spaces, all_escaped)| Style { spaces, all_escaped });
    let changes = proptest::collection::vec((any::<proptest::sample::Index>(), node(), style, 0..4_u8), 1..9);
    (pairs, changes).prop_map(|(mut pairs, changes)| {
        let mut lines = Vec::new();
        for (at, node, style, kind) in changes {
            let at = if pairs.is_empty() { 0 } else { at.index(pairs.len()) };
            match (kind, pairs.get_mut(at)) {
                (0, Some(_)) => drop(pairs.remove(at)),
                (1, _) => pairs.insert(at, ("k".to_owned(), node)),
                (2, Some(pair)) => pair.1 = node,
                _ => {}
            }
            lines.push((pairs.clone(), style));
        }
        lines
    })
}

fn parser() -> Parser {
    let format: Format = "json:time=t,request=r,user=u".parse().unwrap();
    let keep: Vec<FieldName> = ["field:k", "field:o.k"].map(|name| name.parse().unwrap()).to_vec();
    Parser::new(&format, b"", &Times::new(), &keep).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn a_line_says_what_its_tree_says_whatever_the_lines_before(lines in lines()) {
        let mut used = parser();
        for (pairs, style) in lines {
            let mut all = vec![
                ("t".to_owned(), Node::Number(1_431_857_103)),
                ("r".to_owned(), Node::Text("GET /a HTTP/1.1".to_owned())),
            ];
            all.extend(pairs);
            let tree = Node::Object(all);
            let mut line = String::new();
            tree.write(style, &mut line);
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), tree.to_value());

            let values = [&["u"][..], &["k"], &["o", "k"]].map(|path| {
                let mut found = Vec::new();
                tree.at(path, &mut found);
                found
            });
            let is_ambiguous = values.iter().any(|values| values.iter().any(|value| *value != values[0]));
            let first = |values: &Vec<String>| {
                let certain = values.first().filter(|_| !is_ambiguous);
                // A hyphen that is written as an escape was written on purpose.
                certain.filter(|value| !value.is_empty() && (*value != "-" || style.all_escaped)).cloned()
            };
            for parser in [&mut used, &mut parser()] {
                let request = parser.parse_bytes(line.as_bytes()).unwrap().unwrap();
                prop_assert_eq!(request.remarks.contains(Remark::IdentityUnknown), is_ambiguous, "{}", line);
                prop_assert_eq!(request.time_ms, 1_431_857_103_000);
                prop_assert_eq!(request.user.map(String::from), first(&values[0]), "{}", line);
                let kept: Vec<_> = request.kept.into_iter().map(|value| value.map(String::from)).collect();
                prop_assert_eq!(kept, [first(&values[1]), first(&values[2])], "{}", line);
            }
        }
    }
}
